"""A vocabulary in which whole arrays of short texts are looked up at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LONGEST = 48
"""Characters of the texts that are looked up at once; others take a dictionary."""
_ROWS = 2**14
_ROOM, _FARTHEST = 8, 64
"""Slots for a text; how far from its own slot one may lie."""
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
    """Texts and their places, for `find`: a hash table with open addressing (Knuth, The Art of Computer Programming 3, 6.4), as arrays.

    Args:
        tokens: texts that differ.

    Attributes:
        is_usable: whether no two of them have the same hash, none is too long, and none is far from where its hash leads.
    """

    def __init__(self, tokens: Sequence[str]):
        texts = np.array(tokens, "U") if tokens else np.empty(0, "U1")
        self.is_usable = len(texts) > 0 and texts.dtype.itemsize // 4 <= LONGEST and not any(t.endswith("\0") for t in tokens)
        if not self.is_usable:
            return
        hashes = _hashes(texts)
        order = np.argsort(hashes, kind="stable")
        hashes = hashes[order]
        bits = max(4, (_ROOM * len(texts)).bit_length())
        self._shift = np.uint64(64 - bits)
        number = np.arange(len(texts))
        wanted = self._slots(hashes)
        slots = number + np.maximum.accumulate(wanted - number)  # each in its slot, or in the next that is free
        self.is_usable = bool((hashes[1:] != hashes[:-1]).all()) and int((slots - wanted).max()) < _FARTHEST
        size = 2**bits + _FARTHEST + 1
        self._hashes, self._places, self._texts = np.zeros(size, np.uint64), np.full(size, -1), texts
        if self.is_usable:
            self._hashes[slots], self._places[slots] = hashes, order

    def _slots(self, hashes: np.ndarray) -> np.ndarray:
        return (hashes >> self._shift).astype(np.int64)

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
        slots = self._slots(hashes)
        places = self._places[slots]
        others = np.flatnonzero((self._hashes[slots] != hashes) & (places >= 0))
        while others.size:
            slots[others] += 1
            at = slots[others]
            places[others] = self._places[at]
            others = others[(self._hashes[at] != hashes[others]) & (self._places[at] >= 0)]
        return np.where(self._texts[places] == flat, places, -1).reshape(texts.shape)
