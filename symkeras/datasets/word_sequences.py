"""What the IMDB and Reuters sets share: texts as lists of word numbers, by rank of frequency."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from symkeras.errors import ConfigError, DataError


def number_of_words(num_words: Any, kwargs: dict[str, Any], what: str) -> Any:
    """`num_words`, or what Keras 1 called `nb_words`.

    Raises:
        ConfigError: another argument.
    """
    num_words = kwargs.pop("nb_words", num_words)
    if kwargs:
        raise ConfigError(f"{what} has no argument {', '.join(kwargs)}")
    return num_words


def shifted(texts: Iterable[Iterable[int]], start_char: int | None, index_from: int | None) -> list[list[int]]:
    """Word numbers raised by `index_from`, behind a `start_char`."""
    if start_char is not None:
        return [[start_char, *(w + (index_from or 0) for w in x)] for x in texts]
    return [[w + (index_from or 0) for w in x] for x in texts]


def only_shorter(texts: list[list[int]], labels: np.ndarray, maxlen: int | None) -> tuple[list[list[int]], np.ndarray]:
    """The texts of fewer than `maxlen` words, and their labels.

    Raises:
        DataError: there is none.
    """
    if not maxlen:
        return texts, labels
    kept = [k for k, x in enumerate(texts) if len(x) < maxlen]
    if not kept:
        raise DataError(f"no text is shorter than maxlen={maxlen}: increase it")
    return [texts[k] for k in kept], labels[kept]


def limited(texts: list[list[int]], num_words: int | None, skip_top: int, oov_char: int | None) -> list[list[int]]:
    """Words from `skip_top` up to `num_words`; others become `oov_char`, or go where it is None."""
    stop = num_words or max(max(x) for x in texts)
    if oov_char is None:
        return [[w for w in x if skip_top <= w < stop] for x in texts]
    return [[w if skip_top <= w < stop else oov_char for w in x] for x in texts]


def as_objects(texts: list[list[int]]) -> np.ndarray:
    """An array of lists, also where all have one length."""
    out: Any = np.empty(len(texts), dtype=object)
    out[:] = texts
    return out
