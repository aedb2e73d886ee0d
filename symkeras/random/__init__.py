"""Keras' random numbers: draws of a shape from a seed, a generator of seeds, or the generator of the process."""

from __future__ import annotations

import importlib
from typing import Any

from symkeras.not_offered import missing

# name -> module of symkeras.random that defines it
NAMES: dict[str, str] = {
    "SeedGenerator": "seed_generator", "global_seed_generator": "seed_generator", "draw_seed": "seed_generator",
    "categorical": "draws", "dropout": "draws", "normal": "draws", "randint": "draws", "shuffle": "draws",
    "truncated_normal": "draws", "uniform": "draws",
    "beta": "rejection", "binomial": "rejection", "gamma": "rejection",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return getattr(importlib.import_module(f"symkeras.random.{NAMES[name]}"), name)
    raise missing("symkeras.random", name)


def __dir__() -> list[str]:
    return sorted(NAMES)
