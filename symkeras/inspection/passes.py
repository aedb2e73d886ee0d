"""The passes of a compilation, each with its rewrites, its refusals, and the stage before and after it, which runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from symkeras.compiler.history import Step
from symkeras.compiler.passes.base import Rewrite
from symkeras.errors import InspectionError, nearest
from symkeras.graph.graph import Graph
from symkeras.inspection.record import Record

if TYPE_CHECKING:
    from symkeras.backend.interface import Executable


class PassRun:
    """One pass as it ran.

    Attributes:
        number: in the order of running.
        name: its text.
        source: the graph as it was written.
        before, after: the graphs.
    """

    def __init__(self, record: Record, number: int, step: Step):
        self._record = record
        self._step = step
        self.number = number
        self.name = step.name
        self.source: Graph = record.history.source
        self.before: Graph = step.before
        self.after: Graph = step.after
        self.seconds = step.seconds

    @property
    def rewrites(self) -> list[Rewrite]:
        """What it did, in order."""
        return self._step.rewrites

    @property
    def changed(self) -> bool:
        """Whether it changed anything."""
        return bool(self._step.rewrites)

    @property
    def fired(self) -> Counter[str]:
        """Rule -> how often."""
        return self._step.fired

    def program(self, backend: str = "numpy") -> Executable:
        """The graph after it as an executable, on copies of the variables: what it updates are these."""
        from symkeras.backend.interface import compile_graph
        from symkeras.inspection.evaluation import copied

        return compile_graph(copied(self.after), backend, level="O0")

    def diff(self) -> str:
        """Its rewrites, one a line: the rule, what it met and what it put there."""
        name = self._record.name
        return "\n".join(
            f"{r.rule}: %{name(r.old)} = {r.old.op.name}: {r.old.type} -> %{name(r.new)} = {r.new.op.name}: {r.new.type}" for r in self.rewrites
        )

    def __str__(self) -> str:
        return f"{self.number} {self.name}: {len(self.rewrites)} rewrites, {self.before.count()} -> {self.after.count()} operations"


class Passes:
    """All passes, in order; `passes["simplify"]` is the first of that name, `passes["simplify", 2]` the third."""

    def __init__(self, record: Record):
        self._runs = [PassRun(record, k, s) for k, s in enumerate(record.history)]

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[PassRun]:
        return iter(self._runs)

    def __getitem__(self, key: int | str | tuple[str, int]) -> PassRun:
        if isinstance(key, int):
            return self._runs[key]
        name, number = key if isinstance(key, tuple) else (key, 0)
        found = [r for r in self._runs if name in (r.name, r.name.split("{")[0])]
        if number >= len(found):
            times = f"ran {len(found)} times" if found else "did not run"
            raise InspectionError(f"pass {name!r} {times}.{nearest(name, [r.name for r in self._runs])}")
        return found[number]

    def __str__(self) -> str:
        width = max((len(r.name) for r in self._runs), default=4)
        rows = [f"{'':>3} {'pass':<{width}} {'before':>7} {'after':>7} {'ms':>8}  rewrites"]
        for r in self._runs:
            fired = ", ".join(f"{count} {rule}" for rule, count in r.fired.most_common(5))
            rows.append(f"{r.number:>3} {r.name:<{width}} {r.before.count():>7} {r.after.count():>7} {r.seconds * 1e3:>8.2f}  {fired or '-'}")
        return "\n".join(rows)
