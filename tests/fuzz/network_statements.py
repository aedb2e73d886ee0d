"""Random statements of networks: convolutions, pooling, normalisation, layers, random numbers, look-ups that are trained, einsum, K functions."""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz.draw import Draw, has_axes, is_float, is_int

Kind = Callable[[Draw], "str | None"]


def _image(d: Draw) -> tuple[str, int, int | None] | None:
    """The text of a batch of images (B, *S, C), the number of spatial axes, and the channels."""
    found = d.tensor(lambda t: t.ndim > 0 and is_float(t))
    if found is None:
        return None
    name, t = found
    text, dims = name, t.dims
    while len(dims) < 3 or (len(dims) < 4 and d.chance(0.4)):
        if d.chance(0.5):
            text, dims = f"{text}[..., None]", (*dims, 1)
        else:
            text, dims = f"{text}[None]", (1, *dims)
    channels = dims[-1]
    return text, len(dims) - 2, channels if isinstance(channels, int) else None


def convolution(d: Draw) -> str | None:
    text, n, channels = _image(d) or ("", 0, None)
    if not channels:
        return None
    groups = d.one([g for g in (1, 1, 2, 3, 4, channels) if channels % g == 0])
    outputs = groups * d.one([1, 1, 2, 3, 8])
    sizes = [d.one([1, 2, 3, 3]) for _ in range(n)]
    kernel = f"numbers({(*sizes, channels // groups, outputs)}, {d.short(text)!r}, {d.seed()})"
    other = d.name(is_float)
    if other is not None and d.chance(0.5):
        kernel = f"ops.cast({kernel} * ops.tanh(ops.sum({other})), {d.short(text)!r})"
    strides, dilation = d.one([(1, 1), (1, 1), (2, 1), (3, 1), (1, 2), (tuple(d.one([1, 2]) for _ in range(n)), 1)])
    padding = d.one(["valid", "same", "same", *(["causal"] if n == 1 else [])])
    return f"ops.conv({text}, {kernel}, {strides}, {padding!r}, None, {dilation})"


def pooling(d: Draw) -> str | None:
    found = _image(d)
    if found is None:
        return None
    text, n, _ = found
    size = d.one([2, 3, 1, tuple(d.one([1, 2, 3]) for _ in range(n))])
    return f"ops.{d.one(['max_pool', 'average_pool'])}({text}, {size}, {d.one([None, 1, 2, 3])}, {d.one(['valid', 'same'])!r})"


VECTORS = [
    "Dense(3, 'tanh')", "Dense(2, use_bias=False)", "Dense(5, 'gelu', kernel_initializer='he_normal')", "BatchNormalization()",
    "BatchNormalization(axis=1)", "LayerNormalization()", "LayerNormalization(axis=(-1, 1))", "LayerNormalization(rms_scaling=True)",
    "RMSNormalization()", "UnitNormalization()", "GroupNormalization(1)", "GroupNormalization(-1)", "PReLU()", "LeakyReLU()", "ELU(0.7)",
    "Softmax()", "Softmax(axis=1)", "ReLU(6.0, 0.1, 0.2)", "Dropout(0.4, seed=1)", "GaussianNoise(0.3, seed=2)", "GaussianDropout(0.3, seed=3)",
    "AlphaDropout(0.3, seed=4)", "Flatten()", "RepeatVector(2)", "Activation('mish')", "ActivityRegularization(0.1)", "Identity()",
    "EinsumDense('...x,xy->...y', 3, bias_axes='y')", "Masking()", "Dropout(0.5, noise_shape=(None, 1), seed=5)",
]  # fmt: skip
SEQUENCES = [
    "LSTM(3)", "LSTM(2, return_sequences=True)", "LSTM(2, dropout=0.2, recurrent_dropout=0.1, seed=1)", "GRU(3)", "GRU(2, reset_after=False)",
    "GRU(2, return_sequences=True, go_backwards=True)", "SimpleRNN(4)", "SimpleRNN(2, return_sequences=True, activation='relu')",
    "Bidirectional(layers.LSTM(2, return_sequences=True))", "Bidirectional(layers.GRU(2), merge_mode='sum')", "TimeDistributed(layers.Dense(2))",
    "Conv1D(3, 2, padding='causal')", "Conv1D(4, 3, strides=2)", "SeparableConv1D(3, 2)", "Conv1DTranspose(2, 3, strides=2)",
    "DepthwiseConv1D(2, depth_multiplier=2)", "MaxPooling1D(2)", "AveragePooling1D(2, padding='same')", "GlobalMaxPooling1D()",
    "GlobalAveragePooling1D()", "UpSampling1D(2)", "ZeroPadding1D((1, 2))", "Cropping1D((1, 0))", "Permute((2, 1))", "SpatialDropout1D(0.3, seed=1)",
    "RNN([layers.LSTMCell(2), layers.GRUCell(3)])",
]  # fmt: skip
IMAGES = [
    "Conv2D(3, 3, padding='same')", "Conv2D(4, 2, strides=2, activation='relu')", "Conv2D(2, 3, dilation_rate=2, padding='same')",
    "Conv2DTranspose(2, 2, strides=2)", "Conv2DTranspose(3, 3, strides=2, padding='same', output_padding=1)", "DepthwiseConv2D(2)",
    "SeparableConv2D(3, 3, padding='same')", "MaxPooling2D(2)", "MaxPooling2D(3, 2, padding='same')", "AveragePooling2D(2, 1)",
    "GlobalAveragePooling2D(keepdims=True)", "GlobalMaxPooling2D()", "UpSampling2D(2)", "UpSampling2D((2, 3), interpolation='bilinear')",
    "ZeroPadding2D(((1, 0), (0, 2)))", "Cropping2D(((1, 0), (0, 1)))", "SpatialDropout2D(0.4, seed=1)", "Permute((3, 1, 2))", "BatchNormalization()",
    "Conv2D(16, 3, padding='same')", "GroupNormalization(2)",
]  # fmt: skip
_PAIRS = ["Add()", "Multiply()", "Average()", "Maximum()", "Subtract()", "Concatenate()", "Concatenate(1)", "Dot(-1)", "Dot(1, normalize=True)"]
_ATTENTION = ["MultiHeadAttention(2, 3)", "MultiHeadAttention(1, 2, dropout=0.2, seed=1)", "GroupedQueryAttention(2, 4, 2)"]


def one_layer(d: Draw) -> str | None:
    """A layer with weights of its own, in training or not; what it remembers is updated."""
    kinds = {2: VECTORS, 3: VECTORS + 2 * SEQUENCES + 2 * _ATTENTION + ["Attention()", "AdditiveAttention()"], 4: VECTORS + 2 * IMAGES}
    found = d.tensor(lambda t: t.ndim in kinds and is_float(t))
    if found is None:
        return None
    name, t = found
    text = d.one(kinds[t.ndim])
    if t.dtype == "float64" and "layers." not in text:
        text = f"{text[:-1]}{'' if text.endswith('()') else ', '}dtype='float64')"
    made = f"layer({'layers.' + text!r}, {d.seed()})"
    if "Attention(" in text:
        other = d.name(lambda o: o.ndim == 3 and o.dtype == t.dtype and o.dims[0] == t.dims[0] and o.dims[-1] == t.dims[-1]) or name
        if "HeadA" in text or "Query" in text:
            return f"{made}({name}, {other}, training={d.chance(0.5)}, use_causal_mask={d.chance(0.3)})"
        return f"{made}([{name}, {other}], training={d.chance(0.5)})"
    return f"{made}({name}, training={d.chance(0.6)})"


def two_inputs(d: Draw) -> str | None:
    found = d.tensor(lambda t: t.ndim > 1 and is_float(t))
    if found is None:
        return None
    name, t = found
    other = d.name(lambda o: o.dtype == t.dtype and o.ndim == t.ndim and o.dims[0] == t.dims[0]) or name
    return f"layer({'layers.' + d.one(_PAIRS)!r}, 1)([{name}, {other}])"


def random_numbers(d: Draw) -> str | None:
    found = d.tensor(is_float)
    if found is None:
        return None
    name, t = found
    seed = f"seed=random.SeedGenerator({d.seed()})"
    options = [
        f"random.uniform({name}.dims, dtype={t.dtype!r}, {seed})", f"random.normal({name}.dims, 0.5, 2.0, dtype={t.dtype!r}, {seed})",
        f"random.truncated_normal({name}.dims, dtype={t.dtype!r}, {seed})", f"random.randint({name}.dims, -2, 7, {seed})",
        f"random.dropout({name}, {d.one([0.0, 0.3, 0.9])}, {seed})",
    ]  # fmt: skip
    if t.ndim == 2:
        options.append(f"random.categorical({name}, 3, {seed})")
    if t.ndim:
        options.append(f"random.shuffle({name}, {int(d.rng.integers(t.ndim))}, {seed})")
    return d.one(options)


def contraction(d: Draw) -> str | None:
    """An einsum of one or two tensors; equal letters stand for equal sizes."""
    first = d.tensor(lambda t: 0 < t.ndim <= 3 and is_float(t))
    if first is None:
        return None
    name, t = first
    second = d.tensor(lambda o: 0 < o.ndim <= 3 and o.dtype == t.dtype) if d.chance(0.8) else None
    sizes = dict(zip("ijk", t.dims, strict=False))
    one, two = "".join(sizes), ""
    for size, fresh in zip(second[1].dims if second else (), "lmn", strict=False):
        same = [c for c, s in sizes.items() if s == size and c not in two and c in one]
        letter = d.one(same) if same and d.chance(0.8) else fresh
        sizes[letter] = size
        two += letter
    letters = [c for c in dict.fromkeys(one + two) if d.chance(0.55)]
    out = "".join(letters[int(k)] for k in d.rng.permutation(len(letters)))
    operands = f"{name}, {second[0]}" if second else name
    return f"ops.einsum('{one}{',' + two if second else ''}->{out}', {operands}) * 0.1"


def trained_lookup(d: Draw) -> str | None:
    """Rows of a variable or another table, multiplied, and what that means for the table."""
    table = d.tensor(lambda t: t.ndim == 2 and is_float(t) and all(isinstance(s, int) and s > 0 for s in t.dims))
    if table is None:
        return None
    name, t = table
    indices = d.name(lambda o: is_int(o) and o.ndim <= 2)
    some = [int(k) for k in d.rng.integers(0, int(t.dims[0]), 5)]
    places = f"ops.cast({indices}, 'int32') % {t.dims[0]}" if indices else f"np.array({some}, 'int32')"
    rows = f"ops.take({name}, {places}, axis=0)"
    weights = f"numbers({(t.dims[1], d.one([1, 3, 16]))}, {t.dtype!r}, {d.seed()})"
    return d.one([
        f"ops.matmul({rows}, {weights})", f"ops.tanh(ops.matmul({rows}, {weights}))", f"ops.sum({rows}, -2)" if indices else rows,
        f"gradient(ops.sum(ops.tanh({rows})), {name})", f"gradient(ops.sum(ops.tanh(ops.matmul({rows}, {weights}))), {name})",
        f"{name} - 0.1 * gradient(ops.sum(ops.square({rows})), {name})",
    ])  # fmt: skip


def classes(d: Draw) -> str | None:
    found = d.tensor(lambda t: is_int(t) and t.ndim < 4)
    if found is None:
        return None
    name, t = found
    return f"ops.one_hot({name}, {d.one([1, 3, 5])}, axis={int(d.rng.integers(t.ndim + 1))}, dtype={d.one(['float32', 'int32', 'bool'])!r})"


def along_axis(d: Draw) -> str | None:
    found = d.tensor(lambda t: t.ndim > 0 and t.dtype != "bool")
    if found is None:
        return None
    name, t = found
    axis = int(d.rng.integers(t.ndim))
    size = t.dims[axis]
    options = [f"ops.take_along_axis({name}, ops.argsort({name}, {axis}), {axis})",
               f"ops.take_along_axis({name}, ops.argmax({name}, {axis}, True), {axis})",
               f"ops.cumprod({name} * {'0.5' if is_float(t) else '1'}, {axis})", f"ops.cumsum({name}, {axis})"]  # fmt: skip
    if axis == t.ndim - 1 and isinstance(size, int) and size > 1:
        options += [f"ops.top_k({name}, {d.one([1, 2])})[{d.one([0, 1])}]"] * 2
    if isinstance(size, int) and size > 1:
        options += [f"ops.split({name}, [{int(d.rng.integers(1, size))}], {axis})[{d.one([0, 1])}]"]
    if is_float(t):
        options += [f"ops.{'sparsemax' if isinstance(size, int) and size < 99 else 'softmax'}({name}, axis={axis})", f"ops.std({name}, {axis})",
                    f"ops.moments({name}, [{axis}], keepdims=True)[1]", f"ops.logsumexp({name}, {axis}, True)"]  # fmt: skip
    return d.one(options)


def rearrangement(d: Draw) -> str | None:
    found = d.tensor(has_axes)
    if found is None:
        return None
    name, t = found
    axis = int(d.rng.integers(t.ndim))
    options = [
        f"ops.repeat({name}, 2, {axis})", f"ops.tile({name}, {tuple(d.one([1, 1, 2]) for _ in range(t.ndim))})", f"ops.moveaxis({name}, {axis}, 0)",
        f"ops.ravel({name})", f"{name}[None]", f"{name}[..., None]", f"ops.full_like({name}, 1)", f"ops.squeeze({name}[{':, ' * axis}:1], {axis})",
        f"{name}[{':, ' * axis}np.array([0, -1, 0])]", f"{name}[{':, ' * axis}np.array([[0], [0]])]", f"{name}[..., ::-2]",
        f"ops.arange({name}.dims[{axis}])",
        f"ops.pad({name}, [(0, 0)] * {axis} + [(1, 1)] + [(0, 0)] * {t.ndim - axis - 1}, "
        f"{d.one(['reflect', 'symmetric'])!r})",
    ]  # fmt: skip
    if t.ndim > 1:
        options += [f"{name}[np.array([0, -1]), np.array([-1, 0])]", f"{name}[0, :, None]", f"{name}[:, -1]", f"{name}[1:, ::-1]"]
    if isinstance(t.dims[0], int):
        options.append(f"{name}[np.array({[d.chance(0.5) for _ in range(t.dims[0])]}, bool)]")
    return d.one(options)


def nested_control(d: Draw) -> str | None:
    """Loops and branches inside of each other, over sequences of any dtype, with random numbers and look-ups in them."""
    found = d.tensor(lambda t: t.ndim > 0 and t.dtype != "bool")
    if found is None:
        return None
    name, t = found
    number = d.name(lambda o: is_float(o) and o.ndim == 0) or "0.3"
    same = d.name(lambda o: o.dtype == t.dtype and o.dims == t.dims) or name
    first = f"{name}[0]" if isinstance(t.dims[0], int) and t.dims[0] > 0 else f"ops.sum({name}, 0)"
    seed = f"seed=random.SeedGenerator({d.seed()})"
    options = [
        f"ops.scan(lambda c, x: (c + x, x * 2), {first}, {name})[{d.one([0, 1])}]",
        f"ops.fori_loop(0, {d.one([0, 1, 3])}, lambda k, v: v + {same}, {name})",
        f"K.map_fn(lambda e: e * 2 + 1, {name})",
        f"K.foldl(lambda a, e: a + e, {name})",
    ]
    if is_float(t):
        options += [
            f"ops.scan(lambda c, x: (ops.cond(ops.sum(x) > {number}, lambda: c + x, lambda: c * 0.5), c), {first}, {name})[{d.one([0, 1])}]",
            f"ops.cond(ops.sum({name}) > {number}, lambda: ops.cumsum({name} + {same}, 0), "
            f"lambda: ops.scan(lambda c, x: (c * 0.5 + x, c), {first}, {same})[1])",
            f"ops.scan(lambda c, x: (c * 0.5 + random.uniform(x.dims, dtype={t.dtype!r}, {seed}), c + x), {first}, ({name}))[{d.one([0, 1])}]",
            f"ops.cond(ops.sum({name}) > {number}, lambda: random.dropout({name}, 0.5, {seed}), lambda: ops.take({same}, np.array([0]), 0) * {name})",
            f"ops.scan(lambda c, x: ((c[0] + x[0], c[1] * 0.9), (x[1] * c[0], c[1])), "
            f"({first}, {number} * 1.0), ({name}, {same}), reverse=True)[1][{d.one([0, 1])}]",
            f"ops.while_loop(lambda k, v: ops.logical_and(k < 4, ops.sum(v) < 50.0), "
            f"lambda k, v: (k + 1, v * 1.5 + {same}), (np.int32(0), {name}))[1]",
            f"K.map_fn(lambda e: ops.scan(lambda c, x: (c + x, c), {number} * 0.0, ops.ravel(e))[0], {name})",
            f"ops.scan(lambda c, x: (ops.tanh(c + ops.flip(x, -1)), c[..., :1]), {first}, {name})[1]" if t.ndim > 1 else f"K.cumsum({name})",
        ]
    return d.one(options)


def steps(d: Draw) -> str | None:
    """A step against a gradient, and gradients of gradients."""
    of = d.name(is_float)
    by = d.source(of) if of is not None else None
    if by is None:
        return None
    inner = f"gradient(ops.sum(ops.tanh({of})), {by})"
    return d.one([f"gradient(ops.sum(ops.square({inner})), {by})", f"{by} - 0.1 * {inner}", f"{inner} * {by}"])


KINDS: list[tuple[Kind, float]] = [
    (convolution, 0.8), (pooling, 0.6), (one_layer, 2.0), (two_inputs, 0.4), (random_numbers, 0.8), (contraction, 0.8), (trained_lookup, 1.0),
    (classes, 0.5), (along_axis, 1.5), (rearrangement, 2.0), (nested_control, 1.0), (steps, 0.5),
]  # fmt: skip

