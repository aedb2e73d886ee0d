"""Keras 2's names for dtype policies and the scaling of losses. Names are imported when first used."""

from __future__ import annotations

import importlib
from typing import Any

# name -> (module of symkeras, name in it)
NAMES: dict[str, tuple[str, str]] = {
    "DTypePolicy": ("dtype_policies", "DTypePolicy"), "Policy": ("dtype_policies", "DTypePolicy"),
    **dict.fromkeys(("dtype_policy", "global_policy"), ("config", "dtype_policy")),
    **dict.fromkeys(("set_dtype_policy", "set_global_policy"), ("config", "set_dtype_policy")),
    "LossScaleOptimizer": ("optimizers", "LossScaleOptimizer"),
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in NAMES:
        module, there = NAMES[name]
        return getattr(importlib.import_module(f"symkeras.{module}"), there)
    raise AttributeError(f"module 'symkeras.mixed_precision' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(NAMES)
