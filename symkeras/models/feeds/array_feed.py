"""Batches of arrays in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from symkeras.models.feeds.arrays import Arrays
from symkeras.models.feeds.feed import Feed, Stretch
from symkeras.models.feeds.passes import Passes


class ArrayFeed(Feed):
    """Batches of arrays.

    Args:
        data: the data set.
        batch_size: rows of a batch.
        steps: batches of an epoch; all when None.
        shuffle: whether every pass takes the rows in a new order.
        goes_on: whether epochs go on where the last one ended, rather than begin anew.
    """

    def __init__(self, data: Arrays, batch_size: int, steps: int | None = None, shuffle: bool = False, goes_on: bool = False):
        self.data = data
        self._batch_size = batch_size
        self._given = steps, shuffle, goes_on
        self._passes = Passes(-(-data.rows // batch_size), data.rows, steps, shuffle, goes_on)
        self.steps = self._passes.steps

    def epoch(self) -> Iterator[Stretch]:
        for order, batches in self._passes.epoch():
            yield Stretch(self.data, self._batch_size, batches, order)

    def split(self, share: float, batch_size: int | None = None, steps: int | None = None) -> tuple[Feed, Feed]:
        first, last = self.data.split(share)
        return ArrayFeed(first, self._batch_size, *self._given), ArrayFeed(last, batch_size or self._batch_size, steps)

    def weigh_classes(self, class_weight: Mapping[int, float]) -> None:
        self.data = self.data.with_class_weights(class_weight)
