"""`tf.strings` on arrays of texts: `str`, or bytes in UTF-8."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

Function = Callable[..., Any]


def _array(texts: Any) -> np.ndarray:
    """Texts as an array of `str` objects."""
    return np.asarray(np.frompyfunc(_one, 1, 1)(np.asarray(texts, object)), object)


def _one(text: Any) -> str:
    return text.decode() if isinstance(text, bytes) else str(text)


def _each(change: Callable[[str], Any], kind: Any = object) -> Function:
    """A function of a text for arrays of texts."""
    return lambda texts, *args, **kwargs: np.asarray(np.frompyfunc(lambda t: change(t), 1, 1)(_array(texts)), kind)


def regex_replace(input: Any, pattern: str, rewrite: str, replace_global: bool = True, name: str | None = None) -> np.ndarray:
    """Texts in which what a regular expression finds is replaced."""
    expression = re.compile(_one(pattern))
    return _each(lambda t: expression.sub(_one(rewrite), t, 0 if replace_global else 1))(input)


def regex_full_match(input: Any, pattern: str, name: str | None = None) -> np.ndarray:
    """Whether a regular expression is the whole of each text."""
    expression = re.compile(_one(pattern))
    return _each(lambda t: expression.fullmatch(t) is not None, bool)(input)


def join(inputs: Any, separator: str = "", name: str | None = None) -> np.ndarray:
    """Texts put together, element by element."""
    arrays = np.broadcast_arrays(*(_array(x) for x in inputs))
    return np.asarray(np.frompyfunc(lambda *texts: separator.join(texts), len(arrays), 1)(*arrays), object)


def reduce_join(inputs: Any, axis: Any = None, keepdims: bool = False, separator: str = "", name: str | None = None) -> np.ndarray:
    """Texts put together along an axis, or all of them."""
    array = _array(inputs)
    if axis is None:
        return np.array(separator.join(array.reshape(-1)), object).reshape((1,) * (array.ndim if keepdims else 0))
    joined = np.apply_along_axis(lambda row: np.array([separator.join(row)], object), axis, array)
    return joined if keepdims else joined.squeeze(axis)


def substr(input: Any, pos: int, len: int, unit: str = "BYTE", name: str | None = None) -> np.ndarray:
    """A part of each text, counted in characters."""
    return _each(lambda t: t[pos:][:len])(input)


def to_number(input: Any, out_type: Any = "float32", name: str | None = None) -> np.ndarray:
    """The numbers that texts are."""
    return np.asarray(_each(float)(input), "float64").astype(str(out_type))


def characters(input: Any, input_encoding: str = "UTF-8", **_: Any) -> np.ndarray:
    """The characters of a text."""
    return np.array([*_array(input).item()], object)


TEXTS: dict[str, Function] = {
    "lower": lambda input, encoding="", name=None: _each(str.lower)(input), "upper": lambda input, encoding="", name=None: _each(str.upper)(input),
    "strip": lambda input, name=None: _each(str.strip)(input), "length": lambda input, unit="BYTE", name=None: _each(len, "int32")(input),
    "regex_replace": regex_replace, "regex_full_match": regex_full_match, "join": join, "reduce_join": reduce_join, "substr": substr,
    "to_number": to_number, "unicode_split": characters,
    "as_string": lambda input, **_: _each(str)(np.asarray(input).astype(str)),
}  # fmt: skip
"""Names below `tf.strings`."""
