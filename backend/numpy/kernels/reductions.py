"""Sums by matrix products and extremes by columns: the forms that NumPy runs fastest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symkeras.backend.numpy import team


def _grouped(x: Any, axes: tuple[int, ...]) -> str:
    """Whether `axes` are the leading or the trailing ones of a contiguous array, or neither."""
    if not x.flags.c_contiguous or x.size == 0:
        return ""
    if axes == tuple(range(len(axes))):
        return "leading" if len(axes) < x.ndim else "all"
    return "trailing" if axes == tuple(range(x.ndim - len(axes), x.ndim)) else ""


def sum_over(x: Any, out: Any, axes: tuple[int, ...]) -> Callable[[], object]:
    """The sum over `axes`: a product with ones where it is one over leading or trailing axes."""
    kind = _grouped(x, axes)
    if kind == "leading" and out.flags.c_contiguous and out.size > 1 and x.size > 64:
        return _columns(x.reshape(-1, out.size), out.reshape(1, -1))
    if kind == "trailing" and out.flags.c_contiguous and x.size > 64:
        rows = x.reshape(out.size, -1)
        ones, target = np.ones((rows.shape[1], 1), x.dtype), out.reshape(-1, 1)
        return team.shared(len(rows), 8.0 * x.size, lambda part: np.matmul(rows[part], ones, out=target[part]))
    if kind == "all":
        flat = x.reshape(-1)
        return lambda: np.add.reduce(flat, out=out)
    if x.size > 4096 and x.size <= FEW * out.size:
        return _slices(x, out, axes)
    return lambda: np.add.reduce(x, axis=axes, out=out)


FEW = 16
"""Terms of a sum that are added slice by slice, all sums at once: 2e6 elements in fours over two inner axes take 1.3 ms instead of 7.5."""


def _slices(x: Any, out: Any, axes: tuple[int, ...]) -> Callable[[], object]:
    """The first slice along `axes` plus the others, in order; each member of the team has a stretch of the first axis that is left."""
    front = np.moveaxis(x, axes, range(len(axes)))
    count = front.shape[: len(axes)]

    def job(part: slice) -> None:
        first, *rest = (front[k][part] for k in np.ndindex(*count))
        if not rest:
            np.copyto(out[part], first)
            return
        np.add(first, rest[0], out=out[part])
        for term in rest[1:]:
            np.add(out[part], term, out=out[part])

    return team.shared(len(out), 4.0 * x.size, job)


def _columns(rows: Any, out: Any) -> Callable[[], object]:
    """The sums of columns; each member of the team sums a stretch of rows, and the sums are added in order."""
    parts = team.stretches(len(rows), 8.0 * rows.size)
    ones = np.ones((1, len(rows)), rows.dtype)
    if len(parts) == 1:
        return lambda: np.matmul(ones, rows, out=out)
    sums = np.empty((len(parts), 1, rows.shape[1]), rows.dtype)
    jobs = [lambda k=k, p=p: np.matmul(ones[:, p], rows[p], out=sums[k]) for k, p in enumerate(parts)]

    def run() -> None:
        team.TEAM.run(jobs)
        np.add(sums[0], sums[1], out=out)
        for s in sums[2:]:
            np.add(out, s, out=out)

    return run


def _extreme(x: Any, out: Any, axes: tuple[int, ...], ufunc: Any) -> Callable[[], object]:
    if 0 in (x.shape[a] for a in axes):  # nobody reads it, or it would have been refused
        return lambda: None
    last = axes == (x.ndim - 1,) and x.flags.c_contiguous and out.flags.c_contiguous
    if last and 1 < x.shape[-1] <= 64 and out.size >= 64:
        rows = x.reshape(-1, x.shape[-1])
        columns, target = np.empty(rows.shape[::-1], x.dtype), out.reshape(-1)

        def by_columns() -> None:
            np.copyto(columns, rows.T)
            ufunc.reduce(columns, axis=0, out=target)

        return by_columns
    if x.ndim > 1 and axes and axes[0] > 0 and out.ndim and len(out) == len(x):
        return team.shared(len(x), 8.0 * x.size, lambda part: ufunc.reduce(x[part], axis=axes, out=out[part]))
    return lambda: ufunc.reduce(x, axis=axes, out=out)


def maximum_over(x: Any, out: Any, axes: tuple[int, ...]) -> Callable[[], object]:
    """The largest element over `axes`; NaN where one is NaN."""
    return _extreme(x, out, axes, np.maximum)


def minimum_over(x: Any, out: Any, axes: tuple[int, ...]) -> Callable[[], object]:
    """The smallest element over `axes`; NaN where one is NaN."""
    return _extreme(x, out, axes, np.minimum)


def cumsum(x: Any, out: Any, axis: int) -> Callable[[], object]:
    """Sums from the start of an axis up to each place."""
    return _running(x, out, axis, np.add)


def cumprod(x: Any, out: Any, axis: int) -> Callable[[], object]:
    """Products from the start of an axis up to each place."""
    return _running(x, out, axis, np.multiply)


def _running(x: Any, out: Any, axis: int, ufunc: Any) -> Callable[[], object]:
    """Place after place for all rows at once, where rows are many and near each other; `accumulate` goes along one row after the other."""
    n = x.shape[axis]
    if n == 0 or x.size < 128 * n or (axis == x.ndim - 1 and n > 64):
        return lambda: ufunc.accumulate(x, axis=axis, out=out, dtype=out.dtype)
    before = (slice(None),) * axis
    first, last = x[(*before, 0)], out[(*before, 0)]
    steps = [(out[(*before, t - 1)], x[(*before, t)], out[(*before, t)]) for t in range(1, n)]

    def run() -> None:
        np.copyto(last, first)
        for total, element, target in steps:
            ufunc(total, element, out=target)

    return run


def argmax(x: Any, out: Any, axis: int) -> Callable[[], object]:
    """The place of the first largest element along an axis."""
    return lambda: np.copyto(out, x.argmax(axis), casting="unsafe")


def argmin(x: Any, out: Any, axis: int) -> Callable[[], object]:
    """The place of the first smallest element along an axis."""
    return lambda: np.copyto(out, x.argmin(axis), casting="unsafe")
