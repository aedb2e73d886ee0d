"""Batches that are asked for by number: Keras' PyDataset, Sequence of 2017, and what is like them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from symkeras.errors import ConfigError
from symkeras.models.feeds.passes import Passes
from symkeras.models.feeds.reader import Reader
from symkeras.models.feeds.streams import Stream

_ENDLESS = 2**62


class IndexedFeed(Stream):
    """Batches of an object with `__getitem__`, and `__len__` or `num_batches`; its `on_epoch_begin` and `on_epoch_end` are called.

    Where it says that it `repeats`, an epoch of more batches than it has begins anew within.

    Args:
        source: what gives the batches.
        reader: turns raw batches into arrays.
        steps: batches of an epoch; all when None.
        shuffle: whether every pass takes the batches in a new order.

    Raises:
        ConfigError: a source without end, and no `steps`.
    """

    def __init__(self, source: Any, reader: Reader, steps: int | None = None, shuffle: Any = False):
        super().__init__(reader)
        self._source = source
        self._given = steps, shuffle
        self._passes = self._begin()
        self.steps = self._passes.steps

    @property
    def due(self) -> int:
        return self._passes.due(self.at_once)

    def rewind(self) -> None:
        self._passes.rewind()

    def _begin(self) -> Passes:
        steps, shuffle = self._given
        count = self._source.num_batches if hasattr(self._source, "num_batches") else len(self._source)
        if count is not None and not math.isinf(count):
            count, repeats = int(count), getattr(self._source, "repeats", False)
            return Passes(count, (lambda: np.random.permutation(count)) if shuffle else None, steps, repeats)
        if steps is None:
            raise ConfigError(f"{type(self._source).__name__} has no known number of batches: say how many there are in an epoch")
        return Passes(_ENDLESS, None, steps)

    def raw(self) -> Iterator[Any]:
        from symkeras.models.feeds.workers import batches_of  # which loads what starts processes

        self._tell("on_epoch_begin")
        if self._given[0] is None:
            self._passes = self._begin()  # its length may be another than in the last epoch
        yield from batches_of(self._source, self._numbers())
        self._tell("on_epoch_end")

    def _numbers(self) -> Iterator[int]:
        for order, batches in self._passes.epoch(self.at_once):
            yield from batches if order is None else map(int, order[batches.start : batches.stop])

    def _tell(self, event: str) -> None:
        if hasattr(self._source, event):
            getattr(self._source, event)()


def is_indexed(source: Any) -> bool:
    """Whether batches of `source` can be asked for by number."""
    return hasattr(source, "__getitem__") and (hasattr(source, "__len__") or hasattr(source, "num_batches"))
