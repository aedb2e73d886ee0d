"""Averages, distances, differences and correlations."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import config
from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import dims
from symkeras.ops import elementwise as ew
from symkeras.ops import reductions as red
from symkeras.ops.elementwise import promoted
from symkeras.ops.indexing import take
from symkeras.ops.leaves import cast, shape
from symkeras.ops.linalg import matmul, norm
from symkeras.ops.numpy import arange, pad
from symkeras.ops.op import dtype_of
from symkeras.ops.shaping import canonical_axes, canonical_axis, expand_dims, reshape, slice_axis, transpose
from symkeras.ops.sizes import whole


def average(x: Any, axis: Any = None, weights: Any = None) -> Any:
    """The mean over `axis`, weighted where there are weights.

    Args:
        x: any shape.
        axis: one axis, several, or None for all.
        weights: the shape of `x`, or a vector along the one axis.

    Raises:
        ShapeError: the weights are of another shape.

    >>> float(average(np.float32([1, 4]), weights=np.float32([2, 1])))
    2.0
    """
    if weights is None:
        return red.mean(x, axis)
    x, weights = promoted("float", x, weights)
    sizes, own = shape(x), shape(weights)
    if len(own) != len(sizes):
        axes = canonical_axes(axis, len(sizes))
        if axis is None or len(axes) != 1 or len(own) != 1:
            raise ShapeError(f"average: weights of shape {own} for shape {sizes} over axis {axis}: there is one for each element, or along one axis")
        weights = reshape(weights, tuple(own[0] if k == axes[0] else 1 for k in range(len(sizes))))
    if not all(map(dims.same, shape(weights), sizes)) and len(own) == len(sizes):
        raise ShapeError(f"average: weights of shape {own} do not fit shape {sizes}")
    total = red.sum(ew.multiply(weights, ew.add_(ew.multiply(x, 0), 1)) if shape(weights) != sizes else weights, axis)
    return ew.divide(red.sum(ew.multiply(x, weights), axis), total)


def ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest less the smallest element over `axis`.

    Args:
        x: numbers.
        axis: one or several; all when None.
        keepdims: whether the axes stay, with size 1.

    >>> int(ptp(np.array([3, 9, 4])))
    6
    """
    return ew.subtract(red.max(x, axis, keepdims), red.min(x, axis, keepdims))


def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """Each element along `axis` less the one before it, `n` times over; of booleans whether they differ.

    Args:
        a: numbers.
        n: how many times.
        axis: along which.

    Raises:
        ShapeError: a negative number of times, or a scalar.

    >>> diff(np.array([1, 4, 9])).tolist()
    [3, 5]
    """
    times = whole(n, "diff: n")
    if times < 0:
        raise ShapeError(f"diff: n is at least 0, received {n}")
    (a,) = promoted("numeric", a)
    axis = canonical_axis(axis, len(shape(a)))
    for _ in range(times):
        size = shape(a)[axis]
        first = dims.minimum(1, size)
        after, before = slice_axis(a, axis, first, size), slice_axis(a, axis, 0, size - first)
        a = ew.not_equal(after, before) if dtype_of(a) == "bool" else ew.subtract(after, before)
    return a


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The area below the points `y` along `axis`, joined by straight lines.

    Args:
        y: any shape.
        x: where they are: a vector, or the shape of `y`; None: `dx` apart.
        dx: the distance between them.
        axis: along which they lie.

    >>> float(trapezoid(np.float32([1, 2, 3])))
    4.0
    """
    (y,) = promoted("float", y)
    axis = canonical_axis(axis, len(shape(y)))
    gaps = dx
    if x is not None:
        (x,) = promoted("float", x)
        gaps = diff(x) if len(shape(x)) == 1 else diff(x, axis=axis)
        if len(shape(x)) == 1:
            gaps = reshape(gaps, tuple(shape(gaps)[0] if k == axis else 1 for k in range(len(shape(y)))))
    size = shape(y)[axis]
    first = dims.minimum(1, size)
    pairs = ew.add_(slice_axis(y, axis, first, size), slice_axis(y, axis, 0, size - first))
    return red.sum(ew.multiply(ew.multiply(pairs, 0.5), gaps), axis)


def corrcoef(x: Any) -> Any:
    """The correlation coefficients (Pearson) of variables.

    Args:
        x: (V, N), N observations of V variables, or (N).

    Returns:
        (V, V), or a scalar of one variable given as a vector.

    Raises:
        ShapeError: more than two axes.

    >>> corrcoef(np.float32([[1, 2, 3], [3, 2, 1]])).round(3).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    (x,) = promoted("float", x)
    if len(shape(x)) not in (1, 2):
        raise ShapeError(f"corrcoef takes a vector, or a matrix of a variable in each row, received shape {shape(x)}")
    rows = expand_dims(x, 0) if len(shape(x)) == 1 else x
    rows = ew.subtract(rows, red.mean(rows, 1, True))
    product = matmul(rows, transpose(rows))
    spread = ew.sqrt(red.sum(ew.square(rows), 1))
    out = ew.divide(ew.divide(product, expand_dims(spread, 1)), expand_dims(spread, 0))
    out = ew.minimum(ew.maximum(out, -1), 1)
    return reshape(out, ()) if len(shape(x)) == 1 else out


def correlate(x1: Any, x2: Any, mode: str = "valid") -> Any:
    """The sums of products of two vectors at all places of one against the other.

    Args:
        x1: (N).
        x2: (M).
        mode: "full" for all N + M - 1 places, "same" for the max(N, M) in the middle, "valid" for those where the shorter lies within.

    Raises:
        ShapeError: they are no vectors, or have no elements. ConfigError: an unknown mode.

    >>> correlate(np.float32([1, 2, 3]), np.float32([0, 1, 0.5])).tolist()
    [3.5]
    """
    if mode not in ("valid", "same", "full"):
        raise ConfigError(f"correlate: mode must be 'valid', 'same' or 'full', received {mode!r}")
    x1, x2 = promoted("float", x1, x2)
    if len(shape(x1)) != 1 or len(shape(x2)) != 1 or 0 in (*shape(x1), *shape(x2)):
        raise ShapeError(f"correlate takes two vectors with elements, received shapes {shape(x1)} and {shape(x2)}")
    n, m = shape(x1)[0], shape(x2)[0]
    windows = ew.add_(expand_dims(arange(n + m - 1, dtype="int32"), 1), arange(m, dtype="int32"))
    full = matmul(take(pad(x1, ((m - 1, m - 1),)), windows, 0), x2)
    if mode == "full":
        return full
    short, long = dims.minimum(n, m), dims.maximum(n, m)
    if mode == "valid":
        return slice_axis(full, 0, short - 1, long)
    is_swapped = isinstance(n, int) and isinstance(m, int) and n < m
    start = dims.floor_divide(short, 2) if is_swapped else dims.floor_divide(short - 1, 2)
    return slice_axis(full, 0, start, start + long)


def cdist(x: Any, y: Any) -> Any:
    """The distances of all points of `x` from all points of `y`.

    Args:
        x: (..., N, D).
        y: (..., M, D).

    Returns:
        (..., N, M). The gradient between equal points is 0.

    Raises:
        ShapeError: points of different dimension.

    >>> cdist(np.float32([[0, 0], [3, 4]]), np.float32([[0, 0]])).tolist()
    [[0.0], [5.0]]
    """
    x, y = promoted("float", x, y)
    if len(shape(x)) < 2 or len(shape(y)) < 2 or not dims.same(shape(x)[-1], shape(y)[-1]):
        raise ShapeError(f"cdist takes points of one dimension, (..., N, D) and (..., M, D), received shapes {shape(x)} and {shape(y)}")
    squares = red.sum(ew.square(ew.subtract(expand_dims(x, -2), expand_dims(y, -3))), -1)
    is_same = ew.equal(squares, 0)
    return ew.where(is_same, 0, ew.sqrt(ew.where(is_same, 1, squares)))


def psnr(x1: Any, x2: Any, max_val: Any) -> Any:
    """The peak signal-to-noise ratio of two images in decibels: 20 log10(max_val) - 10 log10(mean squared error).

    Args:
        x1, x2: one shape.
        max_val: the largest value there can be.

    Raises:
        ShapeError: the shapes differ.

    >>> float(psnr(np.zeros(2, "float32"), np.ones(2, "float32"), 10.0))
    20.0
    """
    x1, x2 = promoted("float", x1, x2)
    if len(shape(x1)) != len(shape(x2)) or not all(map(dims.same, shape(x1), shape(x2))):
        raise ShapeError(f"psnr takes images of one shape, received shapes {shape(x1)} and {shape(x2)}")
    error = red.mean(ew.square(ew.subtract(x1, x2)))
    return ew.subtract(ew.multiply(ew.log10(cast(max_val, dtype_of(x1))), 20), ew.multiply(ew.log10(error), 10))


def normalize(x: Any, axis: Any = -1, order: int = 2, epsilon: float | None = None) -> Any:
    """`x` over its norm along `axis`, which counts as `epsilon` where it is smaller.

    Args:
        x: any shape.
        axis: one axis, of order 2 also several.
        order: of the norm, an integer from 1 on.
        epsilon: `config.epsilon()` when None.

    Raises:
        ConfigError: another order.

    >>> normalize(np.float32([3, 4])).round(3).tolist()
    [0.6000000238418579, 0.800000011920929]
    """
    if isinstance(order, bool) or not isinstance(order, (int, np.integer)) or order < 1:
        raise ConfigError(f"normalize: order must be an integer from 1 on, received {order!r}")
    (x,) = promoted("float", x)
    x = x if shape(x) else expand_dims(x, 0)
    epsilon = config.epsilon() if epsilon is None else epsilon
    if order == 2:
        length = ew.reciprocal(ew.sqrt(red.sum(ew.square(x), axis, True)))
        return ew.multiply(x, ew.minimum(length, 1.0 / epsilon))
    return ew.divide(x, ew.maximum(norm(x, order, axis, True), epsilon))
