"""Sums by matrix products and extremes by columns: the forms that NumPy runs fastest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def _grouped(x: Any, axes: tuple[int, ...]) -> str:
    """Whether `axes` are the leading or the trailing ones of a contiguous array, or neither."""
    if not x.flags.c_contiguous or x.size == 0:
        return ""
    if axes == tuple(range(len(axes))):
        return "leading" if len(axes) < x.ndim else "all"
    return "trailing" if axes == tuple(range(x.ndim - len(axes), x.ndim)) else ""


def sum_over(x: Any, out: Any, axes: tuple[int, ...]) -> Callable[[], None]:
    """The sum over `axes`: a product with ones where it is one over leading or trailing axes."""
    kind = _grouped(x, axes)
    if kind == "leading" and out.flags.c_contiguous and out.size > 1 and x.size > 64:
        rows = x.reshape(-1, out.size)
        ones, target = np.ones((1, rows.shape[0]), x.dtype), out.reshape(1, -1)
        return lambda: np.matmul(ones, rows, out=target)  # type: ignore[return-value]
    if kind == "trailing" and out.flags.c_contiguous and x.size > 64:
        rows = x.reshape(out.size, -1)
        ones, target = np.ones((rows.shape[1], 1), x.dtype), out.reshape(-1, 1)
        return lambda: np.matmul(rows, ones, out=target)  # type: ignore[return-value]
    if kind == "all":
        flat = x.reshape(-1)
        return lambda: np.add.reduce(flat, out=out)
    return lambda: np.add.reduce(x, axis=axes, out=out)


def _extreme(x: Any, out: Any, axes: tuple[int, ...], ufunc: Any) -> Callable[[], None]:
    last = axes == (x.ndim - 1,) and x.flags.c_contiguous and out.flags.c_contiguous
    if last and 1 < x.shape[-1] <= 64 and out.size >= 64:
        rows = x.reshape(-1, x.shape[-1])
        columns, target = np.empty(rows.shape[::-1], x.dtype), out.reshape(-1)

        def by_columns() -> None:
            np.copyto(columns, rows.T)
            ufunc.reduce(columns, axis=0, out=target)

        return by_columns
    return lambda: ufunc.reduce(x, axis=axes, out=out)


def maximum_over(x: Any, out: Any, axes: tuple[int, ...]) -> Callable[[], None]:
    """The largest element over `axes`; NaN where one is NaN."""
    return _extreme(x, out, axes, np.maximum)


def minimum_over(x: Any, out: Any, axes: tuple[int, ...]) -> Callable[[], None]:
    """The smallest element over `axes`; NaN where one is NaN."""
    return _extreme(x, out, axes, np.minimum)


def argmax(x: Any, out: Any, axis: int) -> Callable[[], None]:
    """The place of the first largest element along an axis."""
    return lambda: np.copyto(out, x.argmax(axis), casting="unsafe")


def argmin(x: Any, out: Any, axis: int) -> Callable[[], None]:
    """The place of the first smallest element along an axis."""
    return lambda: np.copyto(out, x.argmin(axis), casting="unsafe")
