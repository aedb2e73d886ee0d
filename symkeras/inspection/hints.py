"""What of a compiled function might be better, each with the numbers that say so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from symkeras.graph.node import Node
from symkeras.inspection.cost import layers, user_lines
from symkeras.inspection.memory import Memory, saved
from symkeras.inspection.profile import Profile
from symkeras.inspection.record import Record
from symkeras.inspection.table import Table, shown
from symkeras.inspection.traffic import Work, sizes_of, works

_COLUMNS = ["hint", "what", "layers", "lines", "why"]
LARGE = 1 << 16
"""Bytes from which on a copy, a table or a saved value is worth a hint."""
SMALL = 1 << 12
"""Bytes of a run below which the kernel of a loop is small."""
MANY = 8
"""Small kernels in loops that are many."""
FAR = 0.1
"""Of the machine's limit: kernels that reach less are far below it."""
DEAR = 0.05
"""Of the time or the bytes of all: less is not worth a hint."""
CHEAP = 4
"""Operations per element up to which computing again costs less than keeping."""


def hints(record: Record, batch: int | None, sizes: Mapping[str, int], profile: Profile | None) -> Table:
    """A row for each thing that might be better; times are looked at once profiled."""
    env = sizes_of(record, batch, sizes)
    done = works(record, env)
    rows = [*_copies(done), *_tables(record, done), *_loops(done), *_recomputable(record, env), *_plan(record, env)]
    return Table(_COLUMNS, [*rows, *(_slow(profile, done) if profile is not None else ())])


def _row(hint: str, w: Work, why: str) -> dict[str, Any]:
    return {"hint": hint, "what": w.kernel.name, "layers": layers(w.kernel), "lines": user_lines(w.kernel), "why": why}


def _copies(done: list[Work]) -> Iterator[dict[str, Any]]:
    total = sum(w.bytes for w in done) or 1
    for w in done:
        moves = w.kernel.step.kind == "copy" or w.kernel.step.node.op.is_view or w.kernel.step.node.op.name == "concatenate"
        if moves and w.bytes >= LARGE and w.bytes >= DEAR * total:
            yield _row("large copy", w, f"it moves {shown('', w.bytes)} bytes and computes nothing: {w.bytes / total:.0%} of all that is moved")


def _tables(record: Record, done: list[Work]) -> Iterator[dict[str, Any]]:
    """Gradients of reading rows that are as large as the whole table."""
    for w in done:
        for n in w.kernel.nodes:
            if n.op.name == "scatter_add" and any(o.gradient_of for o in n.origins) and w.written >= LARGE:
                yield _row("whole table", w, f"the gradient of some rows is written as the whole table, {shown('', w.written)} bytes")


def _loops(done: list[Work]) -> Iterator[dict[str, Any]]:
    small = [w for w in done if w.runs > 1 and w.bytes < SMALL * w.runs]
    if len(small) >= MANY:
        calls = sum(w.runs for w in small)
        why = f"{len(small)} kernels of less than {SMALL} bytes a run are called {calls} times: calls cost more than what they do"
        yield _row("small kernels in a loop", small[0], why)


def _recomputable(record: Record, env: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """Saved values that cost little to compute again from others that are kept anyway."""
    rows = saved(record, None, env)
    kept = {r["name"] for r in rows}
    by_name = {record.name(n): n for n in record.nodes(record.graph)}
    for r in rows:
        node = by_name[r["name"]]
        reads = [i for i in node.inputs if i.op.name != "constant"]
        if r["bytes"] >= LARGE and _is_cheap(node) and all(i.op.is_leaf or record.name(i) in kept for i in reads):
            others = ", ".join(map(record.name, reads))
            why = f"{shown('', r['bytes'])} bytes are kept for backward; {node.op.name} of {others}, kept as well, costs little"
            yield {"hint": "could be recomputed", "what": r["name"], "layers": [r["layer"]], "lines": r["lines"], "why": why}


def _is_cheap(node: Node) -> bool:
    return node.op.is_elementwise and getattr(node.op, "flops_per_element", 1) <= CHEAP


def _plan(record: Record, env: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    plan = Memory(record, None, env).plan
    if plan.planned >= LARGE and plan.planned > 1.2 * plan.bound:
        yield {"hint": "gaps in memory", "what": record.graph.name, "layers": [], "lines": [], "why": str(plan)}


def _slow(profile: Profile, done: list[Work]) -> Iterator[dict[str, Any]]:
    for w, r in zip(done, profile.kernels, strict=True):
        if r["share"] >= DEAR and r["reached"] is not None and r["reached"] < FAR:
            took, limit = shown("seconds", r["seconds"]), shown("limit", r["limit"])
            yield _row("far below the limit", w, f"{took}, {r['share']:.0%} of all; the machine's {r['bound']} would do it in {limit}")
