"""A vocabulary in which whole arrays of short texts are looked up at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LONGEST = 48
"""Characters of the texts that are looked up at once; others take a dictionary."""
_ROWS = 2**14
_POWERS = np.cumprod(np.full(LONGEST, 0x9E3779B97F4A7C15, np.uint64), dtype=np.uint64)


def _hashes(texts: np.ndarray) -> np.ndarray:
    """A number for each text of a flat array, the same whatever is behind its end: its code points times powers of an odd constant, added."""
    width = texts.dtype.itemsize // 4
    codes = texts.view(np.uint32).reshape(len(texts), width)
    found = np.empty(len(texts), np.uint64)
    for k in range(0, len(texts), _ROWS):
        found[k : k + _ROWS] = codes[k : k + _ROWS].astype(np.uint64) @ _POWERS[:width]
    return found


class TextTable:
    """Texts and their places, for `find`.

    Args:
        tokens: texts that differ.

    Attributes:
        is_usable: whether no two of them have the same hash, and none is too long.
    """

    def __init__(self, tokens: Sequence[str]):
        texts = np.array(tokens, "U") if tokens else np.empty(0, "U1")
        self.is_usable = texts.dtype.itemsize // 4 <= LONGEST and not any(t.endswith("\0") for t in tokens)
        if not self.is_usable:
            return
        hashes = _hashes(texts)
        self._order = np.argsort(hashes, kind="stable")
        self._hashes, self._texts = hashes[self._order], texts[self._order]
        self.is_usable = len(texts) > 0 and bool((self._hashes[1:] != self._hashes[:-1]).all())

    @staticmethod
    def takes(texts: np.ndarray) -> bool:
        """Whether these texts can be looked up here."""
        return texts.dtype.kind == "U" and texts.dtype.isnative and 0 < texts.dtype.itemsize // 4 <= LONGEST

    def find(self, texts: np.ndarray) -> np.ndarray:
        """The place of each text of an array among the tokens, -1 for one that is not among them.

        >>> TextTable(["b", "a"]).find(np.array([["a", "c"], ["b", ""]])).tolist()
        [[1, -1], [0, -1]]
        """
        flat = np.ascontiguousarray(texts).reshape(-1)
        hashes = _hashes(flat)
        places = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
        is_there = (self._hashes[places] == hashes) & (self._texts[places] == flat)
        return np.where(is_there, self._order[places], -1).reshape(texts.shape)
