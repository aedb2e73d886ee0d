"""Philox bits from NumPy's own generator, moved to the counter that the state names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def random_bits(state: Any, out: Any, stream: int, shape: tuple[int, ...], dtype: str) -> Callable[[], None]:
    """The words of the Philox stream with key [seed, stream] and counter [0, step, 0, 0]."""
    generator = np.random.Philox(0)
    full = generator.state
    inner = full["state"]
    words = -(-out.size * out.itemsize // 8)
    target = out.reshape(-1)

    def run() -> None:
        inner["key"] = np.array([state[0], stream], np.uint64)
        inner["counter"] = np.array([0, state[1], 0, 0], np.uint64)
        full["buffer_pos"] = 4
        full["has_uint32"] = 0
        generator.state = full
        np.copyto(target, generator.random_raw(words).view(dtype)[: target.size])

    return run
