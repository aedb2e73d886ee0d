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


def slots(hashes: np.ndarray, shift: np.uint64) -> np.ndarray:
    """Where each hash leads: its first bits."""
    return (hashes >> shift).astype(np.int64)


def laid_out(hashes: np.ndarray) -> tuple[np.uint64, np.ndarray, int] | None:
    """A hash table with open addressing (Knuth, The Art of Computer Programming 3, 6.4) for hashes in ascending order.

    Returns:
        The shift for `slots`, the place of each hash (its slot, or the next that is free), and how many places there are, of which the last is
        free; None where one would lie so far from its slot that looking up takes long.
    """
    bits = max(4, (_ROOM * len(hashes)).bit_length())
    shift = np.uint64(64 - bits)
    number, wanted = np.arange(len(hashes)), slots(hashes, shift)
    places = number + np.maximum.accumulate(wanted - number)
    is_near = int((places - wanted).max(initial=0)) < _FARTHEST
    return (shift, places, 2**bits + _FARTHEST + 1) if is_near else None


class TextTable:
    """Texts and their places, for `find`.

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
        layout = laid_out(hashes)
        self.is_usable = layout is not None and bool((hashes[1:] != hashes[:-1]).all())
        if layout is not None:
            self._shift, at, size = layout
            self._hashes, self._places, self._texts = np.zeros(size, np.uint64), np.full(size, -1), texts
            self._hashes[at], self._places[at] = hashes, order

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
        at = slots(hashes, self._shift)
        others = np.flatnonzero((self._hashes[at] != hashes) & (self._places[at] >= 0))
        while others.size:
            at[others] += 1
            near = at[others]
            others = others[(self._hashes[near] != hashes[others]) & (self._places[near] >= 0)]
        places = self._places[at]
        return np.where(self._texts[places] == flat, places, -1).reshape(texts.shape)
