"""The order in which the nodes of a graph run: little alive at any time, and the work of updates that cannot fail last."""

from __future__ import annotations

from collections import deque
from typing import Any

from symkeras.graph.dims import Size
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, reachable
from symkeras.ops.elementwise import checks_exponents

_CHECKS_INDICES = {"gather": 1, "scatter_add": 0, "unique_indices": 0}
"""Ops that refuse indices out of range, and which input has them."""


def schedule(graph: Graph) -> tuple[list[Node], list[Node]]:
    """The nodes in order: first what outputs need or what may fail, then the elementwise work of updates alone."""
    needed = {n.uid for n in reachable(graph.outputs)}
    tail: set[Node] = set()
    for n in reversed(graph.nodes):
        if n.uid in needed or n.op.is_leaf or isinstance(n.type, tuple) or not (n.op.is_elementwise or n.op.name == "set_rows"):
            continue
        if _may_fail(n, graph):
            continue
        users = graph.users[n]
        if all(u in tail for u in users):
            tail.add(n)
    writers = {new for _, new in graph.updates}
    order = [n for n in graph.nodes if n in tail]
    return _late(graph, tail), _late_writers(order, writers, tail)


def _may_fail(n: Node, graph: Graph) -> bool:
    """Whether an elementwise op or `set_rows` can raise: nothing may be written before."""
    if n.op.name == "set_rows":
        return not any(_checks(u, n.inputs[1], n.shape[0]) for u in graph.users[n.inputs[1]])
    return checks_exponents(n)


def _checks(n: Node, indices: Node, rows: Size) -> bool:
    place = _CHECKS_INDICES.get(n.op.name)
    if place is None or n.inputs[place] is not indices:
        return False
    return rows == (n.inputs[0].shape[0] if n.op.name == "gather" else n.attrs["rows"])


def _late(graph: Graph, tail: set[Node]) -> list[Node]:
    """All other nodes in order, elementwise ones as late as that keeps nothing alive for longer.

    Such a node waits until right before its first reader if all it reads is needed then anyway: a mask for the backward
    pass is made there, beside the line that uses it.
    """
    kept = set(graph.outputs)
    key: dict[Node, tuple[int, int]] = {n: (k, 0) for k, n in enumerate(graph.nodes)}
    end = (len(key), 0)
    last_read: dict[Node, tuple[int, int]] = {i: end for n in tail for i in n.inputs}  # by those that come later in the graph, whose place is known
    for n in reversed(graph.nodes):
        readers = graph.users[n]
        if (n.op.is_elementwise or n.op.is_view) and readers and n not in tail and n not in kept:
            first = min(end if r in tail else key[r] for r in readers)
            if all((i.op.is_leaf and i.op.name != "placeholder") or i in kept or last_read.get(i, (-1, 0)) >= first for i in n.inputs):
                key[n] = (first[0], first[1] - 1)
        for i in n.inputs:
            last_read[i] = max(last_read.get(i, (-1, 0)), key[n])
    return sorted((n for n in graph.nodes if n not in tail), key=lambda n: key[n])


def _late_writers(order: list[Node], writers: set[Node], tail: set[Node]) -> list[Node]:
    """A topological order in which scalars come first, and what gives variables their new values as late as it can.

    Among the rest, work over one shape stays together: the large elementwise lines of an update can run as one group.
    """
    waiting = {n: sum(1 for i in set(n.inputs) if i in tail) for n in order}
    readers: dict[Node, list[Node]] = {}
    for n in order:
        for i in set(n.inputs):
            if i in tail:
                readers.setdefault(i, []).append(n)
    ready: list[dict[Any, deque[Node]]] = [{} for _ in range(4)]  # by urgency, then by shape

    def enqueue(n: Node) -> None:
        is_scalar, is_writer = n.shape == (), n in writers
        queues = ready[(0 if is_scalar else 1) if not is_writer else (3 if is_scalar else 2)]
        queues.setdefault(n.shape, deque()).append(n)

    for n in order:
        if waiting[n] == 0:
            enqueue(n)
    out: list[Node] = []
    while any(ready):
        queues = next(q for q in ready if q)
        shape = out[-1].shape if out and out[-1].shape in queues else next(iter(queues))
        n = queues[shape].popleft()
        if not queues[shape]:
            del queues[shape]
        out.append(n)
        for r in readers.get(n, ()):
            waiting[r] -= 1
            if waiting[r] == 0:
                enqueue(r)
    return out
