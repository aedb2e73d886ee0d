"""`strip`: passes-through go away once differentiation is done: layer boundaries, stop_gradient, items of nothing."""

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

        def passed(node: Node, inputs: Sequence[Node]) -> Node | None:
            if node.op.name not in _IDENTITIES:
                return None
            inputs[0].origins = inputs[0].origins or node.origins
            return context.rewrote(node.op.name, node, inputs[0])

        return rewritten(graph, passed)
