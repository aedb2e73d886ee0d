"""What a pass is: a small frozen object that turns a graph into an equal graph.

A pass has a kebab-case name and options as fields; its text (`fold-constants{limit=65536}`) parses back. It reports what
it did to the `Context`: the rules that fired, and refusals with their reasons.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from symkeras.errors import CompileError, nearest
from symkeras.graph import compilation, provenance
from symkeras.graph.graph import Graph, subgraphs
from symkeras.graph.node import Node, make


class Rewrite(NamedTuple):
    """One rewrite: `new` stands where `old` stood.

    `old` may be a node that earlier rewrites of the same pass made.

    Attributes:
        keeps_value: whether the value of `new` is that of `old`; else the pass makes up for the difference elsewhere.
    """

    rule: str
    old: Node
    new: Node
    keeps_value: bool = True


@dataclass
class Allowance:
    """How many rewrites a pass may do, for who looks for the one that is wrong.

    Attributes:
        left: how many more.
        last: the rule that was applied last, and where.
    """

    left: int
    last: tuple[str, Node] | None = None


class Account:
    """What a pass did and did not do, counted."""

    rewrites: list[Rewrite]
    refusals: dict[tuple[str, str], dict[Node, None]]

    @property
    def fired(self) -> Counter[str]:
        """How often each rule fired."""
        return Counter(r.rule for r in self.rewrites)

    @property
    def refused(self) -> Counter[tuple[str, str]]:
        """(rule, reason) -> for how many nodes."""
        return Counter({key: len(nodes) for key, nodes in self.refusals.items()})


@dataclass
class Context(Account):
    """What passes may know and where they report.

    Attributes:
        takes: whether the backend runs an op itself.
        rewrites: what the running pass did, in order.
        refusals: (rule, reason) -> the nodes to which it might have been applied.
        memo: what the running pass made of graphs within.
        allowance: of rewrites; None for any number. Passes made of rules go by it.
    """

    takes: Callable[[str], bool]
    rewrites: list[Rewrite] = field(default_factory=list)
    refusals: dict[tuple[str, str], dict[Node, None]] = field(default_factory=dict)
    memo: dict[Any, Any] = field(default_factory=dict)
    allowance: Allowance | None = None

    def allows(self, rule: str, old: Node) -> bool:
        """Whether a rule may be applied at a node; asked where it is about to be, and then it is."""
        if self.allowance is None:
            return True
        if self.allowance.left == 0:
            return False
        self.allowance.left -= 1
        self.allowance.last = rule, old
        return True

    def within(self) -> Context:
        """A context for a graph within, whose rewrites are included afterwards."""
        return Context(self.takes, memo=self.memo, allowance=self.allowance)

    def rewrote(self, rule: str, old: Node, new: Node, keeps_value: bool = True) -> Node:
        """Note that `new` is put in place of `old`; `new` itself, which has the name of `old` where it has none."""
        self.rewrites.append(Rewrite(rule, old, new, keeps_value))
        self.stands_for(old, new)
        return new

    def stands_for(self, old: Node, new: Node) -> None:
        """Note that `new` is `old` itself on other inputs, or in other words: it keeps the name."""
        under_way = compilation.current()
        if under_way is not None:
            under_way.replaced(old, new)

    def refuse(self, rule: str, reason: str, node: Node) -> None:
        """Note that a rule was not applied to a node, and why."""
        self.refusals.setdefault((rule, reason), {})[node] = None

    def include(self, other: Context) -> None:
        """Note what was done in a graph within."""
        self.rewrites += other.rewrites
        for key, nodes in other.refusals.items():
            self.refusals.setdefault(key, {}).update(nodes)


PASSES: dict[str, type[Pass]] = {}
"""Every pass by name."""


@dataclass(frozen=True)
class Pass:
    """A rewriting of whole graphs. Subclasses set `name` and define `run`."""

    name: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        if cls.name:
            PASSES[cls.name] = cls

    def run(self, graph: Graph, context: Context) -> Graph:
        """An equal graph."""
        raise NotImplementedError

    def __str__(self) -> str:
        shown = [f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self) if getattr(self, f.name) != f.default]
        return self.name + (f"{{{','.join(shown)}}}" if shown else "")


_LONGEST = 1000
_PASS = re.compile(r"\s*([\w-]{1,100})\s*(?:\{([^{}]*)\})?\s*")
_OPTION = re.compile(r"\s*([A-Za-z_]{1,100})\s*=\s*([0-9]{1,15})\s*", re.ASCII)


def parse_pass(text: str) -> Pass:
    """A pass from its text: `name`, or `name{option=number,...}` with whole numbers from 0 on.

    Raises:
        CompileError: no pass has that name, or it has no such option, or the text is something else.
    """
    match = _PASS.fullmatch(text) if len(text) <= _LONGEST else None
    if not match or match[1] not in PASSES:
        shown = text if len(text) <= 100 else text[:100] + "..."
        raise CompileError(f"unknown pass {shown!r}.{nearest(match[1] if match else shown, PASSES)}")
    known = [f.name for f in dataclasses.fields(PASSES[match[1]])]
    options: dict[str, int] = {}
    for part in filter(str.strip, (match[2] or "").split(",")):
        option = _OPTION.fullmatch(part)
        if option is None:
            raise CompileError(f"pass {text!r}: expected `option=value` with a whole number from 0 on, received {part!r}")
        if option[1] not in known or option[1] in options:
            problem = "is given twice" if option[1] in options else "is no option of it"
            raise CompileError(f"pass {text!r}: {option[1]} {problem}; its options are {', '.join(known) or 'none'}")
        options[option[1]] = int(option[2])
    return PASSES[match[1]](**options)


def map_subgraphs(graph: Graph, transform: Callable[[Graph], Graph]) -> Graph:
    """`graph` with every sub-graph of scans, conds and loops transformed; nesting, not depth, sets the recursion."""
    if not any(map(subgraphs, graph.nodes)):
        return graph

    def transformed(node: Node, inputs: Sequence[Node]) -> Node | None:
        if not subgraphs(node):
            return None
        attrs = {k: transform(v) if isinstance(v, Graph) else v for k, v in node.attrs.items()}
        if all(attrs[k] is v for k, v in node.attrs.items()):
            return None
        return make(node.op, inputs, attrs)

    return rewritten(graph, transformed)


def rewritten(graph: Graph, transform: Callable[[Node, Sequence[Node]], Node | None]) -> Graph:
    """`graph` with what `transform(node, new inputs)` gives in place of each node; where that is None, the node on its new inputs.

    What it makes has the origins of the node.
    """
    new: dict[Node, Node] = {}
    for node in graph.nodes:
        inputs = [new[i] for i in node.inputs]
        with provenance.replacing(node):
            made = transform(node, inputs)
            if made is None and any(a is not b for a, b in zip(inputs, node.inputs, strict=True)):
                made = make(node.op, inputs, node.attrs, node.type)
        new[node] = node if made is None else made
    if all(a is b for a, b in new.items()):
        return graph
    return Graph(graph.inputs, [new[n] for n in graph.outputs], [(v, new[n]) for v, n in graph.updates], graph.name)


__all__ = ["PASSES", "Context", "Pass", "Rewrite", "map_subgraphs", "parse_pass", "rewritten"]
