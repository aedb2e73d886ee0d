"""Batches of arrays in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from symkeras.models.feeds.arrays import Arrays
from symkeras.models.feeds.feed import Feed, Stretch
from symkeras.models.feeds.passes import Passes


class ArrayFeed(Feed):
    """Batches of arrays.

    Args:
        data: the data set.
        batch_size: rows of a batch.
        steps: batches of an epoch; all when None.
        shuffle: whether every pass takes the rows in a new order, drawn from NumPy's global generator; "batch": whole batches of
            neighbouring rows, with the rows left over at the end, for files that are slow to read row by row.
    """

    def __init__(self, data: Arrays, batch_size: int, steps: int | None = None, shuffle: Any = False):
        self.data = data
        self._batch_size = batch_size
        self._given = steps, shuffle
        self._passes = Passes(-(-data.rows // batch_size), self._drawn_order if shuffle else None, steps)
        self.steps = self._passes.steps

    @property
    def due(self) -> int:
        return self._passes.due(self.at_once)

    def rewind(self) -> None:
        self._passes.rewind()

    def epoch(self) -> Iterator[Stretch]:
        for order, batches in self._passes.epoch(self.at_once):
            yield Stretch(self.data, self._batch_size, batches, order)

    def _drawn_order(self) -> np.ndarray:
        rows, size = self.data.rows, self._batch_size
        if self._given[1] != "batch":
            return np.random.permutation(rows)
        whole = np.random.permutation(rows // size)
        return np.concatenate([(whole[:, None] * size + np.arange(size)).ravel(), np.arange(len(whole) * size, rows)])

    def split(self, share: float, batch_size: int | None = None, steps: int | None = None) -> tuple[Feed, Feed]:
        first, last = self.data.split(share)
        return ArrayFeed(first, self._batch_size, *self._given), ArrayFeed(last, batch_size or self._batch_size, steps)

    def weigh_classes(self, class_weight: Mapping[int, float]) -> None:
        self.data = self.data.with_class_weights(class_weight)
