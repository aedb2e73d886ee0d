"""Reading and writing by index, as ONNX operators; an index out of range is an error of the engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from symkeras.backend.onnx.movement import expanded, reshaped
from symkeras.backend.onnx.writer import Expression, Term, Writer
from symkeras.graph import dims
from symkeras.graph.dims import Size
from symkeras.graph.node import Node


def _indices(x: Term) -> Term:
    return x if x.dtype in ("int32", "int64") else x.cast("int64")


def zeros(w: Writer, dtype: str, shape: Sequence[Size]) -> Term:
    return expanded(w, w.constant(np.zeros((), dtype)), shape)


def _spread(w: Writer, n: Node, indices: Term, values: Term) -> tuple[Term, Term, Size]:
    """Rows (N, M) and, for each of their elements, the row that it belongs to."""
    count, size = dims.product(n.inputs[0].shape), dims.product(n.inputs[1].shape[n.inputs[0].ndim :])
    column = reshaped(w, _indices(indices), (count, 1))
    return expanded(w, column, (count, size)), reshaped(w, values, (count, size)), size


def _added(w: Writer, table: Term, places: Term, values: Term, axis: int = 0) -> Term:
    """Values added at places; float16 by float32, since ONNX Runtime has no such sum."""
    if values.dtype == "float16":
        return _added(w, table.cast("float32"), places, values.cast("float32"), axis).cast("float16")
    return w.op("ScatterElements", table, places, values, axis=axis, reduction="add")


def _scatter_add(w: Writer, n: Node, indices: Term, values: Term) -> Term:
    if 0 in n.inputs[1].shape:
        return zeros(w, values.dtype, n.shape)
    places, rows, size = _spread(w, n, indices, values)
    flat = _added(w, zeros(w, values.dtype, (n.attrs["rows"], size)), places, rows)
    return reshaped(w, flat, (n.attrs["rows"], *n.inputs[1].shape[n.inputs[0].ndim :]))


def _combine_rows(w: Writer, n: Node, indices: Term, values: Term) -> Term:
    """Rows are numbered as they occur: an index may be that of no row of the table."""
    if 0 in n.shape:
        return values
    count = dims.product(n.inputs[0].shape)
    flat = reshaped(w, indices.cast("int64"), (count,))
    flat = w.op("Where", flat < 0, flat + w.size(n.attrs["rows"]), flat, dtype="int64")
    number = w.ops("Unique", flat, dtypes=(None, "int64", "int64", "int64"))[2]
    places, rows, size = _spread(w, n, number, values)
    table = _added(w, zeros(w, values.dtype, (count, size)), places, rows)
    return reshaped(w, w.op("GatherElements", table, places, axis=0), n.shape)


def _set_rows(w: Writer, n: Node, table: Term, indices: Term, rows: Term, guard: Term | None = None) -> Term:
    if guard is not None:
        table = w.op("Where", w.op("IsNaN", guard, dtype="bool"), guard, table, dtype=table.dtype)
    return w.op("ScatterND", table, reshaped(w, indices.cast("int64"), (*n.inputs[1].shape, 1)), rows)


def _add_along_axis(w: Writer, n: Node, indices: Term, values: Term) -> Term:
    return _added(w, zeros(w, values.dtype, n.shape), _indices(indices), values, n.attrs["axis"])


TABLE: dict[str, Expression] = {
    "gather": lambda w, n, table, i: w.op("Gather", table, _indices(i), axis=0), "scatter_add": _scatter_add, "combine_rows": _combine_rows,
    "set_rows": _set_rows, "take_along_axis": lambda w, n, x, i: w.op("GatherElements", x, _indices(i), axis=n.attrs["axis"]),
    "add_along_axis": _add_along_axis,
}  # fmt: skip
