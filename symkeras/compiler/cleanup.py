"""`strip`: passes-through go away once differentiation is done: layer boundaries, stop_gradient, items of nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from symkeras.compiler.passes import Context, Pass, map_subgraphs
from symkeras.graph import provenance
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, make

_IDENTITIES = ("boundary", "stop_gradient")


@dataclass(frozen=True)
class Strip(Pass):
    """Remove ops that only pass their input on."""

    name: ClassVar[str] = "strip"

    def run(self, graph: Graph, context: Context) -> Graph:
        graph = map_subgraphs(graph, lambda g: self.run(g, context))
        new: dict[Node, Node] = {}
        for node in graph.nodes:
            inputs = [new[i] for i in node.inputs]
            if node.op.name in _IDENTITIES:
                context.fired[node.op.name] += 1
                new[node] = inputs[0]
                inputs[0].origins = inputs[0].origins or node.origins
            elif any(a is not b for a, b in zip(inputs, node.inputs, strict=True)):
                with provenance.inherit(node.origins):
                    new[node] = make(node.op, inputs, node.attrs, node.type)
            else:
                new[node] = node
        return Graph(graph.inputs, [new[n] for n in graph.outputs], [(v, new[n]) for v, n in graph.updates], graph.name)
