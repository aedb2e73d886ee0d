"""Where one stands in a data set that is gone through again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np


class Passes:
    """Epochs of a data set of known length.

    Args:
        batches: in one pass.
        steps: batches of an epoch; one pass when None.
        draw: gives a new order for every pass; None: as they lie.
        goes_on: whether an epoch goes on where the last one ended, and round and round; else it begins anew and has one pass at most.

    Attributes:
        steps: batches of an epoch.
    """

    def __init__(self, batches: int, draw: Callable[[], np.ndarray] | None, steps: int | None, goes_on: bool):
        self.steps = batches if steps is None else steps if goes_on else min(steps, batches)
        self._batches = batches
        self._draw = draw
        self._goes_on = goes_on and steps is not None
        self._next = batches
        self._order: np.ndarray | None = None

    def epoch(self) -> Iterator[tuple[np.ndarray | None, range]]:
        """(order of this pass, numbers of the batches) of each stretch of an epoch."""
        left = self.steps
        if not self._goes_on:
            self._next = self._batches
        while left:
            if self._next >= self._batches:
                self._next = 0
                self._order = self._draw() if self._draw is not None else None
            stretch = range(self._next, min(self._next + left, self._batches))
            self._next += len(stretch)
            left -= len(stretch)
            yield self._order, stretch
