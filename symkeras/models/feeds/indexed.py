"""Batches that are asked for by number: Keras' PyDataset, Sequence of 2017, and what is like them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from symkeras.models.feeds.reader import Reader
from symkeras.models.feeds.streams import Stream


class IndexedFeed(Stream):
    """Batches of an object with `__len__` and `__getitem__`.

    Args:
        source: what gives the batches.
        reader: turns raw batches into arrays.
        steps: batches of an epoch; all when None.
        shuffle: whether every pass takes the batches in a new order.
        goes_on: whether epochs go on where the last one ended, rather than begin anew.
    """

    def __init__(self, source: Any, reader: Reader, steps: int | None = None, shuffle: bool = False, goes_on: bool = False):
        super().__init__(reader)
        self._source = source
        self.steps = len(source) if steps is None else steps
        self._shuffle = shuffle

    def raw(self) -> Iterator[Any]:
        size = len(self._source)
        order = np.random.permutation(size) if self._shuffle else np.arange(size)
        for k in range(self.steps or 0 if size else 0):
            yield self._source[int(order[k % size])]
        if hasattr(self._source, "on_epoch_end"):
            self._source.on_epoch_end()
