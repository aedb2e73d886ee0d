"""Philox4x64-10 (Salmon et al. 2011): the words that `numpy.random.Philox` gives, bit for bit, in the integers of an engine.

Where numbers are on the host anyway, `on_host` draws them there, which takes a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symkeras.ops.op import OPS

_MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_HALF, _LOW = 32, (1 << 32) - 1
TURNS = 10


def on_host(state: np.ndarray, stream: int, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Uniform random integers of an unsigned dtype, a pure function of a state u64[2]: the stream's words in little-endian order."""
    return OPS["random_bits"].value(state, stream=stream, shape=shape, dtype=dtype)


def _and(a: Any, b: Any) -> Any:
    return a & b


def _xor(a: Any, b: Any) -> Any:
    return a ^ b


@dataclass(frozen=True)
class Words:
    """What an engine has to say about integers of 64 bits that wrap around: + and * are its own.

    Attributes:
        word: a number of its own from an integer from 0 to 2^64 - 1.
        right: shifted right by so many bits, zeros from the left.
        both, either: bits that are in both, and bits that are in one of two.
    """

    word: Callable[[int], Any]
    right: Callable[[Any, int], Any]
    both: Callable[[Any, Any], Any] = _and
    either: Callable[[Any, Any], Any] = _xor

    def turn(self, x: Sequence[Any], key: Sequence[Any]) -> list[Any]:
        """One of the ten turns of the four words of a block."""
        high = [self._high(m, v) for m, v in zip(_MULTIPLIERS, (x[0], x[2]), strict=True)]
        first = self.either(self.either(high[1], x[1]), key[0])
        third = self.either(self.either(high[0], x[3]), key[1])
        return [first, x[2] * self.word(_MULTIPLIERS[1]), third, x[0] * self.word(_MULTIPLIERS[0])]

    def _high(self, a: int, b: Any) -> Any:
        """The high word of a product of 128 bits, by halves of 32."""
        a_high, a_low = self.word(a >> _HALF), self.word(a & _LOW)
        b_high, b_low = self.right(b, _HALF), self._low(b)
        middle = b_low * a_high + self.right(b_low * a_low, _HALF)
        other = b_high * a_low + self._low(middle)
        return b_high * a_high + self.right(middle, _HALF) + self.right(other, _HALF)

    def _low(self, x: Any) -> Any:
        return self.both(x, self.word(_LOW))

    def block(self, x: Sequence[Any], key: Sequence[Any]) -> list[Any]:
        """The words of blocks, from their counters and the key."""
        for turn in range(TURNS):
            x = self.turn(x, key)
            if turn < TURNS - 1:
                key = [k + self.word(w) for k, w in zip(key, WEYL, strict=True)]
        return list(x)


def sizes(shape: Sequence[int], dtype: str) -> tuple[int, int, int]:
    """(numbers, words, blocks of four words) that a shape of a dtype takes."""
    count = int(np.prod(shape, dtype=np.int64))
    words = -(-count * np.dtype(dtype).itemsize // 8)
    return count, words, -(-words // 4)
