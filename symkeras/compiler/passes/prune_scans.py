"""`prune-scans`: results, carries and inputs of loops that are not read go away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from symkeras.compiler.passes.base import Context, Pass
from symkeras.compiler.passes.scan_loop import Loop, item, replace_scans
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, reachable


@dataclass(frozen=True)
class PruneScans(Pass):
    """Drop results nobody reads, the carries they alone needed, inputs the body does not read, and equal outputs."""

    name: ClassVar[str] = "prune-scans"

    def run(self, graph: Graph, context: Context) -> Graph:
        def transform(node: Node, inputs: list[Node], read: list[bool]) -> list[Node | None] | None:
            loop = Loop.of(node, inputs)
            c = len(loop.init)
            read = _read_or_failing(loop, read)
            needed = _needed_carries(loop, read)
            unread_x = [k for k, n in enumerate(loop.x_in) if n not in set(_reads(loop, needed, read))]
            keep_y: dict[Node, int] = {}
            for k, y in enumerate(loop.ys):
                if read[c + k]:
                    keep_y.setdefault(y, len(keep_y))
            through = {y: loop.xs[loop.x_in.index(y)] for y in keep_y if y in loop.x_in}
            live = _reads(loop, needed, read)
            unread_outer = [n for n in loop.outer_in if n not in live]
            if len(needed) == c and len(keep_y) == len(loop.ys) and not through and not unread_x and not unread_outer:
                return None
            ys = [y for y in keep_y if y not in through]
            carry_places = {k: p for p, k in enumerate(sorted(needed))}
            old = list(loop.ys)
            loop.carry_in, loop.carry_out, loop.init = ([v[k] for k in sorted(needed)] for v in (loop.carry_in, loop.carry_out, loop.init))
            loop.ys = ys
            used = set(loop.body_nodes())
            kept = _inputs_that_may_fail(loop, used)
            pairs = [(n, v) for n, v in zip(loop.x_in, loop.xs, strict=True) if n in used or v in kept]
            loop.x_in, loop.xs = [n for n, _ in pairs], [v for _, v in pairs]
            pairs = [(n, v) for n, v in zip(loop.outer_in, loop.outer, strict=True) if n in used or v in kept]
            loop.outer_in, loop.outer = [n for n, _ in pairs], [v for _, v in pairs]
            whole = context.rewrote("prune", node, loop.make(), keeps_value=False) if loop.init or loop.ys else None
            results: list[Node | None] = [None] * len(node.types)
            for k in range(len(node.types)):
                if not read[k]:
                    continue
                if k < c:
                    results[k] = item(whole, carry_places[k])  # type: ignore[arg-type]
                else:
                    y = old[k - c]
                    results[k] = through[y] if y in through else item(whole, len(needed) + ys.index(y))  # type: ignore[arg-type]
            return results

        return replace_scans(graph, transform)


def _read_or_failing(loop: Loop, read: list[bool]) -> list[bool]:
    """`read`, and the results nobody reads that are an error for some values, which nothing that is read would show."""
    c, read = len(loop.init), list(read)
    while True:
        needed = _needed_carries(loop, read)
        live = _reads(loop, needed, read)
        outside = _computed_for(loop, needed, live)
        failing = [k for k in range(c) if k not in needed and (_may_fail(loop.carry_out[k], live) or _may_fail(loop.init[k], outside))]
        failing += [c + k for k, y in enumerate(loop.ys) if not read[c + k] and _may_fail(y, live)]
        if not failing:
            return read
        for k in failing:
            read[k] = True


def _inputs_that_may_fail(loop: Loop, used: set[Node]) -> set[Node]:
    """What the body does not read of what it is given, but whose computation may be an error."""
    outside = _computed_for(loop, range(len(loop.init)), used)
    return {v for n, v in zip((*loop.x_in, *loop.outer_in), (*loop.xs, *loop.outer), strict=True) if n not in used and _may_fail(v, outside)}


def _computed_for(loop: Loop, carries: Iterable[int], live: set[Node]) -> set[Node]:
    """All that is computed before the loop for these carries and for what `live` reads."""
    given = zip((*loop.x_in, *loop.outer_in), (*loop.xs, *loop.outer), strict=True)
    return set(reachable([*(loop.init[k] for k in carries), *(v for n, v in given if n in live)]))


def _may_fail(root: Node, known: set[Node]) -> bool:
    return any(n.op.may_raise(n) and n not in known for n in reachable([root]))


def _reads(loop: Loop, carries: set[int], read: list[bool]) -> set[Node]:
    c = len(loop.init)
    return set(reachable([*(loop.carry_out[k] for k in carries), *(y for k, y in enumerate(loop.ys) if read[c + k])]))


def _needed_carries(loop: Loop, read: list[bool]) -> set[int]:
    needed = {k for k in range(len(loop.init)) if read[k]}
    while True:
        nodes = _reads(loop, needed, read)
        more = {k for k, n in enumerate(loop.carry_in) if n in nodes} | needed
        if more == needed:
            return needed
        needed = more
