"""`PyDataset` (`Sequence` in 2017): batches by number."""

from __future__ import annotations

import math
from typing import Any

from symkeras.errors import ConfigError


class PyDataset:
    """A data set whose k-th batch can be asked for; a subclass gives `__len__` (or `num_batches`) and `__getitem__`.

    Args:
        workers, use_multiprocessing, max_queue_size: Keras' arguments; batches are made in this process when they are needed,
            so more than one worker is refused.

    Raises:
        ConfigError: several workers or processes are asked for.

    Example:
        >>> import numpy as np
        >>> class Squares(PyDataset):
        ...     def __len__(self):
        ...         return 2
        ...     def __getitem__(self, k):
        ...         x = np.arange(4.0) + 4 * k
        ...         return x[:, None], x[:, None] ** 2
        >>> [x.shape for x, _ in (Squares()[k] for k in range(2))]
        [(4, 1), (4, 1)]
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10):
        if workers > 1 or use_multiprocessing:
            raise ConfigError(f"{type(self).__name__}: batches are made in one process, received workers={workers}, {use_multiprocessing=}")
        self.workers, self.use_multiprocessing, self.max_queue_size = workers, use_multiprocessing, max_queue_size

    def __len__(self) -> int:
        count = self.num_batches
        if count is None or math.isinf(count):
            raise TypeError(f"{type(self).__name__} has no known number of batches: give steps_per_epoch")
        return int(count)

    @property
    def num_batches(self) -> Any:
        """The number of batches of an epoch; None where it is not known."""
        raise NotImplementedError(f"{type(self).__name__} defines neither __len__ nor num_batches")

    def __getitem__(self, index: int) -> Any:
        """Batch number `index`: inputs, or (inputs, targets[, weights])."""
        raise NotImplementedError(f"{type(self).__name__} does not define __getitem__")

    def on_epoch_end(self) -> None:
        """Called after every epoch."""


Sequence = PyDataset
