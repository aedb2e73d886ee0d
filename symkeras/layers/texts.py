"""Texts in arrays: of NumPy's string dtypes, of objects, or lists of them; inside of layers arrays of a `str` dtype or of `str` objects."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.errors import DataError
from symkeras.graph.escaping import printable


def text_array(x: Any, where: str, encoding: str = "utf-8") -> np.ndarray:
    """An array in the shape of `x`, of NumPy's `str` dtype where `x` is one, or else of `str` objects.

    Args:
        x: a text, an array or nested lists of texts; bytes are read in `encoding`.
        where: what takes them, for messages.

    Raises:
        DataError: something that is no text among them, rows of unequal length, or bytes that are not of the encoding.
    """
    array = x if isinstance(x, np.ndarray) else _as_array(x, where)
    if array.dtype.kind == "U":
        return np.asarray(array)
    if array.dtype.kind == "S":
        array = np.asarray(array).astype(object)
    if array.dtype.kind != "O":
        raise DataError(f"{where} expects texts, received an array of {array.dtype}")
    flat = np.asarray(array).ravel().tolist()
    if set(map(type, flat)) - {str}:
        flat = [_decoded(t, where, encoding) for t in flat]
    found = np.empty(len(flat), object)
    found[:] = flat
    return found.reshape(array.shape)


def _as_array(x: Any, where: str) -> np.ndarray:
    try:
        return np.asarray(x, object) if isinstance(x, (list, tuple)) else np.asarray(x)
    except ValueError as error:
        raise DataError(f"{where}: the rows make no array: {error}") from error


def _decoded(text: Any, where: str, encoding: str) -> str:
    if isinstance(text, str):
        return str(text)
    if not isinstance(text, bytes):
        hint = ": rows of unequal length make no array" if isinstance(text, (list, tuple)) else ""
        raise DataError(f"{where} expects texts, received {text!r} (a {type(text).__name__}){hint}")
    try:
        return text.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: {text[:60]!r} is not {encoding}: {printable(error)}") from error


def is_text(x: Any) -> bool:
    """Whether data are texts rather than numbers, by the first of them."""
    while isinstance(x, (list, tuple)) and x:
        x = x[0]
    if isinstance(x, (str, bytes)):
        return True
    array = np.asarray(x)
    return array.dtype.kind in "US" or (array.dtype.kind == "O" and array.size > 0 and isinstance(array.ravel()[0], (str, bytes)))
