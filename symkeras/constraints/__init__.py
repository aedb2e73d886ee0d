"""Keras' constraints: callables `weight -> weight` that are applied after every update."""

from __future__ import annotations

import importlib
from typing import Any

from symkeras.not_offered import missing

# name -> module of symkeras.constraints that defines it
NAMES: dict[str, str] = {
    "Constraint": "projections", "MaxNorm": "projections", "MinMaxNorm": "projections", "NonNeg": "projections", "UnitNorm": "projections",
    "get": "registry", "serialize": "registry", "deserialize": "registry",
}  # fmt: skip

# other spellings -> name of the class
ALIASES: dict[str, str] = {
    "max_norm": "MaxNorm", "maxnorm": "MaxNorm", "min_max_norm": "MinMaxNorm", "non_neg": "NonNeg", "nonneg": "NonNeg",
    "unit_norm": "UnitNorm", "unitnorm": "UnitNorm",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    known = ALIASES.get(name, name)
    if known in NAMES:
        return getattr(importlib.import_module(f"symkeras.constraints.{NAMES[known]}"), known)
    raise missing("symkeras.constraints", name)


def __dir__() -> list[str]:
    return sorted({*NAMES, *ALIASES})
