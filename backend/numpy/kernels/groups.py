"""Groups of elementwise lines: run on a stretch of rows at a time, so that what they share stays in the cache, by the team."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symkeras.backend.emitted import threads
from symkeras.backend.numpy import team

STRETCH = 1 << 16
"""Elements of a stretch: smaller ones pay more for calls than they gain in the cache."""
WORTH = 1 << 18
"""Elements times lines below which a group runs as a whole."""


def cuts(shape: tuple[int, ...], lines: int) -> list[slice]:
    """The stretches of the first axis in which a group of so many lines runs."""
    rows, total = shape[0], int(np.prod(shape, dtype=np.int64))
    if total * lines < WORTH or rows < 2 or total < STRETCH // 2:
        return [slice(0, rows)]
    least = -(-total // STRETCH)
    count = min(rows, next((n for n in (2, 4, 8) if n >= least), -(-least // 8) * 8))
    return [slice(rows * k // count, rows * (k + 1) // count) for k in range(count)]


def cut(array: Any, stretches: Sequence[slice]) -> list[Any]:
    """The stretches of an array."""
    return [array[s] for s in stretches]


def each(group: Callable[[int], object], stretches: Sequence[slice]) -> Callable[[], object]:
    """Run a group on all stretches, each member of the team on neighbouring ones."""
    count = len(stretches)
    if count == 1:
        return lambda: group(0)

    def share(part: slice) -> Callable[[], None]:
        def run() -> None:
            for t in range(part.start, part.stop):
                group(t)

        return run

    members = min(threads.count(), count)
    shares = [share(slice(count * k // members, count * (k + 1) // members)) for k in range(members)]
    return lambda: team.TEAM.run(shares)
