"""`widen-products`: products and convolutions of float16 numbers are computed in float32, and rounded once.

For NumPy, whose BLAS has no float16: its own loop also sums in float32, and takes a hundred times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from symkeras.compiler.passes.base import Context, Pass, map_subgraphs, rewritten
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, make
from symkeras.ops.op import OPS

_PRODUCTS = frozenset({"matmul", "conv", "conv_input_grad", "conv_filter_grad"})


@dataclass(frozen=True)
class WidenProducts(Pass):
    """Cast the operands of products of float16 to float32, and the result back."""

    name: ClassVar[str] = "widen-products"

    def run(self, graph: Graph, context: Context) -> Graph:
        graph = map_subgraphs(graph, lambda g: self.run(g, context))
        if not any(_is_half_product(n) for n in graph.nodes):
            return graph

        def widened(n: Node, inputs: Sequence[Node]) -> Node | None:
            if not _is_half_product(n):
                return None
            wide = make(n.op, [_cast(i, "float32") for i in inputs], n.attrs)
            return context.rewrote("widen-products", n, _cast(wide, "float16"))

        return rewritten(graph, widened)


def _is_half_product(n: Node) -> bool:
    return n.op.name in _PRODUCTS and n.dtype == "float16"


def _cast(x: Node, dtype: str) -> Node:
    return make(OPS["cast"], [x], {"dtype": dtype})
