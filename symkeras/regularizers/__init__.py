"""Keras' regularizers: callables `weight -> scalar` that are added to the loss."""

from __future__ import annotations

import importlib
from typing import Any

from symkeras.not_offered import missing

# name -> module of symkeras.regularizers that defines it
NAMES: dict[str, str] = {
    "Regularizer": "penalties", "L1": "penalties", "L2": "penalties", "L1L2": "penalties", "OrthogonalRegularizer": "penalties",
    "get": "registry", "serialize": "registry", "deserialize": "registry",
}  # fmt: skip

# other spellings -> name of the class
ALIASES: dict[str, str] = {
    "l1": "L1", "l2": "L2", "l1_l2": "L1L2", "l1l2": "L1L2", "orthogonal_regularizer": "OrthogonalRegularizer",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    known = ALIASES.get(name, name)
    if known in NAMES:
        return getattr(importlib.import_module(f"symkeras.regularizers.{NAMES[known]}"), known)
    raise missing("symkeras.regularizers", name)


def __dir__() -> list[str]:
    return sorted({*NAMES, *ALIASES})
