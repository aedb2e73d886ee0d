"""Reductions over segments: rows that share an id, whatever their order; and updates of a tensor at indices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import dims, dtypes
from symkeras.ops import elementwise as ew
from symkeras.ops.elementwise import promoted
from symkeras.ops.indexing import _columns, _flat_indices, _integers, take
from symkeras.ops.leaves import cast, shape
from symkeras.ops.nn import clip
from symkeras.ops.numpy import arange
from symkeras.ops.op import OPS, apply, as_array, dtype_of, is_symbolic
from symkeras.ops.reductions import cumsum
from symkeras.ops.shaping import broadcast_to, reshape, slice_axis
from symkeras.ops.sizes import as_size
from symkeras.ops.sorting import argsort


def segment_sum(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Any:
    """Sums of the rows of `data` that share an id; 0 where there is none.

    Args:
        data: (N, ...).
        segment_ids: integers (N); rows with an id outside of [0, num_segments) do not count.
        num_segments: S, how many there are; None: one more than the largest id, of arrays only.
        sorted: whether the ids rise; nothing depends on it.

    Returns:
        (S, ...).

    Raises:
        ShapeError: the ids are no vector with an id for each row. ConfigError: nobody says how many segments there are.

    >>> segment_sum(np.float32([1, 2, 3]), [0, 1, 0], 2).tolist()
    [4.0, 2.0]
    """
    data, ids, count = _checked("segment_sum", data, segment_ids, num_segments)
    return slice_axis(apply(OPS["scatter_add"], [ids, data], {"rows": count + 1}), 0, 0, count)


def segment_prod(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Any:
    """Products of the rows of `data` that share an id; 1 where there is none. See `segment_sum`.

    Args:
        segment_ids: the id of each row; rows with an id out of range do not count.
        num_segments: how many rows the result has; from the ids when None, which arrays alone have.
        sorted: accepted for Keras' signature; it is not needed.

    >>> segment_prod(np.float32([2, 5, 3]), [0, 1, 0], 2).tolist()
    [6.0, 5.0]
    """
    return _by_segment("segment_prod", ew.multiply, 1, data, segment_ids, num_segments)


def segment_max(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Any:
    """Largest of the rows of `data` that share an id, NaN where one is; the least number of the dtype where there is none. See `segment_sum`.

    Args:
        segment_ids: the id of each row; rows with an id out of range do not count.
        num_segments: how many rows the result has; from the ids when None, which arrays alone have.
        sorted: accepted for Keras' signature; it is not needed.

    >>> segment_max(np.float32([2, 5, 3]), [0, 1, 0], 2).tolist()
    [3.0, 5.0]
    """
    least = dtypes.least_value(np.dtype(dtypes.result_type(dtype_of(data))))
    return _by_segment("segment_max", ew.maximum, least, data, segment_ids, num_segments)


def segment_min(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Any:
    """Smallest of the rows of `data` that share an id, NaN where one is; the largest number of the dtype where there is none. See `segment_sum`.

    Args:
        segment_ids: the id of each row; rows with an id out of range do not count.
        num_segments: how many rows the result has; from the ids when None, which arrays alone have.
        sorted: accepted for Keras' signature; it is not needed.

    >>> segment_min(np.float32([2, 5, 3]), [0, 1, 0], 2).tolist()
    [2.0, 5.0]
    """
    dtype = np.dtype(dtypes.result_type(dtype_of(data)))
    most = np.inf if dtypes.is_float(dtype.name) else True if dtype.kind == "b" else np.iinfo(dtype).max
    return _by_segment("segment_min", ew.minimum, most, data, segment_ids, num_segments)


def _checked(what: str, data: Any, segment_ids: Any, num_segments: Any) -> tuple[Any, Any, Any]:
    """The data, the ids with `num_segments` in place of those out of range, and how many segments there are."""
    (data,), ids = promoted("numeric", data), _integers(segment_ids)
    if len(shape(ids)) != 1 or not shape(data) or not dims.same(shape(data)[0], shape(ids)[0]):
        raise ShapeError(f"{what} takes a vector with an id for each row, received data of shape {shape(data)} and ids of shape {shape(ids)}")
    if num_segments is None:
        if is_symbolic(ids):
            raise ConfigError(f"{what} of symbolic ids: num_segments must say how many segments there are")
        num_segments = int(max(as_array(ids), default=-1)) + 1
    count = as_size(num_segments)
    if isinstance(count, int) and count < 0:
        raise ShapeError(f"{what}: there are no {count} segments")
    ids = cast(ids, "int32") if dtypes.itemsize(dtype_of(ids)) < 4 else ids
    is_inside = ew.logical_and(ew.greater_equal(ids, 0), ew.less(ids, count))
    return data, ew.where(is_inside, ids, cast(count, dtype_of(ids))), count


def _by_segment(what: str, combine: Callable[..., Any], nothing: Any, data: Any, segment_ids: Any, num_segments: Any) -> Any:
    """`combine` over the rows of each segment: in order of their ids, each row takes in 1, 2, 4 ... rows before it (Hillis and Steele 1986)."""
    data, ids, count = _checked(what, data, segment_ids, num_segments)
    size = shape(data)[0]
    order = argsort(ids)
    data, ids, places = take(data, order, 0), take(ids, order, 0), arange(size, dtype="int32")
    for step in range(max(size - 1, 0).bit_length() if isinstance(size, int) else 31):
        before = ew.subtract(places, np.int32(1 << step))
        is_own, before = ew.greater_equal(before, 0), ew.maximum(before, 0)
        is_own = ew.logical_and(is_own, ew.equal(take(ids, before, 0), ids))
        data = ew.where(_like_rows(is_own, data), combine(data, take(data, before, 0)), data)
    ones = broadcast_to(np.int32(1), (size,))
    each = apply(OPS["scatter_add"], [ids, ones], {"rows": count + 1})
    each, last = slice_axis(each, 0, 0, count), slice_axis(ew.subtract(cumsum(each, 0), 1), 0, 0, count)
    empty = np.asarray(nothing, dtype_of(data))
    if isinstance(size, int) and size == 0:
        return broadcast_to(empty, (count, *shape(data)[1:]))
    return ew.where(_like_rows(ew.greater(each, 0), data), take(data, clip(last, 0, cast(size - 1, "int32")), 0), empty)


def _like_rows(mask: Any, data: Any) -> Any:
    """A mask of rows, with axes of size 1 for those of `data`."""
    return reshape(mask, (shape(mask)[0], *(1,) * (len(shape(data)) - 1)))


def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    """`inputs` with `updates` at `indices`.

    Args:
        inputs: any shape.
        indices: integers (N, K): coordinates along the first K axes of `inputs`; negative ones count from the end.
        updates: (N, ...), with the axes of `inputs` behind the first K.
        reduction: how an update meets what is there: None takes its place (of several at one place the last one), "add", "max", "min", "mul".

    Raises:
        ConfigError: an unknown reduction. ShapeError: the shapes do not fit. IndexError: a coordinate is out of range.

    >>> scatter_update(np.zeros(4, "float32"), [[1], [3]], np.float32([5, 7])).tolist()
    [0.0, 5.0, 0.0, 7.0]
    """
    kind = reduction.lower() if isinstance(reduction, str) else reduction
    if kind not in (None, "add", "max", "min", "mul"):
        raise ConfigError(f"scatter_update: reduction must be None, 'add', 'max', 'min' or 'mul', received {reduction!r}")
    (inputs,) = promoted("numeric", inputs)
    target, indices = shape(inputs), _integers(indices)
    columns = _columns(indices, target)
    lead, rest = target[: len(columns)], target[len(columns) :]
    rows = dims.product(lead)
    updates = broadcast_to(cast(updates, dtype_of(inputs)), (*shape(indices)[:-1], *rest))
    table, updates = reshape(inputs, (rows, *rest)), reshape(updates, (dims.product(shape(indices)[:-1]), *rest))
    flat = reshape(columns[0] if len(lead) == 1 else _flat_indices(columns, lead), (-1,))
    if len(lead) == 1:
        flat = ew.where(ew.less(flat, 0), ew.add_(flat, cast(rows, dtype_of(flat))), flat)
    # the numbers of updates at each place; an index out of range ends it
    count = apply(OPS["scatter_add"], [flat, broadcast_to(np.int32(1), shape(flat))], {"rows": rows})
    return reshape(ew.where(_like_rows(ew.greater(count, 0), table), _updated(kind, table, flat, updates, rows), table), target)


def _updated(kind: str | None, table: Any, flat: Any, updates: Any, rows: Any) -> Any:
    """The rows of `table` after the updates, for those that have any."""
    if kind == "add":
        return ew.add_(table, segment_sum(updates, flat, rows))
    if kind == "mul":
        return ew.multiply(table, segment_prod(updates, flat, rows))
    if kind is not None:
        combine, of_segments = (ew.maximum, segment_max) if kind == "max" else (ew.minimum, segment_min)
        return combine(table, of_segments(updates, flat, rows))
    size = shape(updates)[0]
    if isinstance(size, int) and size == 0:
        return table
    return take(updates, ew.maximum(segment_max(arange(size, dtype="int32"), flat, rows), 0), 0)
