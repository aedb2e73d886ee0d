"""Data sets whose batches are made by number from what lies on disk or in arrays, with the few methods that scripts chain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from symkeras import tree
from symkeras.arguments import function, integer, non_negative_int, optional, positive_int
from symkeras.errors import ConfigError
from symkeras.ops.recorded import seen
from symkeras.utils.dataset import PyDataset


class Dataset(PyDataset):
    """A `PyDataset` that can be gone through by `for`, and from which others are made.

    Example:
        >>> data = Batches(5, 2, lambda rows: rows * 10)
        >>> [batch.tolist() for batch in data.map(lambda x: x + 1).take(2)]
        [[1, 11], [21, 31]]
    """

    class_names: list[str] | None = None
    file_paths: list[str] | None = None

    def __iter__(self) -> Iterator[Any]:
        """The batches of one epoch, as arrays that have `numpy()`; the next epoch may have another order."""
        for k in range(len(self)):
            yield tree.map_structure(seen, self[k])
        self.on_epoch_end()

    def map(self, map_func: Callable[..., Any], num_parallel_calls: Any = None) -> Dataset:
        """What a function makes of each batch, called with its parts one by one.

        Args:
            map_func: of inputs, or of inputs and targets.
            num_parallel_calls: how many threads may call it; None for one. -1, TensorFlow's AUTOTUNE, is one, too: draws come in order.
        """
        function(map_func, "map: map_func")
        count = optional(integer(least=-1))(num_parallel_calls, "map: num_parallel_calls")
        return _Mapped(self, map_func, max(1, count or 1))

    def take(self, count: int) -> Dataset:
        """The first `count` batches; all for -1."""
        count = integer(least=-1)(count, "take: count")
        return _Part(self, 0, len(self) if count < 0 else min(count, len(self)))

    def skip(self, count: int) -> Dataset:
        """All batches but the first `count`."""
        return _Part(self, min(non_negative_int(count, "skip: count"), len(self)), len(self))

    def cardinality(self) -> np.int64:
        """The number of batches, as TensorFlow's data sets call it."""
        return np.int64(len(self))

    def prefetch(self, buffer_size: int) -> Dataset:
        """The same batches, up to `buffer_size` of them made ahead by threads while a model trains; as many as it takes for -1."""
        size = integer(least=-1)(buffer_size, "prefetch: buffer_size")
        part = _Part(self, 0, len(self))
        part.workers, part.max_queue_size = (2, size if size > 0 else 10) if size and not self._draws else (1, 10)
        return part

    def cache(self) -> Dataset:
        """The same batches, kept in memory once they were made, with the samples of each as they fell the first time."""
        return _Kept(self)

    @property
    def _draws(self) -> bool:
        """Whether making a batch may draw random numbers, which must then come in order."""
        return False


class Batches(Dataset):
    """`count` samples in batches.

    Args:
        count: of samples.
        batch_size: samples of a batch; None for single samples, whose batch axis is taken off.
        make: the batch of some samples, by their numbers.
        shuffle: whether each epoch has an order of its own.
        seed: of the orders.
        drop_remainder: whether a last batch that is smaller is left out.
    """

    def __init__(self, count: int, batch_size: int | None, make: Callable[[np.ndarray], Any], shuffle: bool = False, seed: int | None = None,
                 drop_remainder: bool = False):  # fmt: skip
        super().__init__()
        self.batch_size = optional(positive_int)(batch_size, "batch_size")
        self._count, self._make, self._shuffle, self._drop_remainder = count, make, shuffle, drop_remainder
        self._rng = np.random.RandomState(np.random.randint(int(1e6)) if seed is None else seed % 2**32) if shuffle else None
        self._order = np.arange(count)
        self.on_epoch_end()

    def __len__(self) -> int:
        size = self.batch_size or 1
        return self._count // size if self._drop_remainder else -(-self._count // size)

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(f"there are {len(self)} batches, no batch {index}")
        if self.batch_size is None:
            return _first(self._make(self._order[index : index + 1]))
        return self._make(self._order[index * self.batch_size : (index + 1) * self.batch_size])

    def on_epoch_end(self) -> None:
        """A new order, where the data set shuffles."""
        if self._rng is not None:
            self._order = self._rng.permutation(self._count)

    def batch(self, batch_size: int, drop_remainder: bool = False) -> Dataset:
        """Batches of a data set that has single samples.

        Raises:
            ConfigError: it has batches already.
        """
        if self.batch_size is not None:
            raise ConfigError(f"batch: the data set has batches of {self.batch_size} already")
        seed = None if self._rng is None else int(self._rng.randint(2**31))
        size = positive_int(batch_size, "batch: batch_size")
        return _named_after(self, Batches(self._count, size, self._make, self._shuffle, seed, drop_remainder))


class _Mapped(Dataset):
    def __init__(self, source: Dataset, fn: Callable[..., Any], workers: int):
        super().__init__(workers)
        self._source, self._fn = source, fn
        _named_after(source, self)

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> Any:
        batch = self._source[index]
        return self._fn(*batch) if isinstance(batch, tuple) else self._fn(batch)

    def on_epoch_end(self) -> None:
        self._source.on_epoch_end()

    @property
    def _draws(self) -> bool:
        return True


class _Part(Dataset):
    def __init__(self, source: Dataset, start: int, stop: int):
        super().__init__(source.workers, source.use_multiprocessing, source.max_queue_size)
        self._source, self._start, self._stop = source, start, stop
        _named_after(source, self)

    def __len__(self) -> int:
        return self._stop - self._start

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(f"there are {len(self)} batches, no batch {index}")
        return self._source[self._start + index]

    def on_epoch_end(self) -> None:
        self._source.on_epoch_end()

    @property
    def _draws(self) -> bool:
        return self._source._draws


class _Kept(_Part):
    def __init__(self, source: Dataset):
        super().__init__(source, 0, len(source))
        self._kept: dict[int, Any] = {}

    def __getitem__(self, index: int) -> Any:
        if index not in self._kept:
            self._kept[index] = super().__getitem__(index)
        return self._kept[index]


def _named_after(source: Dataset, other: Dataset) -> Dataset:
    other.class_names, other.file_paths = source.class_names, source.file_paths
    return other


def _first(batch: Any) -> Any:
    return tree.map_structure(lambda part: part[0], batch)
