"""`merge-scans`: the forward scan and the one that autodiff asked for the saved values become one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from symkeras.compiler.passes.base import Context, Pass
from symkeras.compiler.passes.scan_loop import Loop, item, replace_scans
from symkeras.graph import provenance
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, make


@dataclass(frozen=True)
class MergeScans(Pass):
    """Scans over the same inputs with the same body placeholders and carries become one with all their outputs."""

    name: ClassVar[str] = "merge-scans"

    def run(self, graph: Graph, context: Context) -> Graph:
        groups: dict[Any, list[Node]] = {}
        for node in graph.nodes:
            if node.op.name == "scan":
                body = node.attrs["body"]
                key = (node.inputs, body.inputs, body.outputs[: node.attrs["carries"]], node.attrs["length"], node.attrs["reverse"])
                groups.setdefault(key, []).append(node)
        merged: dict[Node, tuple[Node, dict[int, int]]] = {}
        for nodes in groups.values():
            if len(nodes) > 1:
                self._merge(nodes, merged)
                for n in nodes[1:]:
                    context.rewrote("merge-scans", n, merged[n][0], keeps_value=False)
        if not merged:
            return graph

        made: dict[Node, Node] = {}

        def transform(node: Node, inputs: list[Node], read: list[bool]) -> list[Node | None] | None:
            if node not in merged:
                return None
            pattern, places = merged[node]
            if pattern not in made:
                made[pattern] = make(pattern.op, inputs, pattern.attrs)
            return [item(made[pattern], places[k]) for k in range(len(node.types))]

        return replace_scans(graph, transform)

    def _merge(self, nodes: list[Node], merged: dict[Node, tuple[Node, dict[int, int]]]) -> None:
        loop = Loop.of(nodes[0], list(nodes[0].inputs))
        c = len(loop.init)
        places = {n: {k: k if k < c else c + loop.add_y(n.attrs["body"].outputs[k]) for k in range(len(n.types))} for n in nodes}
        with provenance.replacing(*nodes):
            whole = loop.make()
        for n in nodes:
            merged[n] = (whole, places[n])
