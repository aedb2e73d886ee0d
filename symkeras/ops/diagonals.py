"""Diagonals and triangles of matrices, read and written."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.errors import ShapeError
from symkeras.graph import dims, dtypes
from symkeras.ops import elementwise as ew
from symkeras.ops import reductions as red
from symkeras.ops.indexing import take
from symkeras.ops.leaves import cast, shape
from symkeras.ops.numpy import arange, moveaxis, pad, ravel
from symkeras.ops.shaping import canonical_axis, expand_dims, reshape, slice_axis
from symkeras.ops.sizes import as_size, whole

_NOTHING = np.bool_(False)
"""A zero that leaves the dtype of what stands beside it as it is."""


def _places(rows: Any, columns: Any) -> Any:
    """For each element of a matrix its column less its row."""
    return ew.subtract(arange(columns, dtype="int32"), expand_dims(arange(rows, dtype="int32"), 1))


def diag(x: Any, k: int = 0) -> Any:
    """Of a vector the matrix with it on a diagonal, of a matrix its diagonal.

    Args:
        x: (N) or (N, M).
        k: which diagonal: 0 the main one, positive ones above it, negative ones below.

    Raises:
        ShapeError: neither a vector nor a matrix.

    >>> diag(np.array([1, 2])).tolist(), diag(np.array([[1, 2], [3, 4]]), 1).tolist()
    ([[1, 0], [0, 2]], [2])
    """
    k, sizes = whole(k, "diag: k"), shape(x)
    if len(sizes) == 2:
        return diagonal(x, k)
    if len(sizes) != 1:
        raise ShapeError(f"diag expects a vector or a matrix, received shape {sizes}")
    square = ew.where(ew.equal(_places(sizes[0], sizes[0]), 0), x, _NOTHING)
    above, below = max(k, 0), max(-k, 0)
    return pad(square, ((below, above), (above, below))) if k else square


def diagflat(x: Any, k: int = 0) -> Any:
    """The matrix with all elements of `x` on its k-th diagonal.

    >>> diagflat(np.array([[1, 2]]), 1).tolist()
    [[0, 1, 0], [0, 0, 2], [0, 0, 0]]
    """
    return diag(ravel(x), k)


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """A diagonal of matrices, as the last axis.

    Args:
        x: at least two axes.
        offset: which diagonal: 0 the main one, positive ones above it, negative ones below.
        axis1, axis2: the rows and the columns of the matrices.

    Raises:
        ShapeError: fewer than two axes, or one axis twice.

    >>> diagonal(np.arange(9).reshape(3, 3), 1).tolist()
    [1, 5]
    """
    ndim = len(shape(x))
    if ndim < 2:
        raise ShapeError(f"a diagonal takes two axes, received shape {shape(x)}")
    first, second = canonical_axis(axis1, ndim, "axis1"), canonical_axis(axis2, ndim, "axis2")
    if first == second:
        raise ShapeError(f"a diagonal takes two axes, received {axis1} and {axis2} for shape {shape(x)}")
    x = moveaxis(x, (first, second), (-2, -1))
    *lead, n, m = shape(x)
    k = whole(offset, "the offset of a diagonal")
    rows, columns = (n + min(k, 0), m - max(k, 0))
    count = dims.maximum(dims.minimum(rows, columns), 0)
    start = max(k, 0) + m * max(-k, 0)
    flat, last = reshape(x, (*lead, n * m)), len(lead)
    if isinstance(n, int) and isinstance(m, int):
        return slice_axis(flat, last, start, start + (count - 1) * (m + 1) + 1, m + 1) if count else slice_axis(flat, last, 0, 0)
    places = ew.add_(ew.multiply(arange(count, dtype="int32"), cast(m + 1, "int32")), cast(start, "int32"))
    return take(flat, places, last)


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of a diagonal of matrices; see `diagonal`.

    Args:
        offset: which diagonal, above the main one for offset > 0.
        axis1, axis2: the axes of the matrices.

    >>> int(trace(np.arange(9).reshape(3, 3)))
    12
    """
    return red.sum(diagonal(x, offset, axis1, axis2), -1)


def tri(N: Any, M: Any = None, k: int = 0, dtype: Any = None) -> Any:
    """Ones on and below the k-th diagonal, zeros above it: (N, M); the sizes may be symbolic.

    Args:
        N, M: numbers of rows and of columns; as many columns as rows when None.
        k: the last diagonal with ones, 0 for the main one.
        dtype: of the result; `floatx` when None.

    >>> tri(2, 3).tolist()
    [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]]
    """
    rows = as_size(N)
    return cast(ew.less_equal(_places(rows, rows if M is None else as_size(M)), k), dtypes.standardize(dtype))


def _triangle(what: str, x: Any, k: Any, keeps: Any) -> Any:
    sizes = shape(x)
    if len(sizes) < 2:
        raise ShapeError(f"{what} takes matrices, received shape {sizes}")
    kept = keeps(_places(*sizes[-2:]), k)
    return ew.where(kept, x, _NOTHING)


def tril(x: Any, k: Any = 0) -> Any:
    """`x` with zeros above the k-th diagonal of its last two axes.

    >>> tril(np.array([[1, 2], [3, 4]])).tolist()
    [[1, 0], [3, 4]]
    """
    return _triangle("tril", x, k, ew.less_equal)


def triu(x: Any, k: Any = 0) -> Any:
    """`x` with zeros below the k-th diagonal of its last two axes.

    >>> triu(np.array([[1, 2], [3, 4]])).tolist()
    [[1, 2], [0, 4]]
    """
    return _triangle("triu", x, k, ew.greater_equal)
