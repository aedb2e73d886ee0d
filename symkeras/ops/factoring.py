"""Decompositions of matrices: Cholesky, eigenvalues, singular values, QR and LU, by LAPACK through NumPy, with gradients in symbolic ops.

Where vectors are free in their sign, it is LAPACK's. Gradients through vectors of equal eigenvalues or singular values are NaN or infinite.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.errors import ConfigError, GradientError
from symkeras.graph import dims
from symkeras.graph.types import TensorType
from symkeras.ops import attributes as at
from symkeras.ops import elementwise as ew
from symkeras.ops.leaves import cast, shape
from symkeras.ops.linalg import _matmul, _swap
from symkeras.ops.matrices import OfMatrices, lower, matrices, on_diagonal, symmetric, upper
from symkeras.ops.numpy import zeros_like
from symkeras.ops.op import OPS, Sample, apply, register
from symkeras.ops.reductions import max, sum
from symkeras.ops.shaping import broadcast_to, concatenate, expand_dims, slice_axis
from symkeras.ops.solving import _floating, _identity, _tolerance


def _least(a: dims.Size, b: dims.Size) -> dims.Size:
    if isinstance(a, int) and isinstance(b, int):
        return min(a, b)
    return a if dims.same(a, b) and a == b else (a + b) - dims.maximum(a, b)


def _half(x: Any) -> Any:
    """The lower triangle with half the diagonal."""
    return ew.subtract(lower(x), ew.multiply(on_diagonal(x), 0.5))


def _symmetrised(x: Any) -> Any:
    return ew.multiply(ew.add_(x, _swap(x)), 0.5)


@register
class Cholesky(OfMatrices):
    """The lower triangular L of A = L L^T for the symmetric part of A (..., N, N); where that is not positive definite it is an error."""

    name = "cholesky"
    samples = (Sample(("f64[3, 1, 1]",), low=0.5), Sample(("f32[1, 1]",), low=0.5), Sample(("f32[0, 2, 2]",)))

    def infer(self, x: TensorType) -> TensorType:  # type: ignore[override]
        return matrices("cholesky", x, square=True)

    def value(self, x: Any) -> Any:  # type: ignore[override]
        return np.linalg.cholesky(symmetric(x))

    def vjp(self, dy: Any, out: Any, x: Any) -> Any:  # type: ignore[override]
        """Murray (2016): L^-T (half the lower triangle of L^T dL) L^-1."""
        solve = {"lower": True, "transpose": True}
        inner = _half(_matmul(out, lower(dy), transpose_a=True))
        left = apply(OPS["solve_triangular"], [out, inner], solve)
        return (_symmetrised(_swap(apply(OPS["solve_triangular"], [out, _swap(left)], solve))),)


@register
class Eigh(OfMatrices):
    """Eigenvalues (..., N), rising, and eigenvectors (..., N, N) in columns, of the symmetric part of matrices (..., N, N)."""

    name = "eigh"
    samples = (Sample(("f64[2, 3, 3]",)), Sample(("f64[1, 1]",)), Sample(("f32[0, 2, 2]",)))

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:  # type: ignore[override]
        return matrices("eigh", x, square=True).with_shape(x.shape[:-1]), x

    def value(self, x: Any) -> Any:  # type: ignore[override]
        return tuple(np.linalg.eigh(symmetric(x)))

    def vjp(self, dy: Any, out: Any, x: Any) -> Any:  # type: ignore[override]
        w, v = out
        inner = zeros_like(x) if dy[0] is None else on_diagonal(broadcast_to(expand_dims(dy[0], -1), shape(x)))
        if dy[1] is not None:
            inner = ew.add_(inner, ew.multiply(_reciprocal_gaps(w), _matmul(v, dy[1], transpose_a=True)))
        return (_symmetrised(_matmul(_matmul(v, inner), v, transpose_b=True)),)


def _reciprocal_gaps(w: Any) -> Any:
    """1 / (w[j] - w[i]) at (i, j), and 0 on the diagonal."""
    gaps = ew.subtract(expand_dims(w, -2), expand_dims(w, -1))
    is_own = _identity(gaps)
    return ew.subtract(ew.reciprocal(ew.add_(gaps, is_own)), is_own)


@register
class Eig(OfMatrices):
    """Eigenvalues (..., N) and eigenvectors (..., N, N) in columns, complex, of square matrices (..., N, N); no gradient."""

    name = "eig"
    samples = (Sample(("f64[2, 3, 3]",), grad=False), Sample(("f32[1, 1]",), grad=False), Sample(("f32[0, 2, 2]",), grad=False))

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:  # type: ignore[override]
        dtype = {"float32": "complex64", "float64": "complex128"}[matrices("eig", x, square=True).dtype]
        return TensorType(x.shape[:-1], dtype), TensorType(x.shape, dtype)

    def value(self, x: Any) -> Any:  # type: ignore[override]
        dtype = np.result_type(x.dtype, np.complex64)
        return tuple(part.astype(dtype) for part in np.linalg.eig(x))


@register
class Svd(OfMatrices):
    """U (..., M, K), S (..., K), falling, and V^T (..., K, N) of A = U S V^T (..., M, N), K the lesser of both sizes.

    Where `full` U and V^T are square; then their gradients are not offered.
    """

    name = "svd"
    attributes = {"full": at.BOOLEAN}
    samples = (
        Sample(("f64[2, 3, 2]",), {"full": False}),
        Sample(("f64[2, 3]",), {"full": False}),
        Sample(("f64[2, 2]",), {"full": False}),
        Sample(("f64[3, 2]",), {"full": True}, grad=False),
        Sample(("f32[0, 2, 2]",), {"full": False}),
    )

    def infer(self, x: TensorType, *, full: bool) -> tuple[TensorType, ...]:  # type: ignore[override]
        *lead, m, n = matrices("svd", x).shape
        k = _least(m, n)
        return (x.with_shape((*lead, m, m if full else k)), x.with_shape((*lead, k)), x.with_shape((*lead, n if full else k, n)))

    def value(self, x: Any, *, full: bool) -> Any:  # type: ignore[override]
        return tuple(np.linalg.svd(x, full_matrices=full))

    def vjp(self, dy: Any, out: Any, x: Any, *, full: bool) -> Any:  # type: ignore[override]
        du, ds, dvt = dy
        if full and (du is not None or dvt is not None):
            raise GradientError("svd: the vectors of full_matrices=True have no gradient; take full_matrices=False")
        if full:
            out = apply(self, [x], {"full": False})
        u, s, vt = out
        k = shape(s)[-1]
        inner = zeros_like(_matmul(vt, vt, transpose_b=True)) if ds is None else _diagonal(ds, k)
        gaps = _reciprocal_gaps(ew.square(s))
        outside = []
        if du is not None:
            skew = ew.multiply(gaps, _antisymmetric(_matmul(u, du, transpose_a=True)))
            inner = ew.add_(inner, ew.multiply(skew, expand_dims(s, -2)))
            scaled = ew.divide(du, expand_dims(s, -2))
            outside.append(_matmul(ew.subtract(scaled, _matmul(u, _matmul(u, scaled, transpose_a=True))), vt))
        if dvt is not None:
            skew = ew.multiply(gaps, _antisymmetric(_matmul(vt, dvt, transpose_b=True)))
            inner = ew.add_(inner, ew.multiply(expand_dims(s, -1), skew))
            scaled = ew.divide(dvt, expand_dims(s, -1))
            outside.append(_matmul(u, ew.subtract(scaled, _matmul(_matmul(scaled, vt, transpose_b=True), vt))))
        dx = _matmul(_matmul(u, inner), vt)
        for part in outside:
            dx = ew.add_(dx, part)
        return (dx,)


def _antisymmetric(x: Any) -> Any:
    return ew.subtract(x, _swap(x))


def _diagonal(v: Any, n: dims.Size) -> Any:
    """Diagonal matrices of vectors."""
    return on_diagonal(broadcast_to(expand_dims(v, -1), (*shape(v), n)))


@register
class Qr(OfMatrices):
    """Q (..., M, K) with orthonormal columns and upper triangular R (..., K, N) of A = Q R (..., M, N), K the lesser of both sizes.

    Where `complete` Q is square and R has M rows; then, and where M is less than N, there is no gradient.
    """

    name = "qr"
    attributes = {"complete": at.BOOLEAN}
    samples = (
        Sample(("f64[2, 3, 2]",), {"complete": False}),
        Sample(("f64[2, 2]",), {"complete": False}),
        Sample(("f64[2, 3]",), {"complete": False}, grad=False),
        Sample(("f32[3, 2]",), {"complete": True}, grad=False),
        Sample(("f32[0, 2, 2]",), {"complete": False}),
    )

    def infer(self, x: TensorType, *, complete: bool) -> tuple[TensorType, ...]:  # type: ignore[override]
        *lead, m, n = matrices("qr", x).shape
        k = m if complete else _least(m, n)
        return x.with_shape((*lead, m, k)), x.with_shape((*lead, k, n))

    def value(self, x: Any, *, complete: bool) -> Any:  # type: ignore[override]
        return tuple(np.linalg.qr(x, "complete" if complete else "reduced"))

    def vjp(self, dy: Any, out: Any, x: Any, *, complete: bool) -> Any:  # type: ignore[override]
        """That of `_qr_gradient`; of A = [X Y] with square X, R is [R S], and from S = Q^T Y come Y dS^T for dQ and Q dS for dY."""
        (q, r), (dq, dr) = out, dy
        if all(map(dims.same, shape(q), shape(x))):
            return (_qr_gradient(q, r, dq, dr),)
        m, n = shape(x)[-2:]
        if not (isinstance(m, int) and isinstance(n, int) and m < n):
            raise GradientError("qr has no gradient in mode='complete' of matrices with more rows than columns")
        first, second = slice_axis(r, -1, 0, m), slice_axis(x, -1, m, n)
        if dr is None:
            return (concatenate([_qr_gradient(q, first, dq, None), zeros_like(second)], -1),)
        ds = slice_axis(dr, -1, m, n)
        through = _matmul(second, ds, transpose_b=True)
        left = _qr_gradient(q, first, through if dq is None else ew.add_(dq, through), slice_axis(dr, -1, 0, m))
        return (concatenate([left, _matmul(q, ds)], -1),)


def _qr_gradient(q: Any, r: Any, dq: Any, dr: Any) -> Any:
    """(dQ + Q (M below the diagonal and its mirror image)) R^-T for M = R dR^T - dQ^T Q, where R is square (Walter and Lehmann 2010)."""
    inner = zeros_like(r)
    if dr is not None:
        inner = _matmul(r, dr, transpose_b=True)
    if dq is not None:
        inner = ew.subtract(inner, _matmul(dq, q, transpose_a=True))
    mirrored = ew.add_(lower(inner), _swap(lower(inner, -1)))
    left = _matmul(q, mirrored)
    left = left if dq is None else ew.add_(dq, left)
    return _swap(apply(OPS["solve_triangular"], [r, _swap(left)], {"lower": False, "transpose": False}))


@register
class Lu(OfMatrices):
    """L below the diagonal and U of P A = L U in one (..., M, N), with row exchanges.

    Results: both factors; row exchanges (..., K) in int32, row k with row `pivots[k]`, one after the other; and the permutation (..., M) in
    int32 that they amount to: `A[permutation] = L U`. Of singular matrices U has zeros on its diagonal. The gradient is of square ones.
    """

    name = "lu"
    samples = (Sample(("f64[2, 3, 3]",)), Sample(("f32[3, 2]",), grad=False), Sample(("f64[2, 3]",), grad=False), Sample(("f32[0, 2, 2]",)))

    def may_raise(self, node: Any) -> bool:
        return False

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:  # type: ignore[override]
        *lead, m, n = matrices("lu", x).shape
        return x, TensorType((*lead, _least(m, n)), "int32"), TensorType((*lead, m), "int32")

    def value(self, x: Any) -> Any:  # type: ignore[override]
        *lead, m, n = x.shape
        a = x.reshape(int(np.prod(lead)), m, n).copy()
        each, steps = np.arange(len(a)), min(m, n)
        pivots = np.zeros((len(a), steps), np.int32)
        order = np.tile(np.arange(m, dtype=np.int32), (len(a), 1))
        for k in range(steps):
            p = k + np.argmax(np.abs(a[:, k:, k]), axis=1)
            pivots[:, k] = p
            for rows in (a, order):
                held = rows[each, p].copy()
                rows[each, p] = rows[:, k]
                rows[:, k] = held
            pivot = a[:, k, k][:, None]
            a[:, k + 1 :, k] /= np.where(pivot == 0, 1, pivot)
            a[:, k + 1 :, k + 1 :] -= a[:, k + 1 :, k, None] * a[:, None, k, k + 1 :]
        return a.reshape(x.shape), pivots.reshape(*lead, steps), order.reshape(*lead, m)

    def vjp(self, dy: Any, out: Any, x: Any) -> Any:  # type: ignore[override]
        if shape(x)[-2] != shape(x)[-1]:
            raise GradientError("lu_factor has a gradient for square matrices alone")
        if dy[0] is None:
            return (None,)
        both, _, order = out
        unit = ew.add_(lower(both, -1), _identity(both))
        u = upper(both)
        inner = ew.add_(lower(_matmul(unit, lower(dy[0], -1), transpose_a=True), -1), upper(_matmul(upper(dy[0]), u, transpose_b=True)))
        left = apply(OPS["solve_triangular"], [unit, inner], {"lower": True, "transpose": True})
        rows = _swap(apply(OPS["solve_triangular"], [u, _swap(left)], {"lower": False, "transpose": False}))
        back = apply(OPS["argsort"], [order], {"axis": len(shape(order)) - 1})
        indices = broadcast_to(expand_dims(back, -1), shape(x))
        return (apply(OPS["take_along_axis"], [rows, indices], {"axis": len(shape(x)) - 2}),)


def cholesky(x: Any, upper: bool = False) -> Any:
    """The triangular factor L of L L^T, or U of U^T U, of the symmetric part of positive definite matrices.

    Args:
        x: (..., N, N).
        upper: whether the upper one is given.

    Raises:
        ShapeError, DtypeError: no square matrices of floats that LAPACK knows.
        numpy.linalg.LinAlgError: a matrix is not positive definite.

    >>> cholesky(np.array([[4.0, 0.0], [0.0, 9.0]])).tolist()
    [[2.0, 0.0], [0.0, 3.0]]
    """
    factor = apply(OPS["cholesky"], [_floating("cholesky", x, square=True)])
    return _swap(factor) if upper else factor


def cholesky_inverse(x: Any, upper: bool = False) -> Any:
    """The inverse of L L^T, or of U^T U, from the triangular factor.

    Args:
        x: (..., N, N), lower or upper triangular.
        upper: which.

    Raises:
        ShapeError, DtypeError: no square matrices of floats that LAPACK knows.
        numpy.linalg.LinAlgError: a zero on the diagonal.

    >>> cholesky_inverse(np.array([[2.0, 0.0], [0.0, 4.0]])).tolist()
    [[0.25, 0.0], [0.0, 0.0625]]
    """
    x = _floating("cholesky_inverse", x, square=True)
    inverse = apply(OPS["solve_triangular"], [x, _identity(x)], {"lower": not upper, "transpose": False})
    return _matmul(inverse, inverse, transpose_b=True) if upper else _matmul(inverse, inverse, transpose_a=True)


def eigh(x: Any) -> tuple[Any, Any]:
    """Eigenvalues, rising, and eigenvectors of the symmetric part of matrices.

    Args:
        x: (..., N, N).

    Returns:
        (..., N), and (..., N, N) with a vector in each column.

    Raises:
        ShapeError, DtypeError: no square matrices of floats that LAPACK knows.
        numpy.linalg.LinAlgError: LAPACK finds none, as where there is a NaN.

    >>> eigh(np.array([[3.0, 0.0], [0.0, 1.0]]))[0].tolist()
    [1.0, 3.0]
    """
    return apply(OPS["eigh"], [_floating("eigh", x, square=True)])


def eig(x: Any) -> tuple[Any, Any]:
    """Complex eigenvalues and eigenvectors of square matrices, in LAPACK's order; they have no gradient.

    Args:
        x: (..., N, N).

    Returns:
        (..., N), and (..., N, N) with a vector in each column.

    Raises:
        ShapeError, DtypeError: no square matrices of floats that LAPACK knows.
        numpy.linalg.LinAlgError: LAPACK finds none, as where there is a NaN.

    >>> eig(np.array([[0.0, -1.0], [1.0, 0.0]]))[0].tolist()
    [1j, -1j]
    """
    return apply(OPS["eig"], [_floating("eig", x, square=True)])


def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Singular values, and vectors, of matrices.

    Args:
        x: (..., M, N).
        full_matrices: whether the vectors are square matrices, which have no gradient unless M is N.
        compute_uv: whether vectors are given.

    Returns:
        U (..., M, M) or (..., M, K), S (..., K), falling, and V^T (..., N, N) or (..., K, N), K the lesser of M and N; or S alone.

    Raises:
        ShapeError, DtypeError: no matrices of floats that LAPACK knows.
        numpy.linalg.LinAlgError: LAPACK finds none, as where there is a NaN.

    >>> svd(np.array([[3.0, 0.0], [0.0, 4.0]]), compute_uv=False).tolist()
    [4.0, 3.0]
    """
    x = _floating("svd", x)
    if not compute_uv:
        return apply(OPS["svd"], [x], {"full": False})[1]
    full = bool(full_matrices) and shape(x)[-2] != shape(x)[-1]
    return apply(OPS["svd"], [x], {"full": full})


def qr(x: Any, mode: str = "reduced") -> tuple[Any, Any]:
    """Orthonormal columns Q and upper triangular R with x = Q R.

    Args:
        x: (..., M, N).
        mode: "reduced" for Q (..., M, K) and R (..., K, N), K the lesser of M and N; "complete" for (..., M, M) and (..., M, N).

    Raises:
        ConfigError: another mode.
        ShapeError, DtypeError: no matrices of floats that LAPACK knows.

    >>> q, r = qr(np.array([[3.0], [4.0]]))
    >>> abs(q @ r).round(6).tolist()
    [[3.0], [4.0]]
    """
    if mode not in ("reduced", "complete"):
        raise ConfigError(f"qr: mode is 'reduced' or 'complete', received {mode!r}")
    return apply(OPS["qr"], [_floating("qr", x)], {"complete": mode == "complete"})


def lu_factor(x: Any) -> tuple[Any, Any]:
    """Both triangular factors of matrices in one, and the rows that were exchanged, as SciPy's function of that name.

    Args:
        x: (..., M, N).

    Returns:
        (..., M, N): U, and L without its diagonal of ones below; (..., K) in int32, K the lesser of M and N: row k was exchanged with that row.

    Raises:
        ShapeError, DtypeError: no matrices of floats that LAPACK knows.

    >>> [part.tolist() for part in lu_factor(np.array([[1.0, 2.0], [2.0, 6.0]]))]
    [[[2.0, 6.0], [0.5, -1.0]], [1, 1]]
    """
    return apply(OPS["lu"], [_floating("lu_factor", x)])[:2]


def matrix_rank(x: Any, tol: float | None = None) -> Any:
    """How many singular values of matrices (..., M, N) are larger than `tol`: (...) in int32.

    Args:
        tol: None takes the larger side times the spacing of the dtype times the largest singular value.

    Raises:
        ShapeError, DtypeError: no matrices of floats that LAPACK knows.

    >>> int(matrix_rank(np.array([[1.0, 2.0], [2.0, 4.0]])))
    1
    """
    values = svd(x, compute_uv=False)
    if tol is None:
        tol = ew.multiply(max(values, -1, True, initial=0.0), _tolerance(_floating("matrix_rank", x)))
    return sum(cast(ew.greater(values, tol), "int32"), -1)
