"""Rows by index: gather, and scatter-add without a loop over rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from symkeras.backend.numpy import team
from symkeras.backend.numpy.kernels.elementwise import shares
from symkeras.ops.indexing import check_range, positive

NARROW = 32
"""Rows up to this width are added number by number: 1e6 of them in rows of 8 take 4 ms, which are 18 by passes over rows."""
_MOST_PASSES = 24
"""Beyond so many equal indices, what is left after the first passes is summed in sorted runs instead of one pass per repetition."""
_FIRST = 4
"""Passes before runs are summed: most indices come once or twice, one (what fills up short sentences) hundreds of times, and short runs are dear."""


def gather(table: Any, indices: Any, out: Any) -> Callable[[], None]:
    """Rows of `table`; a negative index counts from the end, one out of range is an error."""
    rows = table.shape[0]
    flat = indices.reshape(-1) if indices.flags.c_contiguous else None
    if flat is None or not out.flags.c_contiguous:

        def plain() -> None:
            check_range(indices, rows)
            np.take(table, indices, axis=0, out=out, mode="wrap")

        return plain
    target = out.reshape(len(flat), *table.shape[1:])
    take = team.shared(len(flat), 4.0 * out.size, lambda p: np.take(table, flat[p], axis=0, out=target[p], mode="wrap"))

    def run() -> None:
        check_range(flat, rows)
        take()

    return run


def _passes(indices: Any) -> tuple[Any, Any]:
    """The order that sorts `indices`, and for each place in it how often the same index came before."""
    order = np.argsort(indices, kind="stable")
    ranked = indices[order]
    starts = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    lengths = np.diff(np.append(starts, len(ranked)))
    rank = np.arange(len(ranked)) - np.repeat(starts, lengths)
    return order, rank


_MANY = 1024
"""Numbers that may go to one place, from which on they are added in doubles: a float32 loses a digit for every ten times as many."""


def add_rows(out: Any, indices: Any, values: Any) -> None:
    """`out[indices] += values` with repeated indices adding up, in order of appearance."""
    if len(indices) == 0:
        return
    if len(indices) < 8 or values.ndim == 1:
        np.add.at(out, indices, values)
        return
    order, rank = _passes(indices)
    most = int(rank.max())
    if most == 0:
        out[indices] += values
    elif most <= _MOST_PASSES:
        for k in range(most + 1):
            chosen = order[rank == k]
            out[indices[chosen]] += values[chosen]
    else:
        for k in range(_FIRST):
            chosen = order[rank == k]
            out[indices[chosen]] += values[chosen]
        often = rank >= _FIRST
        order, starts = order[often], np.flatnonzero(rank[often] == _FIRST)
        wide = np.float64 if most >= _MANY and values.dtype.kind == "f" else values.dtype
        out[indices[order[starts]]] += np.add.reduceat(values[order], starts, axis=0, dtype=wide).astype(values.dtype, copy=False)


def scatter_add(indices: Any, values: Any, out: Any, rows: int) -> Callable[[], None]:
    """Zeros with `values` added at `indices`."""
    flat = indices.reshape(-1)
    flat_values = values.reshape(flat.shape[0], *out.shape[1:])
    columns = np.arange(values.size // max(1, flat.shape[0]))
    is_dense = values.size >= 64 and out.size <= 2 * values.size
    is_binned = out.dtype.kind == "f" and 0 < len(columns) <= NARROW and (is_dense or (len(columns) == 1 and values.size >= _MANY))

    def run() -> None:
        check_range(flat, rows)
        if is_binned:
            _bin((_from_start(flat, rows) * len(columns))[:, None] + columns, flat_values, out)
            return
        out.fill(0)
        add_rows(out, _from_start(flat, rows), flat_values)

    return run


def _bin(places: Any, values: Any, out: Any) -> None:
    """`out`, the sums of the values that go to each place; in doubles, in order of appearance."""
    sums = np.bincount(places.reshape(-1), weights=values.reshape(-1), minlength=out.size)
    np.copyto(out, sums.reshape(out.shape), casting="same_kind")


def _from_start(indices: Any, size: int) -> Any:
    """Indices counted from the start, in int64; where none counts from the end nothing is chosen."""
    return positive(indices, size) if indices.size and indices.min() < 0 else indices.astype(np.int64)


def _apart(shape: tuple[int, ...], axis: int) -> tuple[Any, int]:
    """Where in an array of `shape` a line along `axis` begins, for every line, with a 1 in place of the axis; and the distance along it."""
    strides = [int(np.prod(shape[k + 1 :], dtype=np.int64)) for k in range(len(shape))]
    lines = [np.arange(1 if k == axis else n) * s for k, (n, s) in enumerate(zip(shape, strides, strict=True))]
    begins = np.zeros((1,) * len(shape), np.int64)
    for k, line in enumerate(lines):
        begins = begins + line.reshape([-1 if j == k else 1 for j in range(len(shape))])
    return begins, strides[axis]


def take_along_axis(x: Any, indices: Any, out: Any, axis: int) -> Callable[[], None]:
    """For every line along an axis the elements that its own indices name."""
    size = x.shape[axis]
    begins, distance = _apart(x.shape, axis)

    def run() -> None:
        check_range(indices, size)
        places = _from_start(indices, size) * distance
        places += begins
        np.take(x.reshape(-1), places, out=out, mode="clip")

    return run


def add_along_axis(indices: Any, values: Any, out: Any, axis: int, size: int) -> Callable[[], None]:
    """Zeros, with the values of every line along an axis added where its own indices point."""
    begins, distance = _apart(out.shape, axis)

    def run() -> None:
        check_range(indices, size)
        places = _from_start(indices, size) * distance
        places += begins
        if out.dtype.kind == "f":
            _bin(places, values, out)
            return
        out.fill(0)
        np.add.at(out.reshape(-1), places.reshape(-1), values.reshape(-1))

    return run


def combine_rows(indices: Any, values: Any, out: Any, rows: int) -> Callable[[], None]:
    """For every index the sum of the value rows that share it, of a table of `rows` rows."""
    flat = indices.reshape(-1)
    each = (flat.shape[0], math.prod(values.shape[indices.ndim :]))
    flat_values, target = values.reshape(each), out.reshape(each)

    def run() -> None:
        if len(flat) == 0:
            return
        order, rank = _passes(positive(flat, rows))
        is_first = rank == 0
        place = np.empty_like(order)
        place[order] = np.cumsum(is_first) - 1
        total = flat_values[order[is_first]]
        again = order[~is_first]
        add_rows(total, place[again], flat_values[again])
        spread(target, total, place)

    return run


def spread(target: Any, total: Any, place: Any) -> None:
    """Rows of `total` at their places, by the team."""
    team.shared(len(place), 4.0 * target.size, lambda p: np.take(total, place[p], axis=0, out=target[p], mode="clip"))()


def set_rows(table: Any, indices: Any, rows: Any, guard: Any = None, *, out: Any) -> Callable[[], None]:
    """`table` with rows replaced; nothing but the rows is written where `out` is the table itself, unless `guard` is NaN."""
    in_place = shares(table, out)

    def run() -> None:
        check_range(indices, table.shape[0])
        if guard is not None and guard != guard:
            out.fill(np.nan)
        elif not in_place:
            np.copyto(out, table)
        out[indices] = rows

    return run
