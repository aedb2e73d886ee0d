"""`sink-slices`: elementwise work on the pieces of a tensor instead of on the whole, where only its pieces are read.

The gates of an LSTM are slices of one sum. For a backend that fuses, the sum of each slice belongs to the gate that reads
it; the work is the same, and the whole is never written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from symkeras.compiler.passes.base import Context, Pass, map_subgraphs
from symkeras.graph import provenance
from symkeras.graph.dims import Dim, Size
from symkeras.graph.graph import Graph, rebuild
from symkeras.graph.node import Node, make
from symkeras.ops.op import OPS


@dataclass(frozen=True)
class SinkSlices(Pass):
    """Replace slices of an elementwise node by the node on slices, where all its readers are slices that do not overlap much."""

    name: ClassVar[str] = "sink-slices"

    def run(self, graph: Graph, context: Context) -> Graph:
        graph = map_subgraphs(graph, lambda g: self.run(g, context))
        sunk = _sunk_slices(graph)
        if not sunk:
            return graph
        new = _resolved(graph.roots, sunk)
        for s in graph.nodes:
            if s in sunk and s in new:
                context.rewrote("sink-slices", s, new[s])
        return Graph(graph.inputs, [new[n] for n in graph.outputs], [(v, new[n]) for v, n in graph.updates], graph.name)


def _sunk_slices(graph: Graph) -> dict[Node, Node]:
    """What takes the place of slices, those that this made as well. Every node is looked at once, after all that read it."""
    roots, sunk = set(graph.roots), dict[Node, Node]()
    readers = {n: dict.fromkeys(users) for n, users in graph.users.items()}
    for n in reversed(graph.nodes):
        if not n.op.is_elementwise or n in roots or not _is_read_in_pieces(n, list(readers[n])):
            continue
        for s in readers[n]:
            piece = sunk[s] = _sunk(s, n)
            for i in piece.inputs:
                readers.setdefault(i, {})[piece] = None
                if i.op.name == "slice":
                    readers[i.inputs[0]][i] = None
        for i in n.inputs:
            readers[i].pop(n, None)
    return sunk


def _resolved(roots: Iterable[Node], sunk: Mapping[Node, Node]) -> dict[Node, Node]:
    """Every node that `roots` need, with all slices in `sunk` replaced, those within replacements too."""
    new: dict[Node, Node] = {}
    todo = list(roots)
    while todo:
        n = todo[-1]
        target = sunk.get(n)
        missing = [i for i in (n.inputs if target is None else (target,)) if i not in new]
        if n not in new and missing:
            todo.extend(missing)
            continue
        todo.pop()
        if n not in new:
            inputs = [new[i] for i in n.inputs] if target is None else []
            is_same = all(a is b for a, b in zip(inputs, n.inputs, strict=False))
            new[n] = new[target] if target is not None else n if is_same else rebuild(n, inputs)
    return new


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
