"""Where one stands in a data set that is gone through again and again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


class Passes:
    """Epochs of a data set of known length.

    Args:
        batches: in one pass.
        items: what a pass may take in a new order, rows or batches.
        steps: batches of an epoch; one pass when None.
        shuffle: whether every pass has a new order, drawn from NumPy's global generator.
        goes_on: whether an epoch goes on where the last one ended, and round and round; else it begins anew and has one pass at most.

    Attributes:
        steps: batches of an epoch.
    """

    def __init__(self, batches: int, items: int, steps: int | None, shuffle: bool, goes_on: bool):
        self.steps = batches if steps is None else steps if goes_on else min(steps, batches)
        self._batches = batches
        self._items = items
        self._shuffle = shuffle
        self._goes_on = goes_on and steps is not None
        self._next = batches
        self._order: np.ndarray | None = None

    def epoch(self) -> Iterator[tuple[np.ndarray | None, range]]:
        """(order of the items, numbers of the batches) of each stretch of an epoch."""
        left = self.steps
        if not self._goes_on:
            self._next = self._batches
        while left:
            if self._next >= self._batches:
                self._next = 0
                self._order = np.random.permutation(self._items) if self._shuffle else None
            stretch = range(self._next, min(self._next + left, self._batches))
            self._next += len(stretch)
            left -= len(stretch)
            yield self._order, stretch
