"""Products of vectors and matrices beyond `dot`: inner, vdot, cross, kron; and the powers of a vector."""

from __future__ import annotations

from typing import Any

from symkeras.errors import ShapeError
from symkeras.graph import dims
from symkeras.ops import elementwise as ew
from symkeras.ops.elementwise import promoted
from symkeras.ops.leaves import cast, shape
from symkeras.ops.linalg import dot, tensordot
from symkeras.ops.numpy import arange, full, moveaxis, ravel
from symkeras.ops.op import dtype_of
from symkeras.ops.shaping import canonical_axis, expand_dims, flip, reshape, slice_axis, squeeze, stack
from symkeras.ops.sizes import as_size


def inner(x1: Any, x2: Any) -> Any:
    """Sums of products over the last axes of both; a scalar times the other.

    Raises:
        ShapeError: last axes of different sizes.

    >>> import numpy as np
    >>> int(inner(np.array([1, 2]), np.array([3, 4])))
    11
    """
    if not shape(x1) or not shape(x2):
        return ew.multiply(x1, x2)
    if not dims.same(shape(x1)[-1], shape(x2)[-1]):
        raise ShapeError(f"inner: the last dimension of both must be equal, received shapes {shape(x1)} and {shape(x2)}")
    return tensordot(x1, x2, ([-1], [-1]))


def vdot(x1: Any, x2: Any) -> Any:
    """The sum of products of all elements of two tensors of one size.

    Raises:
        ShapeError: different numbers of elements.

    >>> import numpy as np
    >>> int(vdot(np.array([[1], [2]]), np.array([3, 4])))
    11
    """
    x1, x2 = ravel(x1), ravel(x2)
    if not dims.same(shape(x1)[0], shape(x2)[0]):
        raise ShapeError(f"vdot takes tensors of one size, received {shape(x1)[0]} and {shape(x2)[0]} elements")
    return dot(x1, x2)


def kron(x1: Any, x2: Any) -> Any:
    """The product of Kronecker: a block of `x2` times each element of `x1`.

    >>> import numpy as np
    >>> kron(np.array([1, 10]), np.array([1, 2])).tolist()
    [1, 2, 10, 20]
    """
    x1, x2 = promoted("numeric", x1, x2)
    ndim = max(len(shape(x1)), len(shape(x2)))
    a, b = ((1,) * (ndim - len(shape(x))) + tuple(shape(x)) for x in (x1, x2))
    wide = ew.multiply(reshape(x1, [s for n in a for s in (n, 1)]), reshape(x2, [s for n in b for s in (1, n)]))
    return reshape(wide, tuple(n * m for n, m in zip(a, b, strict=True)))


def cross(x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """The cross product of vectors of 3 elements, or of 2, whose third counts as 0; of two vectors of 2 its third element alone.

    Args:
        x1, x2: shapes that broadcast, but for the axes of the vectors.
        axisa, axisb, axisc: the axis of the vectors in x1, x2 and the result.
        axis: one axis for all three.

    Raises:
        ShapeError: the vectors have neither 2 nor 3 elements.

    >>> import numpy as np
    >>> cross(np.array([1, 0, 0]), np.array([0, 1, 0])).tolist()
    [0, 0, 1]
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    x1, x2 = promoted("numeric", x1, x2)
    a, b = moveaxis(x1, axisa, -1), moveaxis(x2, axisb, -1)
    counts = (shape(a)[-1], shape(b)[-1])
    if any(n not in (2, 3) for n in counts):
        raise ShapeError(f"cross takes vectors of 2 or 3 elements, received shapes {shape(x1)} and {shape(x2)} along axes {axisa} and {axisb}")

    def parts(x: Any) -> list[Any]:
        last = len(shape(x)) - 1
        return [squeeze(slice_axis(x, last, k, k + 1), last) for k in range(int(shape(x)[-1]))]

    p, q = parts(a), parts(b)
    third = ew.subtract(ew.multiply(p[0], q[1]), ew.multiply(p[1], q[0]))
    if counts == (2, 2):
        return third
    nothing = full((), 0, dtype_of(a))
    p, q = [*p, nothing][:3], [*q, nothing][:3]
    first = ew.subtract(ew.multiply(p[1], q[2]), ew.multiply(p[2], q[1]))
    second = ew.subtract(ew.multiply(p[2], q[0]), ew.multiply(p[0], q[2]))
    return moveaxis(stack([first, second, third], -1), -1, canonical_axis(axisc, len(shape(third)) + 1))


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """The matrix of Vandermonde: in each row the powers of an element, from N - 1 down to 0.

    Args:
        x: (M).
        N: how many powers; M when None.
        increasing: from 0 up instead.

    Returns:
        (M, N).

    Raises:
        ShapeError: no vector, or no number of powers.

    >>> import numpy as np
    >>> vander(np.array([2, 3]), 3).tolist()
    [[4, 2, 1], [9, 3, 1]]
    """
    if len(shape(x)) != 1:
        raise ShapeError(f"vander takes a vector, received shape {shape(x)}")
    (x,) = promoted("counted", x)
    count = shape(x)[0] if N is None else as_size(N)
    if isinstance(count, int) and count < 0:
        raise ShapeError(f"vander: N is the number of powers, from 0 on, received {count}")
    if not isinstance(count, int):
        powers = ew.power(expand_dims(x, 1), cast(arange(count), dtype_of(x)))
        return powers if increasing else flip(powers, 1)
    columns = [full(shape(x), 1, dtype_of(x))]
    for _ in range(count - 1):
        columns.append(ew.multiply(columns[-1], x))
    if not count:
        return slice_axis(expand_dims(x, 1), 1, 0, 0)
    return stack(columns if increasing else columns[::-1], 1)
