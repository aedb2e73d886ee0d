"""Reductions and running sums in which NaN does not count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symkeras.graph import dtypes
from symkeras.ops import elementwise as ew
from symkeras.ops import reductions as red
from symkeras.ops.elementwise import promoted
from symkeras.ops.leaves import cast
from symkeras.ops.op import dtype_of


def _filled(x: Any, value: Any) -> Any:
    """`x` with `value` in place of NaN."""
    (x,) = promoted("numeric", x)
    return ew.where(ew.isnan(x), value, x) if dtypes.is_float(dtype_of(x)) else x


def nansum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Sum over `axis` of what is not NaN; 0 of nothing.

    Args:
        x: numbers.
        axis: one or several; all when None.
        keepdims: whether the axes stay, with size 1.

    >>> float(nansum(np.float32([1, np.nan, 2])))
    3.0
    """
    return red.sum(_filled(x, 0), axis, keepdims)


def nanprod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Product over `axis` of what is not NaN; 1 of nothing.

    Args:
        x: numbers.
        axis: one or several; all when None.
        keepdims: whether the axes stay, with size 1.

    >>> float(nanprod(np.float32([3, np.nan, 2])))
    6.0
    """
    return red.prod(_filled(x, 1), axis, keepdims)


def nancumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running sum along `axis` (of the flattened tensor when None), with NaN as 0.

    Args:
        x: numbers.
        axis: along which; of the flattened tensor when None.
        dtype: what the elements are cast to before.

    >>> nancumsum(np.float32([1, np.nan, 2])).tolist()
    [1.0, 1.0, 3.0]
    """
    return red.cumsum(_filled(x, 0), axis, dtype)


def nancumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running product along `axis` (of the flattened tensor when None), with NaN as 1.

    Args:
        x: numbers.
        axis: along which; of the flattened tensor when None.
        dtype: what the elements are cast to before.

    >>> nancumprod(np.float32([3, np.nan, 2])).tolist()
    [3.0, 3.0, 6.0]
    """
    return red.cumprod(_filled(x, 1), axis, dtype)


def _extreme(reduce: Callable[..., Any], worst: float, x: Any, axis: Any, keepdims: bool) -> Any:
    (x,) = promoted("numeric", x)
    if not dtypes.is_float(dtype_of(x)):
        return reduce(x, axis, keepdims)
    is_nan = ew.isnan(x)
    return ew.where(red.all(is_nan, axis, keepdims), float("nan"), reduce(ew.where(is_nan, worst, x), axis, keepdims))


def nanmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Largest element over `axis` that is not NaN; NaN where there is none.

    Args:
        x: numbers.
        axis: one or several; all when None.
        keepdims: whether the axes stay, with size 1.

    >>> float(nanmax(np.float32([1, np.nan, 2])))
    2.0
    """
    return _extreme(red.max, float("-inf"), x, axis, keepdims)


def nanmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Smallest element over `axis` that is not NaN; NaN where there is none.

    Args:
        x: numbers.
        axis: one or several; all when None.
        keepdims: whether the axes stay, with size 1.

    >>> float(nanmin(np.float32([1, np.nan, 2])))
    1.0
    """
    return _extreme(red.min, float("inf"), x, axis, keepdims)


def _place(find: Callable[..., Any], best: Callable[..., Any], x: Any, axis: int | None, keepdims: bool) -> Any:
    (x,) = promoted("numeric", x)
    if not dtypes.is_float(dtype_of(x)):
        return find(x, axis, keepdims)
    top = best(x, axis, True)  # an infinity comes before a NaN that stands in its place, hence not by place of the filled numbers
    found = red.argmax(cast(ew.equal(x, top), "int32"), axis, keepdims)
    return ew.where(red.all(ew.isnan(x), axis, keepdims), np.int32(-1), found)


def nanargmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Index along `axis` of the largest element that is not NaN, the first of equals; -1 where all are NaN.

    Args:
        x: numbers.
        axis: along which; of the flattened tensor when None.
        keepdims: whether the axis stays, with size 1.

    >>> int(nanargmax(np.float32([1, np.nan, 2])))
    2
    """
    return _place(red.argmax, nanmax, x, axis, keepdims)


def nanargmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Index along `axis` of the smallest element that is not NaN, the first of equals; -1 where all are NaN.

    Args:
        x: numbers.
        axis: along which; of the flattened tensor when None.
        keepdims: whether the axis stays, with size 1.

    >>> int(nanargmin(np.float32([np.nan, 1, 2])))
    1
    """
    return _place(red.argmin, nanmin, x, axis, keepdims)


def nanmean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Mean over `axis` of what is not NaN; NaN of nothing; integers give `floatx`.

    Args:
        x: numbers.
        axis: one or several; all when None.
        keepdims: whether the axes stay, with size 1.

    >>> float(nanmean(np.float32([1, np.nan, 2])))
    1.5
    """
    (x,) = promoted("float", x)
    if dtype_of(x) in dtypes.NARROW:
        return cast(nanmean(cast(x, "float32"), axis, keepdims), dtype_of(x))
    return ew.divide(nansum(x, axis, keepdims), cast(red.sum(ew.logical_not(ew.isnan(x)), axis, keepdims), dtype_of(x)))


def nanvar(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Population variance over `axis` of what is not NaN; NaN of nothing.

    Args:
        x: numbers.
        axis: one or several; all when None.
        keepdims: whether the axes stay, with size 1.

    >>> float(nanvar(np.float32([1, np.nan, 3])))
    1.0
    """
    (x,) = promoted("float", x)
    is_nan = ew.isnan(x)
    apart = ew.where(is_nan, 0, ew.subtract(x, nanmean(x, axis, True)))  # 0 and not NaN, of whose square there is no gradient
    return nanmean(ew.where(is_nan, float("nan"), ew.square(apart)), axis, keepdims)


def nanstd(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Population standard deviation over `axis` of what is not NaN; NaN of nothing.

    Args:
        x: numbers.
        axis: one or several; all when None.
        keepdims: whether the axes stay, with size 1.

    >>> float(nanstd(np.float32([1, np.nan, 3])))
    1.0
    """
    return ew.sqrt(nanvar(x, axis, keepdims))
