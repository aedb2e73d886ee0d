"""What `adapt` is given, as batches; and the count of what `adapt` and its like have changed since the program began."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from typing import Any

import numpy as np

_changes = count(1)
_last = [0]


def traced(layer: Any) -> None:
    """Take note that a graph holds the constants of a layer."""
    object.__setattr__(layer, "_is_in_graphs", True)


def changed(layer: Any) -> None:
    """Take note that a layer holds other constants than before: compiled graphs that hold the former ones are made anew."""
    if vars(layer).get("_is_in_graphs"):
        _last[0] = next(_changes)


def constants_epoch() -> int:
    """A number that differs whenever a layer holds other constants."""
    return _last[0]


def batches_of(data: Any, steps: int | None = None) -> Iterator[tuple[Any, bool]]:
    """The batches of what a layer adapts to, and whether they are all there is: one array, or a list of texts or numbers.

    Args:
        data: an array or nested list, or batches: a `PyDataset`, a `tf.data` data set, a generator; of tuples the first is taken.
        steps: how many batches are taken at most; all when None.
    """
    is_one = isinstance(data, (list, tuple, np.ndarray, str, bytes)) or (hasattr(data, "__array__") and hasattr(data, "shape"))
    if is_one:
        yield data, True
        return
    parts: Any = data if hasattr(data, "__iter__") else (data[k] for k in range(len(data)))
    for part in islice(parts, steps):
        yield (part[0] if isinstance(part, tuple) else part), False
