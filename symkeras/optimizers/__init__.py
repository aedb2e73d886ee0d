"""Keras' optimizers. Each public name is imported, with its module, when it is first used."""

from __future__ import annotations

import importlib
from typing import Any

from symkeras.not_offered import missing

# name -> module of symkeras.optimizers that defines it
NAMES: dict[str, str] = {
    "Optimizer": "optimizer", "SGD": "sgd", "RMSprop": "rmsprop", "Adam": "adam", "AdamW": "adam", "Adagrad": "adagrad", "Adadelta": "adadelta",
    "Adamax": "adamax", "Nadam": "nadam", "Ftrl": "ftrl", "Lion": "lion", "Lamb": "lamb", "Adafactor": "adafactor",
    "LossScaleOptimizer": "loss_scale_optimizer", "Muon": "muon", "ScheduleFreeAdamW": "schedule_free_adamw",
    "MultiOptimizer": "multi_optimizer", "OptimizerMap": "multi_optimizer",
    "get": "registry", "serialize": "registry", "deserialize": "registry",
}  # fmt: skip

# the spellings of Keras 1 and 2 -> today's
_LOWER_CASE = {name.lower(): name for name in ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam")}


def __getattr__(name: str) -> Any:
    name = _LOWER_CASE.get(name, name)
    if name in NAMES:
        found = getattr(importlib.import_module(f"symkeras.optimizers.{NAMES[name]}"), name)
        if name.lower() in _LOWER_CASE:
            globals()[name.lower()] = found  # not the module of that name, which was put there when it was imported
        return found
    if name in ("schedules", "legacy"):
        return importlib.import_module(f"symkeras.optimizers.{name}")
    raise missing("symkeras.optimizers", name)


def __dir__() -> list[str]:
    return sorted({*NAMES, "legacy", "schedules"})
