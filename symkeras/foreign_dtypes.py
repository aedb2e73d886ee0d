"""The dtypes that NumPy does not have of its own, bfloat16 and those of 8 bits: by the package `ml_dtypes`, imported when they are needed."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

FLOAT8 = ("float8_e4m3fn", "float8_e5m2")
FOREIGN = frozenset({*FLOAT8, "bfloat16"})
ADDED = 256
"""The least `numpy.dtype.num` of dtypes that packages add; their `kind` is "V" for some and "f" for others."""


@cache
def provide() -> None:
    """Let NumPy know the dtypes of `FOREIGN` by their names.

    Raises:
        DtypeError: the package that has them is not installed.
    """
    from symkeras.errors import DtypeError

    try:
        import ml_dtypes  # type: ignore[import-not-found]  # noqa: F401  (registers them)
    except ImportError as error:
        raise DtypeError(f'bfloat16 and the float8 dtypes need the package ml_dtypes ({error}): pip install "symkeras[bfloat16]"') from error


def kind(dtype: np.dtype) -> str:
    """`dtype.kind`, "f" for the dtypes of `FOREIGN` as for other floats.

    >>> import numpy as np
    >>> kind(np.dtype("float16")), kind(np.dtype("int8"))
    ('f', 'i')
    """
    return "f" if dtype.num >= ADDED and dtype.name in FOREIGN else dtype.kind
