"""Dims: the sizes of axes, as integers or as expressions over named symbols.

A dim is a plain `int`, or a `Dim`: a polynomial over symbols (`batch`, `time`) whose atoms may also be floor divisions
and maxima, which is the arithmetic that reshapes, paddings, strides and slices need. Two dims are equal when their normal forms are.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from symkeras.errors import GraphError, ShapeError
from symkeras.graph.escaping import printable

Size: TypeAlias = "int | Dim"
"""The size of one axis."""


class Dim:
    """A symbolic size in normal form: a sum of products of atoms, each with an integer coefficient.

    Args:
        terms: product of atoms -> its coefficient; `symbol` makes what others are made of.

    >>> batch = symbol("batch")
    >>> batch * 2 + 1
    2*batch + 1
    >>> (batch * 6) // 3 == batch * 2
    True
    >>> (batch + 1).evaluate({"batch": 4})
    5
    """

    __slots__ = ("_hash", "_text", "terms")

    def __init__(self, terms: Mapping[tuple[Any, ...], int]):
        self.terms = tuple(sorted(((m, c) for m, c in terms.items() if c), key=lambda t: (len(t[0]), str(t[0]))))
        self._hash = hash(self.terms)
        self._text = ""  # kept: terms are sorted by it, and a quotient has others within

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dim) and self.terms == other.terms

    def __hash__(self) -> int:
        return self._hash

    def __add__(self, other: Size) -> Size:
        return _combine(self, other, 1)

    __radd__ = __add__

    def __sub__(self, other: Size) -> Size:
        return _combine(self, other, -1)

    def __rsub__(self, other: Size) -> Size:
        return other + self * -1

    def __neg__(self) -> Size:
        return self * -1

    def __mul__(self, other: Size) -> Size:
        if isinstance(other, int):
            return self if other == 1 else self._scaled(other) if other else 0
        return _product(self, other) if isinstance(other, Dim) else NotImplemented

    def _scaled(self, factor: int) -> Dim:
        """This dim times a number that is not 0: its terms stay in order."""
        scaled = Dim.__new__(Dim)
        scaled._text = ""
        scaled.terms = tuple([(m, c * factor) for m, c in self.terms])
        scaled._hash = hash(scaled.terms)
        scaled._text = ""
        return scaled

    __rmul__ = __mul__

    def __floordiv__(self, other: Size) -> Size:
        return floor_divide(self, other)

    def __rfloordiv__(self, other: Size) -> Size:
        return floor_divide(other, self)

    def __mod__(self, other: Size) -> Size:
        return self - floor_divide(self, other) * other

    def __bool__(self) -> bool:
        return True

    def __index__(self) -> int:
        raise ShapeError(
            f"the size {self} is symbolic: it has no value until the function is called; "
            "use symkeras.ops on the tensor instead of Python numbers"
        )

    __int__ = __index__
    __float__ = __index__

    def evaluate(self, env: Mapping[str, int]) -> int:
        """The integer this dim stands for when each symbol has the size that `env` gives."""
        total = 0
        for monomial, coefficient in self.terms:
            for atom in monomial:
                coefficient *= _atom_value(atom, env)
            total += coefficient
        return total

    def symbols(self) -> set[str]:
        """The names that occur in this dim."""
        found: set[str] = set()
        for monomial, _ in self.terms:
            for atom in monomial:
                if isinstance(atom, str):
                    found.add(atom)
                else:
                    found |= symbols_of(atom[1:])
        return found

    def __repr__(self) -> str:
        if not self._text:
            self._text = text(self)
        return self._text


_CONSTANTS = ("True", "False", "None", "nan", "inf")
"""What the text of graphs has for something else."""


def symbol(name: str) -> Dim:
    """The dim named `name`; the same name is the same dim.

    Raises:
        GraphError: a name that is no Python identifier.
    """
    if not name.isidentifier() or name in _CONSTANTS:
        raise GraphError(f"a dim needs a Python identifier as its name, and none of {', '.join(_CONSTANTS)}; received {printable(repr(name))}")
    return Dim({(name,): 1})


def floor_divide(a: Size, b: Size) -> Size:
    """`a // b`, divided out exactly where the coefficients allow it."""
    if isinstance(a, int) and isinstance(b, int):
        return a // b
    if a == b:
        return 1
    if isinstance(b, int):
        if b == 1:
            return a
        whole = {m: c // b for m, c in _terms(a) if c % b == 0 and (m or c % b == 0)}
        rest = {m: c for m, c in _terms(a) if c % b}
        if not rest:
            return _normal(whole)
        remainder = _normal(rest)
        if isinstance(remainder, int):
            return _normal(whole) + remainder // b
        return _normal(whole) + Dim({(("//", remainder, b),): 1})
    quotient = _exact_quotient(a, b)
    if quotient is not None:
        return quotient
    return Dim({(("//", a, b),): 1})


def ceil_divide(a: Size, b: Size) -> Size:
    """`a / b`, rounded up."""
    return floor_divide(a + b - 1, b)


def least(a: Size) -> int | None:
    """A number that `a` is never below, whatever its symbols are (sizes, hence 0 or more); None where nothing is known.

    >>> least(symbol("batch") * 2 + 1), least(symbol("batch") - 1), least(symbol("batch") * -1)
    (1, -1, None)
    """
    if isinstance(a, int):
        return a
    for monomial, coefficient in a.terms:
        if len(monomial) == 1 and monomial[0][0] == "max":  # rest + c max(u, v) is one of rest + c u and rest + c v
            rest = a - Dim({monomial: coefficient})
            known = [b for b in (least(rest + v * coefficient) for v in monomial[0][1:]) if b is not None]
            return min(known) if len(known) == 2 and coefficient < 0 else max(known) if known and coefficient > 0 else None
    if any(m and (c < 0 or not all(map(_is_never_negative, m))) for m, c in a.terms):
        return None
    return sum(c for m, c in a.terms if not m)


def _is_never_negative(atom: Any) -> bool:
    if isinstance(atom, str):
        return True
    low, high = map(least, atom[1:])
    if atom[0] == "max":
        return (low is not None and low >= 0) or (high is not None and high >= 0)
    return low is not None and low >= 0 and high is not None and high >= 1


def maximum(a: Size, b: Size) -> Size:
    """The larger of two sizes, in normal form: a number that is added to the symbolic one stands outside.

    >>> batch = symbol("batch")
    >>> maximum(batch, 0), maximum(batch - 1, 0), maximum(batch, 2).evaluate({"batch": 7})
    (batch, max(batch, 1) - 1, 7)
    """
    if isinstance(a, int) and isinstance(b, int):
        return max(a, b)
    if (ahead := least(a - b)) is not None and ahead >= 0:
        return a
    if (ahead := least(b - a)) is not None and ahead >= 0:
        return b
    a, b = (b, a) if isinstance(a, int) or (isinstance(b, Dim) and str(b) < str(a)) else (a, b)
    shift = dict(_terms(a)).get((), 0)
    return Dim({(("max", a - shift, b - shift),): 1}) + shift


def minimum(a: Size, b: Size) -> Size:
    """The smaller of two sizes: both together less the larger, so that what is cut off and what is left add up.

    >>> batch = symbol("batch")
    >>> minimum(batch, 5), batch - minimum(batch, 1) == maximum(batch - 1, 0)
    (batch - max(batch, 5) + 5, True)
    """
    return a + b - maximum(a, b)


def product(dims: Iterable[Size]) -> Size:
    """The product of sizes; 1 for none."""
    total: Size = 1
    for d in dims:
        total = total * d
    return total


def evaluate(value: Any, env: Mapping[str, int]) -> Any:
    """`value` with every `Dim` in it (also inside tuples) replaced by its integer."""
    if isinstance(value, Dim):
        return value.evaluate(env)
    if isinstance(value, tuple):
        return tuple(evaluate(v, env) for v in value)
    return value


def symbols_of(value: Any) -> set[str]:
    """The dim names that occur anywhere in `value` (a dim, or tuples of dims)."""
    if isinstance(value, Dim):
        return value.symbols()
    if isinstance(value, tuple):
        return set().union(*(symbols_of(v) for v in value)) if value else set()
    return set()


class _Assumptions(threading.local):
    collected: list[tuple[Size, Size]] | None = None


_assumptions = _Assumptions()


class collecting_assumptions:
    """Context that gathers the equalities of dims which type inference had to take on trust."""

    def __enter__(self) -> list[tuple[Size, Size]]:
        self._before = _assumptions.collected
        _assumptions.collected = []
        return _assumptions.collected

    def __exit__(self, *_: object) -> None:
        _assumptions.collected = self._before


def same(a: Size, b: Size) -> bool:
    """Whether two sizes may be equal; a symbolic pair that may be is noted and checked when sizes are known."""
    if a == b:
        return True
    if isinstance(a, int) and isinstance(b, int):
        return False
    difference = a - b
    if isinstance(difference, int):
        return False
    if _assumptions.collected is not None:
        _assumptions.collected.append((a, b))
    return True


def broadcast_size(a: Size, b: Size) -> Size | None:
    """The size two axes broadcast to, or None where they cannot."""
    if a == b or (isinstance(b, int) and b == 1):
        return a
    if isinstance(a, int) and a == 1:
        return b
    if not same(a, b):
        return None
    return a if isinstance(a, int) else b


def _terms(d: Size) -> tuple[tuple[tuple[Any, ...], int], ...]:
    return d.terms if isinstance(d, Dim) else (((), d),)


def _normal(terms: Mapping[tuple[Any, ...], int]) -> Size:
    if all(not m or not c for m, c in terms.items()):
        return terms.get((), 0)
    return Dim(terms)


@functools.lru_cache(4096)
def _product(a: Dim, b: Dim) -> Size:
    terms: dict[tuple[Any, ...], int] = {}
    for m1, c1 in a.terms:
        for m2, c2 in b.terms:
            m = tuple(sorted(m1 + m2, key=str))
            terms[m] = terms.get(m, 0) + c1 * c2
    return _normal(terms)


def _combine(a: Dim, b: Size, sign: int) -> Size:
    if not isinstance(b, (int, Dim)):
        return NotImplemented
    if b.__class__ is int and b == 0:
        return a
    terms = dict(a.terms)
    for m, c in _terms(b):
        terms[m] = terms.get(m, 0) + sign * c
    return _normal(terms)


def _exact_quotient(a: Size, b: Dim) -> Size | None:
    if len(b.terms) != 1:
        return None
    (divisor, coefficient), *_ = b.terms
    out: dict[tuple[Any, ...], int] = {}
    for monomial, c in _terms(a):
        left = list(monomial)
        for atom in divisor:
            if atom not in left:
                return None
            left.remove(atom)
        if c % coefficient:
            return None
        out[tuple(left)] = c // coefficient
    return _normal(out)


def _atom_value(atom: Any, env: Mapping[str, int]) -> Any:
    if isinstance(atom, str):
        if atom not in env:
            raise ShapeError(f"the size of dim {atom!r} is not known; known dims: {dict(env)}")
        return env[atom]
    a, b = evaluate(atom[1], env), evaluate(atom[2], env)
    return maximum(a, b) if atom[0] == "max" else a // b


ATOMS = {"//": "(({0})//({1}))", "max": "max({0}, {1})"}
"""How divisions and maxima are written in Python."""


def text(value: Size, named: Callable[[str], str] = str, atoms: Mapping[str, str] = ATOMS) -> str:
    """A size as an expression, with symbols called what `named` says, divisions and maxima written as `atoms` shows.

    >>> text(symbol("batch") * 2 + 1, str.upper)
    '2*BATCH + 1'
    """
    if not isinstance(value, Dim):
        return str(int(value))
    parts = []
    for monomial, coefficient in sorted(value.terms, key=lambda t: (-len(t[0]), str(t[0]))):
        factors = [named(a) if isinstance(a, str) else atoms[a[0]].format(*(text(d, named, atoms) for d in a[1:])) for a in monomial]
        if abs(coefficient) != 1 or not factors:
            factors.insert(0, str(abs(coefficient)))
        parts.append(("-" if coefficient < 0 else "") + "*".join(factors))
    return " + ".join(parts).replace("+ -", "- ")
