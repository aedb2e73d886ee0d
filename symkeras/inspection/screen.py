"""One screen of text about a compiled function."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from symkeras.graph.escaping import printable
from symkeras.inspection.record import Kernel
from symkeras.inspection.traffic import known_sizes, works

if TYPE_CHECKING:
    from symkeras.inspection.inspector import Inspector

MOST_KERNELS = 10
_WIDEST = 40
"""Characters of a name or a place in a table."""
_UNITS = ("", "k", "M", "G", "T", "P")


def screen(inspector: Inspector) -> str:
    """What it is, the passes that did something, the kernels of most work, memory, and how to go on; but for times the same in every process."""
    parts = [title(inspector), passes(inspector), kernels(inspector), memory(inspector), further(inspector)]
    return "\n\n".join("\n".join(rows) for rows in parts if rows)


def title(inspector: Inspector) -> list[str]:
    """What it is, in a line, and in another one how long it took to compile, and why it was compiled again if so."""
    record = inspector.record
    level = getattr(record.executable, "level", None)
    counted = f"{record.history.source.count()} operations written, {record.graph.count()} left"
    ran = f", {len(record.kernels)} kernels" if record.program is not None else ""
    rows = [f"{printable(record.graph.name)} on {record.executable.backend}{f', level {level}' if level else ''}: {counted}{ran}"]
    times = record.history.times
    if times["passes"]:
        parts = ", ".join(f"{seconds * 1e3:.2f} {what}" for what, seconds in times.items())
        again = [m.reason for m in record.executable.made if m.what == "compiled" and m.reason != "first"]
        since = f"; compiled again: {printable(again[-1], _WIDEST * 2)}" if again else ""
        rows.append(f"compiled in {sum(times.values()) * 1e3:.2f} ms: {parts}{since}")
    return rows


def passes(inspector: Inspector) -> list[str]:
    """The passes that did something."""
    done = [p for p in inspector.passes if p.changed]
    if not done:
        return []
    width = max(len(p.name) for p in done)
    rows = [f"passes that changed something, of {len(inspector.passes)}"]
    for p in done:
        fired = p.fired.most_common()
        rules = ", ".join(f"{count} {rule}" for rule, count in fired[:3]) + (f" and {len(fired) - 3} more rules" if len(fired) > 3 else "")
        rows.append(f"  {p.number:>2} {p.name:<{width}} {p.before.count():>6} -> {p.after.count():>5} operations: {rules}")
    return rows


def kernels(inspector: Inspector) -> list[str]:
    """The kernels of most work, or the operations left where there is no program."""
    record = inspector.record
    if record.program is None:
        return [f"no kernels: {record.executable.backend} runs the graph itself"]
    env = known_sizes(record)
    counted = [(w.flops, w.bytes, w.kernel) for w in works(record, env)]
    counted.sort(key=lambda row: (-row[0], -row[1], row[2].number))
    shown = counted[:MOST_KERNELS]
    total = sum(flops for flops, _, _ in counted), sum(moved for _, moved, _ in counted)
    at = ", ".join(f"{name}={size}" for name, size in sorted(env.items()))
    head = f"the {len(shown)} of {len(counted)} kernels with most operations" if len(shown) < len(counted) else "kernels by operations"
    rows = [head + (f", for {at}" if at else "")]
    width = max((len(_cut(k.name)) for _, _, k in shown), default=0)
    rows.append(f"{'':>5} {'kernel':<{width}} {'flops':>7} {'bytes':>7}  computes")
    rows += [f"{k.number:>5} {_cut(k.name):<{width}} {readable(f):>7} {readable(b):>7}  {_computes(k)}" for f, b, k in shown]
    rows.append(f"{'':>5} {'all':<{width}} {readable(total[0]):>7} {readable(total[1]):>7}")
    return rows


def memory(inspector: Inspector) -> list[str]:
    """What variables and the arena take."""
    record = inspector.record
    variables = [n.attrs["variable"] for n in record.graph.variables]
    rows = [f"memory: {readable(sum(v.array.nbytes for v in variables))}B in {len(variables)} variables"]
    plan = getattr(record.executable, "plan", None)
    if plan is not None:
        planned = plan(known_sizes(record))
        rows[0] += f", {readable(planned.planned)}B for values ({readable(planned.naive)}B if none took the place of another)"
    return rows


def further(inspector: Inspector) -> list[str]:
    """What to ask next, with names that are there."""
    record = inspector.record
    layers = [o.layer for o in record.origins if o.layer and not o.gradient_of]
    changed = [p.name.split("{")[0] for p in inspector.passes if p.changed]
    rows = ["go on with (on this object)"]
    examples = [
        (f"find({layers[0]!r})" if layers else "find(name)", "a layer, line, value, kernel, pass or rule, and the whole chain it stands in"),
        (f"passes[{changed[-1]!r}].diff()" if changed else "passes", "what a pass did"),
        ("refusals()", "what was not done, and why"),
        ("source", "the emitted text") if record.source else ("record.graph", "the graph that runs"),
        ('plot("out.svg")', "a drawing of its layers"),
        ("json()", "all of it, for programs"),
    ]
    width = max(len(call) for call, _ in examples)
    return rows + [f"  {call:<{width}}  {what}" for call, what in examples]


def _computes(kernel: Kernel) -> str:
    """The operations of a kernel, and where they come from."""
    ops = [n.op.name for n in kernel.nodes]
    origins = [str(o) for n in kernel.nodes for o in n.origins[:1]]
    place = _cut(origins[-1]) if origins else ""
    return (_cut(", ".join(ops)) if len(ops) <= 3 else f"{len(ops)} operations, {ops[0]} to {ops[-1]}") + (f"  # {place}" if place else "")


def _cut(text: str) -> str:
    return printable(text, _WIDEST)


def readable(number: int) -> str:
    """Three digits and a letter.

    >>> readable(999), readable(1000), readable(23_456_789)
    ('999', '1.00k', '23.5M')
    """
    k, value = 0, float(number)
    while value >= 999.5 and k < len(_UNITS) - 1:
        value, k = value / 1000, k + 1
    digits = 0 if k == 0 else max(0, 2 - int(math.log10(value)))
    return f"{value:.{digits}f}{_UNITS[k]}"
