"""Sequences: of different lengths as arrays, as windows of rows, and as pairs of words of a text."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from symkeras.arguments import boolean, checked, non_negative_int, number, optional, positive_int
from symkeras.errors import ConfigError, DataError
from symkeras.utils.dataset import PyDataset
from symkeras.utils.sequence import pad_sequences

__all__ = ["TimeseriesGenerator", "make_sampling_table", "pad_sequences", "skipgrams"]


@checked(size=positive_int, sampling_factor=number(above=0))
def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> np.ndarray:
    """How likely `skipgrams` takes the word of each frequency rank, so that frequent words do not drown the others.

    Args:
        size: how many words.
        sampling_factor: the larger, the more of the frequent words (Mikolov et al. 2013).

    Output shape: (size,). A word's frequency is guessed from its rank by Zipf's law.

    Raises:
        ConfigError: a number out of range.

    >>> make_sampling_table(3).round(3).tolist()
    [0.003, 0.003, 0.005]
    """
    rank = np.arange(size, dtype="float64")
    rank[0] = 1
    inverse = rank * (np.log(rank) + 0.577) + 0.5 - 1 / (12 * rank)  # one over the frequency of the rank
    scaled = sampling_factor * inverse
    return np.minimum(1.0, scaled / np.sqrt(scaled))


@checked(vocabulary_size=positive_int, window_size=non_negative_int, negative_samples=number(least=0), shuffle=boolean, categorical=boolean,
         seed=optional(non_negative_int))  # fmt: skip
def skipgrams(sequence: Sequence[int], vocabulary_size: int, window_size: int = 4, negative_samples: float = 1.0, shuffle: bool = True,
              categorical: bool = False, sampling_table: Any = None, seed: int | None = None) -> tuple[list[Any], list[Any]]:  # fmt: skip
    """Pairs of words that stand near each other in a text, with label 1, and pairs of words by chance, with label 0.

    Args:
        sequence: numbers of words; 0 is no word and is passed over.
        vocabulary_size: one more than the largest number.
        window_size: how far apart the words of a pair may stand.
        negative_samples: pairs by chance for each true one.
        shuffle: whether the pairs come in another order.
        categorical: labels [0, 1] and [1, 0] instead of 1 and 0.
        sampling_table: how likely the word of each number is taken, as of `make_sampling_table`.
        seed: of all draws; the global generator of NumPy when None.

    Returns:
        The pairs and their labels.

    Raises:
        ConfigError: a number out of range.

    >>> skipgrams([1, 2, 3], 4, window_size=1, negative_samples=0, shuffle=False)
    ([[1, 2], [2, 1], [2, 3], [3, 2]], [1, 1, 1, 1])
    """
    draws: Any = np.random if seed is None else np.random.RandomState(seed)
    pairs: list[Any] = []
    for k, word in enumerate(sequence):
        if not word or (sampling_table is not None and sampling_table[word] < draws.random_sample()):
            continue
        near = range(max(0, k - window_size), min(len(sequence), k + window_size + 1))
        pairs += [[word, sequence[j]] for j in near if j != k and sequence[j]]
    true, false = ([0, 1], [1, 0]) if categorical else (1, 0)
    labels = [true] * len(pairs)
    by_chance = int(len(pairs) * negative_samples)
    if by_chance:
        if vocabulary_size < 2:
            raise ConfigError(f"skipgrams: negative_samples need a vocabulary_size of at least 2, received {vocabulary_size}")
        words = [word for word, _ in pairs]
        draws.shuffle(words)
        others = draws.randint(1, vocabulary_size, by_chance).tolist()
        pairs += [[words[k % len(words)], others[k]] for k in range(by_chance)]
        labels += [false] * by_chance
    if shuffle:
        order = draws.permutation(len(pairs))
        pairs, labels = [pairs[k] for k in order], [labels[k] for k in order]
    return pairs, labels


class TimeseriesGenerator(PyDataset):
    """Batches of windows of rows, each with the target of the row behind it; `timeseries_dataset_from_array` is today's way.

    Args:
        data: rows in the order of time, (N, ...).
        targets: one for each row.
        length: rows that a window spans.
        sampling_rate: of these, every so many are taken.
        stride: rows between the begin of windows.
        start_index, end_index: the rows that targets are taken from, the last one with them; to the end when None.
        shuffle: whether windows are drawn by chance.
        reverse: whether the rows of a window come backwards.
        batch_size: windows of a batch.

    Output shape: (B, T, ...) and (B, ...).

    Raises:
        ConfigError: a number out of range, or no window fits.
        DataError: data and targets have different numbers of rows.

    Example:
        >>> windows = TimeseriesGenerator(np.arange(10.0)[:, None], np.arange(10.0), length=4, batch_size=8)
        >>> x, y = windows[0]
        >>> x.shape, y.tolist()
        ((6, 4, 1), [4.0, 5.0, 6.0, 7.0, 8.0, 9.0])
    """

    @checked(length=positive_int, sampling_rate=positive_int, stride=positive_int, start_index=non_negative_int, end_index=optional(non_negative_int),
             shuffle=boolean, reverse=boolean, batch_size=positive_int)  # fmt: skip
    def __init__(self, data: Any, targets: Any, length: int, sampling_rate: int = 1, stride: int = 1, start_index: int = 0,
                 end_index: int | None = None, shuffle: bool = False, reverse: bool = False, batch_size: int = 128):  # fmt: skip
        super().__init__()
        if len(data) != len(targets):
            raise DataError(f"TimeseriesGenerator: data has {len(data)} rows and targets {len(targets)}")
        self.data, self.targets, self.length, self.sampling_rate, self.stride = np.asarray(data), np.asarray(targets), length, sampling_rate, stride
        self.start_index, self.end_index = start_index + length, len(data) - 1 if end_index is None else end_index
        self.shuffle, self.reverse, self.batch_size = shuffle, reverse, batch_size
        if self.start_index > self.end_index:
            raise ConfigError(f"TimeseriesGenerator: no window of {length} rows fits between rows {start_index} and {self.end_index}")

    def __len__(self) -> int:
        return math.ceil((self.end_index - self.start_index + 1) / (self.batch_size * self.stride))

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Batch number `index`."""
        if self.shuffle:
            rows = np.random.randint(self.start_index, self.end_index + 1, size=self.batch_size)
        else:
            first = self.start_index + self.batch_size * self.stride * index
            rows = np.arange(first, min(first + self.batch_size * self.stride, self.end_index + 1), self.stride)
        within = np.arange(-self.length, 0, self.sampling_rate)
        x = self.data[rows[:, None] + within]
        return x[:, ::-1] if self.reverse else x, self.targets[rows]

    def get_config(self) -> dict[str, Any]:
        """The arguments, with data and targets as lists."""
        names = ("length", "sampling_rate", "stride", "end_index", "shuffle", "reverse", "batch_size")
        own = {"data": self.data.tolist(), "targets": self.targets.tolist(), "start_index": self.start_index - self.length}
        return {**own, **{name: getattr(self, name) for name in names}}

    def to_json(self, **kwargs: Any) -> str:
        """The arguments as JSON."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)
