"""What operations are called with: a row for each that is not called like its neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conformance.drawing import Drawing
from tests.conformance.written import Array, Code

Operands = tuple[tuple[Any, ...], dict[str, Any]]
Row = Callable[[Drawing], Operands]

ANY_REAL = ["abs", "absolute", "arctan", "arcsinh", "ceil", "copy", "cos", "cosh", "deg2rad", "erf", "erfc", "exp", "exp2", "expm1", "fabs", "floor", "isfinite", "isinf", "isnan", "isneginf", "isposinf", "negative", "positive", "rad2deg", "real", "imag", "conj", "conjugate", "angle", "isreal", "relu", "relu6", "round", "sigmoid", "sign", "signbit", "silu", "swish", "sin", "sinc", "sinh", "softplus", "softsign", "square", "tan", "tanh", "trunc", "nan_to_num", "cbrt", "i0", "stop_gradient", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "log_sigmoid", "mish", "selu", "sparse_plus", "sparse_sigmoid", "tanh_shrink", "squareplus", "elu", "celu", "gelu", "leaky_relu", "hard_shrink", "soft_shrink", "logical_not", "ones_like", "zeros_like", "empty_like", "ravel", "ndim", "size", "convert_to_tensor", "convert_to_numpy", "array"]  # fmt: skip
POSITIVE = ["log", "log10", "log1p", "log2", "sqrt", "rsqrt", "reciprocal", "arccosh"]
WITHIN_ONE = ["arccos", "arcsin", "arctanh", "erfinv"]
BINARY = ["add", "subtract", "multiply", "divide", "true_divide", "maximum", "minimum", "fmax", "fmin", "equal", "not_equal", "greater", "greater_equal", "less", "less_equal", "logical_and", "logical_or", "logical_xor", "arctan2", "hypot", "logaddexp", "logaddexp2", "divide_no_nan", "heaviside"]  # fmt: skip
WHOLE = ["gcd", "lcm", "bitwise_and", "bitwise_or", "bitwise_xor"]
SHIFTS = ["bitwise_left_shift", "bitwise_right_shift", "left_shift", "right_shift"]
REDUCTIONS = ["all", "amax", "amin", "any", "max", "mean", "median", "min", "prod", "ptp", "std", "sum", "var", "logsumexp", "nanmax", "nanmean", "nanmedian", "nanmin", "nanprod", "nanstd", "nansum", "nanvar"]
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
    x = with_nan(d, shape) if d.name.startswith("nan") and d.chance() else mixed(d, shape) if d.name not in ("median", "nanmedian") else d.array(shape)
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
    return d.array((d.integer(1, most), d.integer(1, most)))


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
    return d.one([((d.array((*b, i, k)), d.array((*other, k, j))), {}), ((d.array((k,)), d.array((k,))), {}), ((d.array((*b, i, k)), d.array((k,))), {}), ((d.array((k,)), d.array((*b, k, j))), {}),
                  ((d.integers((i, k), -3, 3), d.integers((k, j), -3, 3)), {})])  # fmt: skip


def dotted(d: Drawing) -> Operands:
    k = d.integer(1, 4)
    return d.one([((d.array((*d.shape(0, 2), k)), d.array((*d.shape(0, 1), k, d.integer(1, 3)))), {}), ((d.array((k,)), d.array((k,))), {}), ((d.array(d.shape()), 2.0), {})])


def einsum(d: Drawing) -> Operands:
    text = d.one(["ij,jk->ik", "bij,bjk->bik", "bij,kj->bik", "i,i->", "ij->ji", "ii->i", "bii->b", "ij,j", "...ij,...jk->...ik", "bthd,bshd->bhts", "ijk->k", "ij,ij->ij", "i,j->ij", "abc,cd,de->abe"])
    sizes = {c: d.integer(1, 3) for c in "abcdehijkst"}
    shapes = [tuple(sizes[c] for c in part.replace("...", "a")) for part in text.split("->")[0].split(",")]
    return (text, *(d.array(s) for s in shapes)), {}


def tensordot(d: Drawing) -> Operands:
    a, b, c = d.integer(1, 3), d.integer(1, 3), d.integer(1, 3)
    return d.one([((d.array((2, a, b)), d.array((a, b, c))), {"axes": 2}), ((d.array((2, a)), d.array((a, c))), {"axes": 1}), ((d.array((a, 2, b)), d.array((b, c, a))), {"axes": ((0, 2), (2, 0))}),
                  ((d.array((a,)), d.array((b, c))), {"axes": 0})])  # fmt: skip


def spatial(d: Drawing) -> tuple[int, tuple[int, ...], str | None]:
    return (rank := d.integer(1, 3)), tuple(d.integer(3, 7) for _ in range(rank)), d.one([None, "channels_last", "channels_first"])


def image_of(d: Drawing, space: Any, channels: int, data_format: str | None) -> Array:
    return d.array((d.batch, channels, *space) if data_format == "channels_first" else (d.batch, *space, channels))


def pooling(d: Drawing) -> Operands:
    rank, space, data_format = spatial(d)
    return (image_of(d, space, d.channels, data_format), d.sizes(rank, 1, 3)), {"strides": d.one([None, d.sizes(rank, 1, 3)]), "padding": d.one(["valid", "same"]), "data_format": data_format}


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
    target = d.integers(shape[:-1], 0, shape[-1] - 1) if d.name.startswith("sparse") else d.integers(shape, 0, 1, "float32") if d.name.startswith("binary") else d.one_hot(shape)
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
    return (d.array(shape), q), {"axis": d.one([None, axis_of(d, len(shape))]), "keepdims": d.chance(), "method": d.one(["linear", "lower", "higher", "nearest", "midpoint"])}


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


def images(d: Drawing, low: float | None = None, channels: int | None = None) -> tuple[Array, str | None]:
    data_format = d.one([None, "channels_last", "channels_first"])
    c, size = channels or d.channels, (d.integer(3, 8), d.integer(3, 8))
    shape = (d.batch, c, *size) if data_format == "channels_first" else (d.batch, *size, c)
    return (d.array(shape) if low is None else d.between(shape, 0, 1)), data_format


def resize(d: Drawing) -> Operands:
    x, data_format = images(d)
    more = d.one([{}, {}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}])
    return (x, (d.integer(2, 9), d.integer(2, 9))), {"interpolation": d.one(["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"]), "antialias": d.chance(0.3), "data_format": data_format, **more}


def colours(d: Drawing) -> Operands:
    x, data_format = images(d, 0.0, 3)
    return (x,), {"data_format": data_format}


def of_image(*more: Callable[[Drawing], dict[str, Any]]) -> Row:
    def row(d: Drawing) -> Operands:
        x, data_format = images(d)
        return (x,), {**{name: value for m in more for name, value in m(d).items()}, "data_format": data_format}

    return row


def affine(d: Drawing) -> Operands:
    x, data_format = images(d)
    transform = Array(f"(np.array([1, 0, 0, 0, 1, 0, 0, 0]) + {d.source()}.normal(size=({d.batch}, 8)) * [0.3, 0.3, 2, 0.3, 0.3, 2, 0, 0]).astype('float32')")
    return (x, transform), {"interpolation": d.one(["bilinear", "nearest"]), "fill_mode": d.one(["constant", "nearest", "reflect", "wrap"]), "data_format": data_format}


def perspective(d: Drawing) -> Operands:
    x, data_format = images(d)
    corner = "np.array([[0., 0.], [0., 4.], [4., 0.], [4., 4.]])"
    points = [Array(f"({corner} + {d.source()}.uniform(-1, 1, size=({d.batch}, 4, 2))).astype('float32')") for _ in range(2)]
    return (x, *points), {"interpolation": d.one(["bilinear", "nearest"]), "data_format": data_format}


def coordinates(d: Drawing) -> Operands:
    shape = d.shape(1, 3)
    return (d.array(shape), d.between((len(shape), *d.shape(1, 2)), -1, 5)), {"order": d.integer(0, 1), "fill_mode": d.one(["constant", "nearest", "reflect", "mirror", "wrap"]), "fill_value": d.one([0, 1.5])}


def patches(d: Drawing) -> Operands:
    x, data_format = images(d)
    return (x, (d.integer(1, 3), d.integer(1, 3))), {"strides": d.one([None, d.integer(1, 3)]), "padding": d.one(["valid", "same"]), "data_format": data_format}


def patches_3d(d: Drawing) -> Operands:
    return (d.array((d.batch, 4, 5, 4, d.channels)), (d.integer(1, 3), d.integer(1, 3), d.integer(1, 3))), {"strides": d.one([None, d.integer(1, 2)]), "padding": d.one(["valid", "same"])}


def crops(d: Drawing) -> Operands:
    return (d.array((d.batch, 6, 7, d.channels)),), d.one([{"top_cropping": 1, "left_cropping": 2, "target_height": 3, "target_width": 4}, {"top_cropping": 1, "bottom_cropping": 2, "left_cropping": 0, "right_cropping": 3}])


def pads(d: Drawing) -> Operands:
    return (d.array((d.batch, 3, 4, d.channels)),), d.one([{"top_padding": 1, "left_padding": 2, "target_height": 6, "target_width": 8}, {"top_padding": 1, "bottom_padding": 2, "left_padding": 0, "right_padding": 3}])


def scaled(d: Drawing) -> Operands:
    out = (d.batch, d.integer(2, 8), d.integer(2, 8), d.channels)
    return (d.array((d.batch, 5, 6, d.channels)), out, d.between((2,), 0.5, 2), d.array((2,)), (1, 2), d.one(["linear", "cubic", "lanczos3", "lanczos5"])), {"antialias": d.chance()}


def similar(d: Drawing) -> Operands:
    shape = (d.batch, d.integer(11, 14), d.integer(11, 14), d.integer(1, 3))
    return (d.between(shape, 0, 1), d.between(shape, 0, 1)), {"filter_size": d.one([5, 7, 11])}


def space_depth(d: Drawing) -> Operands:
    k, data_format = d.integer(1, 3), d.one(["channels_last", "channels_first"])
    h, w, c = (d.integer(1, 2), d.integer(1, 2), k * k * d.integer(1, 2)) if d.name == "depth_to_space" else (k * d.integer(1, 2), k * d.integer(1, 2), d.channels)
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


ROWS: dict[str, Row] = {
    **dict.fromkeys(ANY_REAL, unary), **dict.fromkeys(POSITIVE, positive), **dict.fromkeys(WITHIN_ONE, within_one), **dict.fromkeys(BINARY, binary), **dict.fromkeys(WHOLE, whole),
    **dict.fromkeys(SHIFTS, shifts), **dict.fromkeys(["mod", "fmod", "floor_divide"], dividing), **dict.fromkeys(REDUCTIONS, reduction), **dict.fromkeys(PICKING, picking),
    **dict.fromkeys(NO_KEEPDIMS + ALONG_AXIS, axis_only), **dict.fromkeys(CUMULATIVE, cumulative), **dict.fromkeys(WINDOWS, window), **dict.fromkeys(SQUARE, square),
    **dict.fromkeys(["average_pool", "max_pool"], pooling), **dict.fromkeys(["adaptive_average_pool", "adaptive_max_pool"], adaptive),
    **dict.fromkeys(["conv", "conv_transpose", "depthwise_conv", "separable_conv"], convolution),
    **dict.fromkeys(["batch_normalization", "layer_normalization", "rms_normalization"], normalization),
    **dict.fromkeys(["binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"], crossentropy),
    **dict.fromkeys(["segment_max", "segment_min", "segment_prod", "segment_sum"], segments), **dict.fromkeys(["quantile", "percentile", "nanquantile", "nanpercentile"], quantile),
    **dict.fromkeys(["bitwise_invert", "bitwise_not"], lambda d: ((d.integers(d.shape(), -9, 9),), {})), "power": power, "concatenate": joined, "stack": stacked,
    **dict.fromkeys(["vstack", "hstack", "dstack"], lambda d: ((tensors(d),), {})), "matmul": products, "dot": dotted, "einsum": einsum, "tensordot": tensordot,
    "take": indexed, "take_along_axis": along, "pad": padding, "dot_product_attention": attention, "resize": resize, "affine_transform": affine, "perspective_transform": perspective,
    "map_coordinates": coordinates, "extract_patches": patches, "extract_patches_3d": patches_3d, "crop_images": crops, "pad_images": pads, "scale_and_translate": scaled, "ssim": similar,
    **dict.fromkeys(["rgb_to_grayscale", "rgb_to_hsv", "hsv_to_rgb"], colours), "sobel_edges": of_image(),
    "gaussian_blur": of_image(lambda d: {"kernel_size": d.one([(3, 3), (5, 3)]), "sigma": (d.number(0.5, 2), d.number(0.5, 2))}),
    **dict.fromkeys(["depth_to_space", "space_to_depth"], space_depth), **dict.fromkeys(["fft", "fft2", "ifft2"], pair_of_parts),
    "rfft": simple(lambda d: (d.array((*d.shape(0, 2), d.integer(2, 9))),), fft_length=lambda d: d.integer(2, 9)),
    "irfft": lambda d: (pair_of_parts(d)[0], {"fft_length": d.integer(2, 9)} if d.chance() else {}),
    "stft": lambda d: ((d.array((*d.shape(0, 1), d.integer(20, 40))), 8, d.integer(2, 6), d.one([8, 16])), {"window": d.one(["hann", "hamming", None]), "center": d.chance()}),
    "istft": lambda d: (((d.array((2, 7, 5)), d.array((2, 7, 5))), 8, d.integer(2, 4), 8), {"window": d.one(["hann", "hamming"]), "center": d.chance()}),
    "extract_sequences": lambda d: ((d.array((*d.shape(0, 1), 12)), d.integer(2, 5), d.integer(1, 4)), {}),
    "glu": lambda d: ((d.array((*d.shape(0, 3), 2 * d.integer(1, 3))),), {}), "threshold": lambda d: ((d.array(d.shape()), d.number(-0.5, 0.5), d.number(-1, 1)), {}),
    "clip": lambda d: ((mixed(d, d.shape()), d.number(-1, 0), d.number(0.1, 1)), {}), "where": lambda d: ((lambda s: ((d.booleans(s[0]), d.array(s[1]), d.array(s[0])), {}))(broadcast(d))),
    "isclose": binary, "allclose": binary, "ldexp": lambda d: ((lambda s: ((d.array(s[0]), d.integers(s[1], -3, 3)), {}))(broadcast(d))),
    "nextafter": lambda d: ((lambda s: ((d.array(s[0]), d.array(s[1])), {}))(broadcast(d))), "kaiser": lambda d: ((d.integer(1, 9), d.number(0, 10)), {}),
    "arange": lambda d: d.one([((d.integer(0, 9),), {}), ((d.integer(0, 3), d.integer(4, 9)), {}), ((0, 7, 2), {}), ((5, 0, -1), {}), ((0.0, 2.0, 0.3), {}), ((4,), {"dtype": "float32"})]),
    "linspace": lambda d: ((d.number(-2, 2), d.number(-2, 2)), {"num": d.integer(1, 7), "endpoint": d.chance()}) if d.chance() else ((d.array((3,)), d.array((3,))), {"num": d.integer(1, 5), "axis": d.one([0, -1])}),
    "logspace": lambda d: ((d.number(-2, 2), d.number(-2, 2)), {"num": d.integer(1, 7), "endpoint": d.chance(), "base": d.one([10, 2])}),
    "geomspace": lambda d: ((d.number(0.1, 2), d.number(3, 9)), {"num": d.integer(2, 7), "endpoint": d.chance()}),
    "eye": lambda d: ((d.integer(1, 5),), d.one([{}, {"M": d.integer(1, 5)}, {"k": d.integer(-2, 2)}, {"dtype": "int32"}])), "identity": lambda d: ((d.integer(1, 5),), d.one([{}, {"dtype": "int32"}])),
    "tri": lambda d: ((d.integer(1, 5),), d.one([{}, {"M": d.integer(1, 5)}, {"k": d.integer(-2, 2)}])), "ones": lambda d: ((d.shape(),), d.one([{}, {"dtype": "int32"}, {"dtype": "bool"}])),
    "zeros": lambda d: ((d.shape(),), d.one([{}, {"dtype": "int32"}])), "full": lambda d: ((d.shape(), d.one([1.5, 2])), d.one([{}, {"dtype": "float32"}])), "full_like": lambda d: ((mixed(d, d.shape()), 2), {}),
    "broadcast_to": lambda d: ((lambda s: ((d.array(tuple(1 if d.chance(0.3) else n for n in s)), s), {}))(d.shape(1, 3))), "expand_dims": lambda d: ((lambda s: ((d.array(s), axis_of(d, len(s) + 1)), {}))(d.shape())),
    "squeeze": lambda d: ((d.array((1, *d.shape(0, 2), 1)),), d.one([{}, {"axis": 0}, {"axis": -1}, {"axis": (0, -1)}])), "flip": lambda d: ((lambda s: ((d.array(s),), {"axis": d.one([None, axis_of(d, len(s)), (0,)])}))(d.shape(1, 3))),
    "fliplr": lambda d: ((d.array(d.shape(2, 3)),), {}), "flipud": lambda d: ((d.array(d.shape(1, 3)),), {}), "diff": lambda d: ((lambda s: ((d.array(s),), {"axis": axis_of(d, len(s)), "n": 1}))(tuple(n + 1 for n in d.shape(1, 3)))),
    "roll": lambda d: ((lambda s: ((d.array(s), d.integer(-4, 4)), {"axis": d.one([None, axis_of(d, len(s))])}))(d.shape(1, 3))), "rot90": lambda d: ((d.array(d.shape(2, 3)),), {"k": d.integer(-1, 4), "axes": d.one([(0, 1), (1, 0)])}),
    "repeat": lambda d: ((lambda s: ((d.array(s), d.integer(1, 3)), {"axis": d.one([None, axis_of(d, len(s))])}))(d.shape(1, 3))), "tile": lambda d: ((d.array(d.shape(1, 3)), d.one([2, (2, 1), (1, 2, 3)])), {}),
    "reshape": lambda d: ((lambda s: ((d.array(s), d.one([(-1,), tuple(reversed(s)), (1, *s), (s[0], -1)])), {}))(d.shape(1, 3))), "transpose": lambda d: ((lambda s: ((d.array(s),), d.one([{}, {"axes": tuple(int(k) for k in d.rng.permutation(len(s)))}])))(d.shape(1, 4))),
    "swapaxes": lambda d: ((lambda s: ((d.array(s), axis_of(d, len(s)), axis_of(d, len(s))), {}))(d.shape(1, 4))), "moveaxis": lambda d: ((lambda s: ((d.array(s), axis_of(d, len(s)), axis_of(d, len(s))), {}))(d.shape(1, 4))),
    "split": lambda d: d.one([((d.array((6, 2)), d.one([1, 2, 3])), {}), ((d.array((2, 6)), [1, 4]), {"axis": 1}), ((d.array((5,)), [2]), {"axis": -1})]), "array_split": lambda d: ((d.array((7, 3)), d.integer(1, 4)), {"axis": d.integer(0, 1)}),
    "vsplit": lambda d: ((d.array((4, 3, 2)), d.one([2, [1, 3]])), {}), "hsplit": lambda d: ((d.array((3, 4, 2)), d.one([2, [1, 3]])), {}), "dsplit": lambda d: ((d.array((3, 2, 4)), d.one([2, [1, 3]])), {}),
    "unstack": lambda d: ((lambda s: ((d.array(s),), {"axis": axis_of(d, len(s))}))(d.shape(1, 3))), "append": lambda d: ((lambda s: ((d.array(s), d.array(s)), {"axis": d.one([None, axis_of(d, len(s))])}))(d.shape(1, 3))),
    "diag": lambda d: ((d.array(d.shape(1, 2)),), {"k": d.integer(-2, 2)}), "diagflat": lambda d: ((d.array(d.shape(1, 2)),), {"k": d.integer(-2, 2)}), "diagonal": lambda d: ((d.array(d.shape(2, 4)),), {"offset": d.integer(-2, 2), **d.one([{}, {"axis1": 1, "axis2": 0}])}),
    "trace": lambda d: ((d.array(d.shape(2, 3)),), {"offset": d.integer(-1, 1)}), "tril": lambda d: ((d.array(d.shape(2, 3)),), {"k": d.integer(-2, 2)}), "triu": lambda d: ((d.array(d.shape(2, 3)),), {"k": d.integer(-2, 2)}),
    "outer": lambda d: ((d.array(d.shape(1, 2)), d.array(d.shape(1, 2))), {}), "inner": lambda d: ((lambda k: ((d.array((*d.shape(0, 2), k)), d.array((*d.shape(0, 2), k))), {}))(d.integer(1, 4))), "kron": lambda d: ((d.array(d.shape(1, 2)), d.array(d.shape(1, 2))), {}),
    "vdot": lambda d: ((lambda s: ((d.array(s), d.array(s)), {}))(d.shape(1, 2))), "cross": lambda d: ((lambda s: ((d.array((*s, 3)), d.array((*s, d.one([3, 3, 2])))), {}))(d.shape(0, 2))), "corrcoef": lambda d: ((d.array((d.integer(1, 3), d.integer(3, 6))),), {}),
    "correlate": lambda d: ((d.array((d.integer(1, 7),)), d.array((d.integer(1, 5),))), {"mode": d.one(["valid", "same", "full"])}), "average": lambda d: ((lambda s: ((d.array(s),), {"axis": d.one([None, axis_of(d, len(s))]), **({"weights": d.between(s, 0.1, 1)} if d.chance() else {})}))(d.shape(1, 3))),
    "bincount": lambda d: ((d.integers((d.integer(1, 8),), 0, 5),), d.one([{}, {"minlength": 8}])), "digitize": lambda d: ((d.array(d.shape(0, 2)), Array("np.array([-1.0, 0.0, 0.5], 'float32')")), {}), "searchsorted": lambda d: ((Array("np.array([-1.0, 0.0, 0.5, 0.5, 1.0], 'float32')"), d.one([d.array((4,)), Array("np.array([0.5, 0.0], 'float32')")])), {"side": d.one(["left", "right"])}),
    "histogram": lambda d: ((d.array((d.integer(3, 20),)),), {"bins": d.integer(2, 6)}), "isin": lambda d: ((d.integers(d.shape(0, 2), 0, 6), d.integers((3,), 0, 6)), {"invert": d.chance()}), "nonzero": lambda d: ((d.integers(d.shape(1, 3), 0, 1),), {}),
    "count_nonzero": lambda d: ((lambda s: ((d.integers(s, 0, 1),), {"axis": d.one([None, axis_of(d, len(s)), (0,)])}))(d.shape(1, 3))), "argpartition": lambda d: ((d.array((4,)), d.integer(0, 3)), {}), "meshgrid": lambda d: (tuple(d.array(d.shape(1, 1)) for _ in range(d.integer(1, 3))), {"indexing": d.one(["xy", "ij"])}),
    "select": lambda d: ((lambda s: (([d.booleans(s), d.booleans(s)], [d.array(s), d.array(s)]), {"default": d.one([0, 1.5])}))(d.shape(1, 2))), "trapezoid": lambda d: ((lambda s: ((d.array(s),), {"axis": axis_of(d, len(s)), "dx": d.number(0.1, 2)}))(d.shape(1, 3))), "vander": lambda d: ((d.array((d.integer(1, 4),)),), d.one([{}, {"N": 3}, {"increasing": True}])),
    "unravel_index": lambda d: ((d.integers(d.shape(0, 2), 0, 11), (3, 4)), {}), "unique": lambda d: ((d.integers((d.integer(1, 8),), 0, 4),), d.one([{}, {"return_counts": True}, {"return_inverse": True}, {"return_index": True}])),
    "cast": lambda d: ((mixed(d, d.shape()), d.one(["float32", "int32", "bool", "float16", "uint8"])), {}), "saturate_cast": lambda d: ((Array(f"{d.source()}.normal(size={d.shape()}).astype('float32') * 300"), d.one(["uint8", "int8", "int32"])), {}), "view": lambda d: ((d.array(d.shape(1, 2)),), {"dtype": "int32"}),
    "cdist": lambda d: ((lambda k: ((d.array((d.integer(1, 4), k)), d.array((d.integer(1, 4), k))), {}))(d.integer(1, 4))), "in_top_k": lambda d: ((d.integers((3,), 0, 4), d.array((3, 5))), {"k": d.integer(1, 4)}), "top_k": lambda d: ((d.array((*d.shape(0, 2), 5)), d.integer(1, 5)), {}),
    "normalize": lambda d: ((lambda s: ((d.array(s),), {"axis": axis_of(d, len(s)), "order": d.one([1, 2, 3])}))(d.shape(1, 3))), "moments": lambda d: ((lambda s: ((d.array(s), [axis_of(d, len(s))]), {"keepdims": d.chance()}))(d.shape(1, 3))), "norm": lambda d: d.one([((d.array(d.shape(1, 3)),), {}), ((d.array(d.shape(2, 2)),), {"ord": d.one(["fro", "nuc", 1, 2, -1, "inf" and 1]), "axis": (0, 1)}), ((d.array(d.shape(1, 3)),), {"ord": d.one([1, 2, 3, 0]), "axis": -1, "keepdims": d.chance()})]),
    "one_hot": lambda d: ((d.integers(d.shape(0, 2), 0, 5), d.integer(2, 6)), d.one([{}, {"axis": 0}, {"dtype": "int32"}])), "multi_hot": lambda d: ((d.integers(d.shape(1, 2), 0, 4), 5), {}), "psnr": lambda d: ((lambda s: ((d.between(s, 0, 1), d.between(s, 0, 1), 1.0), {}))(d.shape(1, 3))),
    "fold": lambda d: ((d.array((d.batch, d.channels * 4, 4)), (3, 3), 2), {}), "unfold": lambda d: ((d.array((d.batch, d.channels, 5, 6)), d.one([2, (2, 3)])), d.one([{}, {"stride": 2}, {"padding": 1}, {"dilation": 2}])),
    "logdet": lambda d: ((definite(d),), {}), "cholesky": lambda d: ((definite(d),), d.one([{}, {"upper": True}])), "cholesky_inverse": lambda d: ((Array(f"np.linalg.cholesky({definite(d)!r})"),), {}), "eigh": lambda d: ((definite(d),), {}), "qr": lambda d: ((matrix(d),), {}), "svd": lambda d: ((matrix(d),), {"compute_uv": False}), "pinv": lambda d: ((matrix(d),), {}),
    "solve": lambda d: ((lambda a: ((a, d.array((*a.value.shape[:-1], d.integer(1, 3)))), {}))(square(d)[0][0])), "solve_triangular": lambda d: ((lambda a: ((Array(f"np.tril({a!r})"), d.array((*a.value.shape[:-1], 2))), {"lower": True}))(square(d)[0][0])), "lstsq": lambda d: ((lambda a: ((a, d.array((len(a.value), 2))), {}))(d.array((5, 3)))), "lu_factor": lambda d: ((square(d)[0][0],), {}),
    "scatter": scattering, "scatter_update": scatter_update, "slice": lambda d: ((d.array((4, 5)), (d.integer(0, 1), d.integer(0, 2)), (d.integer(1, 3), d.integer(1, 3))), {}), "slice_update": lambda d: ((d.array((4, 5)), (d.integer(0, 1), d.integer(0, 2)), d.array((2, 3))), {}),
    "get_item": lambda d: ((d.array((4, 5)), d.one([0, (1, 2), Code("slice(1, 3)"), Code("(slice(None), 1)"), Code("(Ellipsis, slice(None, None, 2))")])), {}), "rearrange": lambda d: ((d.array((2, 3, 4)),), {"pattern": d.one(["a b c -> c a b", "a b c -> a (b c)", "a b c -> (a b) c"])}),
    "map": lambda d: ((Code("lambda x: keras.ops.sum(x * x)"), d.array(d.shape(1, 3))), {}), "vectorized_map": lambda d: ((Code("lambda x: keras.ops.sum(x * x)"), d.array(d.shape(1, 3))), {}), "scan": lambda d: ((Code("lambda c, x: (c + x, c * x)"), d.array((3,)), d.array((d.integer(1, 4), 3))), {"reverse": d.chance()}),
    "associative_scan": lambda d: ((Code("lambda a, b: a + b"), d.array(d.shape(1, 3))), {"reverse": d.chance()}), "cond": lambda d: ((d.chance(), Code("lambda: keras.ops.ones((2,))"), Code("lambda: keras.ops.zeros((2,))")), {}), "fori_loop": lambda d: ((0, d.integer(0, 4), Code("lambda i, x: x * 2.0"), d.array((2,))), {}),
    "while_loop": lambda d: ((Code("lambda i, x: i < 3"), Code("lambda i, x: (i + 1, x * 2.0)"), (0, d.array((2,)))), {}), "switch": lambda d: ((d.integer(0, 1), [Code("lambda x: x * 2.0"), Code("lambda x: x - 1.0")], d.array((3,))), {}), "logical_not": lambda d: ((d.booleans(d.shape()),), {}),
    "ctc_loss": lambda d: ((d.integers((d.batch, 2), 1, 3), d.array((d.batch, 6, 4)), Array(f"np.full({d.batch}, 2)"), Array(f"np.full({d.batch}, 6)")), {}), "ctc_decode": lambda d: ((d.array((d.batch, 6, 4)), Array(f"np.full({d.batch}, 6, 'int32')")), {"strategy": "greedy"}), "vectorize": lambda d: ((Code("lambda x: x * 2"),), {}),
}  # fmt: skip
"""Operation -> what it is called with."""


def operands(d: Drawing) -> Operands:
    """The operands of the operation that a drawing is of."""
    inputs, keywords = ROWS[d.name](d)
    for name, choices in OPTIONS.get(d.name, {}).items():
        if d.chance():
            keywords[name] = d.one(choices)
    return inputs, keywords


OPTIONS: dict[str, dict[str, tuple[Any, ...]]] = {
    "elu": {"alpha": (0.5, 2.0)}, "celu": {"alpha": (0.5, 2.0)}, "gelu": {"approximate": (True, False)}, "leaky_relu": {"negative_slope": (0.1, 0.4)}, "hard_shrink": {"threshold": (0.2, 1.0)},
    "soft_shrink": {"threshold": (0.2, 1.0)}, "squareplus": {"b": (1.0, 3.0)}, "round": {"decimals": (0, 1)}, "nan_to_num": {"nan": (0.0, 1.0)}, "max": {"initial": (0.0,)}, "min": {"initial": (0.0,)},
    "isclose": {"rtol": (1e-3,), "equal_nan": (True,)}, "zeros_like": {"dtype": ("int32",)}, "ones_like": {"dtype": ("int32", "float32")},
}  # fmt: skip
"""Operation -> keywords that are given in half of the cases."""
