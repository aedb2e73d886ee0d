"""Texts made alike and cut into tokens, many at once, as `TextVectorization` does it."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from typing import Any

# Keras lowers the letters of ASCII alone, and splits at the white space of ASCII.
_LOWER = {ord(a): ord(b) for a, b in zip(string.ascii_uppercase, string.ascii_lowercase, strict=True)}
_NO_PUNCTUATION = dict.fromkeys(map(ord, string.punctuation))
_WORDS = re.compile("[^ \t\n\v\f\r]+")
_SPACES_OF_UNICODE = re.compile("[\x1c-\x1f]")
_BETWEEN = "\0"

TABLES = {
    "lower": _LOWER,
    "strip_punctuation": _NO_PUNCTUATION,
    "lower_and_strip_punctuation": {**_LOWER, **_NO_PUNCTUATION},
}


def standardized(texts: list[str], how: str) -> list[str]:
    """The texts with letters and punctuation as the name of a standardization says; all as one text, which is one call.

    >>> standardized(["Hello, World!", "É"], "lower_and_strip_punctuation")
    ['hello world', 'É']
    """
    whole = _BETWEEN.join(texts)
    if whole.count(_BETWEEN) != len(texts) - 1:
        return [t.translate(TABLES[how]) for t in texts]
    return whole.translate(TABLES[how]).split(_BETWEEN) if texts else []


def words(texts: Sequence[str]) -> list[list[str]]:
    """The pieces of each text between white space."""
    return [t.split() if t.isascii() and not _SPACES_OF_UNICODE.search(t) else _WORDS.findall(t) for t in texts]


def ngrams(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> list[list[str]]:
    """For each row of tokens the runs of so many tokens, joined by spaces, width by width.

    >>> ngrams([["a", "b", "c"]], (1, 2))
    [['a', 'b', 'c', 'a b', 'b c']]
    """
    return [[" ".join(row[k : k + n]) for n in widths for k in range(len(row) - n + 1)] for row in rows]


def rows_of_tokens(found: Any, where: str) -> list[list[str]]:
    """What a user's own splitting gave, as lists of texts."""
    from symkeras.errors import DataError
    from symkeras.layers.texts import text_array

    found = found.to_list() if hasattr(found, "to_list") else found
    try:
        return [text_array(row if isinstance(row, list) else list(row), where).tolist() for row in found]
    except TypeError:
        raise DataError(f"{where} must give a row of texts for every text, received {found!r}") from None
