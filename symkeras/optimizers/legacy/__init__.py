"""What TensorFlow's Keras kept of its older optimizers: the same names, which mean today's."""

from __future__ import annotations

import importlib
from typing import Any

NAMES = ("Adagrad", "Adam", "Ftrl", "Optimizer", "RMSprop", "SGD")


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return getattr(importlib.import_module("symkeras.optimizers"), name)
    raise AttributeError(f"module 'symkeras.optimizers.legacy' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(NAMES)
