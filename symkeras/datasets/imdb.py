"""IMDB: 50 000 film reviews, good or bad (Maas et al. 2011)."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.datasets.local_files import Split, find, read_arrays, read_json
from symkeras.datasets.word_sequences import as_objects, limited, number_of_words, only_shorter, shifted


def load_data(path: str = "imdb.npz", num_words: int | None = None, skip_top: int = 0, maxlen: int | None = None, seed: int = 113,
              start_char: int | None = 1, oov_char: int | None = 2, index_from: int | None = 3,
              **kwargs: Any) -> Split:  # fmt: skip
    """The reviews in Keras' file, as lists of word numbers; 1 would be the most frequent word, before `index_from` is added.

    Args:
        path: absolute, or below `$KERAS_HOME/datasets`.
        num_words: words of this rank and beyond are rare; all are kept when None.
        skip_top: so many of the most frequent words are left out.
        maxlen: reviews of this length and longer are left out.
        seed: of the order.
        start_char: begins every review; None for nothing.
        oov_char: stands for a word left out; None to drop it.
        index_from: added to every word number.
        **kwargs: `nb_words`, which Keras 1 called `num_words`.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: arrays of lists, and labels 0 or 1.

    Raises:
        DataError: the file is not there, or `maxlen` leaves no review.
    """
    num_words = number_of_words(num_words, kwargs, "imdb.load_data")
    arrays = read_arrays(find(path))
    texts: list[list[int]] = []
    labels, counts = [], []
    random = np.random.RandomState(seed)
    for part in ("train", "test"):
        order = np.arange(len(arrays[f"x_{part}"]))
        random.shuffle(order)
        x, y = only_shorter(shifted(arrays[f"x_{part}"][order], start_char, index_from), arrays[f"y_{part}"][order], maxlen)
        texts += x
        labels.append(y)
        counts.append(len(x))
    kept = limited(texts, num_words, skip_top, oov_char)
    return (as_objects(kept[: counts[0]]), labels[0]), (as_objects(kept[counts[0] :]), labels[1])


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """Word -> its number, before `index_from` is added.

    Args:
        path: absolute, or below `$KERAS_HOME/datasets`.
    """
    return read_json(find(path))
