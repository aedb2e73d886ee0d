"""`legalize`: composites that the backend does not take are replaced by their decomposition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from symkeras.compiler.passes.base import Context, Pass, map_subgraphs
from symkeras.compiler.passes.strip import Strip
from symkeras.graph import provenance
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, make
from symkeras.graph.tensor import Tensor
from symkeras.ops.op import Composite

_MADE = ("stop_gradient", "custom_gradient")
"""What decompositions and gradients leave behind, and backends need not know."""


@dataclass(frozen=True)
class Legalize(Pass):
    """Expand every op the backend does not take until only ops it takes are left."""

    name: ClassVar[str] = "legalize"

    def run(self, graph: Graph, context: Context) -> Graph:
        graph = map_subgraphs(graph, lambda g: self.run(g, context))
        while any(_must_expand(n, context) for n in graph.nodes):
            graph = self._once(graph, context)
        return Strip().run(graph, context) if any(n.op.name in _MADE for n in graph.nodes) else graph

    def _once(self, graph: Graph, context: Context) -> Graph:
        new: dict[Node, Node] = {}
        for node in graph.nodes:
            inputs = [new[i] for i in node.inputs]
            if _must_expand(node, context):
                new[node] = context.rewrote(node.op.name, node, _expand(node, inputs))
            elif any(a is not b for a, b in zip(inputs, node.inputs, strict=True)):
                with provenance.replacing(node):
                    new[node] = make(node.op, inputs, node.attrs, node.type)
            else:
                new[node] = node
        return Graph(graph.inputs, [new[n] for n in graph.outputs], [(v, new[n]) for v, n in graph.updates], graph.name)


def _must_expand(node: Node, context: Context) -> bool:
    return node.op.is_composite and not context.takes(node.op.name)


def _expand(node: Node, inputs: list[Node]) -> Node:
    op = node.op
    assert isinstance(op, Composite)
    with provenance.replacing(node):
        result = op.decompose(*map(Tensor, inputs), **node.attrs)
    if isinstance(result, tuple):
        raise TypeError(f"{op.name}: a composite with several results cannot be expanded in place")
    return result.node
