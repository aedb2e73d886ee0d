"""Where one stands in a data set that is gone through again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from symkeras.models.feeds.feed import in_whole, warn_of_end


class Passes:
    """Epochs of a data set of known length: an epoch begins where the last one ended, and ends with the data.

    Args:
        batches: in one pass.
        steps: batches of an epoch; one pass when None.
        draw: gives a new order for every pass; None: as they lie.
        repeats: whether the data begin anew when they are used up, within an epoch.

    Attributes:
        steps: batches of an epoch.
    """

    def __init__(self, batches: int, draw: Callable[[], np.ndarray] | None, steps: int | None, repeats: bool = False):
        self.steps = batches if steps is None else steps
        self._batches = batches
        self._draw = draw
        self._repeats = repeats
        self._next = batches
        self._order: np.ndarray | None = None

    def due(self, at_once: int = 1) -> int:
        """Batches of the next epoch, in whole executions of `at_once`."""
        left, steps = self._batches - self._next, in_whole(self.steps, at_once)
        return steps if self._repeats else min(steps, left or self._batches)

    def rewind(self) -> None:
        """Let the next epoch begin anew."""
        self._next = self._batches

    def epoch(self, at_once: int = 1) -> Iterator[tuple[np.ndarray | None, range]]:
        """(order of this pass, numbers of the batches) of each stretch of an epoch."""
        done, due = 0, self.due(at_once)
        while done < due:
            if self._next >= self._batches:
                self._next = 0
                self._order = self._draw() if self._draw is not None else None
            stretch = range(self._next, min(self._next + due - done, self._batches))
            self._next += len(stretch)
            done += len(stretch)
            yield self._order, stretch
        if due and due < self.steps:
            warn_of_end(due, self.steps)
