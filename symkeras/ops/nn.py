"""Composites of neural networks: activations, softmax, normalisation. Each is one node until a backend wants it expanded.

Decompositions are stable by construction: no intermediate overflows where the result does not.
"""

from __future__ import annotations

import math
from typing import Any

from symkeras import config
from symkeras.graph import dims, dtypes
from symkeras.ops import elementwise as ew
from symkeras.ops import reductions as red
from symkeras.ops.leaves import cast, shape, stop_gradient
from symkeras.ops.namespaces import public
from symkeras.ops.op import OPS, Sample, apply, composite, dtype_of
from symkeras.ops.shaping import canonical_axes, reshape

__getattr__, __dir__ = public(__name__)


def _floating(x: Any) -> Any:
    dtype = dtypes.result_type(dtype_of(x))
    return cast(x, dtypes.inexact(dtype))


def _unary(k: float = 2.0, grad: bool = True) -> tuple[Sample, ...]:
    return tuple(Sample((f"{d}[{s}]",), low=-k, high=k, grad=grad) for d in ("f32", "f64") for s in ("2, 3", "", "0, 3"))


def _negative() -> tuple[Sample, ...]:
    return tuple(Sample((f"{d}[{s}]",), low=-3.0, high=-0.2) for d in ("f32", "f64") for s in ("2, 3", "", "0, 3"))


@composite(vjp=lambda dy, out, x: (ew.where(ew.greater(out, 0), dy, 0),), samples=_unary())
def relu(x: Any) -> Any:
    """max(x, 0); the gradient at 0 is 0.

    >>> import numpy as np
    >>> relu(np.array([-1.0, 2.0])).round(4).tolist()
    [0.0, 2.0]
    """
    return ew.maximum(x, 0)


@composite(vjp=lambda dy, out, x: (ew.where(ew.logical_and(ew.greater(x, 0), ew.less(x, 6)), dy, 0),), samples=_unary(8.0))
def relu6(x: Any) -> Any:
    """min(max(x, 0), 6).

    >>> import numpy as np
    >>> relu6(np.array([-1.0, 3.0, 9.0])).round(4).tolist()
    [0.0, 3.0, 6.0]
    """
    return ew.minimum(ew.maximum(x, 0), 6)


@composite(vjp=lambda dy, out, x: (dy * (out * (1 - out)),), samples=_unary())
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)); exp may overflow to infinity, whose reciprocal is the right 0.

    >>> import numpy as np
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0])).round(4).tolist()
    [0.0, 0.5, 1.0]
    """
    x = _floating(x)
    return ew.reciprocal(ew.add_(ew.exp(ew.negative(x)), 1))


@composite(vjp=lambda dy, out, x: (dy * sigmoid(x),), samples=_unary())
def softplus(x: Any) -> Any:
    """log(1 + exp(x)) without overflow: max(x, 0) + log1p(exp(-|x|)).

    >>> import numpy as np
    >>> softplus(np.array([0.0, 1000.0])).round(4).tolist()
    [0.6931, 1000.0]
    """
    x = _floating(x)
    return ew.add_(ew.maximum(x, 0), ew.log1p(ew.exp(ew.negative(ew.absolute(x)))))


@composite(vjp=lambda dy, out, x: (dy * sigmoid(ew.negative(x)),), samples=_unary())
def log_sigmoid(x: Any) -> Any:
    """log(sigmoid(x)) = -softplus(-x).

    >>> import numpy as np
    >>> log_sigmoid(np.array([-1000.0, 0.0])).round(4).tolist()
    [-1000.0, -0.6931]
    """
    return ew.negative(softplus(ew.negative(_floating(x))))


@composite(vjp=lambda dy, out, x: (ew.negative(ew.divide(dy, ew.expm1(ew.negative(x)))),), samples=_negative())
def log1mexp(x: Any) -> Any:
    """log(1 - exp(x)) for x below 0, by the one of two forms that keeps its digits (Maechler 2012)."""
    x = _floating(x)
    return ew.where(ew.less(x, -math.log(2)), ew.log1p(ew.negative(ew.exp(x))), ew.log(ew.negative(ew.expm1(x))))


@composite(samples=_unary())
def silu(x: Any) -> Any:
    """x * sigmoid(x) (Elfwing et al. 2017).

    >>> import numpy as np
    >>> silu(np.array([0.0, 1.0])).round(4).tolist()
    [0.0, 0.7311]
    """
    return ew.multiply(x, sigmoid(x))


@composite(samples=_unary())
def gelu(x: Any, *, approximate: bool = True) -> Any:
    """x times the normal distribution function (Hendrycks and Gimpel 2016); by tanh where `approximate`.

    >>> import numpy as np
    >>> gelu(np.array([0.0, 1.0])).round(4).tolist()
    [0.0, 0.8412]
    """
    x = _floating(x)
    if approximate:
        inner = ew.multiply(ew.add_(x, ew.multiply(ew.multiply(ew.square(x), x), 0.044715)), math.sqrt(2 / math.pi))
        return ew.multiply(ew.multiply(x, 0.5), ew.add_(ew.tanh(inner), 1))
    return ew.multiply(ew.multiply(x, 0.5), ew.add_(ew.erf(ew.multiply(x, math.sqrt(0.5))), 1))


@composite(
    vjp=lambda dy, out, x, alpha=1.0: (ew.where(ew.greater(x, 0), dy, dy * (out + alpha)),),
    samples=_unary(),
)
def elu(x: Any, *, alpha: float = 1.0) -> Any:
    """x where positive, alpha * (exp(x) - 1) elsewhere (Clevert et al. 2015).

    >>> import numpy as np
    >>> elu(np.array([-1.0, 2.0])).round(4).tolist()
    [-0.6321, 2.0]
    """
    x = _floating(x)
    return ew.where(ew.greater(x, 0), x, ew.multiply(ew.expm1(ew.minimum(x, 0)), alpha))


@composite(
    vjp=lambda dy, out, x, negative_slope=0.2: (ew.where(ew.greater(x, 0), dy, dy * negative_slope),),
    samples=_unary(),
)
def leaky_relu(x: Any, *, negative_slope: float = 0.2) -> Any:
    """x where positive, negative_slope * x elsewhere.

    >>> import numpy as np
    >>> leaky_relu(np.array([-2.0, 3.0]), negative_slope=0.25).round(4).tolist()
    [-0.5, 3.0]
    """
    x = _floating(x)
    return ew.where(ew.greater(x, 0), x, ew.multiply(x, negative_slope))


def _softmax_samples() -> tuple[Sample, ...]:
    return tuple(
        Sample((f"{k}[{s}]",), {"axis": a}) for k in ("f32", "f64") for s, a in (("2, 3", -1), ("4, 2", 0), ("0, 3", -1), ("2, 3, 2", 1))
    )


def _softmax_vjp(dy: Any, out: Any, x: Any, *, axis: int = -1) -> Any:
    return (ew.multiply(out, ew.subtract(dy, red.sum(ew.multiply(dy, out), axis, True))),)


def _goes_over_nothing(x: Any, axis: Any) -> bool:
    """Whether an axis is known to be empty."""
    sizes = shape(x)
    return any(isinstance(sizes[a], int) and sizes[a] == 0 for a in canonical_axes(axis, len(sizes)))


@composite(vjp=_softmax_vjp, samples=_softmax_samples())
def softmax(x: Any, *, axis: int = -1) -> Any:
    """exp(x) over its sum along `axis`; the maximum is subtracted first.

    >>> import numpy as np
    >>> softmax(np.array([0.0, 0.0, 1000.0])).round(4).tolist()
    [0.0, 0.0, 1.0]
    """
    x = _floating(x)
    if _goes_over_nothing(x, axis):
        return x
    e = ew.exp(ew.subtract(x, stop_gradient(red.max(x, axis, True))))
    return ew.divide(e, red.sum(e, axis, True))


def _log_softmax_vjp(dy: Any, out: Any, x: Any, *, axis: int = -1) -> Any:
    return (ew.subtract(dy, ew.multiply(ew.exp(out), red.sum(dy, axis, True))),)


@composite(vjp=_log_softmax_vjp, samples=_softmax_samples())
def log_softmax(x: Any, *, axis: int = -1) -> Any:
    """log(softmax(x)) without a logarithm of zero.

    Args:
        axis: of the classes.

    >>> import numpy as np
    >>> log_softmax(np.array([0.0, 0.0])).round(4).tolist()
    [-0.6931, -0.6931]
    """
    x = _floating(x)
    if _goes_over_nothing(x, axis):
        return x
    shifted = ew.subtract(x, stop_gradient(red.max(x, axis, True)))
    return ew.subtract(shifted, ew.log(red.sum(ew.exp(shifted), axis, True)))


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) without overflow; -inf where all are -inf or there are none, inf where one is inf.

    Args:
        x: numbers.
        axis: one or several; all when None.
        keepdims: whether the axes stay, with size 1.

    >>> import numpy as np
    >>> logsumexp(np.array([1000.0, 1000.0])).round(4).tolist()
    1000.6931
    """
    x = _floating(x)
    safe = safe_shift(x, axis)
    out = ew.add_(ew.log(red.sum(ew.exp(ew.subtract(x, safe)), axis, True)), safe)
    return out if keepdims else _drop(out, x, axis)


def safe_shift(x: Any, axis: Any = None) -> Any:
    """The largest element over `axis`, whose axes stay with size 1, or 0 where there is no finite one: x less that has exponentials up to 1."""
    x = stop_gradient(x)
    axes = canonical_axes(axis, len(shape(x)))
    padding = tuple((0, int(k in axes and dims.least(d) == 0), 0) for k, d in enumerate(shape(x)))
    if any(map(any, padding)):  # there may be no element, and of nothing there is no largest
        x = apply(OPS["pad"], [x], {"padding": padding, "value": -math.inf})
    top = red.max(x, axes, True)
    return ew.where(ew.isfinite(top), top, 0)


def _drop(out: Any, x: Any, axis: Any) -> Any:
    axes = canonical_axes(axis, len(shape(x)))
    return reshape(out, tuple(d for k, d in enumerate(shape(out)) if k not in axes))


def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> tuple[Any, Any]:
    """Mean and population variance over `axes`; those of float16 are computed in float32 and kept within its range.

    Args:
        axes: over which.
        keepdims: whether the axes stay, with size 1.
        synchronized: accepted for Keras' signature; statistics are those of the whole batch anyway.

    >>> import numpy as np
    >>> [m.tolist() for m in moments(np.array([1.0, 3.0]), axes=0)]
    [2.0, 1.0]
    """
    if dtypes.result_type(dtype_of(x)) != "float16":
        return red.mean(x, axes, keepdims), red.var(x, axes, keepdims)
    wide, most = cast(x, "float32"), 65504.0
    mean, variance = (cast(clip(v, -most, most), "float16") for v in (red.mean(wide, axes, keepdims), red.var(wide, axes, keepdims)))
    return mean, variance


def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None) -> Any:
    """x / sqrt(mean(x**2) + epsilon) * scale (Zhang and Sennrich 2019).

    Args:
        scale: what broadcasts against `x`; none when None.
        axis: over which the mean goes, one or several.
        epsilon: added to the mean square; `config.epsilon()` when None.

    >>> import numpy as np
    >>> rms_normalization(np.array([3.0, 4.0, 0.0, 0.0]), epsilon=0.0).round(6).tolist()
    [1.2, 1.6, 0.0, 0.0]
    """
    x = _floating(x)
    wide = cast(x, "float32") if dtype_of(x) in dtypes.NARROW else x
    root = rsqrt(ew.add_(red.mean(ew.square(wide), axis, True), config.epsilon() if epsilon is None else epsilon))
    out = ew.multiply(wide, root)
    return cast(out if scale is None else ew.multiply(out, scale), dtype_of(x))


def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """`x` kept between `x_min` and `x_max`; NaN stays NaN.

    >>> import numpy as np
    >>> clip(np.array([-2.0, 0.5, 3.0]), 0.0, 1.0).round(4).tolist()
    [0.0, 0.5, 1.0]
    """
    return ew.minimum(ew.maximum(x, x_min), x_max)


def rsqrt(x: Any) -> Any:
    """1 / sqrt(x).

    >>> import numpy as np
    >>> rsqrt(np.array([4.0, 16.0])).round(4).tolist()
    [0.5, 0.25]
    """
    return ew.reciprocal(ew.sqrt(x))


