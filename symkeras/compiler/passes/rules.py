"""Rewrite rules: a pattern, what it becomes, on what condition, and how exact that is.

Patterns and replacements are written as the expressions they match, `log(1 + exp(x))`. A bare name stands for any node
(the same node wherever it recurs), a keyword's name for an attribute, a number for a constant all of whose elements
have that value. A condition gives None, or the reason why the rule does not apply.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from symkeras.compiler.passes.base import Context, map_subgraphs
from symkeras.errors import CompileError
from symkeras.graph import provenance
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, make
from symkeras.graph.tensor import Tensor
from symkeras.graph.types import TensorType
from symkeras.ops.op import OPS, constant_node

NUMERICS = ("exact", "reassociates", "approximate", "stabilises")
_COMMUTATIVE = frozenset({"add", "multiply", "maximum", "minimum", "equal", "not_equal", "logical_and", "logical_or", "logaddexp"})
_OPERATORS = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide", ast.Pow: "power"}


@dataclass
class Match:
    """What the names of a pattern stand for: nodes and attributes; `node` is the whole."""

    node: Node
    nodes: dict[str, Node] = field(default_factory=dict)
    attrs: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Node:
        return self.nodes[name]


@dataclass(frozen=True)
class Rule:
    """One row of a rule table.

    Args:
        name: kebab-case, shown in histories.
        pattern: the expression matched.
        replacement: an expression over the same names, or a function of the match giving a node (None refuses).
        numerics: "exact" (same bits, up to the sign of zero never lost), "reassociates" (sums in another order),
            "approximate" (another rounding), "stabilises" (differs only where the pattern overflows or cancels).
        where: None to apply, or the reason why not.
        doc: why the rule pays or is needed.
        samples: types of the names, for the numeric test; "f32[3, 4]" by default.
        attrs: values of the attribute names, for the numeric test.
    """

    name: str
    pattern: str
    replacement: str | Callable[[Match], Node | None]
    numerics: str = "exact"
    where: Callable[[Match], str | None] | None = None
    doc: str = ""
    samples: dict[str, str] = field(default_factory=dict)
    attrs: dict[str, Any] = field(default_factory=dict)


def parse(text: str) -> ast.expr:
    """The expression tree of a pattern or replacement."""
    return ast.parse(text, mode="eval").body


def op_of(expression: ast.expr) -> str | None:
    """The op an expression applies, or None for a name or number."""
    if isinstance(expression, ast.Call) and isinstance(expression.func, ast.Name):
        return expression.func.id
    if isinstance(expression, ast.BinOp):
        return _OPERATORS[type(expression.op)]
    if isinstance(expression, ast.UnaryOp) and not isinstance(expression.operand, ast.Constant):
        return "negative"
    return None


def operands(expression: ast.expr) -> list[ast.expr]:
    """What an expression applies its op to."""
    if isinstance(expression, ast.Call):
        return expression.args
    if isinstance(expression, ast.BinOp):
        return [expression.left, expression.right]
    assert isinstance(expression, ast.UnaryOp)
    return [expression.operand]


def _number(expression: ast.expr) -> float | int | bool | None:
    if isinstance(expression, ast.Constant):
        return expression.value  # type: ignore[return-value]
    if isinstance(expression, ast.UnaryOp) and isinstance(expression.operand, ast.Constant):
        return -expression.operand.value  # type: ignore[operator]
    return None


def splat(node: Node) -> Any:
    """The one value all elements of a constant have, or None."""
    while node.op.name in ("broadcast_to", "reshape"):
        node = node.inputs[0]
    if node.op.name != "constant":
        return None
    array = node.attrs["value"].array
    if array.size == 0:
        return None
    first = array.flat[0]
    return first if array.size == 1 or (array == first).all() else None


def matches(expression: ast.expr, node: Node, found: Match) -> Iterator[Match]:
    """Every way in which `expression` matches `node`, extending `found`. Patterns are small; they alone recurse."""
    number = _number(expression)
    if number is not None:
        value = splat(node)
        if value is not None and value == number and (not isinstance(number, bool) or node.dtype == "bool"):
            yield found
        return
    if isinstance(expression, ast.Name):
        bound = found.nodes.get(expression.id)
        if bound is None:
            if not isinstance(node.type, tuple):
                yield Match(found.node, {**found.nodes, expression.id: node}, found.attrs)
        elif bound is node:
            yield found
        return
    if node.op.name != op_of(expression):
        return
    attrs = dict(found.attrs)
    for keyword in expression.keywords if isinstance(expression, ast.Call) else ():
        value = node.attrs.get(keyword.arg or "")
        if isinstance(keyword.value, ast.Name):
            if attrs.setdefault(keyword.value.id, value) != value:
                return
        elif value != ast.literal_eval(keyword.value):
            return
    arguments = operands(expression)
    orders = [node.inputs]
    if node.op.name in _COMMUTATIVE:
        orders.append(node.inputs[::-1])
    for inputs in orders:
        yield from _match_all(arguments, inputs, Match(found.node, found.nodes, attrs))


def _match_all(expressions: list[ast.expr], nodes: tuple[Node, ...], found: Match) -> Iterator[Match]:
    if len(expressions) != len(nodes):
        return
    if not expressions:
        yield found
        return
    for partial in matches(expressions[0], nodes[0], found):
        yield from _match_all(expressions[1:], nodes[1:], partial)


def build(expression: ast.expr, match: Match, dtype: str) -> Node:
    """The node of a replacement."""
    number = _number(expression)
    if number is not None:
        return constant_node(np.asarray(number, dtype="bool" if isinstance(number, bool) else dtype))
    if isinstance(expression, ast.Name):
        return match.nodes[expression.id]
    name = op_of(expression)
    if name not in OPS:
        raise CompileError(f"the replacement {ast.unparse(expression)!r} names no operation")
    inputs = [build(a, match, dtype) for a in operands(expression)]
    attrs = {}
    for keyword in expression.keywords if isinstance(expression, ast.Call) else ():
        value = keyword.value
        attrs[keyword.arg] = match.attrs[value.id] if isinstance(value, ast.Name) else ast.literal_eval(value)
    return make(OPS[name], inputs, attrs)  # type: ignore[arg-type]


class _Row(NamedTuple):
    """A rule ready to be matched: its trees, and for each argument that is not a bare name the ops of which one must be there."""

    rule: Rule
    pattern: ast.expr
    replacement: ast.expr | None
    needs: tuple[frozenset[str], ...]


_CONSTANTS = frozenset({"constant", "broadcast_to", "reshape"})
"""What a number in a pattern can be (see `splat`)."""


def _needs(pattern: ast.expr) -> tuple[frozenset[str], ...]:
    names = [_CONSTANTS if _number(a) is not None else frozenset({op_of(a)} - {None}) for a in operands(pattern)]
    return tuple(n for n in names if n)  # type: ignore[return-value]


class RuleSet:
    """Rules indexed by the op at the root of their pattern; they are parsed here, and never again."""

    def __init__(self, rules: Iterable[Rule]):
        self.rules = tuple(rules)
        self._by_op: dict[str, list[_Row]] = {}
        self._known: dict[tuple[str, frozenset[str]], list[_Row]] = {}
        for rule in self.rules:
            pattern = parse(rule.pattern)
            replacement = parse(rule.replacement) if isinstance(rule.replacement, str) else None
            name = op_of(pattern)
            if name is None or rule.numerics not in NUMERICS:
                raise CompileError(f"rule {rule.name!r}: the pattern must apply an operation and numerics be one of {NUMERICS}")
            self._by_op.setdefault(name, []).append(_Row(rule, pattern, replacement, _needs(pattern)))

    def concerns(self, node: Node) -> bool:
        """Whether a rule may apply to `node`, by its operation."""
        return node.op.name in self._by_op

    def _candidates(self, node: Node) -> Sequence[_Row]:
        """The rules whose arguments `node` may have, by the operations of its inputs; kept for the next node like it."""
        names = frozenset([i.op.name for i in node.inputs])
        rows = self._known.get((node.op.name, names))
        if rows is None:
            rows = [r for r in self._by_op.get(node.op.name, ()) if not any(need.isdisjoint(names) for need in r.needs)]
            if len(names) <= 3:  # those of a long concatenation come but once
                self._known[node.op.name, names] = rows
        return rows

    def rewrite(self, node: Node, context: Context) -> Node | None:
        """What the first rule that applies makes of `node`, or None."""
        for rule, pattern, replacement, _ in self._candidates(node):
            for match in matches(pattern, node, Match(node)):
                reason = rule.where(match) if rule.where is not None else None
                if reason is None:
                    with provenance.replacing(node):
                        new = build(replacement, match, node.types[0].dtype) if replacement is not None else rule.replacement(match)  # type: ignore[operator]
                        new = _fit(new, node.type)
                    if new is not None and new is not node and context.allows(rule.name, node):
                        return context.rewrote(rule.name, node, new)
                else:
                    context.refuse(rule.name, reason, node)
        return None

    def run(self, graph: Graph, context: Context) -> Graph:
        """Apply the rules everywhere until none fires."""
        graph = map_subgraphs(graph, lambda g: self._within(g, context))
        for _ in range(32):
            graph, changed = self._sweep(graph, context)
            if not changed:
                return graph
        raise CompileError(f"the rules do not come to an end on graph {graph.name!r}; last fired: {dict(context.fired)}")

    def _within(self, graph: Graph, context: Context) -> Graph:
        """A body rewritten: the same object for the same body, so that loops and branches that were equal stay so."""
        if (self, graph) not in context.memo:
            own = context.within()
            context.memo[self, graph] = self.run(graph, own), own
        new, own = context.memo[self, graph]
        context.include(own)
        return new

    def _sweep(self, graph: Graph, context: Context) -> tuple[Graph, bool]:
        new: dict[Node, Node] = {}
        changed = False
        for node in graph.nodes:
            inputs = [new[i] for i in node.inputs]
            current = node
            if any(a is not b for a, b in zip(inputs, node.inputs, strict=True)):
                with provenance.replacing(node):
                    current = make(node.op, inputs, node.attrs)
            if self.concerns(node):
                for _ in range(16):
                    better = self.rewrite(current, context)
                    if better is None:
                        break
                    current, changed = better, True
            new[node] = current
        if not changed:
            return graph, False
        return Graph(graph.inputs, [new[n] for n in graph.outputs], [(v, new[n]) for v, n in graph.updates], graph.name), True


def _fit(new: Node | None, type: Any) -> Node | None:
    """`new` broadcast to `type`; None where it cannot stand for it."""
    if new is None or new.type == type:
        return new
    if isinstance(type, TensorType) and isinstance(new.type, TensorType) and new.dtype == type.dtype and new.ndim <= type.ndim:
        return make(OPS["broadcast_to"], (new,), {"shape": type.shape})
    return None


def tensors(match: Match, *names: str) -> list[Tensor]:
    """The nodes of names as tensors, for replacements written with ops."""
    return [Tensor(match[n]) for n in names]
