"""Dtypes by their NumPy names, and the promotion rules of Keras 3 (JAX's lattice, with `floatx` for loose floats).

bfloat16 and the float8 dtypes are those of the package `ml_dtypes`, which is imported when one of them is first asked for. NumPy has hardly any
arithmetic on them: what computes with them widens them to float32, and rounds the result once, to nearest even.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from symkeras import config
from symkeras.errors import DtypeError, nearest
from symkeras.foreign_dtypes import ADDED, FLOAT8, FOREIGN, provide

FLOATS = (*FLOAT8, "bfloat16", "float16", "float32", "float64")
NARROW = FOREIGN | {"float16"}
"""Dtypes that sums and means are not taken in, but in float32."""
SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
COMPLEX = ("complex64", "complex128")
ALL = ("bool", *UNSIGNED, *SIGNED, *FLOATS, *COMPLEX)

SHORT = {
    "bool": "bool", "uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64",
    "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64",
    "float16": "f16", "float32": "f32", "float64": "f64", "complex64": "c64", "complex128": "c128", "string": "str",
    "bfloat16": "bf16", "float8_e4m3fn": "f8e4m3fn", "float8_e5m2": "f8e5m2",
}  # fmt: skip
LONG = {SHORT[name]: name for name in ALL}
_OF_NUMPY = {np.dtype(name): name for name in ALL if name not in FOREIGN}

# Each dtype with the next larger ones. "int" and "float" are Python's own numbers, which take the tensor's dtype.
_LATTICE: dict[str, tuple[str, ...]] = {
    "bool": ("int",), "int": ("uint8", "int8"),
    "uint8": ("int16", "uint16"), "uint16": ("int32", "uint32"), "uint32": ("int64", "uint64"), "uint64": ("float",),
    "int8": ("int16",), "int16": ("int32",), "int32": ("int64",), "int64": ("float",),
    "float": ("bfloat16", "float16"), "bfloat16": ("float32",), "float16": ("float32",), "float32": ("float64", "complex64"),
    "float64": ("complex128",), "complex64": ("complex128",), "complex128": (),
}  # fmt: skip


def standardize(dtype: Any) -> str:
    """The canonical name of `dtype`; None is `floatx`.

    Raises:
        DtypeError: an unknown dtype.

    >>> standardize(np.float32), standardize("int"), standardize(bool)
    ('float32', 'int32', 'bool')
    """
    if dtype is None:
        return config.floatx()
    if isinstance(dtype, np.dtype) and (name := _OF_NUMPY.get(dtype)) is not None:
        return name
    if isinstance(dtype, str):
        dtype = dtype.removeprefix("torch.")
        if dtype in SHORT:
            if dtype in FOREIGN:
                provide()
            return dtype
        if dtype in ("int", "float"):
            return "int32" if dtype == "int" else config.floatx()
        raise DtypeError(f"unknown dtype {dtype!r}; expected one of {', '.join(ALL)}.{nearest(dtype, ALL)}")
    if dtype is int:
        return "int32"
    if dtype is float:
        return config.floatx()
    if dtype is bool:
        return "bool"
    named = getattr(dtype, "name", None) or getattr(dtype, "__name__", None) or str(dtype).removeprefix("torch.")
    if isinstance(named, str) and named in SHORT:
        return named
    try:
        return standardize(np.dtype(dtype).name)
    except TypeError:
        raise DtypeError(f"unknown dtype {dtype!r}; expected one of {', '.join(ALL)}") from None


@cache
def _above(dtype: str) -> frozenset[str]:
    found, todo = {dtype}, [dtype]
    while todo:
        for larger in _LATTICE[todo.pop()]:
            if larger not in found:
                found.add(larger)
                todo.append(larger)
    return frozenset(found)


@cache
def _join(a: str, b: str) -> str:
    for one, other in ((a, b), (b, a)):
        if one in FLOAT8:
            if other in (one, "int", "float"):
                return one
            raise DtypeError(f"no dtype holds both {a} and {b}: numbers of 8 bits are not converted by themselves; cast one of them first")
    shared = _above(a) & _above(b)
    return min(shared, key=lambda d: (-len(_above(d)), d))


def result_type(*dtypes: Any) -> str:
    """The dtype an operation on these dtypes gives; `"int"`, `"float"` (or the types) stand for Python numbers, and none of all for `floatx`.

    >>> result_type("int32", "float32"), result_type("int32", float), result_type("bool", int)
    ('float32', 'float32', 'int32')
    """
    if not dtypes:
        return config.floatx()
    joined = ""
    for d in dtypes:
        name = d if isinstance(d, str) and d in _LATTICE else {int: "int", float: "float"}.get(d) or standardize(d)
        if name == "string":
            raise DtypeError("operations take numbers, received texts; a layer such as TextVectorization or StringLookup makes numbers of them")
        joined = _join(joined, name) if joined else name
    return {"int": "int32", "float": config.floatx()}.get(joined, joined)


def is_float(dtype: str) -> bool:
    """Whether `dtype` is a real floating dtype."""
    return dtype in FLOATS


def is_int(dtype: str) -> bool:
    """Whether `dtype` is an integer dtype; bool is not."""
    return dtype in SIGNED or dtype in UNSIGNED


def is_inexact(dtype: str) -> bool:
    """Whether `dtype` holds real or complex floating numbers: the dtypes that have gradients."""
    return dtype in FLOATS or dtype in COMPLEX


def part(dtype: str) -> str:
    """The dtype of the real and the imaginary part of complex numbers."""
    return "float32" if dtype == "complex64" else "float64"


@cache
def itemsize(dtype: str) -> int:
    """Bytes of one element."""
    return np.dtype(standardize(dtype)).itemsize


def inexact(dtype: str) -> str:
    """`dtype` where it is floating, else `floatx`: what mean, exp or division give."""
    return dtype if is_inexact(dtype) else config.floatx()


def wide(array: Any) -> Any:
    """An array that NumPy computes with: in float32 where its dtype is one of `FOREIGN`, else itself.

    >>> wide(np.ones(2, "float16")).dtype
    dtype('float16')
    """
    return array.astype(np.float32) if array.dtype.num >= ADDED else array


def converted(array: np.ndarray, dtype: str) -> np.ndarray:
    """An array in another dtype; to and from those of `FOREIGN` it goes through float32."""
    if array.dtype.num >= ADDED or dtype in FOREIGN:
        return array if array.dtype == dtype else array.astype(np.float32, copy=False).astype(dtype, copy=False)
    return array.astype(dtype, copy=False)


def limits(dtype: str) -> Any:
    """What `np.finfo` tells of a floating dtype.

    >>> float(limits("float16").max)
    65504.0
    """
    if dtype not in FOREIGN:
        return np.finfo(dtype)
    provide()
    import ml_dtypes  # type: ignore[import-not-found]

    return ml_dtypes.finfo(dtype)


def least_value(dtype: np.dtype) -> Any:
    """What the largest of nothing begins with: less than all others, or equal.

    >>> least_value(np.dtype("float32")), least_value(np.dtype("int8")), least_value(np.dtype("bool"))
    (-inf, -128, False)
    """
    if is_float(dtype.name):
        return -np.inf
    return False if dtype.kind == "b" else np.iinfo(dtype).min


def holds(dtype: str, value: Any) -> bool:
    """Whether `dtype` has the number `value`, up to rounding where it is floating.

    >>> holds("uint8", 255.0), holds("uint8", 256), holds("int32", 0.5), holds("bool", 1), holds("float16", 0.1)
    (True, False, False, True, True)
    """
    if is_inexact(dtype):
        return True
    low, high = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return bool(low <= value <= high and value == int(value))
