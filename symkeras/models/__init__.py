"""Models: layers put together, trained, evaluated and inspected. Names are imported when first used."""

from __future__ import annotations

import importlib
from typing import Any

from symkeras.not_offered import missing

NAMES: dict[str, str] = {
    "Model": "model", "Functional": "functional", "Sequential": "sequential", "clone_model": "cloning", "Trainer": "trainer",
    "model_from_json": "model", "from_onnx": "onnx_files.reading",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return getattr(importlib.import_module(f"symkeras.models.{NAMES[name]}"), name)
    if name in ("load_model", "save_model"):
        return getattr(importlib.import_module("symkeras.saving.model_files"), name)
    raise missing("symkeras.models", name)


def __dir__() -> list[str]:
    return sorted([*NAMES, "load_model", "save_model"])
