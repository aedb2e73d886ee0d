"""`strip`: passes-through go away once differentiation is done: layer boundaries, stop_gradient, values with gradients of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from symkeras.compiler.passes.base import Context, Pass, map_subgraphs, rewritten
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node

_IDENTITIES = ("boundary", "stop_gradient")


@dataclass(frozen=True)
class Strip(Pass):
    """Remove ops that only pass their input on."""

    name: ClassVar[str] = "strip"

    def run(self, graph: Graph, context: Context) -> Graph:
        graph = map_subgraphs(graph, lambda g: self.run(g, context))

        def without(node: Node, inputs: Sequence[Node]) -> Node | None:
            if node.op.name in _IDENTITIES:
                name, passed = node.op.name, inputs[0]
            elif node.op.name == "item" and inputs[0].op.name == "custom_gradient":
                name, passed = "custom_gradient", inputs[0].inputs[node.attrs["index"]]
            else:
                return None
            passed.origins = passed.origins or node.origins
            return context.rewrote(name, node, passed)

        return rewritten(graph, without)
