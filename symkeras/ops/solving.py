"""Linear systems: solutions, inverses, determinants and least squares, by LAPACK through NumPy, with gradients in symbolic ops."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.errors import ShapeError
from symkeras.graph import dims, dtypes
from symkeras.graph.types import TensorType
from symkeras.ops import attributes as at
from symkeras.ops import elementwise as ew
from symkeras.ops.leaves import shape
from symkeras.ops.linalg import _matmul, _swap
from symkeras.ops.matrices import OfMatrices, lower, matrices, swapped, upper
from symkeras.ops.numpy import eye
from symkeras.ops.op import OPS, Sample, apply, dtype_of, register
from symkeras.ops.shaping import broadcast_to, expand_dims, squeeze


def _system(name: str, a: TensorType, b: TensorType) -> TensorType:
    matrices(name, a, square=True)
    matrices(name, b)
    if a.dtype != b.dtype or a.ndim != b.ndim or not all(map(dims.same, a.shape[:-1], b.shape[:-1])):
        raise ShapeError(f"{name} takes right sides with a row for each row of the matrices, received {a} and {b}")
    return b


def _identity(x: Any) -> Any:
    """An identity matrix for each of the square matrices `x`."""
    return broadcast_to(eye(shape(x)[-1], dtype=dtype_of(x)), shape(x))


@register
class Solve(OfMatrices):
    """The X (..., N, M) of A X = B for square A (..., N, N); a singular A is an error."""

    name = "solve"
    samples = (
        Sample(("f64[2, 3, 3]", "f64[2, 3, 2]")),
        Sample(("f32[1, 1]", "f32[1, 2]"), low=0.5),
        Sample(("f32[0, 2, 2]", "f32[0, 2, 1]")),
    )

    def infer(self, a: TensorType, b: TensorType) -> TensorType:  # type: ignore[override]
        return _system("solve", a, b)

    def value(self, a: Any, b: Any) -> Any:  # type: ignore[override]
        return np.linalg.solve(a, b)

    def vjp(self, dy: Any, out: Any, a: Any, b: Any) -> Any:  # type: ignore[override]
        db = apply(self, [_swap(a), dy])
        return ew.negative(_matmul(db, out, transpose_b=True)), db


@register
class SolveTriangular(OfMatrices):
    """The X of T X = B, or of T^T X = B where `transpose`, for the lower or upper triangle T of A: the other one is not read."""

    name = "solve_triangular"
    attributes = {"lower": at.BOOLEAN, "transpose": at.BOOLEAN}
    samples = (
        Sample(("f64[2, 3, 3]", "f64[2, 3, 2]"), {"lower": True, "transpose": False}, low=0.5),
        Sample(("f64[3, 3]", "f64[3, 1]"), {"lower": False, "transpose": True}, low=0.5),
        Sample(("f32[2, 2]", "f32[2, 0]"), {"lower": False, "transpose": False}, low=0.5),
    )

    def infer(self, a: TensorType, b: TensorType, *, lower: bool, transpose: bool) -> TensorType:  # type: ignore[override]
        return _system("solve_triangular", a, b)

    def value(self, a: Any, b: Any, *, lower: bool, transpose: bool) -> Any:  # type: ignore[override]
        t = np.tril(a) if lower else np.triu(a)
        return np.linalg.solve(swapped(t) if transpose else t, b)

    def vjp(self, dy: Any, out: Any, a: Any, b: Any, *, lower: bool, transpose: bool) -> Any:  # type: ignore[override]
        db = apply(self, [a, dy], {"lower": lower, "transpose": not transpose})
        da = _matmul(out, db, transpose_b=True) if transpose else _matmul(db, out, transpose_b=True)
        return ew.negative(_triangle(da, lower)), db


def _triangle(x: Any, is_lower: bool) -> Any:
    return lower(x) if is_lower else upper(x)


@register
class Det(OfMatrices):
    """Determinants of square matrices (..., N, N): (...)."""

    name = "det"
    samples = (Sample(("f64[2, 3, 3]",)), Sample(("f32[1, 1]",), low=0.5), Sample(("f32[0, 2, 2]",)))

    def infer(self, x: TensorType) -> TensorType:  # type: ignore[override]
        return matrices("det", x, square=True).with_shape(x.shape[:-2])

    def value(self, x: Any) -> Any:  # type: ignore[override]
        return np.linalg.det(x)

    def vjp(self, dy: Any, out: Any, x: Any) -> Any:  # type: ignore[override]
        return (ew.multiply(expand_dims(ew.multiply(dy, out), (-2, -1)), apply(OPS["solve"], [_swap(x), _identity(x)])),)


@register
class SlogDet(OfMatrices):
    """Signs of determinants and logarithms of their absolute values: (...) each; 0 and -inf of singular matrices."""

    name = "slogdet"
    samples = (Sample(("f64[2, 3, 3]",)), Sample(("f32[1, 1]",), low=0.5), Sample(("f32[0, 2, 2]",)))

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:  # type: ignore[override]
        return (matrices("slogdet", x, square=True).with_shape(x.shape[:-2]),) * 2

    def value(self, x: Any) -> Any:  # type: ignore[override]
        return tuple(np.linalg.slogdet(x))

    def vjp(self, dy: Any, out: Any, x: Any) -> Any:  # type: ignore[override]
        if dy[1] is None:
            return (None,)
        return (ew.multiply(expand_dims(dy[1], (-2, -1)), apply(OPS["solve"], [_swap(x), _identity(x)])),)


@register
class PseudoInverse(OfMatrices):
    """Moore-Penrose inverses P (..., N, M) of matrices A (..., M, N): singular values of at most `rcond` times the largest are 0.

    The gradient is that of Golub and Pereyra (1973), where the rank does not change.
    """

    name = "pinv"
    attributes = {"rcond": at.NUMBER}
    samples = (Sample(("f64[2, 3, 2]",), {"rcond": 1e-12}), Sample(("f64[2, 3]",), {"rcond": 1e-12}), Sample(("f32[0, 2, 2]",), {"rcond": 1e-6}))

    def infer(self, x: TensorType, *, rcond: float) -> TensorType:  # type: ignore[override]
        return matrices("pinv", x).with_shape((*x.shape[:-2], x.shape[-1], x.shape[-2]))

    def value(self, x: Any, *, rcond: float) -> Any:  # type: ignore[override]
        return np.linalg.pinv(x, rcond=rcond)

    def vjp(self, dy: Any, out: Any, x: Any, *, rcond: float) -> Any:  # type: ignore[override]
        p, pt, gt = out, _swap(out), _swap(dy)
        left = _matmul(gt, _matmul(p, pt))
        right = _matmul(_matmul(pt, p), gt)
        first = ew.negative(_matmul(_matmul(pt, dy), pt))
        return (ew.add_(first, ew.add_(left - _matmul(x, _matmul(p, left)), right - _matmul(_matmul(right, p), x))),)


def _both(name: str, a: Any, b: Any) -> tuple[Any, Any, bool]:
    """Matrices and right sides with the same leading axes, and whether the right sides are vectors."""
    a, b = ew.promoted("float", a, b)
    if len(shape(a)) < 2 or not shape(b):
        raise ShapeError(f"{name} takes matrices and right sides, received shapes {shape(a)} and {shape(b)}")
    is_vector = len(shape(b)) == len(shape(a)) - 1
    b = expand_dims(b, -1) if is_vector else b
    lead = ew.broadcast_shapes(shape(a)[:-2], shape(b)[:-2], what=name)
    return broadcast_to(a, (*lead, *shape(a)[-2:])), broadcast_to(b, (*lead, *shape(b)[-2:])), is_vector


def solve(a: Any, b: Any) -> Any:
    """The solutions x of a x = b.

    Args:
        a: (..., N, N); b: (..., N) or (..., N, M). Leading axes broadcast.

    Returns:
        A tensor of the shape of `b`.

    Raises:
        ShapeError, DtypeError: no square matrices, other sizes, no floats that LAPACK knows.
        numpy.linalg.LinAlgError: a matrix is singular.

    >>> solve(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([2.0, 2.0])).tolist()
    [1.0, 0.5]
    """
    a, b, is_vector = _both("solve", a, b)
    out = apply(OPS["solve"], [a, b])
    return squeeze(out, -1) if is_vector else out


def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """The solutions x of a x = b for triangular `a`, whose other triangle is not read.

    Args:
        a: (..., N, N); b: (..., N) or (..., N, M). Leading axes broadcast.
        lower: whether `a` is lower triangular.

    Raises:
        ShapeError, DtypeError: no square matrices, other sizes, no floats that LAPACK knows.
        numpy.linalg.LinAlgError: a zero on the diagonal.

    >>> solve_triangular(np.array([[2.0, 9.0], [1.0, 1.0]]), np.array([2.0, 2.0]), lower=True).tolist()
    [1.0, 1.0]
    """
    a, b, is_vector = _both("solve_triangular", a, b)
    out = apply(OPS["solve_triangular"], [a, b], {"lower": bool(lower), "transpose": False})
    return squeeze(out, -1) if is_vector else out


def inv(x: Any) -> Any:
    """Inverses of square matrices (..., N, N).

    Raises:
        ShapeError, DtypeError: no square matrices of floats that LAPACK knows.
        numpy.linalg.LinAlgError: a matrix is singular.

    >>> inv(np.array([[2.0, 0.0], [0.0, 4.0]])).tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    x = _floating("inv", x, square=True)
    return apply(OPS["solve"], [x, _identity(x)])


def _floating(name: str, x: Any, square: bool = False) -> Any:
    (x,) = ew.promoted("float", x)
    matrices(name, TensorType(shape(x), dtype_of(x)), square)
    return x


def det(x: Any) -> Any:
    """Determinants of square matrices (..., N, N): (...). The gradient is an error where a matrix is singular.

    Raises:
        ShapeError, DtypeError: no square matrices of floats that LAPACK knows.

    >>> round(float(det(np.array([[1.0, 2.0], [3.0, 4.0]]))), 6)
    -2.0
    """
    return apply(OPS["det"], [_floating("det", x, square=True)])


def slogdet(x: Any) -> tuple[Any, Any]:
    """Signs of determinants and logarithms of their absolute values, of square matrices (..., N, N): (...) each.

    Raises:
        ShapeError, DtypeError: no square matrices of floats that LAPACK knows.

    >>> sign, logarithm = slogdet(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> float(sign), float(logarithm)
    (-1.0, 0.0)
    """
    return apply(OPS["slogdet"], [_floating("slogdet", x, square=True)])


def logdet(x: Any) -> Any:
    """Logarithms of the absolute values of determinants of square matrices (..., N, N): (...).

    Raises:
        ShapeError, DtypeError: no square matrices of floats that LAPACK knows.

    >>> float(logdet(np.eye(3)))
    0.0
    """
    return slogdet(x)[1]


def _tolerance(x: Any) -> float:
    """How small singular values count as 0, by the largest one: of the rounding of the larger side."""
    rows, columns = shape(x)[-2:]
    if not isinstance(rows, int) or not isinstance(columns, int):
        raise ShapeError(f"the number of rows and columns decides how small singular values count as 0: give it for shape {shape(x)}")
    return float(max(rows, columns) * dtypes.limits(dtype_of(x)).eps)


def pinv(x: Any, rcond: float | None = None) -> Any:
    """Moore-Penrose inverses of matrices (..., M, N): (..., N, M).

    Args:
        rcond: singular values of at most this times the largest count as 0; ten times the larger side times the spacing of the dtype for None.

    Raises:
        ShapeError, DtypeError: no matrices of floats that LAPACK knows.

    >>> pinv(np.array([[2.0], [0.0]])).tolist()
    [[0.5, 0.0]]
    """
    x = _floating("pinv", x)
    return apply(OPS["pinv"], [x], {"rcond": 10 * _tolerance(x) if rcond is None else float(rcond)})


def lstsq(a: Any, b: Any, rcond: float | None = None) -> Any:
    """The shortest x for which a x is nearest to b, in the sum of squares.

    Args:
        a: (M, N); b: (M,) or (M, K).
        rcond: singular values of `a` of at most this times the largest count as 0; the larger side times the spacing of the dtype for None.

    Returns:
        (N,) or (N, K).

    Raises:
        ShapeError, DtypeError: other shapes, no floats that LAPACK knows.

    >>> lstsq(np.array([[1.0], [1.0]]), np.array([1.0, 3.0])).round(6).tolist()
    [2.0]
    """
    a, b = ew.promoted("float", a, b)
    _floating("lstsq", a)
    if len(shape(a)) != 2 or len(shape(b)) not in (1, 2) or not dims.same(shape(a)[0], shape(b)[0]):
        raise ShapeError(f"lstsq takes one matrix and as many right sides as it has rows, received shapes {shape(a)} and {shape(b)}")
    inverse = apply(OPS["pinv"], [a], {"rcond": _tolerance(a) if rcond is None else float(rcond)})
    return squeeze(_matmul(inverse, expand_dims(b, -1)), -1) if len(shape(b)) == 1 else _matmul(inverse, b)
