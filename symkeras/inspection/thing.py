"""A thing found in a compiled function, and the whole chain it stands in: from the user's line to the emitted one, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from symkeras.graph.escaping import printable
from symkeras.graph.node import Node
from symkeras.graph.provenance import Line, Origin
from symkeras.inspection.record import Applied, Kernel, Record, Stage
from symkeras.lazy import lazy

_MOST_SHOWN = 12
"""Of a kind, in the text of a thing; all are in its attributes."""


class Thing:
    """A layer, a user's line, a value, a kernel, a pass or a rule.

    Args:
        record: of the compilation.
        kind: one of those words.
        name: what it is called.
        nodes: of any stages, what it is.
        origins: where all of a layer or a line comes from; of nodes that others share, these are the ones it is about.

    Attributes:
        kind, name: as given.
        nodes: what it is, in all stages in which it is.
    """

    def __init__(self, record: Record, kind: str, name: str, nodes: Iterable[Node], origins: Iterable[Origin] = ()):
        self._record = record
        self.kind = kind
        self.name = name
        self.nodes = list(dict.fromkeys(nodes))
        self._of = frozenset(origins)

    @lazy
    def _back(self) -> dict[Node, None]:
        """It, and what it was put in place of; a layer or a line is what comes from it in every stage, as rewrites keep origins."""
        return dict.fromkeys(self.nodes) if self._of else self._record.came_from(self.nodes)

    @lazy
    def _ahead(self) -> dict[Node, None]:
        """It, and what was put in its place."""
        return dict.fromkeys(self.nodes) if self._of else self._record.became(self.nodes)

    @lazy
    def written(self) -> list[Node]:
        """The operations of the written graph from which it comes."""
        back = self._back
        return [n for n in self._record.nodes(self._record.history.source) if n in back]

    @lazy
    def left(self) -> list[Node]:
        """The operations of the final graph that it became."""
        ahead = self._ahead
        return [n for n in self._record.nodes(self._record.graph) if n in ahead]

    @lazy
    def rewrites(self) -> list[Applied]:
        """The rewrites that touched it, in order."""
        own = self._back | self._ahead
        return [a for a in self._record.rewrites if a.rewrite.old in own or a.rewrite.new in own]

    @lazy
    def kernels(self) -> list[Kernel]:
        """The kernels that compute it, in the order in which they run."""
        found = {id(k): k for n in self.left for k in self._record.kernels_of.get(n, ())}
        return sorted(found.values(), key=lambda k: k.number)

    @lazy
    def lines(self) -> list[int]:
        """The numbers of the emitted lines that its kernels have, alone or with others."""
        return sorted({n for k in self.kernels for first, last in k.lines for n in range(first, last + 1)})

    @lazy
    def user_lines(self) -> list[Line]:
        """The user's lines that it comes from, the one that wrote it before those that called it."""
        return list(dict.fromkeys(line for o in self._origins() for line in o.lines))

    @lazy
    def layers(self) -> list[str]:
        """The layers (and parts, such as "loss/mse") that it belongs to."""
        return list(dict.fromkeys(o.layer for o in self._origins() if o.layer))

    def _origins(self) -> Iterator[Origin]:
        return (o for n in (*self.written, *self.left) for o in n.origins if not self._of or o in self._of)

    @lazy
    def before(self) -> list[str]:
        """The names of the values that it reads, in the final graph."""
        own = set(self.left)
        return list(dict.fromkeys(self._record.name(i) for n in self.left for i in n.inputs if i not in own))

    @lazy
    def after(self) -> list[str]:
        """The names of the values that are computed from it, in the final graph."""
        own = set(self.left)
        return list(dict.fromkeys(self._record.name(r) for n in self.left for r in self._record.graph.users.get(n, ()) if r not in own))

    def stages(self) -> list[tuple[Stage, list[Node]]]:
        """What it is in each stage that differs from the one before."""
        own = self._back | self._ahead
        found: list[tuple[Stage, list[Node]]] = []
        for stage in self._record.stages:
            nodes = [n for n in self._record.nodes(stage.graph) if n in own]
            names = [(self._record.name(n), n.op.name) for n in nodes]
            if not found or names != [(self._record.name(n), n.op.name) for n in found[-1][1]]:
                found.append((stage, nodes))
        return found

    def to_dict(self) -> dict[str, Any]:
        """All of it as lists and text, for JSON."""
        name = self._record.name
        rewrites = [{"pass": a.stage.name, "rule": a.rewrite.rule, "old": name(a.rewrite.old), "new": name(a.rewrite.new)} for a in self.rewrites]
        return {
            "kind": self.kind, "name": self.name, "layers": self.layers, "user_lines": list(map(str, self.user_lines)),
            "written": list(map(name, self.written)), "left": list(map(name, self.left)), "reads": self.before, "read_by": self.after,
            "rewrites": rewrites,
            "kernels": [{"number": k.number, "name": k.name, "values": k.values, "lines": k.lines} for k in self.kernels],
        }  # fmt: skip

    def __str__(self) -> str:
        name = self._record.name
        rows = [f"{self.kind} {printable(self.name)}"]
        rows += _rows("layer", self.layers)
        rows += _rows("line", map(str, self.user_lines))
        rows += _rows("written", (f"%{name(n)} = {n.op.name}: {n.type}" for n in self.written))
        rows += _rows("rewritten", (f"{a.stage.name}, {a.rewrite.rule}: %{name(a.rewrite.old)} -> %{name(a.rewrite.new)}" for a in self.rewrites))
        rows += _rows("left", (f"%{name(n)} = {n.op.name}: {n.type}" for n in self.left))
        rows += _rows("kernel", (f"{k.number} {k.name}" for k in self.kernels))
        text = self._record.source.splitlines()
        calls = {first for k in self.kernels for first, last in k.lines if first == last}
        numbers = sorted(self.lines, key=lambda n: n not in calls)
        rows += _rows("emitted", (f"{n}: {text[n - 1].strip()}" for n in numbers if text[n - 1].strip()))
        return "\n".join(rows)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name!r}: {len(self.written)} operations written, {len(self.left)} left, {len(self.kernels)} kernels>"


def _rows(title: str, items: Iterable[str]) -> list[str]:
    items = list(items)
    rows = [f"  {title if k == 0 else '':<9}  {item}" for k, item in enumerate(items[:_MOST_SHOWN])]
    return rows + ([f"  {'':<9}  and {len(items) - _MOST_SHOWN} more"] if len(items) > _MOST_SHOWN else [])
