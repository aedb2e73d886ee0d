"""The words of graph text, and what is made of them: sizes, types, and values of attributes.

A parser of this grammar and of nothing more: text that a stranger wrote is read in time and memory proportional to its length, and
within the limits below. Nothing is evaluated but sums, products, floor divisions and maxima of sizes.

    value = sum | string | constant | list | "base64" "(" string ")" | graph reference
    sum = product {("+" | "-") product}      product = factor {("*" | "//") factor}
    factor = ["-"] (number | word | "(" ... ")" | "max" "(" sum "," sum ")")
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Mapping
from typing import Any

from symkeras.errors import GraphError
from symkeras.graph import dims, dtypes
from symkeras.graph.dims import Dim, Size
from symkeras.graph.escaping import printable

MOST_NESTED = 40
"""Parentheses and brackets within each other."""
MOST_VALUES = 1 << 14
"""Numbers, strings and names in one line; longer constants are written in base64."""
MOST_TERMS = 64
"""Terms of one size."""
_MOST = 1 << 64
_MOST_DIGITS = 40

_TOKEN = re.compile(
    r"""
      (?P<name>%(?:[^\s,()'"=\#%@:]|:(?=\S))+)
    | (?P<string>'[^'\\]*(?:\\.[^'\\]*)*'|"[^"\\]*(?:\\.[^"\\]*)*")
    | (?P<graph>[\w.-]{1,99}@[0-9]{1,9})
    | (?P<float>[0-9]+\.[0-9]*(?:e[+-]?[0-9]+)?|[0-9]+e[+-]?[0-9]+)
    | (?P<int>[0-9]+)
    | (?P<word>[^\W\d]\w*)
    | (?P<sign>//|<-|[-+*()\[\],:={}])
    | (?P<space>[ \t]+)
    | (?P<comment>\#.*)
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.)|$)")
_SHORT_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "'": "'", '"': '"'}
_CONSTANTS = {"True": True, "False": False, "None": None, "nan": math.nan, "inf": math.inf}


class Reader:
    """Goes through the words of one line.

    Args:
        text: the line.
        graphs: what references such as `body@1` stand for.
    """

    def __init__(self, text: str, graphs: Mapping[str, Any] | None = None):
        self._text = text
        self._graphs = graphs or {}
        self._position = 0
        self._values = 0
        self._divisions = 0
        self._next()

    def _next(self) -> None:
        """Go to the next word; its `kind` is "" at the end of the line."""
        while self._position < len(self._text):
            match = _TOKEN.match(self._text, self._position)
            if match is None:
                raise GraphError(f"cannot read {printable(self._text[self._position :], 60)!r}")
            self._position = match.end()
            if match.lastgroup not in ("space", "comment"):
                self.kind, self.word = str(match.lastgroup), match[0]
                return
        self.kind, self.word = "", "the end of the line"

    def sees(self, word: str) -> bool:
        """Whether a sign or word comes next."""
        return self.word == word and self.kind in ("sign", "word")

    def skip(self, word: str) -> bool:
        """Go past a sign or word if it comes next; whether it did."""
        found = self.sees(word)
        if found:
            self._next()
        return found

    def expect(self, word: str) -> None:
        """Go past a sign or word that must come next."""
        if not self.skip(word):
            raise self.error(f"`{word}`")

    def take(self, kind: str, what: str) -> str:
        """The next word, which must be of a kind."""
        if self.kind != kind:
            raise self.error(what)
        word = self.word
        self._values += 1
        if self._values > MOST_VALUES:
            raise GraphError(f"more than {MOST_VALUES} values in one line")
        self._next()
        return word

    def end(self) -> None:
        """Nothing may be left."""
        if self.kind:
            raise self.error("the end of the line")

    def error(self, expected: str) -> GraphError:
        """That something else was expected than what is there."""
        return GraphError(f"expected {expected}, received {printable(self.word, 60)!r}")

    # ---- types -----------------------------------------------------------------------------------------------------

    def type(self) -> tuple[tuple[Size, ...], str]:
        """Shape and dtype of a tensor type, `f32[batch, 3]`."""
        short = self.take("word", "a type such as f32[batch, 64]")
        if short not in dtypes.LONG:
            raise GraphError(f"not a dtype: {printable(short, 60)!r}; expected one of {', '.join(dtypes.LONG)}")
        self.expect("[")
        shape = self._several("]", self.size)
        return tuple(shape), dtypes.standardize(dtypes.LONG[short])

    def size(self, depth: int = 0) -> Size:
        """A size: an expression of integers and dims."""
        value = self._sum(depth)
        if isinstance(value, bool) or not isinstance(value, (int, Dim)):
            raise GraphError(f"not a size: {value!r}")
        return value

    def _several(self, close: str, read: Any, depth: int = 0) -> list[Any]:
        found = []
        while not self.skip(close):
            found.append(read(depth))
            if not self.sees(close):
                self.expect(",")
        return found

    # ---- values ----------------------------------------------------------------------------------------------------

    def value(self, depth: int = 0) -> Any:
        """The value of an attribute."""
        if self.kind == "string":
            return unquoted(self.take("string", "a string"))
        if self.kind == "graph":
            name = self.take("graph", "a graph")
            if name not in self._graphs:
                raise GraphError(f"there is no graph {printable(name)!r} below")
            return self._graphs[name]
        if self.sees("[") and depth < MOST_NESTED:
            self._next()
            return self._several("]", self.value, depth + 1)
        if self.sees("base64"):
            self._next()
            self.expect("(")
            text = unquoted(self.take("string", "a string of base64"))
            self.expect(")")
            try:
                return base64.b64decode(text, validate=True)
            except (binascii.Error, ValueError):
                raise GraphError("a constant is no base64") from None
        return self._sum(depth)

    def _sum(self, depth: int) -> Any:
        if depth == 0:
            self._divisions = 0
        left = self._product(depth)
        while self.sees("+") or self.sees("-"):
            sign = self.word
            self._next()
            right = self._product(depth)
            _check_operands(left, right)
            left = _bounded(left + right if sign == "+" else left - right)
        return left

    def _product(self, depth: int) -> Any:
        left = self._factor(depth)
        while self.sees("*") or self.sees("//"):
            sign = self.word
            self._next()
            right = self._factor(depth)
            _check_operands(left, right)
            if sign == "*":
                left = _bounded(left * right)
                continue
            self._divisions += 1
            if right == 0 or self._divisions > MOST_NESTED:
                raise GraphError(f"a size is divided by zero, or more than {MOST_NESTED} times")
            left = _bounded(dims.floor_divide(left, right))
        return left

    def _factor(self, depth: int) -> Any:
        if depth > MOST_NESTED:
            raise GraphError(f"more than {MOST_NESTED} parentheses within each other")
        if self.skip("-"):
            value = self._factor(depth + 1)
            if isinstance(value, bool) or not isinstance(value, (int, float, Dim)):
                raise self.error("a number")
            return -value
        if self.kind == "int":
            word = self.take("int", "a number")
            if len(word) > _MOST_DIGITS:
                raise GraphError(f"a number of more than {_MOST_DIGITS} digits")
            return _bounded(int(word))
        if self.kind == "float":
            return float(self.take("float", "a number"))
        if self.sees("("):
            self._next()
            return self._parenthesis(depth + 1)
        word = self.take("word", "a value")
        if word == "max" and self.skip("("):
            return self._maximum(depth + 1)
        return _CONSTANTS[word] if word in _CONSTANTS else dims.symbol(word)

    def _maximum(self, depth: int) -> Size:
        """The larger of two sizes; the opening parenthesis is behind."""
        left = self.size(depth)
        self.expect(",")
        right = self.size(depth)
        self.expect(")")
        self._divisions += 1
        if self._divisions > MOST_NESTED:
            raise GraphError(f"more than {MOST_NESTED} maxima in a size")
        return _bounded(dims.maximum(left, right))

    def _parenthesis(self, depth: int) -> Any:
        """A tuple, or a value in parentheses; the opening one is behind."""
        if self.skip(")"):
            return ()
        first = self.value(depth)
        if self.skip(")"):
            return first
        self.expect(",")
        return (first, *self._several(")", self.value, depth))


def unquoted(literal: str) -> str:
    """The string that a literal in quotes stands for.

    >>> unquoted(repr("it's\\n\\u2028"))
    "it's\\n\\u2028"
    """

    def one(match: re.Match[str]) -> str:
        code = match[1] or match[2] or match[3]
        if code:
            number = int(code, 16)
            if number > 0x10FFFF:
                raise GraphError(f"no character {match[0]!r}")
            return chr(number)
        if match[4] not in _SHORT_ESCAPES:
            raise GraphError(f"no escape {printable(match[0])!r} in a string")
        return _SHORT_ESCAPES[match[4]]

    inside = literal[1:-1]
    return _ESCAPE.sub(one, inside) if "\\" in inside else inside


def _check_operands(left: Any, right: Any) -> None:
    for v in (left, right):
        if isinstance(v, bool) or not isinstance(v, (int, Dim)):
            raise GraphError("only sizes are added, multiplied and divided")


def _terms(value: Size) -> int:
    return len(value.terms) if isinstance(value, Dim) else 1


def _bounded(value: Size) -> Size:
    """`value`, which must be one that a number of 64 bits and a size of reasonable length can be."""
    numbers = [c for _, c in value.terms] if isinstance(value, Dim) else [value]
    if _terms(value) > MOST_TERMS or any(abs(n) >= _MOST for n in numbers):
        raise GraphError(f"a size of more than {MOST_TERMS} terms, or beyond 64 bits")
    if isinstance(value, Dim) and any(len(monomial) > MOST_TERMS for monomial, _ in value.terms):
        raise GraphError(f"a product of more than {MOST_TERMS} dims")
    return value
