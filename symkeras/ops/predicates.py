"""Questions about elements: which are close, contained, infinite of one sign, negative."""

from __future__ import annotations

from typing import Any

from symkeras.graph import dtypes
from symkeras.ops import elementwise as ew
from symkeras.ops import reductions as red
from symkeras.ops.elementwise import promoted
from symkeras.ops.leaves import shape
from symkeras.ops.op import dtype_of
from symkeras.ops.shaping import expand_dims, reshape


def isclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether x1 and x2 are at most `atol + rtol * |x2|` apart.

    Args:
        x1, x2: shapes that broadcast.
        rtol, atol: the relative and the absolute distance.
        equal_nan: whether NaN is close to NaN.

    >>> import numpy as np
    >>> isclose(np.float32([1, 2, np.inf]), np.float32([1.000001, 2.1, np.inf])).tolist()
    [True, False, True]
    """
    x1, x2 = promoted("float", x1, x2)
    near = ew.less_equal(ew.absolute(ew.subtract(x1, x2)), ew.add_(ew.multiply(ew.absolute(x2), rtol), atol))
    near = ew.where(ew.logical_and(ew.isfinite(x1), ew.isfinite(x2)), near, ew.equal(x1, x2))
    return ew.logical_or(near, ew.logical_and(ew.isnan(x1), ew.isnan(x2))) if equal_nan else near


def allclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether all elements of x1 and x2 are close, as `isclose` says it: a boolean scalar.

    Args:
        rtol, atol: how far elements may be apart, relative to `x2` and as such.
        equal_nan: whether a NaN is close to a NaN.

    >>> import numpy as np
    >>> bool(allclose(np.ones(3), 1 + 1e-9))
    True
    """
    return red.all(isclose(x1, x2, rtol, atol, equal_nan))


def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    """Which elements of x1 are among those of x2.

    Args:
        x1: any shape, which the result has.
        x2: any shape.
        assume_unique: whether both hold every element once; nothing depends on it.
        invert: ask for those that are not.

    >>> import numpy as np
    >>> isin(np.array([1, 2, 5]), [5, 1]).tolist()
    [True, False, True]
    """
    x1, x2 = promoted("numeric", x1, x2, compares=True)
    found = red.any(ew.equal(expand_dims(x1, -1), reshape(x2, (-1,))), -1)
    return ew.logical_not(found) if invert else found


def isneginf(x: Any) -> Any:
    """Whether x is minus infinity.

    >>> import numpy as np
    >>> isneginf(np.float32([-np.inf, np.inf, 0])).tolist()
    [True, False, False]
    """
    return ew.equal(promoted("float", x)[0], float("-inf"))


def isposinf(x: Any) -> Any:
    """Whether x is plus infinity.

    >>> import numpy as np
    >>> isposinf(np.float32([-np.inf, np.inf, 0])).tolist()
    [False, True, False]
    """
    return ew.equal(promoted("float", x)[0], float("inf"))


def signbit(x: Any) -> Any:
    """Whether the sign of x is negative, that of -0.0 too; of NaN it is not.

    >>> import numpy as np
    >>> signbit(np.float32([-1, -0.0, 0, 2])).tolist()
    [True, True, False, False]
    """
    (x,) = promoted("numeric", x)
    if not dtypes.is_float(dtype_of(x)):
        return ew.not_equal(x, x) if dtype_of(x) == "bool" else ew.less(x, 0)
    return ew.less(ew.where(ew.equal(x, 0), ew.divide(1, x), x), 0)  # 1 / -0.0 is -inf


def count_nonzero(x: Any, axis: Any = None) -> Any:
    """How many elements over `axis` are not zero, in int32.

    >>> import numpy as np
    >>> count_nonzero(np.array([[0, 1], [2, 3]]), 1).tolist()
    [1, 2]
    """
    (x,) = promoted("numeric", x)
    return red.sum(x if dtype_of(x) == "bool" else ew.not_equal(x, 0), axis)


def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Whether the prediction for each target is among the `k` largest of its row, ties included; one that is NaN is not.

    Args:
        targets: integers (B).
        predictions: (B, V).
        k: how many.

    Returns:
        Booleans (B).

    >>> import numpy as np
    >>> in_top_k(np.array([1, 0]), np.float32([[0.1, 0.9], [0.3, 0.7]]), 1).tolist()
    [True, False]
    """
    from symkeras.ops.indexing import take_along_axis

    own = take_along_axis(predictions, expand_dims(targets, -1), -1)
    (own,) = promoted("float", own)
    rank = count_nonzero(ew.greater(predictions, ew.where(ew.isnan(own), float("-inf"), own)), -1)
    return ew.logical_and(ew.less(rank, k), ew.logical_not(ew.isnan(reshape(own, shape(targets)))))
