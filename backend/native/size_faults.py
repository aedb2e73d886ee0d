"""Sizes for which an op of a branch has no meaning: seen to when the branch is taken, since nobody knows before whether it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from symkeras.backend.native import text
from symkeras.graph import dims
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node
from symkeras.ops.reductions import meets_nothing


def size_faults(graph: Graph) -> Iterator[tuple[Node, str]]:
    """The nodes of `graph` that some sizes leave without meaning, each with the condition for that in C; branches within see to their own."""
    for n in graph.nodes:
        if n.op.name in _FAULTS and not meets_nothing(n, graph):
            conditions = list(_FAULTS[n.op.name](n))
            if conditions:
                yield n, " || ".join(conditions)
        elif n.op.name == "scan":
            for inner, condition in size_faults(n.attrs["body"]):
                yield inner, f"{text.size(n.attrs['length'])} > 0 && ({condition})"


def _slice(n: Node) -> Iterator[str]:
    for a, b, d in zip(n.attrs["starts"], n.attrs["stops"], n.inputs[0].shape, strict=True):
        for low, high in ((0, a), (a, b), (b, d)):
            gap = dims.least(high - low)
            if gap is None or gap < 0:
                yield f"{text.size(low)} > {text.size(high)}"


def _extreme(n: Node) -> Iterator[str]:
    for axis in n.attrs["axes"] if "axes" in n.attrs else (n.attrs["axis"],):
        if not isinstance(n.inputs[0].shape[axis], int):
            yield f"{text.size(n.inputs[0].shape[axis])} == 0"


def _top_k(n: Node) -> Iterator[str]:
    if not isinstance(n.inputs[0].shape[-1], int):
        yield f"{text.size(n.inputs[0].shape[-1])} < {n.attrs['k']}"


_FAULTS: dict[str, Callable[[Node], Iterator[str]]] = {
    "slice": _slice, "max": _extreme, "min": _extreme, "argmax": _extreme, "argmin": _extreme, "top_k": _top_k,
}  # fmt: skip
