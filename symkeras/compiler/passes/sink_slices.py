"""`sink-slices`: elementwise work on the pieces of a tensor instead of on the whole, where only its pieces are read.

The gates of an LSTM are slices of one sum. For a backend that fuses, the sum of each slice belongs to the gate that reads
it; the work is the same, and the whole is never written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from symkeras.compiler.passes.base import Context, Pass, map_subgraphs
from symkeras.graph import provenance
from symkeras.graph.dims import Dim, Size
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, make
from symkeras.ops.op import OPS


@dataclass(frozen=True)
class SinkSlices(Pass):
    """Replace slices of an elementwise node by the node on slices, where all its readers are slices that do not overlap much."""

    name: ClassVar[str] = "sink-slices"

    def run(self, graph: Graph, context: Context) -> Graph:
        graph = map_subgraphs(graph, lambda g: self.run(g, context))
        while True:
            roots = set(graph.roots)
            found = [n for n in graph.nodes if n.op.is_elementwise and n not in roots and _is_read_in_pieces(n, graph.users[n])]
            if not found:
                return graph
            graph = graph.rebuilt({s: context.rewrote("sink-slices", s, _sunk(s, n)) for n in found for s in graph.users[n]})


def _is_read_in_pieces(n: Node, readers: list[Node]) -> bool:
    if not readers or any(r.op.name != "slice" for r in readers):
        return False
    rest = n.tensor_type.size
    for r in dict.fromkeys(readers):
        rest = rest - r.tensor_type.size
    return all(c >= 0 for _, c in rest.terms) if isinstance(rest, Dim) else rest >= 0


def _sunk(s: Node, n: Node) -> Node:
    with provenance.replacing(s, n):
        return make(n.op, [_piece(i, s, n) for i in n.inputs], n.attrs)


def _piece(i: Node, s: Node, n: Node) -> Node:
    """The slice of an input that gives the slice `s` of `n`; axes along which the input repeats stay whole."""
    lead = n.ndim - i.ndim
    bounds: list[tuple[Size, Size, int]] = []
    for axis, d in enumerate(i.shape):
        start, stop, stride = (s.attrs[k][axis + lead] for k in ("starts", "stops", "strides"))
        bounds.append((0, 1, 1) if d == 1 and n.shape[axis + lead] != 1 else (start, stop, stride))
    if all(a == 0 and b == d and k == 1 for (a, b, k), d in zip(bounds, i.shape, strict=True)):
        return i
    starts, stops, strides = zip(*bounds, strict=True)
    return make(OPS["slice"], [i], {"starts": starts, "stops": stops, "strides": strides})
