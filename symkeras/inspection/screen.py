"""One screen of text about a compiled function."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from symkeras.inspection.inspector import Inspector


def screen(inspector: Inspector) -> str:
    """What it is, the passes that did something, and its kernels."""
    record = inspector.record
    rows = [str(record.executable), "", "passes that changed something"]
    width = max((len(p.name) for p in inspector.passes), default=4)
    rows += [
        f"  {p.number:>2} {p.name:<{width}} {p.before.count():>6} -> {p.after.count():>5} operations, {len(p.rewrites)} rewrites"
        for p in inspector.passes if p.changed
    ]  # fmt: skip
    return "\n".join(rows)
