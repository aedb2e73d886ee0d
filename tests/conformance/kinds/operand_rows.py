"""Operation -> what it is called with: a row for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conformance.drawing import Drawing
from tests.conformance.kinds.image_operands import (
    affine,
    colours,
    coordinates,
    crops,
    of_image,
    pads,
    patches,
    patches_3d,
    perspective,
    resize,
    scaled,
    similar,
)
from tests.conformance.kinds.operands import (
    ALONG_AXIS,
    ANY_REAL,
    BINARY,
    CUMULATIVE,
    NO_KEEPDIMS,
    PICKING,
    POSITIVE,
    REDUCTIONS,
    SHIFTS,
    SQUARE,
    WHOLE,
    WINDOWS,
    WITHIN_ONE,
    Operands,
    Row,
    adaptive,
    along,
    attention,
    axis_of,
    axis_only,
    binary,
    broadcast,
    convolution,
    crossentropy,
    cumulative,
    definite,
    dividing,
    dotted,
    einsum,
    indexed,
    joined,
    matrix,
    mixed,
    normalization,
    padding,
    pair_of_parts,
    picking,
    pooling,
    positive,
    power,
    products,
    quantile,
    reduction,
    scatter_update,
    scattering,
    segments,
    shifts,
    simple,
    space_depth,
    square,
    stacked,
    tensordot,
    tensors,
    unary,
    whole,
    window,
    within_one,
)
from tests.conformance.written import Array, Code


def given(size: Callable[[Drawing], Any], operands: Callable[[Drawing, Any], Operands]) -> Row:
    """A row whose operands share something that is drawn first."""
    return lambda d: operands(d, size(d))


def shaped(operands: Callable[[Drawing, Any], Operands], low: int = 0, high: int = 4) -> Row:
    """A row whose operands share a shape."""
    return lambda d: operands(d, d.shape(low, high))


def broadcasting(operands: Callable[[Drawing, Any], Operands]) -> Row:
    """A row whose operands broadcast."""
    return lambda d: operands(d, broadcast(d))


ROWS: dict[str, Row] = {
    **dict.fromkeys(ANY_REAL, unary),
    **dict.fromkeys(POSITIVE, positive),
    **dict.fromkeys(WITHIN_ONE, within_one),
    **dict.fromkeys(BINARY, binary),
    **dict.fromkeys(WHOLE, whole),
    **dict.fromkeys(SHIFTS, shifts),
    **dict.fromkeys(["mod", "fmod", "floor_divide"], dividing),
    **dict.fromkeys(REDUCTIONS, reduction),
    **dict.fromkeys(PICKING, picking),
    **dict.fromkeys(NO_KEEPDIMS + ALONG_AXIS, axis_only),
    **dict.fromkeys(CUMULATIVE, cumulative),
    **dict.fromkeys(WINDOWS, window),
    **dict.fromkeys(SQUARE, square),
    **dict.fromkeys(["average_pool", "max_pool"], pooling),
    **dict.fromkeys(["adaptive_average_pool", "adaptive_max_pool"], adaptive),
    **dict.fromkeys(["conv", "conv_transpose", "depthwise_conv", "separable_conv"], convolution),
    **dict.fromkeys(["batch_normalization", "layer_normalization", "rms_normalization"], normalization),
    **dict.fromkeys(["binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"], crossentropy),
    **dict.fromkeys(["segment_max", "segment_min", "segment_prod", "segment_sum"], segments),
    **dict.fromkeys(["quantile", "percentile", "nanquantile", "nanpercentile"], quantile),
    **dict.fromkeys(["bitwise_invert", "bitwise_not"], lambda d: ((d.integers(d.shape(), -9, 9),), {})),
    "power": power,
    "concatenate": joined,
    "stack": stacked,
    **dict.fromkeys(["vstack", "hstack", "dstack"], lambda d: ((tensors(d),), {})),
    "matmul": products,
    "dot": dotted,
    "einsum": einsum,
    "tensordot": tensordot,
    "take": indexed,
    "take_along_axis": along,
    "pad": padding,
    "dot_product_attention": attention,
    "resize": resize,
    "affine_transform": affine,
    "perspective_transform": perspective,
    "map_coordinates": coordinates,
    "extract_patches": patches,
    "extract_patches_3d": patches_3d,
    "crop_images": crops,
    "pad_images": pads,
    "scale_and_translate": scaled,
    "ssim": similar,
    **dict.fromkeys(["rgb_to_grayscale", "rgb_to_hsv", "hsv_to_rgb"], colours),
    "sobel_edges": of_image(),
    "gaussian_blur": of_image(lambda d: {"kernel_size": d.one([(3, 3), (5, 3)]), "sigma": (d.number(0.5, 2), d.number(0.5, 2))}),
    **dict.fromkeys(["depth_to_space", "space_to_depth"], space_depth),
    **dict.fromkeys(["fft", "fft2", "ifft2"], pair_of_parts),
    "rfft": simple(lambda d: (d.array((*d.shape(0, 2), d.integer(2, 9))),), fft_length=lambda d: d.integer(2, 9)),
    "irfft": lambda d: (pair_of_parts(d)[0], {"fft_length": d.integer(2, 9)} if d.chance() else {}),
    "stft": lambda d: (
        (d.array((*d.shape(0, 1), d.integer(20, 40))), 8, d.integer(2, 6), d.one([8, 16])),
        {"window": d.one(["hann", "hamming", None]), "center": d.chance()},
    ),
    "istft": lambda d: (
        ((d.array((2, 7, 5)), d.array((2, 7, 5))), 8, d.integer(2, 4), 8),
        {"window": d.one(["hann", "hamming"]), "center": d.chance()},
    ),
    "extract_sequences": lambda d: ((d.array((*d.shape(0, 1), 12)), d.integer(2, 5), d.integer(1, 4)), {}),
    "glu": lambda d: ((d.array((*d.shape(0, 3), 2 * d.integer(1, 3))),), {}),
    "threshold": lambda d: ((d.array(d.shape()), d.number(-0.5, 0.5), d.number(-1, 1)), {}),
    "clip": lambda d: ((mixed(d, d.shape()), d.number(-1, 0), d.number(0.1, 1)), {}),
    "where": broadcasting(lambda d, s: ((d.booleans(s[0]), d.array(s[1]), d.array(s[0])), {})),
    "isclose": binary,
    "allclose": binary,
    "ldexp": broadcasting(lambda d, s: ((d.array(s[0]), d.integers(s[1], -3, 3)), {})),
    "nextafter": broadcasting(lambda d, s: ((d.array(s[0]), d.array(s[1])), {})),
    "kaiser": lambda d: ((d.integer(1, 9), d.number(0, 10)), {}),
    "arange": lambda d: d.one(
        [
            ((d.integer(0, 9),), {}),
            ((d.integer(0, 3), d.integer(4, 9)), {}),
            ((0, 7, 2), {}),
            ((5, 0, -1), {}),
            ((0.0, 2.0, 0.3), {}),
            ((4,), {"dtype": "float32"}),
        ]
    ),
    "linspace": lambda d: (
        ((d.number(-2, 2), d.number(-2, 2)), {"num": d.integer(1, 7), "endpoint": d.chance()})
        if d.chance()
        else ((d.array((3,)), d.array((3,))), {"num": d.integer(1, 5), "axis": d.one([0, -1])})
    ),
    "logspace": lambda d: ((d.number(-2, 2), d.number(-2, 2)), {"num": d.integer(1, 7), "endpoint": d.chance(), "base": d.one([10, 2])}),
    "geomspace": lambda d: ((d.number(0.1, 2), d.number(3, 9)), {"num": d.integer(2, 7), "endpoint": d.chance()}),
    "eye": lambda d: ((d.integer(1, 5),), d.one([{}, {"M": d.integer(1, 5)}, {"k": d.integer(-2, 2)}, {"dtype": "int32"}])),
    "identity": lambda d: ((d.integer(1, 5),), d.one([{}, {"dtype": "int32"}])),
    "tri": lambda d: ((d.integer(1, 5),), d.one([{}, {"M": d.integer(1, 5)}, {"k": d.integer(-2, 2)}])),
    "ones": lambda d: ((d.shape(),), d.one([{}, {"dtype": "int32"}, {"dtype": "bool"}])),
    "zeros": lambda d: ((d.shape(),), d.one([{}, {"dtype": "int32"}])),
    "full": lambda d: ((d.shape(), d.one([1.5, 2])), d.one([{}, {"dtype": "float32"}])),
    "full_like": lambda d: ((mixed(d, d.shape()), 2), {}),
    "broadcast_to": shaped(lambda d, s: ((d.array(tuple((1 if d.chance(0.3) else n for n in s))), s), {}), 1, 3),
    "expand_dims": shaped(lambda d, s: ((d.array(s), axis_of(d, len(s) + 1)), {})),
    "squeeze": lambda d: ((d.array((1, *d.shape(0, 2), 1)),), d.one([{}, {"axis": 0}, {"axis": -1}, {"axis": (0, -1)}])),
    "flip": shaped(lambda d, s: ((d.array(s),), {"axis": d.one([None, axis_of(d, len(s)), (0,)])}), 1, 3),
    "fliplr": lambda d: ((d.array(d.shape(2, 3)),), {}),
    "flipud": lambda d: ((d.array(d.shape(1, 3)),), {}),
    "diff": given(lambda d: tuple(n + 1 for n in d.shape(1, 3)), lambda d, s: ((d.array(s),), {"axis": axis_of(d, len(s)), "n": 1})),
    "roll": shaped(lambda d, s: ((d.array(s), d.integer(-4, 4)), {"axis": d.one([None, axis_of(d, len(s))])}), 1, 3),
    "rot90": lambda d: ((d.array(d.shape(2, 3)),), {"k": d.integer(-1, 4), "axes": d.one([(0, 1), (1, 0)])}),
    "repeat": shaped(lambda d, s: ((d.array(s), d.integer(1, 3)), {"axis": d.one([None, axis_of(d, len(s))])}), 1, 3),
    "tile": lambda d: ((d.array(d.shape(1, 3)), d.one([2, (2, 1), (1, 2, 3)])), {}),
    "reshape": shaped(lambda d, s: ((d.array(s), d.one([(-1,), tuple(reversed(s)), (1, *s), (s[0], -1)])), {}), 1, 3),
    "transpose": shaped(lambda d, s: ((d.array(s),), d.one([{}, {"axes": tuple(int(k) for k in d.rng.permutation(len(s)))}])), 1, 4),
    "swapaxes": shaped(lambda d, s: ((d.array(s), axis_of(d, len(s)), axis_of(d, len(s))), {}), 1, 4),
    "moveaxis": shaped(lambda d, s: ((d.array(s), axis_of(d, len(s)), axis_of(d, len(s))), {}), 1, 4),
    "split": lambda d: d.one(
        [((d.array((6, 2)), d.one([1, 2, 3])), {}), ((d.array((2, 6)), [1, 4]), {"axis": 1}), ((d.array((5,)), [2]), {"axis": -1})]
    ),
    "array_split": lambda d: ((d.array((7, 3)), d.integer(1, 4)), {"axis": d.integer(0, 1)}),
    "vsplit": lambda d: ((d.array((4, 3, 2)), d.one([2, [1, 3]])), {}),
    "hsplit": lambda d: ((d.array((3, 4, 2)), d.one([2, [1, 3]])), {}),
    "dsplit": lambda d: ((d.array((3, 2, 4)), d.one([2, [1, 3]])), {}),
    "unstack": shaped(lambda d, s: ((d.array(s),), {"axis": axis_of(d, len(s))}), 1, 3),
    "append": shaped(lambda d, s: ((d.array(s), d.array(s)), {"axis": d.one([None, axis_of(d, len(s))])}), 1, 3),
    "diag": lambda d: ((d.array(d.shape(1, 2)),), {"k": d.integer(-2, 2)}),
    "diagflat": lambda d: ((d.array(d.shape(1, 2)),), {"k": d.integer(-2, 2)}),
    "diagonal": lambda d: ((d.array(d.shape(2, 4)),), {"offset": d.integer(-2, 2), **d.one([{}, {"axis1": 1, "axis2": 0}])}),
    "trace": lambda d: ((d.array(d.shape(2, 3)),), {"offset": d.integer(-1, 1)}),
    "tril": lambda d: ((d.array(d.shape(2, 3)),), {"k": d.integer(-2, 2)}),
    "triu": lambda d: ((d.array(d.shape(2, 3)),), {"k": d.integer(-2, 2)}),
    "outer": lambda d: ((d.array(d.shape(1, 2)), d.array(d.shape(1, 2))), {}),
    "inner": given(lambda d: d.integer(1, 4), lambda d, k: ((d.array((*d.shape(0, 2), k)), d.array((*d.shape(0, 2), k))), {})),
    "kron": lambda d: ((d.array(d.shape(1, 2)), d.array(d.shape(1, 2))), {}),
    "vdot": shaped(lambda d, s: ((d.array(s), d.array(s)), {}), 1, 2),
    "cross": shaped(lambda d, s: ((d.array((*s, 3)), d.array((*s, d.one([3, 3, 2])))), {}), 0, 2),
    "corrcoef": lambda d: ((d.array((d.integer(1, 3), d.integer(3, 6))),), {}),
    "correlate": lambda d: ((d.array((d.integer(1, 7),)), d.array((d.integer(1, 5),))), {"mode": d.one(["valid", "same", "full"])}),
    "average": shaped(
        lambda d, s: ((d.array(s),), {"axis": d.one([None, axis_of(d, len(s))]), **({"weights": d.between(s, 0.1, 1)} if d.chance() else {})}), 1, 3
    ),
    "bincount": lambda d: ((d.integers((d.integer(1, 8),), 0, 5),), d.one([{}, {"minlength": 8}])),
    "digitize": lambda d: ((d.array(d.shape(0, 2)), Array("np.array([-1.0, 0.0, 0.5], 'float32')")), {}),
    "searchsorted": lambda d: (
        (Array("np.array([-1.0, 0.0, 0.5, 0.5, 1.0], 'float32')"), d.one([d.array((4,)), Array("np.array([0.5, 0.0], 'float32')")])),
        {"side": d.one(["left", "right"])},
    ),
    "histogram": lambda d: ((d.array((d.integer(3, 20),)),), {"bins": d.integer(2, 6)}),
    "isin": lambda d: ((d.integers(d.shape(0, 2), 0, 6), d.integers((3,), 0, 6)), {"invert": d.chance()}),
    "nonzero": lambda d: ((d.integers(d.shape(1, 3), 0, 1),), {}),
    "count_nonzero": shaped(lambda d, s: ((d.integers(s, 0, 1),), {"axis": d.one([None, axis_of(d, len(s)), (0,)])}), 1, 3),
    "argpartition": lambda d: ((d.array((4,)), d.integer(0, 3)), {}),
    "meshgrid": lambda d: (tuple(d.array(d.shape(1, 1)) for _ in range(d.integer(1, 3))), {"indexing": d.one(["xy", "ij"])}),
    "select": shaped(lambda d, s: (([d.booleans(s), d.booleans(s)], [d.array(s), d.array(s)]), {"default": d.one([0, 1.5])}), 1, 2),
    "trapezoid": shaped(lambda d, s: ((d.array(s),), {"axis": axis_of(d, len(s)), "dx": d.number(0.1, 2)}), 1, 3),
    "vander": lambda d: ((d.array((d.integer(1, 4),)),), d.one([{}, {"N": 3}, {"increasing": True}])),
    "unravel_index": lambda d: ((d.integers(d.shape(0, 2), 0, 11), (3, 4)), {}),
    "unique": lambda d: (
        (d.integers((d.integer(1, 8),), 0, 4),),
        d.one([{}, {"return_counts": True}, {"return_inverse": True}, {"return_index": True}]),
    ),
    "cast": lambda d: ((mixed(d, d.shape()), d.one(["float32", "int32", "bool", "float16", "uint8"])), {}),
    "saturate_cast": lambda d: ((Array(f"{d.source()}.normal(size={d.shape()}).astype('float32') * 300"), d.one(["uint8", "int8", "int32"])), {}),
    "view": lambda d: ((d.array(d.shape(1, 2)),), {"dtype": "int32"}),
    "cdist": given(lambda d: d.integer(1, 4), lambda d, k: ((d.array((d.integer(1, 4), k)), d.array((d.integer(1, 4), k))), {})),
    "in_top_k": lambda d: ((d.integers((3,), 0, 4), d.array((3, 5))), {"k": d.integer(1, 4)}),
    "top_k": lambda d: ((d.array((*d.shape(0, 2), 5)), d.integer(1, 5)), {}),
    "normalize": shaped(lambda d, s: ((d.array(s),), {"axis": axis_of(d, len(s)), "order": d.one([1, 2, 3])}), 1, 3),
    "moments": shaped(lambda d, s: ((d.array(s), [axis_of(d, len(s))]), {"keepdims": d.chance()}), 1, 3),
    "norm": lambda d: d.one(
        [
            ((d.array(d.shape(1, 3)),), {}),
            ((d.array(d.shape(2, 2)),), {"ord": d.one(["fro", "nuc", 1, 2, -1, "inf" and 1]), "axis": (0, 1)}),
            ((d.array(d.shape(1, 3)),), {"ord": d.one([1, 2, 3, 0]), "axis": -1, "keepdims": d.chance()}),
        ]
    ),
    "one_hot": lambda d: ((d.integers(d.shape(0, 2), 0, 5), d.integer(2, 6)), d.one([{}, {"axis": 0}, {"dtype": "int32"}])),
    "multi_hot": lambda d: ((d.integers(d.shape(1, 2), 0, 4), 5), {}),
    "psnr": shaped(lambda d, s: ((d.between(s, 0, 1), d.between(s, 0, 1), 1.0), {}), 1, 3),
    "fold": lambda d: ((d.array((d.batch, d.channels * 4, 4)), (3, 3), 2), {}),
    "unfold": lambda d: ((d.array((d.batch, d.channels, 5, 6)), d.one([2, (2, 3)])), d.one([{}, {"stride": 2}, {"padding": 1}, {"dilation": 2}])),
    "logdet": lambda d: ((definite(d),), {}),
    "cholesky": lambda d: ((definite(d),), d.one([{}, {"upper": True}])),
    "cholesky_inverse": lambda d: ((Array(f"np.linalg.cholesky({definite(d)!r})"),), {}),
    "eigh": lambda d: ((definite(d),), {}),
    "qr": lambda d: ((matrix(d),), d.one([{}, {"mode": "reduced"}, {"mode": "complete"}])),
    "svd": lambda d: ((matrix(d),), d.one([{"compute_uv": False}, {"full_matrices": False}, {"full_matrices": True}, {}])),
    "pinv": lambda d: ((matrix(d),), {}),
    "solve": given(lambda d: square(d)[0][0], lambda d, a: ((a, d.array((*a.value.shape[:-1], d.integer(1, 3)))), {})),
    "solve_triangular": given(
        lambda d: square(d)[0][0], lambda d, a: ((Array(f"np.tril({a!r})"), d.array((*a.value.shape[:-1], 2))), {"lower": True})
    ),
    "lstsq": given(lambda d: d.array((5, 3)), lambda d, a: ((a, d.array((len(a.value), 2))), {})),
    "lu_factor": lambda d: ((square(d)[0][0],), {}),
    "scatter": scattering,
    "scatter_update": scatter_update,
    "slice": lambda d: ((d.array((4, 5)), (d.integer(0, 1), d.integer(0, 2)), (d.integer(1, 3), d.integer(1, 3))), {}),
    "slice_update": lambda d: ((d.array((4, 5)), (d.integer(0, 1), d.integer(0, 2)), d.array((2, 3))), {}),
    "get_item": lambda d: (
        (d.array((4, 5)), d.one([0, (1, 2), Code("slice(1, 3)"), Code("(slice(None), 1)"), Code("(Ellipsis, slice(None, None, 2))")])),
        {},
    ),
    "rearrange": lambda d: ((d.array((2, 3, 4)),), {"pattern": d.one(["a b c -> c a b", "a b c -> a (b c)", "a b c -> (a b) c"])}),
    "map": lambda d: ((Code("lambda x: keras.ops.sum(x * x)"), d.array(d.shape(1, 3))), {}),
    "vectorized_map": lambda d: ((Code("lambda x: keras.ops.sum(x * x)"), d.array(d.shape(1, 3))), {}),
    "scan": lambda d: ((Code("lambda c, x: (c + x, c * x)"), d.array((3,)), d.array((d.integer(1, 4), 3))), {"reverse": d.chance()}),
    "associative_scan": lambda d: ((Code("lambda a, b: a + b"), d.array(d.shape(1, 3))), {"reverse": d.chance()}),
    "cond": lambda d: ((d.chance(), Code("lambda: keras.ops.ones((2,))"), Code("lambda: keras.ops.zeros((2,))")), {}),
    "fori_loop": lambda d: ((0, d.integer(0, 4), Code("lambda i, x: x * 2.0"), d.array((2,))), {}),
    "while_loop": lambda d: ((Code("lambda i, x: i < 3"), Code("lambda i, x: (i + 1, x * 2.0)"), (0, d.array((2,)))), {}),
    "switch": lambda d: ((d.integer(0, 1), [Code("lambda x: x * 2.0"), Code("lambda x: x - 1.0")], d.array((3,))), {}),
    "logical_not": lambda d: ((d.booleans(d.shape()),), {}),
    "ctc_loss": lambda d: (
        (d.integers((d.batch, 2), 1, 3), d.array((d.batch, 6, 4)), Array(f"np.full({d.batch}, 2)"), Array(f"np.full({d.batch}, 6)")),
        {},
    ),
    "ctc_decode": lambda d: ((d.array((d.batch, 6, 4)), Array(f"np.full({d.batch}, 6, 'int32')")), {"strategy": "greedy"}),
    "vectorize": lambda d: ((Code("lambda x: x * 2"),), {}),
}
"""Operation -> what it is called with."""


def drawn_for(d: Drawing) -> Operands:
    """The operands of the operation that a drawing is of."""
    inputs, keywords = ROWS[d.name](d)
    for name, choices in OPTIONS.get(d.name, {}).items():
        if d.chance():
            keywords[name] = d.one(choices)
    return inputs, keywords


OPTIONS: dict[str, dict[str, tuple[Any, ...]]] = {
    "elu": {"alpha": (0.5, 2.0)},
    "celu": {"alpha": (0.5, 2.0)},
    "gelu": {"approximate": (True, False)},
    "leaky_relu": {"negative_slope": (0.1, 0.4)},
    "hard_shrink": {"threshold": (0.2, 1.0)},
    "soft_shrink": {"threshold": (0.2, 1.0)},
    "squareplus": {"b": (1.0, 3.0)},
    "round": {"decimals": (0, 1)},
    "nan_to_num": {"nan": (0.0, 1.0)},
    "max": {"initial": (0.0,)},
    "min": {"initial": (0.0,)},
    "isclose": {"rtol": (1e-3,), "equal_nan": (True,)},
    "zeros_like": {"dtype": ("int32",)},
    "ones_like": {"dtype": ("int32", "float32")},
}
"""Operation -> keywords that are given in half of the cases."""
