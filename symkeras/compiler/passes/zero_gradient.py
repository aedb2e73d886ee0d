"""What the formula of an update makes of rows whose gradient is zero, and what must hold for that: for `sparse-updates`.

Zero times a number that is NaN or infinite, and zero divided by zero, are NaN. Where a number that only a call knows (a learning rate, a
loss scale, the factor of a clipped norm) meets a zero, a guard is kept: a number that is zero, or NaN where they are. Of tables that
meet a zero it must be known that they are finite, which they are taken for themselves, and of divisors that they are positive.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from enum import IntEnum
from functools import reduce

import numpy as np

from symkeras.graph import dtypes
from symkeras.graph.dims import Size
from symkeras.graph.node import Node, make
from symkeras.ops.op import OPS, constant_node

_PASSES_NAN = {"add", "subtract", "multiply", "divide", "negative", "square", "sqrt", "rsqrt", "abs", "exp", "log", "sign", "maximum", "minimum"}
"""Elementwise ops that give NaN wherever an operand is NaN."""
_STAYS_FINITE = {"add", "subtract", "multiply", "negative", "square", "abs", "sign", "maximum", "minimum"}
"""Elementwise ops whose result is finite where the operands are, but for overflow."""


class Sign(IntEnum):
    ANY = 0
    NOT_NEGATIVE = 1
    POSITIVE = 2


@dataclass(frozen=True)
class _Fact:
    """What is known of a node for rows whose gradient is zero.

    Attributes:
        value: what computes it; None where it is zero.
        guards: numbers that make it NaN by being NaN; zero otherwise.
        factors: the numbers that it is not finite without; None where it may be infinite or NaN all the same.
        sign: of what is not NaN.
    """

    value: Node | None
    guards: frozenset[Node] = frozenset()
    factors: frozenset[Node] | None = None
    sign: Sign = Sign.ANY


def formula(root: Node) -> list[Node]:
    """The elementwise nodes of an update, of the variable's shape, in topological order, leaves included."""
    seen: dict[int, Node] = {}
    todo = [root]
    while todo:
        n = todo.pop()
        if n.uid in seen:
            continue
        seen[n.uid] = n
        if n.op.is_elementwise and n.shape == root.shape:
            todo.extend(n.inputs)
    return [seen[u] for u in sorted(seen)]


def never_negative(updates: Sequence[tuple[Node, Node]]) -> frozenset[Node]:
    """The variables that no update makes negative if none of them is: sums of squares, running or not."""
    formulas = {v: formula(new) for v, new in updates}
    found = frozenset(formulas)
    while True:
        kept = frozenset(v for v in found if _signs(formulas[v], found)[formulas[v][-1]] != Sign.ANY)
        if kept == found:
            return found
        found = kept


def for_zero_gradient(nodes: Sequence[Node], grad: Node, slots: Set[Node]) -> tuple[Node, Node | None] | None:
    """What the last of the nodes of a formula is where the gradient is zero, and its guard, if it needs one.

    Args:
        nodes: the formula, in order.
        slots: the variables that are never negative.

    Returns:
        None where what comes out is not the old values, or something cheap, for sure.
    """
    root = nodes[-1]
    signs = _signs(nodes, slots)
    facts: dict[Node, _Fact] = {grad: _Fact(None)}
    for n in nodes:
        if n is grad:
            continue
        if not (n.op.is_elementwise and n.shape == root.shape):
            fact: _Fact | None = _leaf(n, root.shape, signs[n])
        else:
            given = [facts[i] for i in n.inputs]
            fact = (_of_zero if any(f.value is None for f in given) else _plain)(n, given, signs[n])
        if fact is None:
            return None
        facts[n] = fact
    value, guards = facts[root].value, facts[root].guards
    if value is None or value.shape != root.shape or (guards and not dtypes.is_float(root.dtype)):
        return None
    same = [g if g.dtype == root.dtype else make(OPS["cast"], (g,), {"dtype": root.dtype}) for g in sorted(guards, key=lambda g: g.uid)]
    return value, reduce(lambda a, b: make(OPS["add"], (a, b), {}), same) if same else None


def _leaf(n: Node, shape: tuple[Size, ...], sign: Sign) -> _Fact:
    if n.op.name == "constant":
        return _Fact(n, factors=frozenset() if bool(np.all(np.isfinite(n.attrs["value"].array))) else None, sign=sign)
    if n.shape == ():
        return _Fact(n, factors=frozenset([n]), sign=sign)
    return _Fact(n, factors=frozenset() if n.shape == shape else None, sign=sign)


def _plain(n: Node, given: list[_Fact], sign: Sign) -> _Fact | None:
    """An op on what is not zero."""
    guards = _union(f.guards for f in given)
    if guards and not (n.op.name in _PASSES_NAN or (n.op.name == "cast" and dtypes.is_float(n.dtype))):
        return None
    values = [f.value for f in given if f.value is not None]
    value = n if all(a is b for a, b in zip(values, n.inputs, strict=True)) else make(n.op, values, n.attrs)
    return _Fact(value, guards, _factors(n, given), sign)


def _factors(n: Node, given: list[_Fact]) -> frozenset[Node] | None:
    name, last = n.op.name, given[-1]
    is_finite = (
        name in _STAYS_FINITE
        or (name == "sqrt" and last.sign != Sign.ANY)
        or (name in ("rsqrt", "divide") and last.sign == Sign.POSITIVE)
        or (name == "cast" and dtypes.is_float(n.dtype))
    )
    known = [f.factors for f in given if f.factors is not None]
    return _union(known) if is_finite and len(known) == len(given) else None


def _of_zero(n: Node, given: list[_Fact], sign: Sign) -> _Fact | None:
    """An op on operands of which one is zero."""
    name, guards = n.op.name, _union(f.guards for f in given)
    if name in ("square", "negative") or (name == "cast" and (not guards or dtypes.is_float(n.dtype))):
        return _Fact(None, guards)
    if name == "multiply" or (name == "divide" and given[0].value is None):
        met = _meeting(name, given)
        return None if met is None else _Fact(None, guards | met)
    rest = [f for f in given if f.value is not None]
    if name in ("add", "subtract") and not rest:
        return _Fact(None, guards)
    if name == "add" or (name == "subtract" and given[1].value is None):
        return _Fact(rest[0].value, guards, rest[0].factors, rest[0].sign)
    return None


def _meeting(name: str, given: list[_Fact]) -> frozenset[Node] | None:
    """The guards of zero times, or divided by, something; None where it may be NaN unguarded."""
    other = next((f for f in given if f.value is not None), None)
    if other is None or other.value is None:
        return frozenset() if name == "multiply" else None
    if other.sign == Sign.POSITIVE and (name == "divide" or other.value.op.name == "constant"):
        return frozenset() if other.factors is not None else None
    if name == "divide" and (other.value.shape != () or other.value.op.name == "constant"):
        return None
    if other.factors is None:
        return None
    return frozenset(make(OPS[name], (constant_node(np.zeros((), f.dtype)), f), {}) for f in other.factors)


def _union(sets: Iterable[frozenset[Node]]) -> frozenset[Node]:
    return frozenset().union(*sets)


def _signs(nodes: Sequence[Node], slots: Set[Node]) -> dict[Node, Sign]:
    signs: dict[Node, Sign] = {}
    for n in nodes:
        inside = n.op.is_elementwise and n.shape == nodes[-1].shape
        signs[n] = _sign(n, [signs[i] for i in n.inputs]) if inside else _sign_of_leaf(n, slots)
    return signs


def _sign_of_leaf(n: Node, slots: Set[Node]) -> Sign:
    if n.op.name == "constant":
        array = n.attrs["value"].array
        return Sign.POSITIVE if bool(np.all(array > 0)) else Sign.NOT_NEGATIVE if bool(np.all(array >= 0)) else Sign.ANY
    return Sign.NOT_NEGATIVE if n in slots else Sign.ANY


def _sign(n: Node, of: list[Sign]) -> Sign:
    """A product of positive numbers may be zero: it is too small; so may what is cast."""
    name = n.op.name
    if name in ("square", "abs"):
        return Sign.NOT_NEGATIVE
    if name in ("sqrt", "rsqrt"):
        return of[0]
    if name == "maximum":
        return max(of)
    if name == "add":
        return max(of) if min(of) != Sign.ANY else Sign.ANY
    if name in ("multiply", "divide", "cast", "minimum"):
        return min(*of, Sign.NOT_NEGATIVE)
    return Sign.ANY


__all__ = ["for_zero_gradient", "formula", "never_negative"]
