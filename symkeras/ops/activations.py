"""Composites of the less common activations, each one node until a backend wants it expanded.

Gradients are written out where the decomposition's would lose digits or overflow.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.errors import ShapeError
from symkeras.graph import dtypes
from symkeras.ops import elementwise as ew
from symkeras.ops import reductions as red
from symkeras.ops.leaves import cast, shape
from symkeras.ops.nn import clip, elu, relu6, sigmoid, softplus
from symkeras.ops.numpy import arange, split
from symkeras.ops.op import Sample, composite, dtype_of
from symkeras.ops.shaping import canonical_axis, flip, reshape
from symkeras.ops.sorting import sort

_SELU_SCALE = 1.0507009873554805
_SELU_ALPHA = 1.6732632423543772


def _floating(x: Any) -> Any:
    return cast(x, dtypes.inexact(dtypes.result_type(dtype_of(x))))


def _samples(**attrs: Any) -> tuple[Sample, ...]:
    return tuple(Sample((f"{d}[{s}]",), attrs, low=-4.0, high=4.0) for d in ("f32", "f64") for s in ("2, 3", "", "0, 3"))


def _celu_vjp(dy: Any, out: Any, x: Any, *, alpha: float) -> Any:
    return (ew.where(ew.greater(x, 0), dy, dy * ew.exp(ew.divide(ew.minimum(x, 0), alpha))),)


@composite(vjp=_celu_vjp, samples=_samples(alpha=0.7))
def celu(x: Any, *, alpha: float = 1.0) -> Any:
    """max(x, 0) + alpha * (exp(min(x, 0) / alpha) - 1) (Barron 2017).

    >>> celu(np.array([-1.0, 2.0]), alpha=2.0).round(4).tolist()
    [-0.7869, 2.0]
    """
    x = _floating(x)
    return ew.add_(ew.maximum(x, 0), ew.multiply(ew.expm1(ew.divide(ew.minimum(x, 0), alpha)), alpha))


@composite(samples=_samples())
def selu(x: Any) -> Any:
    """elu with the scale and slope that keep mean 0 and variance 1 (Klambauer et al. 2017).

    >>> selu(np.array([-1.0, 1.0])).round(4).tolist()
    [-1.1113, 1.0507]
    """
    return ew.multiply(elu(x, alpha=_SELU_ALPHA), _SELU_SCALE)


@composite(samples=tuple(Sample((f"{d}[{s}]",), {"axis": a}) for d in ("f32", "f64") for s, a in (("2, 4", -1), ("4, 3", 0))))
def glu(x: Any, *, axis: int = -1) -> Any:
    """The first half along `axis` times the sigmoid of the second (Dauphin et al. 2016).

    Raises:
        ShapeError: an axis of odd size.

    >>> glu(np.array([2.0, 4.0, 0.0, 0.0])).round(4).tolist()
    [1.0, 2.0]
    """
    size = shape(x)[canonical_axis(axis, len(shape(x)))]
    if isinstance(size, int) and size % 2:
        raise ShapeError(f"glu halves axis {axis}, whose size {size} is odd")
    value, gate = split(x, 2, axis=axis)
    return ew.multiply(value, sigmoid(gate))


@composite(samples=_samples())
def hard_sigmoid(x: Any) -> Any:
    """relu6(x + 3) / 6.

    >>> hard_sigmoid(np.array([-3.0, 0.0, 1.0])).round(4).tolist()
    [0.0, 0.5, 0.6667]
    """
    return ew.divide(relu6(ew.add_(_floating(x), 3.0)), 6.0)


@composite(samples=_samples())
def hard_silu(x: Any) -> Any:
    """x * hard_sigmoid(x) (Howard et al. 2019).

    >>> hard_silu(np.array([0.0, 1.0, 4.0])).round(4).tolist()
    [0.0, 0.6667, 4.0]
    """
    return ew.multiply(x, hard_sigmoid(x))


@composite(samples=_samples())
def hard_tanh(x: Any) -> Any:
    """x kept between -1 and 1.

    >>> hard_tanh(np.array([-3.0, 0.5, 2.0])).round(4).tolist()
    [-1.0, 0.5, 1.0]
    """
    return clip(x, -1, 1)


@composite(samples=_samples(threshold=0.5))
def hard_shrink(x: Any, *, threshold: float = 0.5) -> Any:
    """x where |x| > threshold, 0 elsewhere.

    >>> hard_shrink(np.array([-1.0, 0.25, 1.0])).round(4).tolist()
    [-1.0, 0.0, 1.0]
    """
    return ew.where(ew.greater(ew.absolute(x), threshold), x, 0)


@composite(samples=_samples(threshold=0.5))
def soft_shrink(x: Any, *, threshold: float = 0.5) -> Any:
    """x moved towards 0 by threshold, 0 where |x| is smaller.

    >>> soft_shrink(np.array([-1.0, 0.25, 1.0])).round(4).tolist()
    [-0.5, 0.0, 0.5]
    """
    above, below = ew.greater(x, threshold), ew.less(x, -threshold)
    return ew.where(above, ew.subtract(x, threshold), ew.where(below, ew.add_(x, threshold), 0))


def _softsign_vjp(dy: Any, out: Any, x: Any) -> Any:
    return (ew.divide(dy, ew.square(ew.add_(ew.absolute(x), 1))),)


@composite(vjp=_softsign_vjp, samples=_samples())
def softsign(x: Any) -> Any:
    """x / (1 + |x|).

    >>> softsign(np.array([-1.0, 3.0])).round(4).tolist()
    [-0.5, 0.75]
    """
    x = _floating(x)
    return ew.divide(x, ew.add_(ew.absolute(x), 1))


@composite(samples=_samples())
def sparse_plus(x: Any) -> Any:
    """0 up to -1, x from 1, (x + 1)^2 / 4 between (Peters and Martins 2019).

    >>> sparse_plus(np.array([-2.0, 0.0, 2.0])).round(4).tolist()
    [0.0, 0.25, 2.0]
    """
    x = _floating(x)
    between = ew.multiply(ew.square(ew.add_(x, 1)), 0.25)
    return ew.where(ew.less_equal(x, -1), 0, ew.where(ew.less(x, 1), between, x))


@composite(samples=_samples())
def sparse_sigmoid(x: Any) -> Any:
    """0 up to -1, 1 from 1, (x + 1) / 2 between (Martins and Astudillo 2016).

    >>> sparse_sigmoid(np.array([-1.0, 0.0, 0.5])).round(4).tolist()
    [0.0, 0.5, 0.75]
    """
    x = _floating(x)
    between = ew.multiply(ew.add_(x, 1), 0.5)
    return ew.where(ew.less_equal(x, -1), 0, ew.where(ew.greater_equal(x, 1), 1, between))


def _squareplus_vjp(dy: Any, out: Any, x: Any, *, b: float) -> Any:
    return (dy * ew.divide(out, ew.sqrt(ew.add_(ew.square(x), b))),)


@composite(vjp=_squareplus_vjp, samples=_samples(b=4))
def squareplus(x: Any, *, b: float = 4) -> Any:
    """(x + sqrt(x^2 + b)) / 2 (Barron 2021).

    >>> squareplus(np.array([0.0, 1.5])).round(4).tolist()
    [1.0, 2.0]
    """
    x = _floating(x)
    return ew.divide(ew.add_(x, ew.sqrt(ew.add_(ew.square(x), b))), 2)


@composite(samples=_samples())
def tanh_shrink(x: Any) -> Any:
    """x - tanh(x).

    >>> tanh_shrink(np.array([0.0, 1.0])).round(4).tolist()
    [0.0, 0.2384]
    """
    return ew.subtract(x, ew.tanh(x))


@composite(samples=_samples(threshold=0.5, default_value=-1.0))
def threshold(x: Any, *, threshold: float, default_value: float) -> Any:
    """x where it is above threshold, default_value elsewhere.

    >>> threshold(np.array([0.5, 2.0]), threshold=1.0, default_value=0.0).round(4).tolist()
    [0.0, 2.0]
    """
    return ew.where(ew.greater(x, threshold), x, default_value)


@composite(samples=_samples())
def mish(x: Any) -> Any:
    """x * tanh(softplus(x)) (Misra 2019).

    >>> mish(np.array([0.0, 1.0])).round(4).tolist()
    [0.0, 0.8651]
    """
    return ew.multiply(x, ew.tanh(softplus(x)))


def _sparsemax_vjp(dy: Any, out: Any, x: Any, *, axis: int) -> Any:
    support = cast(ew.greater(out, 0), dtype_of(x))
    kept = ew.multiply(dy, support)
    mean = ew.divide(red.sum(kept, axis, True), red.sum(support, axis, True))
    return (ew.multiply(support, ew.subtract(dy, mean)),)


@composite(vjp=_sparsemax_vjp, samples=tuple(Sample((f"{d}[{s}]",), {"axis": a}) for d in ("f32", "f64") for s, a in (("2, 4", -1), ("4, 3", 0))))
def sparsemax(x: Any, *, axis: int = -1) -> Any:
    """The nearest point of the probability simplex along `axis`: like softmax, with zeros (Martins and Astudillo 2016).

    >>> sparsemax(np.array([0.0, 0.5, 1.0])).round(4).tolist()
    [0.0, 0.25, 0.75]
    """
    x = _floating(x)
    axis = canonical_axis(axis, len(shape(x)))
    falling = flip(sort(x, axis), axis)
    totals = red.cumsum(falling, axis)
    wide = tuple(-1 if k == axis else 1 for k in range(len(shape(x))))
    ranks = reshape(cast(ew.add_(arange(shape(x)[axis]), np.int32(1)), dtype_of(x)), wide)
    support = ew.greater(ew.multiply(falling, ranks), ew.subtract(totals, 1))
    count = red.sum(cast(support, dtype_of(x)), axis, True)
    level = ew.divide(ew.subtract(red.sum(ew.where(support, falling, 0), axis, True), 1), count)
    return ew.maximum(ew.subtract(x, level), 0)
