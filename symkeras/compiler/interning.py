"""The graph as it was written becomes the graph of one compilation: equal nodes are one, and have all origins that are here."""

from __future__ import annotations

from symkeras.compiler.passes.base import Context
from symkeras.graph import provenance
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, make

NAME = "cse"
"""What histories call it: common subexpressions are eliminated."""


def interned(graph: Graph, context: Context) -> Graph:
    """`graph` made of the nodes of the compilation under way; inputs, variables and constants stay who they are.

    A body that several loops or branches have stays one. Nesting, not depth, sets the recursion.
    """
    return _Interning(context).graph(graph)


class _Interning:
    def __init__(self, context: Context):
        self._context = context
        self._known: dict[Graph, Graph] = {}
        self._met: set[Node] = set()

    def graph(self, graph: Graph) -> Graph:
        if graph not in self._known:
            new: dict[Node, Node] = {}
            for node in graph.nodes:
                new[node] = node if node.op.is_leaf else self._node(node, [new[i] for i in node.inputs])
            updates = [(v, new[n]) for v, n in graph.updates]
            self._known[graph] = Graph(graph.inputs, [new[n] for n in graph.outputs], updates, graph.name)
        return self._known[graph]

    def _node(self, node: Node, inputs: list[Node]) -> Node:
        attrs = node.attrs
        if any(isinstance(v, Graph) for v in attrs.values()):
            attrs = {k: self.graph(v) if isinstance(v, Graph) else v for k, v in attrs.items()}
        with provenance.replacing(node):
            made = make(node.op, inputs, attrs, node.type)
        if made in self._met:
            self._context.rewrote("equal", node, made)
        else:
            self._context.stands_for(node, made)
            self._met.add(made)
        return made
