"""Pickles of plain values and NumPy arrays, read without running what is in them and without taking memory that they do not fill."""

from __future__ import annotations

import pickle
from typing import IO, Any

import numpy as np

from symkeras.errors import DataError
from symkeras.graph.escaping import printable

_ENCODINGS = ("latin1", "latin-1", "ascii", "utf-8", "utf8")


class _Array:
    """What pickles call `numpy.ndarray`: a name, of which nothing can be made but by `_empty`."""


def _empty(kind: Any, shape: Any, code: Any) -> np.ndarray:
    """The array that NumPy's pickles begin with: of no elements, to be filled with as many as there are bytes for."""
    if kind is not _Array or shape != (0,):
        raise DataError(f"the file holds something else than arrays: it asks for an array of {kind!r} and shape {shape!r}")
    return np.ndarray((0,), "b")


def _encoded(text: Any, encoding: Any) -> bytes:
    if not isinstance(text, str) or encoding not in _ENCODINGS:
        raise DataError(f"the file holds something else than arrays: it asks for the encoding {encoding!r}")
    return text.encode(encoding)


def _dtype(code: Any, *flags: Any) -> np.dtype:
    if not isinstance(code, (str, bytes)) or len(code) > 16:
        raise DataError(f"the file holds something else than arrays: it asks for the dtype {code!r}")
    return np.dtype(code.decode("ascii") if isinstance(code, bytes) else code)


# What pickled NumPy arrays are made of, under the names of old and new NumPy and of Python 2.
_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _empty, ("numpy._core.multiarray", "_reconstruct"): _empty,
    ("numpy", "ndarray"): _Array, ("numpy", "dtype"): _dtype, ("_codecs", "encode"): _encoded,
}  # fmt: skip


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise DataError(f"the file holds more than arrays: it asks for {module}.{name}, which is not loaded") from None


def unpickle(file: IO[bytes], encoding: str = "ASCII") -> Any:
    """A pickle of plain values and NumPy arrays.

    Raises:
        DataError: it is damaged, or asks for anything else.
    """
    try:
        return _ArraysOnly(file, encoding=encoding).load()
    except DataError:
        raise
    except Exception as error:  # a pickle calls methods of NumPy's arrays, which raise what they like
        raise DataError(f"not a pickle of arrays: {printable(error)}") from error


__all__ = ["unpickle"]
