"""Windows that slide over a series."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.arguments import boolean, checked, integer, one_of, optional, positive_int
from symkeras.errors import ConfigError, DataError
from symkeras.utils.batches import Batches, Dataset


@checked(sequence_length=positive_int, sequence_stride=integer(), sampling_rate=integer(), batch_size=optional(positive_int), shuffle=boolean,
         seed=optional(integer()), start_index=optional(integer()), end_index=optional(integer()), format=one_of("tf", "grain"))  # fmt: skip
def timeseries_dataset_from_array(data: Any, targets: Any, sequence_length: int, sequence_stride: int = 1, sampling_rate: int = 1,
                                  batch_size: int | None = 128, shuffle: bool = False, seed: int | None = None, start_index: int | None = None,
                                  end_index: int | None = None, format: str = "tf") -> Dataset:  # fmt: skip
    """A data set of windows that slide over a series.

    Args:
        data: (T, ...), the series.
        targets: what belongs to the window that begins at the same step; None for windows alone.
        sequence_length: the steps L of a window.
        sequence_stride: steps from one window to the next.
        sampling_rate: steps between those of a window.
        batch_size: windows of a batch; single windows when None.
        shuffle: whether each epoch has an order of its own.
        seed: of the orders.
        start_index, end_index: the part of the series that is used.
        format: "tf" or "grain", for which Keras makes other objects; here it is a `PyDataset` for both.

    Returns:
        A `PyDataset` of (B, L, ...), or of pairs of that and targets.

    Raises:
        ConfigError: a number that is out of its range.

    Example:
        >>> windows = timeseries_dataset_from_array(np.arange(6), np.arange(10, 16), 3, batch_size=2)
        >>> x, y = windows[0]
        >>> x.tolist(), y.tolist()
        ([[0, 1, 2], [1, 2, 3]], [10, 11])
    """
    series, wanted = _rows(data, "data"), None if targets is None else _rows(targets, "targets")
    length, what = len(series), "timeseries_dataset_from_array"
    if start_index is not None and not 0 <= start_index < length:
        raise ConfigError(f"{what}: start_index must lie from 0 to below the length {length} of the data, received {start_index}")
    if end_index is not None and not (start_index or 0) < end_index < length:
        raise ConfigError(f"{what}: end_index must lie above start_index and below the length {length} of the data, received {end_index}")
    for name, value in (("sampling_rate", sampling_rate), ("sequence_stride", sequence_stride)):
        if not 0 < value < length:
            raise ConfigError(f"{what}: {name} must lie from 1 to below the length {length} of the data, received {value}")
    start, stop = start_index or 0, length if end_index is None else end_index
    count = stop - start - (sequence_length - 1) * sampling_rate
    count = count if wanted is None else min(count, len(wanted))
    starts = start + np.arange(0, max(count, 0), sequence_stride)
    steps = np.arange(sequence_length) * sampling_rate
    if wanted is not None and len(starts) and starts[-1] >= len(wanted):
        raise ConfigError(f"{what}: the window that begins at step {starts[-1]} has no target, there are {len(wanted)}")

    def make(numbers: np.ndarray) -> Any:
        first = starts[numbers]
        windows = series[first[:, None] + steps]
        return windows if wanted is None else (windows, wanted[first])

    return Batches(len(starts), batch_size, make, shuffle, seed)


def _rows(value: Any, name: str) -> np.ndarray:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DataError(f"timeseries_dataset_from_array: {name} must be one array, received {type(value).__name__}: {error}") from error
    if array.ndim == 0:
        raise DataError(f"timeseries_dataset_from_array: {name} must have a time axis, received {value!r}")
    return array
