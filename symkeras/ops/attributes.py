"""What the static arguments of operations may be: a small vocabulary, of which every op says its own in `attributes`.

A kind reads one value for inputs of given types, and gives it in plain Python (NumPy's numbers become int and float, lists tuples).
It is asked whenever a node is made, and once more with numbers instead of symbols when sizes are known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symkeras.errors import GraphError, ShapeError, SymkerasError
from symkeras.graph import dtypes
from symkeras.graph.dims import Dim
from symkeras.graph.graph import Graph
from symkeras.graph.node import Literal

MOST_ELEMENTS = 1 << 48
"""The largest size that an axis or a whole tensor can have."""

Types = Sequence[Any]
"""The types of a node's inputs."""


class Unfit(ValueError):
    """A value that an attribute cannot have; the message says what it must be."""


class Kind:
    """One kind of attribute.

    Args:
        expected: for messages, "an integer of at least 1".
        read: the value in plain Python, or `Unfit` for one that is not of this kind.
        error: what a value that is not is raised as.
    """

    __slots__ = ("_read", "error", "expected")

    def __init__(self, expected: str, read: Callable[[Any, Types], Any], error: type[SymkerasError] = GraphError):
        self.expected = expected
        self.error = error
        self._read = read

    def __call__(self, value: Any, types: Types) -> Any:
        """The value in plain Python.

        Raises:
            Unfit: it is not of this kind.
        """
        return self._read(value, types)

    def __repr__(self) -> str:
        return f"<{self.expected}>"


def integer(low: int | None = None, high: int | None = None) -> Kind:
    """An integer from `low` to `high`; no bool.

    >>> integer(1)(np.int64(3), ())
    3
    """
    bounds = "" if low is None else f" of at least {low}" if high is None else f" from {low} to {high}"

    def read(value: Any, types: Types) -> int:
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
            raise Unfit
        if (low is not None and value < low) or (high is not None and value > high):
            raise Unfit
        return int(value)

    return Kind(f"an integer{bounds}", read)


def _number(value: Any, types: Types) -> int | float:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise Unfit
    return int(value) if isinstance(value, (int, np.integer)) else float(value)


def _boolean(value: Any, types: Types) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise Unfit
    return bool(value)


def _text(value: Any, types: Types) -> str:
    if not isinstance(value, str):
        raise Unfit
    return str(value)


def _dtype(value: Any, types: Types) -> str:
    if not isinstance(value, str) or value not in dtypes.ALL:
        raise Unfit
    return dtypes.standardize(value)


def _size(value: Any, types: Types) -> int | Dim:
    return value if isinstance(value, Dim) else _natural(value, types)


def _instance(cls: type) -> Callable[[Any, Types], Any]:
    def read(value: Any, types: Types) -> Any:
        if not isinstance(value, cls):
            raise Unfit
        return value

    return read


def _body(value: Any, types: Types) -> Graph:
    if not isinstance(value, Graph) or value.updates or value.variables:
        raise Unfit
    return value


_natural = integer(0, MOST_ELEMENTS)
NUMBER = Kind("a number", _number)
BOOLEAN = Kind("True or False", _boolean)
TEXT = Kind("a string", _text)
DTYPE = Kind("the name of a dtype", _dtype)
SIZE = Kind("a size: an integer from 0 on, or a dim", _size)
LITERAL = Kind("a constant", _instance(Literal))
BODY = Kind("a closed graph without variables", _body)
ANYTHING = Kind("anything", lambda value, types: value)


def _kept(value: Any, plain: tuple[Any, ...]) -> tuple[Any, ...]:
    """`value` itself where it is plain already: what is read twice is the same object."""
    return value if value.__class__ is tuple and all(a is b for a, b in zip(value, plain, strict=True)) else plain


def items(kind: Kind, what: str, count: Callable[[Types], int | None] = lambda types: None) -> Kind:
    """A tuple whose items are all of a kind, as many as `count` says for the inputs (any number for None)."""

    def read(value: Any, types: Types) -> tuple[Any, ...]:
        if not isinstance(value, (tuple, list)) or count(types) not in (None, len(value)):
            raise Unfit
        return _kept(value, tuple(kind(v, types) for v in value))

    return Kind(f"a tuple of {what}", read)


def group(*kinds: Kind) -> Kind:
    """A tuple with one item of each kind."""

    def read(value: Any, types: Types) -> tuple[Any, ...]:
        if not isinstance(value, (tuple, list)) or len(value) != len(kinds):
            raise Unfit
        return _kept(value, tuple(kind(v, types) for kind, v in zip(kinds, value, strict=True)))

    return Kind(f"{len(kinds)} of {kinds[0].expected}", read)


SIZES = items(SIZE, "sizes")


def per_axis(kind: Kind, what: str, of: int = 0) -> Kind:
    """A tuple with one item for each axis of input `of`."""
    return items(kind, f"{what}, one for each axis", lambda types: types[of].ndim)


def per_spatial_axis(kind: Kind, what: str) -> Kind:
    """A tuple with one item for each axis of the first input but the first and the last."""
    return items(kind, f"{what}, one for each spatial axis", lambda types: max(types[0].ndim - 2, 0))


def axis(of: int = 0, negative: bool = False) -> Kind:
    """An axis of input `of`, counted from the front; `negative`: or from the end."""

    def read(value: Any, types: Types) -> int:
        k, ndim = _integer(value, types), types[of].ndim
        if not (-ndim if negative else 0) <= k < ndim:
            raise Unfit
        return k

    return Kind("an axis of its input", read, ShapeError)


_integer = integer()


def axes(of: int = 0) -> Kind:
    """Distinct axes of input `of`, counted from the front."""
    one = axis(of)

    def read(value: Any, types: Types) -> tuple[int, ...]:
        if not isinstance(value, (tuple, list)):
            raise Unfit
        out = tuple(one(v, types) for v in value)
        if len(set(out)) != len(out):
            raise Unfit
        return _kept(value, out)

    return Kind("distinct axes of its input", read, ShapeError)


def result() -> Kind:
    """The number of one of the results of the input."""

    def read(value: Any, types: Types) -> int:
        k = _natural(value, types)
        if not isinstance(types[0], tuple) or k >= len(types[0]):
            raise Unfit
        return k

    return Kind("the number of a result", read)


def of_annotation(annotation: str) -> Kind:
    """The kind of an attribute of a composite, from the annotation of its parameter.

    >>> of_annotation("float")
    <a number>
    """
    return {"float": NUMBER, "bool": BOOLEAN, "tuple[int, ...]": axes(), "str": TEXT}[annotation]


POSITIVE = integer(1, 2**31 - 1)
WINDOW = {
    "window": per_spatial_axis(POSITIVE, "sizes"), "strides": per_spatial_axis(POSITIVE, "steps"),
    "padding": per_spatial_axis(group(SIZE, SIZE), "pairs of sizes"),
}  # fmt: skip
"""Of pooling."""
SLIDING = {
    "strides": WINDOW["strides"], "padding": WINDOW["padding"], "dilation": per_spatial_axis(POSITIVE, "steps"), "groups": POSITIVE,
}  # fmt: skip
"""Of convolution."""
SPATIAL = per_spatial_axis(SIZE, "sizes")
