"""The graph as it was written becomes the graph of one compilation: equal nodes are one, and have all origins that are here."""

from __future__ import annotations

from symkeras.graph import provenance
from symkeras.graph.compilation import current
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, make


def interned(graph: Graph) -> Graph:
    """`graph` made of the nodes of the compilation under way; inputs, variables and constants stay who they are.

    A body that several loops or branches have stays one. Nesting, not depth, sets the recursion.
    """
    return _interned(graph, {})


def _interned(graph: Graph, known: dict[Graph, Graph]) -> Graph:
    if graph in known:
        return known[graph]
    new: dict[Node, Node] = {}
    for node in graph.nodes:
        attrs = node.attrs
        if any(isinstance(v, Graph) for v in attrs.values()):
            attrs = {k: _interned(v, known) if isinstance(v, Graph) else v for k, v in attrs.items()}
        with provenance.replacing(node):
            new[node] = make(node.op, [new[i] for i in node.inputs], attrs, node.type) if not node.op.is_leaf else node
        if (compilation := current()) is not None:
            compilation.replaced(node, new[node])
    made = known[graph] = Graph(graph.inputs, [new[n] for n in graph.outputs], [(v, new[n]) for v, n in graph.updates], graph.name)
    return made
