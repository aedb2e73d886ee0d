"""`merge-matmuls`: products of one tensor with several weights (query, key and value) become one product.

The weights are laid side by side, which costs little beside the product; the results are slices of the one result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from symkeras.compiler.passes.base import Context, Pass, map_subgraphs
from symkeras.graph import provenance
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, make
from symkeras.graph.tensor import Tensor
from symkeras.ops.op import OPS
from symkeras.ops.shaping import slice_axis


@dataclass(frozen=True)
class MergeMatmuls(Pass):
    """Merge matrix products that share their first input, where all second inputs are weights."""

    name: ClassVar[str] = "merge-matmuls"

    def run(self, graph: Graph, context: Context) -> Graph:
        graph = map_subgraphs(graph, lambda g: self.run(g, context))
        groups: dict[Any, list[Node]] = {}
        for n in graph.nodes:
            if (
                n.op.name == "matmul"
                and n.inputs[0].ndim == 2
                and n.inputs[1].ndim == 2
                and _is_weight(n.inputs[1])
                and not n.inputs[0].tensor_type.is_static
            ):
                groups.setdefault((n.inputs[0], n.attrs["transpose_a"], n.attrs["transpose_b"], n.dtype), []).append(n)
        replace: dict[Node, Node] = {}
        for nodes in groups.values():
            if len(nodes) > 1:
                for old, new in _merged(nodes).items():
                    replace[old] = context.rewrote("merge-matmuls", old, new)
        return graph.rebuilt(replace)


def _is_weight(n: Node) -> bool:
    """Whether `n` is a variable or constant, possibly in another shape."""
    while n.op.name in ("reshape", "transpose"):
        n = n.inputs[0]
    return n.op.name in ("variable", "constant")


def _merged(nodes: list[Node]) -> dict[Node, Node]:
    first = nodes[0]
    rows = first.attrs["transpose_b"]
    with provenance.replacing(*nodes):
        weights = make(OPS["concatenate"], [n.inputs[1] for n in nodes], {"axis": 0 if rows else 1})
        whole = Tensor(make(first.op, (first.inputs[0], weights), first.attrs))
    out: dict[Node, Node] = {}
    start = 0
    for n in nodes:
        stop = start + n.shape[1]
        with provenance.replacing(n):
            out[n] = slice_axis(whole, 1, start, stop).node
        start = stop
    return out
