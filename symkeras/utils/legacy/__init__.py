"""Configs as Keras 2 wrote them."""

from __future__ import annotations

import importlib
from typing import Any

NAMES = ("deserialize_keras_object", "serialize_keras_object")


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return getattr(importlib.import_module("symkeras.saving.older_configs"), name)
    raise AttributeError(f"module 'symkeras.utils.legacy' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(NAMES)
