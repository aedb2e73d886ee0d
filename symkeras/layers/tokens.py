"""Texts made alike and cut into tokens, many at once, as `TextVectorization` does it."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from typing import Any

# Keras lowers the letters of ASCII alone, and splits at the white space of ASCII; so bytes of UTF-8 may stand for the text.
_LOWER = bytes.maketrans(string.ascii_uppercase.encode(), string.ascii_lowercase.encode())
_PUNCTUATION = string.punctuation.encode()
_WORDS = re.compile("[^ \t\n\v\f\r]+")
BETWEEN = b"\0"

STANDARDS = {"lower": (_LOWER, b""), "strip_punctuation": (None, _PUNCTUATION), "lower_and_strip_punctuation": (_LOWER, _PUNCTUATION)}
"""What becomes of bytes: a table, and those that go."""


def standardized(texts: list[str], how: str) -> list[str]:
    """The texts with letters and punctuation as the name of a standardization says.

    >>> standardized(["Hello, World!", "É"], "lower_and_strip_punctuation")
    ['hello world', 'É']
    """
    return [t.encode("utf-8", "surrogatepass").translate(*STANDARDS[how]).decode("utf-8", "surrogatepass") for t in texts]


def in_a_row(texts: list[str], how: str | None) -> bytes | None:
    """All texts, standardized, in one row, with `BETWEEN` as a word between them; None where that stands in one.

    Everything is done once for all texts: it takes a fifth of the time of doing it for each.
    """
    whole = " \0 ".join(texts).encode("utf-8", "surrogatepass")
    if whole.count(BETWEEN) != max(0, len(texts) - 1):
        return None
    return whole if how is None else whole.translate(*STANDARDS[how])


def words(texts: Sequence[str]) -> list[list[str]]:
    """The pieces of each text between white space."""
    return [_WORDS.findall(t) for t in texts]


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
