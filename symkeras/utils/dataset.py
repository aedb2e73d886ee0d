"""`PyDataset` (`Sequence` in 2017): batches by number."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

from symkeras.arguments import boolean, checked, non_negative_int, positive_int


class PyDataset:
    """A data set whose k-th batch can be asked for; a subclass gives `__len__` (or `num_batches`) and `__getitem__`.

    Args:
        workers: how many make batches ahead; with 0 or 1 they are made when they are needed, where the model trains.
        use_multiprocessing: whether workers are processes, each with a copy of the data set, rather than threads. They start
            anew for every epoch, so that they know what `on_epoch_begin` and `on_epoch_end` changed.
        max_queue_size: batches that are made ahead at most.

    Batches come in the same order, and errors reach who trains, whoever makes them.

    Raises:
        ConfigError: a number that is none, or too small.

    Example:
        >>> import numpy as np
        >>> class Squares(PyDataset):
        ...     def __len__(self):
        ...         return 2
        ...     def __getitem__(self, k):
        ...         x = np.arange(4.0) + 4 * k
        ...         return x[:, None], x[:, None] ** 2
        >>> [x.shape for x, _ in (Squares(workers=2)[k] for k in range(2))]
        [(4, 1), (4, 1)]
    """

    workers: int = 1
    use_multiprocessing: bool = False
    max_queue_size: int = 10

    @checked(workers=non_negative_int, use_multiprocessing=boolean, max_queue_size=positive_int)
    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10):
        self.workers, self.use_multiprocessing, self.max_queue_size = workers, use_multiprocessing, max_queue_size

    def __len__(self) -> int:
        count = self.num_batches
        if count is None or math.isinf(count):
            raise TypeError(f"{type(self).__name__} has no known number of batches")
        return int(count)

    @property
    def num_batches(self) -> Any:
        """The number of batches of an epoch; None where there is no end of them."""
        return None if type(self).__len__ is PyDataset.__len__ else len(self)

    def __iter__(self) -> Iterator[Any]:
        """The batches of an epoch one after the other; without end where their number is not known."""
        count = self.num_batches
        return (self[k] for k in (itertools.count() if count is None or math.isinf(count) else range(int(count))))

    def __getitem__(self, index: int) -> Any:
        """Batch number `index`: inputs, (inputs, targets) or (inputs, targets, weights)."""
        raise NotImplementedError(f"{type(self).__name__} does not define __getitem__")

    def on_epoch_begin(self) -> None:
        """Called before every epoch."""

    def on_epoch_end(self) -> None:
        """Called after every epoch."""


Sequence = PyDataset
