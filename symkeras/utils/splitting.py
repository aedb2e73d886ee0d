"""One data set as two."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import tree
from symkeras.arguments import boolean, checked, either, integer, number, one_of, optional
from symkeras.errors import ConfigError, DataError
from symkeras.utils.batches import Batches

_SIZE = optional(either(integer(), number()))


@checked(left_size=_SIZE, right_size=_SIZE, shuffle=boolean, seed=optional(integer()), preferred_backend=one_of("tensorflow", "torch", "jax", None))
def split_dataset(dataset: Any, left_size: Any = None, right_size: Any = None, shuffle: bool = False, seed: int | None = None,
                  preferred_backend: str | None = None) -> tuple[Batches, Batches]:  # fmt: skip
    """The first rows of a data set and the last ones, as two data sets of single rows; `batch(n)` of these has batches.

    Args:
        dataset: an array, a nesting of arrays with equally many rows, or what gives its samples one by one or by number.
        left_size, right_size: how many rows each has, an int or a share of all; one may be None for the rest.
        shuffle: whether the rows are in a random order before they are split.
        seed: of that order.
        preferred_backend: for which Keras makes other objects; here they are of `PyDataset` for each.

    Raises:
        ConfigError: sizes that are out of their range, or none.
        DataError: nothing that has rows.

    Example:
        >>> left, right = split_dataset(np.arange(10), left_size=0.8)
        >>> len(left), len(right), right.batch(2)[0].tolist()
        (8, 2, [8, 9])
    """
    rows = _stacked(dataset)
    count = len(tree.flatten(rows)[0])
    left, right = _sizes(left_size, right_size, count)
    order = np.arange(count)
    if shuffle:
        np.random.RandomState(np.random.randint(int(1e6)) if seed is None else seed % 2**32).shuffle(order)

    def part(numbers: np.ndarray) -> Batches:
        return Batches(len(numbers), None, lambda chosen: tree.map_structure(lambda x: x[numbers[chosen]], rows))

    return part(order[:left]), part(order[count - right :])


def _stacked(dataset: Any) -> Any:
    if isinstance(dataset, (np.ndarray, list, tuple, dict)) and tree.flatten(dataset):
        arrays = tree.map_structure(np.asarray, dataset)
        if isinstance(dataset, list) and not any(isinstance(x, np.ndarray) for x in dataset):
            arrays = np.asarray(dataset)
    elif (_is_map_style(dataset) or hasattr(dataset, "__iter__")) and not isinstance(dataset, (str, bytes)):
        samples = [dataset[k] for k in range(len(dataset))] if _is_map_style(dataset) else list(dataset)
        arrays = tree.map_structure(lambda *parts: np.stack(parts), *samples) if samples else np.zeros(0)
    else:
        raise DataError(f"split_dataset expects arrays, or what gives samples one by one, received {type(dataset).__name__}")
    counts = {len(x) if x.ndim else -1 for x in tree.flatten(arrays)}
    if len(counts) != 1 or min(counts) < 1:
        raise DataError(f"split_dataset expects arrays with equally many rows, at least one, received {sorted(counts)}")
    return arrays


def _is_map_style(dataset: Any) -> bool:
    """Whether samples are asked for by number, as those of a `torch.utils.data.Dataset`."""
    return all(hasattr(dataset, name) for name in ("__len__", "__getitem__")) and not hasattr(dataset, "__iter__")


def _sizes(left: Any, right: Any, count: int) -> tuple[int, int]:
    if left is None and right is None:
        raise ConfigError("split_dataset: at least one of left_size and right_size is given, received none")
    for name, value in (("left_size", left), ("right_size", right)):
        if value is not None and not 0 < value < (1 if isinstance(value, float) else count):
            raise ConfigError(f"split_dataset: {name} must be a share between 0 and 1, or an integer from 1 to below {count}, received {value!r}")
    given: list[Any] = [round(v * count) if isinstance(v, float) else v for v in (left, right)]
    first, last = (count - other if v is None else v for v, other in (given, given[::-1]))
    if first + last > count or not first or not last:
        raise ConfigError(f"split_dataset: {count} rows do not give two parts of left_size={left!r} and right_size={right!r}")
    return first, last
