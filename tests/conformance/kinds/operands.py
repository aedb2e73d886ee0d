"""What operations are called with: a row for each that is not called like its neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conformance.drawing import Drawing
from tests.conformance.written import Array

Operands = tuple[tuple[Any, ...], dict[str, Any]]
Row = Callable[[Drawing], Operands]

ANY_REAL = [
    "abs",
    "absolute",
    "arctan",
    "arcsinh",
    "ceil",
    "copy",
    "cos",
    "cosh",
    "deg2rad",
    "erf",
    "erfc",
    "exp",
    "exp2",
    "expm1",
    "fabs",
    "floor",
    "isfinite",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "negative",
    "positive",
    "rad2deg",
    "real",
    "imag",
    "conj",
    "conjugate",
    "angle",
    "isreal",
    "relu",
    "relu6",
    "round",
    "sigmoid",
    "sign",
    "signbit",
    "silu",
    "swish",
    "sin",
    "sinc",
    "sinh",
    "softplus",
    "softsign",
    "square",
    "tan",
    "tanh",
    "trunc",
    "nan_to_num",
    "cbrt",
    "i0",
    "stop_gradient",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "log_sigmoid",
    "mish",
    "selu",
    "sparse_plus",
    "sparse_sigmoid",
    "tanh_shrink",
    "squareplus",
    "elu",
    "celu",
    "gelu",
    "leaky_relu",
    "hard_shrink",
    "soft_shrink",
    "logical_not",
    "ones_like",
    "zeros_like",
    "empty_like",
    "ravel",
    "ndim",
    "size",
    "convert_to_tensor",
    "convert_to_numpy",
    "array",
]
POSITIVE = ["log", "log10", "log1p", "log2", "sqrt", "rsqrt", "reciprocal", "arccosh"]
WITHIN_ONE = ["arccos", "arcsin", "arctanh", "erfinv"]
BINARY = [
    "add",
    "subtract",
    "multiply",
    "divide",
    "true_divide",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "equal",
    "not_equal",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "logical_and",
    "logical_or",
    "logical_xor",
    "arctan2",
    "hypot",
    "logaddexp",
    "logaddexp2",
    "divide_no_nan",
    "heaviside",
]
WHOLE = ["gcd", "lcm", "bitwise_and", "bitwise_or", "bitwise_xor"]
SHIFTS = ["bitwise_left_shift", "bitwise_right_shift", "left_shift", "right_shift"]
REDUCTIONS = [
    "all",
    "amax",
    "amin",
    "any",
    "max",
    "mean",
    "median",
    "min",
    "prod",
    "ptp",
    "std",
    "sum",
    "var",
    "logsumexp",
    "nanmax",
    "nanmean",
    "nanmedian",
    "nanmin",
    "nanprod",
    "nanstd",
    "nansum",
    "nanvar",
]
NO_KEEPDIMS = ["count_nonzero"]
PICKING = ["argmax", "argmin", "nanargmax", "nanargmin"]
CUMULATIVE = ["cumsum", "cumprod", "nancumsum", "nancumprod"]
ALONG_AXIS = ["softmax", "log_softmax", "sparsemax", "sort", "argsort"]
WINDOWS = ["bartlett", "blackman", "hamming", "hanning"]
SQUARE = ["det", "inv", "slogdet", "matrix_rank"]


def mixed(d: Drawing, shape: Any) -> Array:
    """Mostly float32; now and then of another dtype."""
    kind = d.one(["float32"] * 7 + ["int32", "bool", "int8", "uint8"])
    if kind == "bool":
        return d.booleans(shape)
    return d.array(shape) if kind == "float32" else d.integers(shape, 0 if kind == "uint8" else -3, 4, kind)


def unary(d: Drawing) -> Operands:
    return (mixed(d, d.shape()),), {}


def positive(d: Drawing) -> Operands:
    return (d.between(d.shape(), 1.01, 5) if d.chance(0.9) else d.integers(d.shape(), 1, 5),), {}


def within_one(d: Drawing) -> Operands:
    return (d.between(d.shape(), -0.95, 0.95),), {}


def broadcast(d: Drawing) -> tuple[Any, Any]:
    """Two shapes that broadcast."""
    shape = d.shape()
    other = tuple(1 if d.chance(0.25) else n for n in shape)[d.integer(0, len(shape)) if d.chance(0.3) else 0 :]
    return (shape, other) if d.chance() else (other, shape)


def binary(d: Drawing) -> Operands:
    left, right = broadcast(d)
    a, b = mixed(d, left), mixed(d, right)
    if d.chance(0.1):
        b = d.one([2, 1.5, True])  # type: ignore[assignment]
    return (a, b), {}


def dividing(d: Drawing) -> Operands:
    left, right = broadcast(d)
    if d.chance(0.3):
        return (d.integers(left, -9, 9), d.integers(right, 1, 5)), {}
    return (d.array(left), d.between(right, 0.3, 3)), {}


def power(d: Drawing) -> Operands:
    left, right = broadcast(d)
    return (d.between(left, 0.2, 3), d.one([d.array(right), 2, 3.0, -1.0, 0.5, d.integers(right, 0, 3)])), {}


def whole(d: Drawing) -> Operands:
    left, right = broadcast(d)
    return (d.integers(left, 0, 12), d.integers(right, 1, 12)), {}


def shifts(d: Drawing) -> Operands:
    left, right = broadcast(d)
    return (d.integers(left, -20, 20), d.integers(right, 0, 4)), {}


def axis_of(d: Drawing, rank: int) -> int:
    return d.integer(-rank, rank - 1)


def reduction(d: Drawing) -> Operands:
    shape = d.shape(1, 4)
    axes = d.one([None, axis_of(d, len(shape)), tuple(int(k) for k in d.rng.permutation(len(shape))[: d.integer(1, len(shape))])])
    x = (
        with_nan(d, shape)
        if d.name.startswith("nan") and d.chance()
        else mixed(d, shape)
        if d.name not in ("median", "nanmedian")
        else d.array(shape)
    )
    return (x,), {**({"axis": axes} if d.chance(0.8) else {}), **({"keepdims": d.chance()} if d.chance() else {})}


def with_nan(d: Drawing, shape: Any) -> Array:
    return Array(f"(lambda r: np.where(r.random(size={shape}) < 0.2, np.nan, r.normal(size={shape})).astype('float32'))({d.source()})")


def axis_only(d: Drawing) -> Operands:
    shape = d.shape(1, 4)
    return (mixed(d, shape),), {"axis": axis_of(d, len(shape))} if d.chance(0.8) else {}


def picking(d: Drawing) -> Operands:
    shape = d.shape(1, 4)
    x = with_nan(d, shape) if d.name.startswith("nan") and d.chance() else d.array(shape)
    return (x,), {**({"axis": axis_of(d, len(shape))} if d.chance(0.7) else {}), **({"keepdims": True} if d.chance(0.3) else {})}


def cumulative(d: Drawing) -> Operands:
    shape = d.shape(1, 4)
    x = with_nan(d, shape) if d.name.startswith("nan") else mixed(d, shape)
    return (x,), {**({"axis": axis_of(d, len(shape))} if d.chance(0.7) else {}), **({"dtype": "float32"} if d.chance(0.2) else {})}


def window(d: Drawing) -> Operands:
    return (d.integer(1, 9),), {}


def square(d: Drawing) -> Operands:
    n = d.integer(1, 4)
    return (Array(f"({d.source()}.normal(size={(*d.shape(0, 1), n, n)}) + 2 * np.eye({n})).astype('float32')"),), {}


def definite(d: Drawing) -> Array:
    n = d.integer(1, 4)
    return Array(f"(lambda a: (a @ np.swapaxes(a, -1, -2) + np.eye({n})).astype('float32'))({d.source()}.normal(size={(*d.shape(0, 1), n, n)}))")


def matrix(d: Drawing, most: int = 5) -> Array:
    return d.array((*d.shape(0, 1, 3), d.integer(1, most), d.integer(1, most)))


def tensors(d: Drawing, low: int = 1, high: int = 3) -> list[Array]:
    shape = d.shape(1, 3)
    return [mixed(d, shape) for _ in range(d.integer(low, high))]


def joined(d: Drawing) -> Operands:
    shape = d.shape(1, 3)
    axis = axis_of(d, len(shape))
    k = axis % len(shape)
    return ([d.array((*shape[:k], d.integer(1, 4), *shape[k + 1 :])) for _ in range(d.integer(1, 3))],), {"axis": axis}


def stacked(d: Drawing) -> Operands:
    arrays = tensors(d)
    return (arrays,), {"axis": axis_of(d, arrays[0].value.ndim + 1)} if d.chance(0.8) else {}


def products(d: Drawing) -> Operands:
    b, i, k, j = d.shape(0, 2), d.integer(1, 4), d.integer(1, 4), d.integer(1, 4)
    other = tuple(1 if d.chance(0.2) else n for n in b)
    return d.one(
        [
            ((d.array((*b, i, k)), d.array((*other, k, j))), {}),
            ((d.array((k,)), d.array((k,))), {}),
            ((d.array((*b, i, k)), d.array((k,))), {}),
            ((d.array((k,)), d.array((*b, k, j))), {}),
            ((d.integers((i, k), -3, 3), d.integers((k, j), -3, 3)), {}),
        ]
    )


def dotted(d: Drawing) -> Operands:
    k = d.integer(1, 4)
    return d.one(
        [
            ((d.array((*d.shape(0, 2), k)), d.array((*d.shape(0, 1), k, d.integer(1, 3)))), {}),
            ((d.array((k,)), d.array((k,))), {}),
            ((d.array(d.shape()), 2.0), {}),
        ]
    )


def einsum(d: Drawing) -> Operands:
    text = d.one(
        [
            "ij,jk->ik",
            "bij,bjk->bik",
            "bij,kj->bik",
            "i,i->",
            "ij->ji",
            "ii->i",
            "bii->b",
            "ij,j",
            "...ij,...jk->...ik",
            "bthd,bshd->bhts",
            "ijk->k",
            "ij,ij->ij",
            "i,j->ij",
            "abc,cd,de->abe",
        ]
    )
    sizes = {c: d.integer(1, 3) for c in "abcdehijkst"}
    shapes = [tuple(sizes[c] for c in part.replace("...", "a")) for part in text.split("->")[0].split(",")]
    return (text, *(d.array(s) for s in shapes)), {}


def tensordot(d: Drawing) -> Operands:
    a, b, c = d.integer(1, 3), d.integer(1, 3), d.integer(1, 3)
    return d.one(
        [
            ((d.array((2, a, b)), d.array((a, b, c))), {"axes": 2}),
            ((d.array((2, a)), d.array((a, c))), {"axes": 1}),
            ((d.array((a, 2, b)), d.array((b, c, a))), {"axes": ((0, 2), (2, 0))}),
            ((d.array((a,)), d.array((b, c))), {"axes": 0}),
        ]
    )


def spatial(d: Drawing) -> tuple[int, tuple[int, ...], str | None]:
    return (rank := d.integer(1, 3)), tuple(d.integer(3, 7) for _ in range(rank)), d.one([None, "channels_last", "channels_first"])


def image_of(d: Drawing, space: Any, channels: int, data_format: str | None) -> Array:
    return d.array((d.batch, channels, *space) if data_format == "channels_first" else (d.batch, *space, channels))


def pooling(d: Drawing) -> Operands:
    rank, space, data_format = spatial(d)
    return (image_of(d, space, d.channels, data_format), d.sizes(rank, 1, 3)), {
        "strides": d.one([None, d.sizes(rank, 1, 3)]),
        "padding": d.one(["valid", "same"]),
        "data_format": data_format,
    }


def adaptive(d: Drawing) -> Operands:
    rank, space, data_format = spatial(d)
    return (image_of(d, space, d.channels, data_format), d.sizes(rank, 1, 4)), {"data_format": data_format}


def convolution(d: Drawing) -> Operands:
    rank, space, data_format = spatial(d)
    rank = min(rank, 2) if d.name in ("depthwise_conv", "separable_conv") else rank
    space, groups = space[:rank], d.integer(1, 2) if d.name == "conv" else 1
    channels, filters = d.integer(1, 3) * groups, d.integer(1, 3) * groups
    kernel = tuple(d.integer(1, 3) for _ in range(rank))
    strides = d.sizes(rank, 1, 2)
    more: dict[str, Any] = {"strides": strides, "padding": d.one(["valid", "same"]), "data_format": data_format}
    if strides == 1:
        more["dilation_rate"] = d.sizes(rank, 1, 2)
    x = image_of(d, space, channels, data_format)
    if d.name == "conv":
        return (x, d.array((*kernel, channels // groups, filters))), more
    if d.name == "conv_transpose":
        return (x, d.array((*kernel, filters, channels))), more
    m = d.integer(1, 2)
    depthwise = d.array((*kernel, channels, m))
    return (x, depthwise, *([d.array((*(1,) * rank, channels * m, filters))] if d.name == "separable_conv" else [])), more


def normalization(d: Drawing) -> Operands:
    shape = (*d.shape(1, 3), d.channels)
    c = (d.channels,)
    if d.name == "batch_normalization":
        more = {"offset": d.array(c), "scale": d.array(c)} if d.chance() else {}
        return (d.array(shape), d.array(c), d.between(c, 0.5, 2), -1), {**more, "epsilon": d.one([1e-3, 1e-5])}
    if d.name == "layer_normalization":
        return (d.array(shape),), {"gamma": d.array(c), "beta": d.array(c)} if d.chance() else {"epsilon": 1e-2}
    return (d.array(shape),), {"scale": d.array(c)} if d.chance() else {"axis": axis_of(d, len(shape))}


def crossentropy(d: Drawing) -> Operands:
    shape = (*d.shape(1, 2), d.integer(2, 4))
    logits = d.chance()
    output = d.array(shape) if logits else d.between(shape, 0.05, 0.95) if d.name == "binary_crossentropy" else d.probabilities(shape)
    target = (
        d.integers(shape[:-1], 0, shape[-1] - 1)
        if d.name.startswith("sparse")
        else d.integers(shape, 0, 1, "float32")
        if d.name.startswith("binary")
        else d.one_hot(shape)
    )
    return (target, output), {"from_logits": logits}


def segments(d: Drawing) -> Operands:
    rows, n = d.integer(1, 7), d.integer(1, 4)
    is_sorted = d.chance()
    ids = Array(f"np.sort({d.source()}.integers(0, {n}, size=({rows},))).astype('int32')") if is_sorted else d.integers((rows,), 0, n - 1)
    return (d.array((rows, *d.shape(0, 2))), ids), {"num_segments": n, **({"sorted": True} if is_sorted and d.chance() else {})}


def indexed(d: Drawing) -> Operands:
    shape = d.shape(1, 3)
    axis = d.one([None, axis_of(d, len(shape))])
    n = shape[axis] if axis is not None else d.array(shape).value.size
    return (d.array(shape), d.integers(d.shape(0, 2), -n if d.chance(0.2) else 0, n - 1)), {"axis": axis}


def along(d: Drawing) -> Operands:
    shape = d.shape(1, 3)
    axis = axis_of(d, len(shape))
    k = axis % len(shape)
    return (d.array(shape), d.integers((*shape[:k], d.integer(1, 4), *shape[k + 1 :]), 0, shape[k] - 1)), {"axis": axis}


def quantile(d: Drawing) -> Operands:
    shape = d.shape(1, 3)
    top = 100 if "percentile" in d.name else 1
    q = d.one([round(0.3 * top, 3), d.between((d.integer(1, 3),), 0, top)])
    return (d.array(shape), q), {
        "axis": d.one([None, axis_of(d, len(shape))]),
        "keepdims": d.chance(),
        "method": d.one(["linear", "lower", "higher", "nearest", "midpoint"]),
    }


def padding(d: Drawing) -> Operands:
    shape = d.shape(1, 3)
    mode = d.one(["constant", "reflect", "symmetric", "edge", "wrap"])
    most = min(shape) - 1 if mode == "reflect" else min(shape) if mode != "constant" else 3
    width = d.one([d.integer(0, most), tuple((d.integer(0, most), d.integer(0, most)) for _ in shape)])
    return (d.array(shape), width), {"mode": mode, **({"constant_values": 1.5} if mode == "constant" and d.chance() else {})}


def attention(d: Drawing) -> Operands:
    b, t, s, n, h = d.batch, d.integer(1, 4), d.integer(1, 4), d.integer(1, 3), d.integer(1, 4)
    more: dict[str, Any] = {}
    if d.chance(0.3):
        more["bias"] = d.array((b, n, t, s))
    if d.chance(0.3):
        more["mask"] = Array(f"({d.source()}.random(size={(b, n, t, s)}) < 0.7) | (np.arange({s}) == 0)")
    if d.chance(0.3):
        more["scale"] = 0.5
    if d.chance(0.3):
        more["is_causal"] = True
    return (d.array((b, t, n, h)), d.array((b, s, n, h)), d.array((b, s, n, h))), more


def space_depth(d: Drawing) -> Operands:
    k, data_format = d.integer(1, 3), d.one(["channels_last", "channels_first"])
    h, w, c = (
        (d.integer(1, 2), d.integer(1, 2), k * k * d.integer(1, 2))
        if d.name == "depth_to_space"
        else (k * d.integer(1, 2), k * d.integer(1, 2), d.channels)
    )
    return (image_of(d, (h, w), c, data_format), max(k, 2) if k > 1 else 1), {"data_format": data_format}


def pair_of_parts(d: Drawing) -> Operands:
    shape = (*d.shape(1, 2), d.integer(2, 6))
    return ((d.array(shape), d.array(shape)),), {}


def scattering(d: Drawing) -> Operands:
    n, k = d.integer(2, 6), d.integer(1, 4)
    return (d.integers((k, 1), 0, n - 1), d.array((k, 3)), (n, 3)), {}


def scatter_update(d: Drawing) -> Operands:
    n = d.integer(3, 6)
    places = Array(f"{d.source()}.permutation({n})[:{d.integer(1, 3)}, None].astype('int32')")
    return (d.array((n, 2)), places, d.array((len(places.value), 2))), {} if d.chance(0.4) else {"reduction": d.one(["add", "max", "min", "mul"])}


def simple(draw: Callable[[Drawing], tuple[Any, ...]], **more: Callable[[Drawing], Any]) -> Row:
    """Operands, and keywords that are given in half of the cases."""
    return lambda d: (draw(d), {name: value(d) for name, value in more.items() if d.chance()})


def with_axis(*more: str) -> Row:
    def row(d: Drawing) -> Operands:
        shape = d.shape(1, 4)
        return (d.array(shape),), {"axis": axis_of(d, len(shape))}

    return row
