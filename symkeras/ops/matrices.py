"""What operations on square and other matrices share: which types they take, transposes, triangles and diagonals, all over leading axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.errors import DtypeError, ShapeError
from symkeras.graph import dims
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType
from symkeras.ops import elementwise as ew
from symkeras.ops.leaves import shape
from symkeras.ops.numpy import arange
from symkeras.ops.op import Op, as_tensor
from symkeras.ops.reductions import sum
from symkeras.ops.shaping import expand_dims

LAPACK = ("float32", "float64")
"""The dtypes that matrices are decomposed in."""


class OfMatrices(Op):
    """An operation on the matrices in the last two axes, by LAPACK, which refuses some: the error is NumPy's LinAlgError, with layer and line."""

    def may_raise(self, node: Node) -> bool:
        return True

    def flops(self, node: Node) -> dims.Size:
        x = node.inputs[0].tensor_type
        return x.size * x.shape[-1] * 2


def matrices(name: str, x: TensorType, square: bool = False) -> TensorType:
    """`x`, once it was seen to hold matrices of a dtype that LAPACK knows.

    Raises:
        DtypeError, ShapeError: it does not.
    """
    if x.dtype not in LAPACK:
        raise DtypeError(f"{name} takes matrices in {' or '.join(LAPACK)}, received {x}")
    if x.ndim < 2 or (square and not dims.same(x.shape[-2], x.shape[-1])):
        raise ShapeError(f"{name} takes {'square ' if square else ''}matrices in the last two axes, received {x}")
    return x


def swapped(x: Any) -> Any:
    """The transposes, of an array."""
    return np.swapaxes(x, -1, -2)


def symmetric(x: Any) -> Any:
    """The symmetric part, of an array."""
    return (x + swapped(x)) / 2


def _places(x: Any) -> tuple[Any, Any]:
    """The number of every row, as a column, and of every column."""
    rows, columns = shape(x)[-2:]
    return expand_dims(as_tensor(arange(rows)), 1), as_tensor(arange(columns))


def lower(x: Any, k: int = 0) -> Any:
    """Matrices with zeros above the k-th diagonal."""
    rows, columns = _places(x)
    return ew.where(ew.less_equal(columns, ew.add_(rows, k)), x, 0)


def upper(x: Any, k: int = 0) -> Any:
    """Matrices with zeros below the k-th diagonal."""
    rows, columns = _places(x)
    return ew.where(ew.greater_equal(columns, ew.add_(rows, k)), x, 0)


def on_diagonal(x: Any) -> Any:
    """Matrices with zeros off the diagonal; vectors (..., 1, N) or columns (..., N, 1) are broadcast."""
    rows, columns = _places(x)
    return ew.where(ew.equal(columns, rows), x, 0)


def diagonal_of(x: Any) -> Any:
    """The diagonals of square matrices."""
    return sum(on_diagonal(x), -1)
