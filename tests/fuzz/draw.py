"""Choices among the tensors of a program."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symkeras.graph import Tensor, dtypes
from symkeras.graph.node import reachable

Pool = dict[str, Tensor]
"""The tensors there are, by name."""


class Draw:
    """Choices for one program.

    Args:
        rng: where they come from.
        pool: the tensors there are; it grows while statements are run.
    """

    def __init__(self, rng: np.random.Generator, pool: Pool):
        self.rng = rng
        self.pool = pool

    def one(self, options: Sequence[Any]) -> Any:
        return options[int(self.rng.integers(len(options)))]

    def seed(self) -> int:
        return int(self.rng.integers(1000))

    def short(self, text: str) -> str:
        """The dtype of the tensor that a text begins with."""
        return self.pool[re.split(r"\W", text)[0]].dtype

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def name(self, fits: Callable[[Tensor], bool] = lambda t: True) -> str | None:
        """A tensor that fits; those made last are taken more often."""
        names = [k for k, t in self.pool.items() if fits(t)]
        if not names:
            return None
        late = names[-4:]
        return self.one(late if self.chance(0.6) else names)

    def source(self, of: str) -> str | None:
        """A floating tensor that another one is computed from; now and then any."""
        above = set(reachable([self.pool[of].node])) if not self.chance(0.1) else None
        names = [k for k, t in self.pool.items() if is_float(t) and k != of and (above is None or t.node in above)]
        return self.one(names) if names else None

    def tensor(self, fits: Callable[[Tensor], bool] = lambda t: True) -> tuple[str, Tensor] | None:
        name = self.name(fits)
        return None if name is None else (name, self.pool[name])


def is_float(t: Tensor) -> bool:
    return dtypes.is_float(t.dtype)


def is_int(t: Tensor) -> bool:
    return dtypes.is_int(t.dtype)


def has_axes(t: Tensor) -> bool:
    return t.ndim > 0
