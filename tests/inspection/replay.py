"""The rewrites that a pass recorded, done once more: on the graph before it they give the graph after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from symkeras.compiler.history import Step
from symkeras.graph import provenance
from symkeras.graph.compilation import Compilation
from symkeras.graph.graph import Graph, subgraphs
from symkeras.graph.node import Node, make, reachable


def replayed(step: Step) -> Graph:
    """`before` with the recorded rewrites, and nothing else, applied wherever what they met stands, until it stands nowhere."""
    with provenance.inherit(()), Compilation({}):
        return _Replay(step).graph(step.before)


class _Replay:
    """Equal nodes are one, as they were in the compilation: so what a rewrite met is found again."""

    def __init__(self, step: Step):
        self._known: dict[Any, Node] = {}
        self._replace = {r.old: r.new for r in step.rewrites if r.old is not r.new}
        self._graphs: dict[Any, Graph] = {}
        self._note([*step.before.roots, *(n for r in step.rewrites for n in (r.old, r.new))])

    def _note(self, roots: Sequence[Node]) -> None:
        for n in reachable(roots):
            for g in subgraphs(n):
                self._note(g.roots)
            self._known.setdefault(_key(n, n.inputs, n.attrs), n)

    def graph(self, graph: Graph) -> Graph:
        key = _graph_key(graph)
        if key not in self._graphs:
            now, swept = graph, self._swept(graph)
            while now is not swept:
                now, swept = swept, self._swept(swept)
            self._graphs[key] = now
        return self._graphs[key]

    def _swept(self, graph: Graph) -> Graph:
        new: dict[Node, Node] = {}
        for n in graph.nodes:
            current = n if n in self._replace else self._on(n, [new[i] for i in n.inputs])
            while current in self._replace:
                current = self._replace[current]
            new[n] = current
        if all(a is b for a, b in new.items()):
            return graph
        return Graph(graph.inputs, [new[n] for n in graph.outputs], [(v, new[n]) for v, n in graph.updates], graph.name)

    def _on(self, node: Node, inputs: Sequence[Node]) -> Node:
        """A node on other inputs."""
        attrs = {k: self.graph(v) if isinstance(v, Graph) else v for k, v in node.attrs.items()}
        key = _key(node, inputs, attrs)
        if key not in self._known:
            self._known[key] = make(node.op, inputs, attrs, node.type)
        return self._known[key]


def _key(node: Node, inputs: Sequence[Node], attrs: Mapping[str, Any]) -> Any:
    if node.op.is_leaf:
        return node
    return node.op.name, tuple(map(id, inputs)), tuple((k, _graph_key(v) if isinstance(v, Graph) else repr(v)) for k, v in attrs.items())


def _graph_key(graph: Graph) -> Any:
    return tuple(map(id, graph.inputs)), tuple(map(id, graph.roots))
