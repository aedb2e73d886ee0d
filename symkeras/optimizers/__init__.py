"""Keras' optimizers. Each public name is imported, with its module, when it is first used."""

from __future__ import annotations

import importlib
from typing import Any

# name -> module of symkeras.optimizers that defines it
NAMES: dict[str, str] = {
    "Optimizer": "optimizer", "SGD": "sgd", "RMSprop": "rmsprop", "Adam": "adam", "AdamW": "adam", "Adagrad": "adagrad", "Adadelta": "adadelta",
    "Adamax": "adamax", "Nadam": "nadam", "Ftrl": "ftrl", "Lion": "lion", "Lamb": "lamb", "Adafactor": "adafactor",
    "get": "registry", "serialize": "registry", "deserialize": "registry",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return getattr(importlib.import_module(f"symkeras.optimizers.{NAMES[name]}"), name)
    if name == "schedules":
        return importlib.import_module("symkeras.optimizers.schedules")
    raise AttributeError(f"module 'symkeras.optimizers' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*NAMES, "schedules"})
