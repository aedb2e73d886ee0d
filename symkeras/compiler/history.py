"""The record of a compilation: the graph before and after every pass, the rules that fired, the time of all that was done."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from symkeras.compiler.passes.base import Account, Rewrite
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node


@dataclass(frozen=True)
class Step(Account):
    """One pass that ran.

    Attributes:
        name: the pass, as its text.
        before, after: the graphs; both stay alive, graphs are values.
        rewrites: what it did, in order.
        refusals: (rule, reason) -> the nodes to which the rule was not applied.
        seconds: time the pass took.
    """

    name: str
    before: Graph
    after: Graph
    rewrites: list[Rewrite]
    refusals: dict[tuple[str, str], dict[Node, None]]
    seconds: float


MOST_MADE = 16
"""Of how many makings of an executable it is known when and why."""


class Made(NamedTuple):
    """That a function was made, or made again.

    Attributes:
        when: seconds since 1970.
        what: "compiled", from the graph on; or "bound", for sizes: memory is planned, or an engine makes a function of the walk.
        reason: "first" for the first one.
    """

    when: float
    what: str
    reason: str


class History:
    """All passes of one compilation, in order; prints as a table.

    `history["simplify"]` is the first step of that name, `history.diff("simplify")` the lines it changed.

    Attributes:
        seconds: of what came after the passes: "lowering" to a program, "emission" of its text, and "build", by the C compiler or Python's.
    """

    def __init__(self, source: Graph):
        self.source = source
        self.steps: list[Step] = []
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Note how long something takes."""
        start = time.perf_counter()
        yield
        self.seconds[what] = time.perf_counter() - start

    @property
    def times(self) -> dict[str, float]:
        """Seconds of all that was done, in order: "passes", and what came after them."""
        return {"passes": sum(s.seconds for s in self.steps), **self.seconds}

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, key: int | str) -> Step:
        if isinstance(key, int):
            return self.steps[key]
        for step in self.steps:
            if step.name == key or step.name.split("{")[0] == key:
                return step
        raise KeyError(f"no pass {key!r} ran; passes: {', '.join(s.name for s in self.steps)}")

    @property
    def fired(self) -> Counter[str]:
        """How often each rule fired over all passes."""
        total: Counter[str] = Counter()
        for step in self.steps:
            total += step.fired
        return total

    def diff(self, key: int | str) -> str:
        """A unified diff of the graph's text before and after a pass."""
        import difflib

        step = self[key]
        lines = difflib.unified_diff(
            step.before.to_text().splitlines(), step.after.to_text().splitlines(), f"before {step.name}", f"after {step.name}", lineterm="", n=2
        )
        return "\n".join(lines)

    def __str__(self) -> str:
        width = max([len(s.name) for s in self.steps] + [6])
        rows = [f"{'pass':<{width}}  {'before':>7} {'after':>7} {'ms':>8}  rules that fired"]
        for s in self.steps:
            rules = ", ".join(f"{n} {name}" for name, n in s.fired.most_common(6))
            rows.append(f"{s.name:<{width}}  {s.before.count():>7} {s.after.count():>7} {s.seconds * 1e3:>8.2f}  {rules}")
        return "\n".join(rows)
