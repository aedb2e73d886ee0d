"""What NumPy asks of complex numbers, of tensors that hold real ones: their parts, conjugates and angles."""

from __future__ import annotations

import math
from typing import Any

from symkeras.errors import DtypeError
from symkeras.graph import dtypes
from symkeras.ops import elementwise as ew
from symkeras.ops.elementwise import promoted
from symkeras.ops.leaves import shape, stop_gradient
from symkeras.ops.numpy import full, zeros_like
from symkeras.ops.op import as_tensor, dtype_of, is_symbolic
from symkeras.ops.predicates import signbit


def real_only(what: str, *inputs: Any) -> None:
    """Raise DtypeError for complex numbers, which no operation computes with."""
    if any(dtype_of(x) in dtypes.COMPLEX for x in inputs):
        raise DtypeError(f"{what} takes real numbers, received {', '.join(dtype_of(x) for x in inputs)}: symkeras has no complex tensors")


def real(x: Any) -> Any:
    """The real part: the tensor itself.

    Raises:
        DtypeError: complex numbers.

    >>> import numpy as np
    >>> real(np.float32([1, 2])).tolist()
    [1.0, 2.0]
    """
    real_only("real", x)
    return as_tensor(x) if is_symbolic(x) else promoted("numeric", x)[0]


def conjugate(x: Any) -> Any:
    """The conjugate, of real numbers the numbers themselves.

    Raises:
        DtypeError: complex numbers.

    >>> import numpy as np
    >>> conjugate(np.float32([1, 2])).tolist()
    [1.0, 2.0]
    """
    real_only("conjugate", x)
    return real(x)


def imag(x: Any) -> Any:
    """The imaginary part: zeros.

    Raises:
        DtypeError: complex numbers.

    >>> import numpy as np
    >>> imag(np.float32([1, 2])).tolist()
    [0.0, 0.0]
    """
    real_only("imag", x)
    return zeros_like(x)


def angle(x: Any) -> Any:
    """The angle of numbers in the complex plane, in radians: 0, pi where the sign is negative, NaN of NaN.

    Raises:
        DtypeError: complex numbers.

    >>> import numpy as np
    >>> angle(np.float32([1, -1])).round(4).tolist()
    [0.0, 3.1415998935699463]
    """
    real_only("angle", x)
    x = stop_gradient(promoted("float", x)[0])
    return ew.where(ew.isnan(x), x, ew.where(signbit(x), math.pi, full((), 0, dtype_of(x))))


def isreal(x: Any) -> Any:
    """Whether x has no imaginary part: True everywhere.

    Raises:
        DtypeError: complex numbers.

    >>> import numpy as np
    >>> isreal(np.float32([1, np.nan])).tolist()
    [True, True]
    """
    real_only("isreal", x)
    return full(shape(x), True, "bool")


conj = conjugate
