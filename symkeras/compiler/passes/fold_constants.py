"""`fold-constants`: what depends on constants alone is computed once, by the reference value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from symkeras.compiler.passes.base import Context, Pass, map_subgraphs
from symkeras.graph import dims, provenance
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, make
from symkeras.ops.op import constant_node


@dataclass(frozen=True)
class FoldConstants(Pass):
    """Fold nodes of constants; a result larger than `limit` elements and its inputs together stays a computation."""

    name: ClassVar[str] = "fold-constants"
    limit: int = 4096

    def run(self, graph: Graph, context: Context) -> Graph:
        graph = map_subgraphs(graph, lambda g: self.run(g, context))
        new: dict[Node, Node] = {}
        for node in graph.nodes:
            inputs = [new[i] for i in node.inputs]
            folded = self._fold(node, inputs)
            if folded is not None:
                new[node] = context.rewrote(node.op.name, node, folded)
            elif any(a is not b for a, b in zip(inputs, node.inputs, strict=True)):
                with provenance.replacing(node):
                    new[node] = make(node.op, inputs, node.attrs, node.type)
            else:
                new[node] = node
        return Graph(graph.inputs, [new[n] for n in graph.outputs], [(v, new[n]) for v, n in graph.updates], graph.name)

    def _fold(self, node: Node, inputs: list[Node]) -> Node | None:
        if isinstance(node.type, tuple) or node.op.is_leaf or not inputs or any(i.op.name != "constant" for i in inputs):
            return None
        size = node.type.size
        given = sum(i.attrs["value"].array.size for i in inputs)
        if (
            not isinstance(size, int)
            or size > max(self.limit, given)
            or dims.symbols_of(tuple(v for v in node.attrs.values() if isinstance(v, (tuple, dims.Dim))))
        ):
            return None
        with np.errstate(all="ignore"):
            value = node.op.reference(*(i.attrs["value"].array for i in inputs), **node.attrs)
            return constant_node(np.asarray(value, dtype=node.type.dtype))
