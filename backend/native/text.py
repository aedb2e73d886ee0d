"""Sizes, dtypes and numbers as C text."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symkeras.graph import dims, words
from symkeras.graph.dims import Dim, Size
from symkeras.graph.escaping import Language, c_comment
from symkeras.graph.node import Node

TYPES = {
    "bool": "uint8_t", "int8": "int8_t", "int16": "int16_t", "int32": "int32_t", "int64": "int64_t",
    "uint8": "uint8_t", "uint16": "uint16_t", "uint32": "uint32_t", "uint64": "uint64_t", "float32": "float", "float64": "double",
    "bfloat16": "uint16_t",
}  # fmt: skip
"""The C type of an element in memory; of bfloat16 its bits, which only casts look at."""

SUFFIXES = {
    "bool": "bool", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64", "uint8": "u8", "uint16": "u16", "uint32": "u32",
    "uint64": "u64", "float32": "f32", "float64": "f64", "bfloat16": "bf16",
}  # fmt: skip
"""How kernels of the headers name element types."""

RESERVED = words.C
"""What nothing of a graph is named."""

C = Language(RESERVED, r"[a-z]\d*|\w+_\d*|(sk|acc|part|row|total)_\w*|_\w*|\w+_t|\w*[A-Z]\w*")
"""The identifiers of emitted C: besides those words, letters, what functions number, and whatever may be a type or a macro."""


def symbol(name: str) -> str:
    """The variable that holds a symbolic size; no two of them are the same.

    >>> symbol("batch"), symbol("int"), symbol("x0")
    ('batch', 'dim_int', 'dim_x0')
    """
    return C.symbol(name)


def counted(pointer: str, most: Size) -> str:
    """How many rows count, of at most so many: whatever number lies at `pointer`, what is read and written is within them."""
    return f"sk_min(sk_max(*({pointer}), 0), {size(most)})"


def comment(text: str) -> str:
    """A comment at the end of a line, "" for no text."""
    return f"  /* {c_comment(text)} */" if text else ""


ATOMS = {"//": "sk_floor_div({0}, {1})", "max": "(({0}) > ({1}) ? ({0}) : ({1}))"}
"""How divisions and maxima are written in C."""


def size(value: Size) -> str:
    """A size as an expression of type int64_t.

    >>> from symkeras.graph.dims import symbol
    >>> size(symbol("batch") * 2 + 1)
    '2*batch + 1'
    """
    return dims.text(value, symbol, ATOMS)


def factor(value: Size) -> str:
    """A size as an operand of a product."""
    text = size(value)
    is_sum = isinstance(value, Dim) and len(value.terms) > 1
    return f"({text})" if is_sum or text.startswith("-") else text


def divisor(value: Size) -> str:
    """A size as what is divided by.

    >>> from symkeras.graph.dims import symbol
    >>> divisor(symbol("batch") * 2), divisor(3)
    ('(2*batch)', '3')
    """
    return f"({size(value)})" if isinstance(value, Dim) else size(value)


def literal(value: Any, dtype: str) -> str:
    """A number as a C constant of exactly that value.

    >>> literal(0.1, "float32"), literal(float("-inf"), "float64"), literal(True, "bool")
    ('0.1f', '-INFINITY', '1')
    """
    if dtype in ("float32", "float64"):
        number = np.dtype(dtype).type(value)
        if math.isnan(number):
            return "NAN"
        if math.isinf(number):
            return "INFINITY" if number > 0 else "-INFINITY"
        text = repr(float(str(number))) if dtype == "float32" else repr(float(number))
        return text + ("f" if dtype == "float32" else "")
    if dtype == "bfloat16":
        return str(int(np.asarray(value, dtype).view(np.uint16)))
    number = int(value)
    if dtype == "int64":
        return f"INT64_C({number})" if number > -(2**63) else "INT64_MIN"
    if dtype == "uint64":
        return f"UINT64_C({number})"
    if dtype == "int32" and number == -(2**31):
        return "INT32_MIN"
    return f"{number}u" if dtype == "uint32" else str(number)


@dataclass
class FunctionText:
    """A C function: everything but its name.

    Attributes:
        parameters: declarations of what it is given.
        lines: its body.
        length: the number of steps of the first loop, from `begin` to `end`, where threads can share it; None where not.
        work: elements touched, for that decision.
        sliced: the totals that it does not write: it does one slice of the loop, number `slice`, and is given room for a part of
            them for each (see `totals`).
    """

    parameters: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    length: Size | None = None
    work: Size = 0
    sliced: list[Node] = field(default_factory=list)
