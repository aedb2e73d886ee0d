"""Random choices of one case; equal seed, name and round give equal choices."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.conformance.written import Array


class Drawing:
    """The choices of a case, and what was chosen so far.

    Args:
        path: public name below `keras`.
        seed: seed of the run.
        turn: how often the name had its turn before.

    `least` is the smallest size of a shape: 1, and 0 in a few cases.
    """

    def __init__(self, path: str, seed: int = 0, turn: int = 0):
        self.path, self.seed, self.turn = path, seed, turn
        self.name = path.rpartition(".")[2]
        self.rng = np.random.default_rng([seed, turn, zlib.crc32(path.encode())])
        self.chosen: dict[str, Any] = {}
        self.least = 0 if self.chance(0.06) else 1
        self.batch = self.integer(self.least, 4)
        self.rank = self.integer(1, 4)
        self.channels = self.integer(1, 6)
        self.spatial: tuple[int, ...] = ()

    def integer(self, low: int, high: int) -> int:
        """From low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def number(self, low: float, high: float) -> float:
        return round(float(self.rng.uniform(low, high)), 3)

    def one(self, choices: Sequence[Any]) -> Any:
        return choices[self.integer(0, len(choices) - 1)]

    def chance(self, p: float = 0.5) -> bool:
        return bool(self.rng.random() < p)

    def shape(self, low: int = 0, high: int = 4, most: int = 5) -> tuple[int, ...]:
        return tuple(self.integer(self.least, most) for _ in range(self.integer(low, high)))

    def dtype(self, p: float = 0.3, *choices: str) -> str:
        """Most often float32; else another one."""
        return self.one(choices or ("float16", "bfloat16", "float64")) if self.chance(p) else "float32"

    def sizes(self, rank: int, low: int, high: int) -> Any:
        """A number, or one for each of `rank` axes."""
        return self.integer(low, high) if self.chance() else tuple(self.integer(low, high) for _ in range(rank))

    def source(self) -> str:
        return f"np.random.default_rng({self.integer(0, 9999)})"

    def array(self, shape: Sequence[int], dtype: str = "float32") -> Array:
        """Numbers of every sign around 0."""
        return Array(f"{self.source()}.normal(size={tuple(shape)}).astype({dtype!r})")

    def between(self, shape: Sequence[int], low: float, high: float, dtype: str = "float32") -> Array:
        return Array(f"{self.source()}.uniform({low}, {high}, size={tuple(shape)}).astype({dtype!r})")

    def integers(self, shape: Sequence[int], low: int, high: int, dtype: str = "int32") -> Array:
        """From low to high, both included."""
        return Array(f"{self.source()}.integers({low}, {high + 1}, size={tuple(shape)}).astype({dtype!r})")

    def booleans(self, shape: Sequence[int]) -> Array:
        return Array(f"{self.source()}.random(size={tuple(shape)}) < 0.6")

    def one_hot(self, shape: Sequence[int], dtype: str = "float32") -> Array:
        """A one among zeros along the last axis."""
        *outer, classes = shape
        return Array(f"np.eye({classes}, dtype={dtype!r})[{self.source()}.integers(0, {classes}, size={tuple(outer)})]")

    def probabilities(self, shape: Sequence[int], axis: int = -1) -> Array:
        """Positive numbers with sum 1 along an axis."""
        return Array(f"(lambda e: (e / e.sum({axis}, keepdims=True)).astype('float32'))(np.exp({self.source()}.normal(size={tuple(shape)})))")
