"""Variables as resources of TensorFlow: read at the start of a step, written when all is computed, rows of tables where they lie."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from symkeras.backend.tensorflow.real import tf
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node

Tensor = Any


@dataclass(frozen=True)
class Table:
    """A variable that is never read as a whole: rows are looked up in it, and set in place at the end."""

    handle: Tensor
    dtype: str
    shape: tuple[int, ...]

    def rows(self, indices: Tensor) -> Tensor:
        out = tf.raw_ops.ResourceGather(resource=self.handle, indices=indices, dtype=self.dtype)
        return tf.ensure_shape(out, (*indices.shape, *self.shape[1:]))


@dataclass(frozen=True)
class Rows:
    """New rows of a table of `shape`, at indices within it; where `guard` is NaN all others become NaN."""

    indices: Tensor
    rows: Tensor
    guard: Tensor | None
    shape: tuple[int, ...]

    @property
    def tensors(self) -> list[Tensor]:
        return [t for t in (self.indices, self.rows, self.guard) if t is not None]


def tables(graph: Graph) -> set[Node]:
    """The variables of a graph that may stay tables: all their readers look up rows, or set rows for their own update and nobody else."""
    new = dict(graph.updates)
    readers: dict[Node, list[tuple[Node, int]]] = {}
    uses = Counter([*graph.outputs, *new.values()])
    for n in graph.nodes:
        for k, i in enumerate(n.inputs):
            readers.setdefault(i, []).append((n, k))
            uses[i] += 1

    def is_rowwise(v: Node, reader: Node, k: int) -> bool:
        return k == 0 and (reader.op.name == "gather" or (reader.op.name == "set_rows" and new.get(v) is reader and uses[reader] == 1))

    return {v for v in graph.nodes if v.op.name == "variable" and v not in graph.outputs and v not in new.values()
            and readers.get(v) and all(is_rowwise(v, n, k) for n, k in readers[v])}  # fmt: skip


def read(handle: Tensor, node: Node, shape: tuple[int, ...], is_table: bool) -> Any:
    """The value of a variable as a step begins."""
    if is_table:
        return Table(handle, node.dtype, shape)
    return tf.ensure_shape(tf.raw_ops.ReadVariableOp(resource=handle, dtype=node.dtype), shape)


def _fill(handle: Tensor, value: Rows) -> None:
    tf.raw_ops.AssignVariableOp(resource=handle, value=tf.fill(value.shape, value.guard))


def write(handle: Tensor, value: Any) -> None:
    """Let a variable take a new value, or new rows."""
    if isinstance(value, Rows):
        if value.guard is not None:
            tf.cond(tf.math.is_nan(value.guard), lambda: _fill(handle, value), lambda: None)
        tf.raw_ops.ResourceScatterUpdate(resource=handle, indices=value.indices, updates=value.rows)
    else:
        tf.raw_ops.AssignVariableOp(resource=handle, value=value)
