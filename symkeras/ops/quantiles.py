"""Medians, quantiles and percentiles: sorted elements, and what lies between two of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.errors import ConfigError, DataError, ShapeError
from symkeras.graph import dims
from symkeras.ops import elementwise as ew
from symkeras.ops import reductions as red
from symkeras.ops.elementwise import promoted
from symkeras.ops.indexing import take, take_along_axis
from symkeras.ops.leaves import cast, shape
from symkeras.ops.nn import clip
from symkeras.ops.numpy import full, moveaxis
from symkeras.ops.op import dtype_of, is_recorded, is_symbolic
from symkeras.ops.shaping import canonical_axes, reshape, transpose
from symkeras.ops.sorting import sort

METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def quantile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """What a share `q` of the elements over `axis` lies below; NaN where one is NaN.

    Args:
        x: any shape.
        q: numbers from 0 to 1, a scalar or a vector (Q).
        axis: one axis, several, or None for all.
        method: what is between two elements: "linear", "lower", "higher", "midpoint" or "nearest".
        keepdims: whether the axes stay, with size 1.

    Returns:
        The shape of `q`, then that of `x` without `axis`; floating.

    Raises:
        ConfigError: an unknown method. ShapeError: `q` has more than one axis. DataError: a number outside of [0, 1].

    >>> quantile(np.float32([4, 1, 3, 2]), [0.0, 0.5]).tolist()
    [1.0, 2.5]
    """
    return _quantile("quantile", x, q, axis, method, keepdims, has_nan=False)


def nanquantile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """`quantile` of what is not NaN; NaN where there is none.

    Args:
        x: numbers.
        q: a number or a vector of them, from 0 to 1.
        axis: one or several; all when None.
        method: what lies between two elements: "linear", "lower", "higher", "midpoint" or "nearest".
        keepdims: whether the axes stay, with size 1.

    >>> float(nanquantile(np.float32([1, np.nan, 2]), 0.5))
    1.5
    """
    return _quantile("nanquantile", x, q, axis, method, keepdims, has_nan=True)


def percentile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """`quantile` with `q` in percent, from 0 to 100.

    Args:
        x: numbers.
        q: a number or a vector of them, from 0 to 100.
        axis: one or several; all when None.
        method: what lies between two elements: "linear", "lower", "higher", "midpoint" or "nearest".
        keepdims: whether the axes stay, with size 1.

    >>> float(percentile(np.float32([1, 2, 3]), 50))
    2.0
    """
    return quantile(x, _share(q), axis, method, keepdims)


def nanpercentile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """`percentile` of what is not NaN; NaN where there is none.

    Args:
        x: numbers.
        q: a number or a vector of them, from 0 to 100.
        axis: one or several; all when None.
        method: what lies between two elements: "linear", "lower", "higher", "midpoint" or "nearest".
        keepdims: whether the axes stay, with size 1.

    >>> float(nanpercentile(np.float32([1, np.nan, 2]), 50))
    1.5
    """
    return nanquantile(x, _share(q), axis, method, keepdims)


def median(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The element in the middle over `axis`, or the mean of the two there; NaN where one is NaN.

    Args:
        x: numbers.
        axis: one or several; all when None.
        keepdims: whether the axes stay, with size 1.

    >>> float(median(np.float32([3, 1, 2])))
    2.0
    """
    return quantile(x, 0.5, axis, "linear", keepdims)


def nanmedian(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """`median` of what is not NaN; NaN where there is none.

    Args:
        x: numbers.
        axis: one or several; all when None.
        keepdims: whether the axes stay, with size 1.

    >>> float(nanmedian(np.float32([3, 1, np.nan])))
    2.0
    """
    return nanquantile(x, 0.5, axis, "linear", keepdims)


def _share(q: Any) -> Any:
    return ew.divide(q, 100) if is_symbolic(q) or is_recorded(q) else np.true_divide(q, 100)


def _quantile(what: str, x: Any, q: Any, axis: Any, method: str, keepdims: bool, has_nan: bool) -> Any:
    if method not in METHODS:
        raise ConfigError(f"{what}: method must be one of {', '.join(METHODS)}, received {method!r}")
    (x,) = promoted("float", x)
    if len(shape(q)) > 1:
        raise ShapeError(f"{what}: q is a number or a vector, received shape {shape(q)}")
    if not is_symbolic(q):
        shares = np.asarray(q, "float64")
        if not np.all((shares >= 0) & (shares <= 1)):
            raise DataError(f"{what}: a share lies between 0 and 1, a percentage between 0 and 100, received {shares.tolist()}")
        q = q if is_recorded(q) else shares
    sizes = shape(x)
    axes = canonical_axes(axis, len(sizes))
    lead = tuple(d for k, d in enumerate(sizes) if k not in axes)
    rows = transpose(x, (*(k for k in range(len(sizes)) if k not in axes), *axes))
    rows = reshape(rows, (*lead, dims.product(sizes[a] for a in axes)))
    out = _of_rows(rows, q, method, has_nan)
    if keepdims:
        out = reshape(out, (*shape(q), *(1 if k in axes else d for k, d in enumerate(sizes))))
    return out


def _of_rows(rows: Any, q: Any, method: str, has_nan: bool) -> Any:
    """Quantiles of the last axis; the axis of `q` is the first one."""
    dtype, last = dtype_of(rows), len(shape(rows)) - 1
    lead, size = shape(rows)[:-1], shape(rows)[-1]
    if isinstance(size, int) and size == 0:
        return full((*shape(q), *lead), float("nan"), dtype)
    in_order, is_nan = sort(rows), ew.isnan(rows)
    shares = reshape(q, (-1,))
    if not has_nan:
        low, high, weight = _places(shares, size, method, dtype)
        below, above = (take(in_order, k, last) for k in (low, high))
        lost = red.any(is_nan, -1, True)
    else:
        count = red.sum(ew.logical_not(is_nan), -1, True)
        low, high, weight = _places(shares, count, method, dtype)
        below, above = (take_along_axis(in_order, k, last) for k in (low, high))
        lost = ew.equal(count, 0)
    mixed = ew.add_(ew.multiply(below, ew.subtract(1, weight)), ew.multiply(above, weight))
    mixed = ew.where(ew.equal(weight, 0), below, ew.where(ew.equal(weight, 1), above, mixed))  # an infinity beside it has no part in it
    mixed = ew.where(lost, float("nan"), mixed)
    return moveaxis(mixed, -1, 0) if shape(q) else reshape(mixed, lead)


def _places(shares: Any, count: Any, method: str, dtype: str) -> tuple[Any, Any, Any]:
    """Between which of `count` elements in order the shares lie, and the weight of the upper one."""
    wide = "float64"  # in float32 the place of a percentage would come out beside a whole number
    shares, top = cast(shares, wide), ew.maximum(ew.subtract(cast(count, wide), 1), 0)
    at = ew.multiply(shares, top)
    low = ew.floor(at)
    weight = ew.subtract(at, low)
    if method == "nearest":
        low, weight = ew.rint(at), ew.multiply(weight, 0)
    elif method == "lower":
        weight = ew.multiply(weight, 0)
    elif method == "higher":
        weight = cast(ew.greater(weight, 0), wide)
    elif method == "midpoint":
        weight = ew.where(ew.greater(weight, 0), 0.5, weight)
    low = clip(low, 0, top)
    return cast(low, "int32"), cast(ew.minimum(ew.add_(low, 1), top), "int32"), cast(weight, dtype)
