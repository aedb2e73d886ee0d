"""The words of a row of bytes, looked up where they stand, without taking them out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from symkeras.layers.text_table import laid_out, slots

_LONGEST = 16
"""Bytes of a word that two numbers hold; longer ones take a dictionary."""
_PART = 2**18
"""Bytes that are looked at at once, so that what is known of them stays in the cache."""
_FACTORS = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_FIRST_BYTES = np.array([2 ** (8 * k) - 1 for k in range(9)], np.uint64)


def _hashes(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """A number for each word of eight bytes and eight bytes."""
    mixed = (first * _FACTORS[0]) ^ (second * _FACTORS[1])
    return (mixed ^ (mixed >> np.uint64(32))) * _FACTORS[0]


class WordTable:
    """Words without white space and their numbers, for `find`.

    Args:
        numbers: word -> number.
        other: the number of words that are not there.
    """

    def __init__(self, numbers: Mapping[bytes, int], other: int):
        self._numbers, self._other = dict(numbers), other
        short = [w for w in numbers if len(w) <= _LONGEST]
        pairs = np.frombuffer(b"".join(w.ljust(_LONGEST, b"\0") for w in short), "<u8").astype(np.uint64).reshape(-1, 2)
        hashes = _hashes(pairs[:, 0], pairs[:, 1])
        order = np.argsort(hashes, kind="stable")
        layout = laid_out(hashes[order]) if short else None
        self._is_usable = layout is not None
        if layout is not None:
            self._shift, at, size = layout
            self._pairs, self._found, self._is_taken = np.zeros((2, size), np.uint64), np.full(size, other), np.zeros(size, bool)
            self._pairs[:, at], self._found[at], self._is_taken[at] = pairs[order].T, [numbers[short[k]] for k in order], True

    def find(self, row: bytes) -> np.ndarray:
        """The number of each word of `row`, in order.

        >>> WordTable({b"a": 1, b"bc": 2}, 0).find(b" bc a  a abc ").tolist()
        [2, 1, 1, 0]
        """
        if not self._is_usable:
            words = row.split()
            return np.fromiter((self._numbers.get(w, self._other) for w in words), np.int64, len(words))
        whole = np.frombuffer(row + b" " * _LONGEST, np.uint8)
        found, start = [np.empty(0, np.int64)], 0
        while start < len(whole):
            stop = row.find(b" ", start + _PART) + 1 or len(whole)
            found.append(self._part(row, whole, start, stop))
            start = stop
        return np.concatenate(found)

    def _part(self, row: bytes, whole: np.ndarray, start: int, stop: int) -> np.ndarray:
        """The numbers of the words of whole[start:stop], which begins and ends between words."""
        begins, ends = _edges(whole[start:stop])
        begins, sizes = begins + start, ends - begins
        eights = np.ndarray((len(whole) - 7,), "<u8", buffer=whole, strides=(1,))
        first = eights[begins].astype(np.uint64, copy=False) & _FIRST_BYTES[np.minimum(sizes, 8)]
        second = np.zeros_like(first)
        long = np.flatnonzero(sizes > 8)
        second[long] = eights[begins[long] + 8] & _FIRST_BYTES[np.minimum(sizes[long] - 8, 8)]
        found = self._look_up(first, second)
        for k in np.flatnonzero(sizes > _LONGEST).tolist():
            found[k] = self._numbers.get(row[begins[k] : begins[k] + sizes[k]], self._other)
        return found

    def _look_up(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        at = slots(_hashes(first, second), self._shift)
        differs = (self._pairs[0][at] != first) | (self._pairs[1][at] != second)
        others = np.flatnonzero(differs & self._is_taken[at])
        while others.size:
            at[others] += 1
            near = at[others]
            differs[others] = (self._pairs[0][near] != first[others]) | (self._pairs[1][near] != second[others])
            others = others[differs[others] & self._is_taken[near]]
        return np.where(differs, self._other, self._found[at])


def _edges(part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where words begin, and where they have ended, in bytes that begin and end with white space, or begin with a word."""
    is_word = np.zeros(len(part) + 2, bool)
    np.logical_and(part != 32, part - np.uint8(9) > 4, out=is_word[1:-1])  # white space is a space, or 9 to 13; other numbers wrap round
    edges = np.flatnonzero(is_word[1:] != is_word[:-1])
    return edges[::2], edges[1::2]
