"""Work on the rows of a table that a batch looks up, each of them once: a list of the indices that occur, and products over that list.

`unique_indices` lists them; how many there are is known only when it runs. So the list, and everything in its order, has room for as many
rows as there are indices, and `count` says how many of them count: the others are zero. The compiler makes these (`multiply-unique-rows`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.errors import DtypeError, ShapeError
from symkeras.graph import dims, dtypes
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType
from symkeras.ops import attributes as at
from symkeras.ops.indexing import check_range, positive
from symkeras.ops.op import Op, Sample, register

_PLAIN = {"transpose_a": False, "transpose_b": False}


def _scalar(t: TensorType) -> tuple[str, int]:
    return t.dtype, t.ndim


@register
class UniqueIndices(Op):
    """The rows of a table of `rows` rows that indices (N) name, in order of appearance.

    Results: `listed` (N), the rows, and zeros behind them; `place` (N), where in that list each index is; `count`, the length of the list;
    `first` (rows), the place of every row in it, -1 for those that do not occur. All int32.
    """

    name = "unique_indices"
    attributes = {"rows": at.integer(0, at.MOST_ELEMENTS)}
    samples = (
        Sample(("i32[6]",), {"rows": 4}, low=-4, high=4, grad=False),
        Sample(("i64[3]",), {"rows": 9}, low=0, high=9, grad=False),
        Sample(("i32[0]",), {"rows": 2}, grad=False),
    )

    def may_raise(self, node: Node) -> bool:
        return True

    def infer(self, indices: TensorType, *, rows: int) -> tuple[TensorType, ...]:  # type: ignore[override]
        if not dtypes.is_int(indices.dtype) or indices.ndim != 1:
            raise ShapeError(f"unique_indices expects a vector of integers, received {indices}")
        listed = indices.with_dtype("int32")
        return listed, listed, listed.with_shape(()), listed.with_shape((rows,))

    def value(self, indices: Any, *, rows: int) -> Any:  # type: ignore[override]
        check_range(indices, rows)
        where = positive(indices, rows)
        found, begins = np.unique(where, return_index=True)
        order = np.argsort(begins)
        listed, first = np.zeros(len(where), np.int32), np.full(rows, -1, np.int32)
        listed[: len(found)] = found[order]
        first[found[order]] = np.arange(len(found))
        return listed, first[where], np.array(len(found), np.int32), first


@register
class GatherUnique(Op):
    """The first `count` of `listed` (N) rows of a table (R, ...): (N, ...), the rest zero."""

    name = "gather_unique"
    moves = True
    samples = (
        Sample(("f32[5, 3]", "i32[4]", "i32[]"), low=(-2.0, 0, 2), high=(2.0, 5, 3), grad=False),
        Sample(("f64[5, 2]", "i32[0]", "i32[]"), low=(-2.0, 0, 0), high=(2.0, 5, 0), grad=False),
    )

    def infer(self, table: TensorType, listed: TensorType, count: TensorType) -> TensorType:  # type: ignore[override]
        if table.ndim == 0 or listed.ndim != 1 or (listed.dtype, *_scalar(count)) != ("int32", "int32", 0):
            raise ShapeError(f"gather_unique expects a table, a list of rows and its length in int32, received {table}, {listed}, {count}")
        return table.with_shape((*listed.shape, *table.shape[1:]))

    def value(self, table: Any, listed: Any, count: Any) -> Any:  # type: ignore[override]
        out = np.zeros((*listed.shape, *table.shape[1:]), table.dtype)
        out[: int(count)] = table[listed[: int(count)]]
        return out


@register
class MatmulUnique(Op):
    """A product of matrices over the first `count` rows of `a` (N, K) alone.

    `a b` with `b` (K, M), or (M, K) where `transpose_b`: (N, M), the rest zero. With `transpose_a`, `a^T b` for `b` (N, M): (K, M).
    """

    name = "matmul_unique"
    attributes = {"transpose_a": at.BOOLEAN, "transpose_b": at.BOOLEAN}
    samples = (
        Sample(("f32[5, 3]", "f32[3, 4]", "i32[]"), _PLAIN, low=(-2.0, -2.0, 3), high=(2.0, 2.0, 4), grad=False),
        Sample(("f64[5, 3]", "f64[4, 3]", "i32[]"), {**_PLAIN, "transpose_b": True}, low=(-2.0, -2.0, 0), high=(2.0, 2.0, 0), grad=False),
        Sample(("f32[5, 3]", "f32[5, 4]", "i32[]"), {**_PLAIN, "transpose_a": True}, low=(-2.0, -2.0, 2), high=(2.0, 2.0, 3), grad=False),
    )

    def infer(self, a: TensorType, b: TensorType, count: TensorType, *, transpose_a: bool, transpose_b: bool) -> TensorType:  # type: ignore[override]
        if not dtypes.is_float(a.dtype) or a.dtype != b.dtype or (a.ndim, b.ndim) != (2, 2) or _scalar(count) != ("int32", 0):
            raise DtypeError(f"matmul_unique multiplies float matrices by a count in int32, received {a}, {b}, {count}")
        inner = (a.shape[0], b.shape[0]) if transpose_a else (a.shape[1], b.shape[1 if transpose_b else 0])
        if not dims.same(*inner) or (transpose_a and transpose_b):
            raise ShapeError(f"matmul_unique cannot multiply {a} by {b}")
        return a.with_shape((a.shape[1] if transpose_a else a.shape[0], b.shape[0 if transpose_b else 1]))

    def value(self, a: Any, b: Any, count: Any, *, transpose_a: bool, transpose_b: bool) -> Any:  # type: ignore[override]
        n = int(count)
        if transpose_a:
            return a[:n].T @ b[:n]
        out = np.zeros((len(a), b.shape[0 if transpose_b else 1]), a.dtype)
        out[:n] = a[:n] @ (b.T if transpose_b else b)
        return out

    def flops(self, node: Any) -> dims.Size:
        return node.inputs[0].tensor_type.size * node.inputs[1].shape[0 if node.attrs["transpose_b"] else 1] * 2
