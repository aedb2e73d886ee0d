"""The order in which nodes are printed: that in which their values were written, whatever rewrites put in their place."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from symkeras.graph.node import Node

if TYPE_CHECKING:
    from symkeras.graph.graph import Graph


def in_order(graph: Graph) -> list[Node]:
    """All nodes but the inputs, those a node reads before it; constants and variables right before who reads them first, or at the end.

    So a value stays where it is from pass to pass, and the text of a parsed graph is the text that was parsed.
    """
    waiting = {n: sum(not i.op.is_leaf for i in set(n.inputs)) for n in graph.nodes if not n.op.is_leaf}
    ready = [(n.place, n.uid, n) for n, count in waiting.items() if count == 0]
    heapq.heapify(ready)
    found: dict[Node, None] = {}
    while ready:
        node = heapq.heappop(ready)[2]
        found.update(dict.fromkeys(i for i in node.inputs if i.op.is_leaf))
        found[node] = None
        for reader in dict.fromkeys(graph.users[node]):
            waiting[reader] -= 1
            if waiting[reader] == 0:
                heapq.heappush(ready, (reader.place, reader.uid, reader))
    found.update(dict.fromkeys((*graph.roots, *(v for v, _ in graph.updates))))
    return [n for n in found if n.op.name != "placeholder"]
