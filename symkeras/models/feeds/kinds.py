"""Which kind of feed is made of which data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symkeras import foreign_data
from symkeras.errors import DataError
from symkeras.models.feeds.array_feed import ArrayFeed
from symkeras.models.feeds.feed import Feed
from symkeras.models.feeds.indexed import IndexedFeed, is_indexed
from symkeras.models.feeds.reader import Reader
from symkeras.models.feeds.streams import IteratorFeed, unpack
from symkeras.utils.batches import Batches


def feed_of(reader: Reader, x: Any, y: Any = None, sample_weight: Any = None, batch_size: int | None = None, steps: int | None = None,
            shuffle: Any = False) -> Feed:  # fmt: skip
    """The feed of what was given to fit, evaluate or predict.

    Args:
        reader: turns raw data into arrays.
        x, y, sample_weight: data as fit takes them.
        batch_size: rows of a batch, 32 by default; ready batches keep their own.
        steps: batches of an epoch; those of data that end are one pass when None.
        shuffle: whether the order changes from pass to pass, where there is one; "batch": that of batches, and not of rows.

    Raises:
        DataError: data that cannot be used.
    """
    if not is_stream(x):
        return ArrayFeed(reader.read(x, y, sample_weight), batch_size or 32, steps, shuffle)
    if y is not None or sample_weight is not None:
        raise DataError("with a generator or sequence as x, targets and weights come from it; y and sample_weight must not be given")
    if foreign_data.is_samples(x):
        return _feed_of_samples(x, reader, batch_size or 32, steps, bool(shuffle))
    x = foreign_data.batches(x)
    if is_indexed(x):
        return IndexedFeed(x, reader, steps, shuffle)
    return IteratorFeed(x, reader, steps)


def _feed_of_samples(x: Any, reader: Reader, batch_size: int, steps: int | None, shuffle: bool) -> Feed:
    """The feed of a data set of PyTorch, whose samples are put together here."""
    if not is_indexed(x):
        return IteratorFeed(foreign_data.batches_of_samples(x, batch_size), reader, steps)
    together = Batches(len(x), batch_size, lambda rows: foreign_data.stacked([x[int(k)] for k in rows]), shuffle)
    return IndexedFeed(together, reader, steps, False)


def validation_feed(reader: Reader, given: Any, batch_size: int | None, steps: int | None) -> Feed:
    """The feed of `validation_data`: (x, y[, sample_weight]), or what gives batches itself."""
    if not isinstance(given, (tuple, list)) and not is_stream(given):
        raise DataError(f"validation_data must be (x, y), (x, y, sample_weight) or what gives batches, received {type(given).__name__}")
    x, y, weights = (given, None, None) if is_stream(given) else unpack(given)
    return feed_of(reader, x, y, weights, batch_size, steps)


def is_stream(x: Any) -> bool:
    """Whether x is a generator, iterator or sequence of batches rather than data."""
    if isinstance(x, (np.ndarray, list, tuple, Mapping)) or hasattr(x, "__array__"):
        return False
    return hasattr(x, "__next__") or hasattr(x, "__iter__") or hasattr(x, "__getitem__")
