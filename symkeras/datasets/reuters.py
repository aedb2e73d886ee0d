"""Reuters: 11 228 newswires in 46 topics (Lewis 1987)."""

from __future__ import annotations

from typing import Any

from symkeras.datasets.local_files import Split, check_split, find, read_arrays, read_json, shuffled
from symkeras.datasets.word_sequences import as_objects, limited, number_of_words, only_shorter, shifted

LABELS = (
    "cocoa", "grain", "veg-oil", "earn", "acq", "wheat", "copper", "housing", "money-supply", "coffee", "sugar", "trade", "reserves", "ship",
    "cotton", "carcass", "crude", "nat-gas", "cpi", "money-fx", "interest", "gnp", "meal-feed", "alum", "oilseed", "gold", "tin",
    "strategic-metal", "livestock", "retail", "ipi", "iron-steel", "rubber", "heat", "jobs", "lei", "bop", "zinc", "orange", "pet-chem",
    "dlr", "gas", "silver", "wpi", "hog", "lead",
)  # fmt: skip


def load_data(path: str = "reuters.npz", num_words: int | None = None, skip_top: int = 0, maxlen: int | None = None, test_split: float = 0.2,
              seed: int = 113, start_char: int | None = 1, oov_char: int | None = 2, index_from: int | None = 3,
              **kwargs: Any) -> Split:  # fmt: skip
    """The newswires in Keras' file, as lists of word numbers; 1 would be the most frequent word, before `index_from` is added.

    Args:
        path: absolute, or below `$KERAS_HOME/datasets`.
        num_words: words of this rank and beyond are rare; all are kept when None.
        skip_top: so many of the most frequent words are left out.
        maxlen: newswires of this length and longer are left out.
        test_split: share of the rows at the end that are for testing.
        seed: of the order.
        start_char: begins every newswire; None for nothing.
        oov_char: stands for a word left out; None to drop it.
        index_from: added to every word number.
        **kwargs: `nb_words`, which Keras 1 called `num_words`.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: arrays of lists, and topics from 0 to 45.

    Raises:
        ConfigError: `test_split` outside of [0, 1).
        DataError: the file is not there, or `maxlen` leaves no newswire.
    """
    check_split(test_split)
    num_words = number_of_words(num_words, kwargs, "reuters.load_data")
    arrays = read_arrays(find(path))
    x, y = shuffled(seed, arrays["x"], arrays["y"])
    texts, labels = only_shorter(shifted(x, start_char, index_from), y, maxlen)
    texts = limited(texts, num_words, skip_top, oov_char)
    cut = int(len(texts) * (1 - test_split))
    return (as_objects(texts[:cut]), labels[:cut]), (as_objects(texts[cut:]), labels[cut:])


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """Word -> its number, before `index_from` is added.

    Args:
        path: absolute, or below `$KERAS_HOME/datasets`.
    """
    return read_json(find(path))


def get_label_names() -> tuple[str, ...]:
    """The names of the topics, by number."""
    return LABELS
