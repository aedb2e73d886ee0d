"""Keras' layers. Each public name lives in its own small module and is imported when first used."""

from __future__ import annotations

import importlib
from typing import Any

# name -> module of symkeras.layers that defines it
NAMES: dict[str, str] = {
    "Layer": "layer", "InputSpec": "input_spec", "Input": "input", "InputLayer": "input",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return getattr(importlib.import_module(f"symkeras.layers.{NAMES[name]}"), name)
    raise AttributeError(f"module 'symkeras.layers' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(NAMES)
