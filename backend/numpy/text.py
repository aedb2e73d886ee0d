"""Sizes, dtypes and attributes as Python text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from symkeras.graph import dims, words
from symkeras.graph.dims import Size
from symkeras.graph.escaping import Language, comment, python_literal

RESERVED = words.PYTHON
"""What nothing of a graph is named: words of Python, and what the emitted functions name themselves."""

PYTHON = Language(RESERVED | {"x"})
"""The identifiers of emitted Python. What `x` is in a comprehension no size can be."""


def size(value: Size) -> str:
    """A size as an expression.

    >>> from symkeras.graph.dims import symbol
    >>> size(symbol("batch") * 2 + 1), size(symbol("np"))
    ('2*batch + 1', 'dim_np')
    """
    return dims.text(value, PYTHON.symbol)


def literal(value: Any, named: Callable[[str], str] = PYTHON.symbol) -> str:
    """An attribute as an expression: numbers, strings, sizes whose symbols are `named`, None, and tuples of them.

    >>> literal(("it's", 2, float("inf"))), literal((3,))
    ('("it\\'s", 2, float(\\'inf\\'))', '(3,)')
    """
    if isinstance(value, (tuple, list)):
        inner = ", ".join(literal(v, named) for v in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, str):
        return python_literal(value)
    if isinstance(value, dims.Dim):
        return dims.text(value, named)
    if isinstance(value, float):
        text = repr(float(value))
        return text if text[-1].isdigit() or text[-1] == "." else f"float({text!r})"
    if value is None or isinstance(value, (bool, int)):
        return repr(value)
    raise TypeError(f"no text for an attribute of type {type(value).__name__}")


def shape(sizes: Sequence[Size]) -> str:
    """Sizes as a tuple."""
    return literal(tuple(sizes))


def remark(text: str) -> str:
    """A comment at the end of a line, "" for no text."""
    return f"  # {comment(text)}" if text else ""
