"""The largest few of a row, without sorting it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symkeras.backend.numpy import team
from symkeras.graph.dtypes import least_value

TILE_BYTES = 1 << 20
"""The rows that are copied and searched at a time."""
MOST = 64
"""Rounds of searching; beyond, or where a row has fewer than eight times as many elements, sorting is faster."""


def top_k(x: Any, out: Any, k: int) -> Callable[[], object]:
    """The `k` largest along the last axis, falling, and their places: the first of equals first, NaN before all."""
    values, places = out
    n, count = x.shape[-1], int(np.prod(x.shape[:-1]))
    rows, best, where = x.reshape(count, n), values.reshape(count, k), places.reshape(count, k)
    if not 0 < 8 * k <= n or k > MOST or x.dtype.kind not in "fiu":
        return lambda: _by_sorting(rows, best, where)
    step = max(1, TILE_BYTES // (n * x.itemsize))

    def search(part: slice) -> None:
        for start in range(part.start, part.stop, step):
            tile = slice(start, min(start + step, part.stop))
            if not _by_rounds(rows[tile], best[tile], where[tile]):
                _by_sorting(rows[tile], best[tile], where[tile])

    return team.shared(len(rows), 4.0 * k * x.size, search)


def _by_rounds(rows: Any, best: Any, where: Any) -> bool:
    """Take the largest out of a copy, again and again; False where what is left is the lowest value, which stands for what was taken."""
    lowest = least_value(rows.dtype)
    left, each = np.array(rows), np.arange(len(rows))
    for j in range(best.shape[1]):
        place = left.argmax(axis=1)
        where[:, j] = place
        best[:, j] = left[each, place]
        left[each, place] = lowest
    return not np.any(best == lowest)


def _by_sorting(rows: Any, best: Any, where: Any) -> None:
    n, k = rows.shape[1], best.shape[1]
    order = np.flip(n - 1 - np.argsort(np.flip(rows, -1), axis=-1, kind="stable"), -1)[:, :k]
    np.copyto(best, np.take_along_axis(rows, order, -1))
    np.copyto(where, order, casting="same_kind")
