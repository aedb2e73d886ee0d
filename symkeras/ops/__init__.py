"""Every operation, with Keras' names: on arrays they compute at once, on symbolic tensors they build nodes."""

from importlib import import_module as _import_module
from typing import Any as _Any

from symkeras.not_offered import missing as _missing
from symkeras.ops import image as image
from symkeras.ops import op as op
from symkeras.ops import operators as operators
from symkeras.ops import phase as phase
from symkeras.ops import random as random
from symkeras.ops import recorded as recorded
from symkeras.ops import unique_rows as _unique_rows
from symkeras.ops import whole_gradients as _whole_gradients
from symkeras.ops.activations import (
    celu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    selu,
    soft_shrink,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh_shrink,
    threshold,
)  # fmt: skip
from symkeras.ops.attention import dot_product_attention
from symkeras.ops.control import cond, fori_loop, scan, while_loop
from symkeras.ops.convolution import conv, depthwise_conv, separable_conv
from symkeras.ops.elementwise import (
    ROWS,
    absolute,
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    bitwise_and,
    bitwise_not,
    bitwise_or,
    bitwise_xor,
    ceil,
    cos,
    cosh,
    divide,
    equal,
    erf,
    erfinv,
    exp,
    exp2,
    expm1,
    floor,
    floor_divide,
    greater,
    greater_equal,
    isfinite,
    isinf,
    isnan,
    left_shift,
    less,
    less_equal,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    maximum,
    minimum,
    mod,
    multiply,
    negative,
    not_equal,
    power,
    reciprocal,
    right_shift,
    rint,
    sign,
    sin,
    sinh,
    sqrt,
    square,
    subtract,
    tan,
    tanh,
    where,
)  # fmt: skip
from symkeras.ops.elementwise import add_ as add
from symkeras.ops.indexing import one_hot, scatter, take, take_along_axis
from symkeras.ops.layout import laid_out
from symkeras.ops.leaves import boundary, cast, convert_to_numpy, convert_to_tensor, is_tensor, placeholder, shape, stop_gradient
from symkeras.ops.linalg import dot, einsum, matmul, norm, tensordot
from symkeras.ops.nn import (
    clip,
    elu,
    gelu,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    logsumexp,
    moments,
    relu,
    relu6,
    rsqrt,
    sigmoid,
    silu,
    softmax,
    softplus,
)  # fmt: skip
from symkeras.ops.numpy import (
    abs,
    arange,
    eye,
    full,
    full_like,
    identity,
    linspace,
    moveaxis,
    ndim,
    ones,
    ones_like,
    outer,
    pad,
    ravel,
    repeat,
    round,
    size,
    split,
    swapaxes,
    tile,
    true_divide,
    trunc,
    zeros,
    zeros_like,
)  # fmt: skip
from symkeras.ops.op import OPS, as_array, as_tensor, is_symbolic
from symkeras.ops.pooling import average_pool, max_pool
from symkeras.ops.reductions import all, any, argmax, argmin, cumprod, cumsum, max, mean, min, prod, std, sum, var
from symkeras.ops.shaping import broadcast_to, concatenate, expand_dims, flip, reshape, squeeze, stack, transpose
from symkeras.ops.slices import slice, slice_update
from symkeras.ops.sorting import argsort, sort, top_k

# what NumPy has beyond the above
from symkeras.ops.arithmetic import (  # isort: skip
    cbrt, deg2rad, divide_no_nan, fabs, fmax, fmin, fmod, gcd, heaviside, hypot, lcm, ldexp, logaddexp2, nan_to_num, nextafter, rad2deg,
    saturate_cast, sinc,
)  # fmt: skip
from symkeras.ops.arranging import (  # isort: skip
    array, copy, dtype, empty, empty_like, extract_sequences, fliplr, flipud, geomspace, get_item, logspace, meshgrid, multi_hot, roll, rot90,
    select, unravel_index, view,
)  # fmt: skip
from symkeras.ops.complex_parts import angle, conj, conjugate, imag, isreal, real  # isort: skip
from symkeras.ops.counting import argpartition, bincount, digitize, histogram, nonzero, searchsorted, unique  # isort: skip
from symkeras.ops.diagonals import diag, diagflat, diagonal, trace, tri, tril, triu  # isort: skip
from symkeras.ops.vectorizing import vectorize  # isort: skip
from symkeras.ops.nan_reductions import (  # isort: skip
    nanargmax, nanargmin, nancumprod, nancumsum, nanmax, nanmean, nanmin, nanprod, nanstd, nansum, nanvar,
)  # fmt: skip
from symkeras.ops.predicates import allclose, count_nonzero, in_top_k, isclose, isin, isneginf, isposinf, signbit  # isort: skip
from symkeras.ops.products import cross, inner, kron, vander, vdot  # isort: skip
from symkeras.ops.quantiles import median, nanmedian, nanpercentile, nanquantile, percentile, quantile  # isort: skip
from symkeras.ops.segments import scatter_update, segment_max, segment_min, segment_prod, segment_sum  # isort: skip
from symkeras.ops.special_functions import erfc, i0  # isort: skip
from symkeras.ops.splitting import append, array_split, dsplit, dstack, hsplit, hstack, unstack, vsplit, vstack  # isort: skip
from symkeras.ops.statistics import average, cdist, corrcoef, correlate, diff, normalize, psnr, ptp, trapezoid  # isort: skip
from symkeras.ops.windows import bartlett, blackman, hamming, hanning, kaiser  # isort: skip
# isort: split
from symkeras.ops.adaptive_pooling import adaptive_average_pool, adaptive_max_pool
from symkeras.ops.blocks import depth_to_space, fold, space_to_depth, unfold
from symkeras.ops.convolution import conv_transpose
from symkeras.ops.crossentropy import binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy
from symkeras.ops.ctc import ctc_decode, ctc_loss
from symkeras.ops.custom_gradient import custom_gradient
from symkeras.ops.einops import rearrange
from symkeras.ops.factoring import cholesky, cholesky_inverse, eig, eigh, lu_factor, matrix_rank, qr, svd
from symkeras.ops.fourier import fft, fft2, ifft2, irfft, istft, rfft, stft
from symkeras.ops.mapping import associative_scan, map, switch, vectorized_map
from symkeras.ops.nn import rms_normalization
from symkeras.ops.normalizing import batch_normalization, layer_normalization
from symkeras.ops.solving import det, inv, logdet, lstsq, pinv, slogdet, solve, solve_triangular

hard_swish = hard_silu
amax, amin = max, min
bitwise_invert, bitwise_left_shift, bitwise_right_shift = bitwise_not, left_shift, right_shift
swish = silu


_ABOVE = {"jvp": "autodiff"}
"""Names of Keras' whose definition needs more than operations, so that it stands above them: name -> package."""


def __getattr__(name: str) -> _Any:
    if name in _ABOVE:
        return getattr(_import_module(f"symkeras.{_ABOVE[name]}"), name)
    raise _missing(__name__, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_ABOVE})
