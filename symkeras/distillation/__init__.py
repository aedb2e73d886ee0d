"""A small model that learns from a large one. Each public name is imported, with its module, when it is first used."""

from __future__ import annotations

import importlib
from typing import Any

# name -> module of symkeras.distillation that defines it
NAMES: dict[str, str] = {
    "DistillationLoss": "distillation_losses", "FeatureDistillation": "distillation_losses", "LogitsDistillation": "distillation_losses",
    "Distiller": "distiller",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return getattr(importlib.import_module(f"symkeras.distillation.{NAMES[name]}"), name)
    raise AttributeError(f"module 'symkeras.distillation' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(NAMES)
