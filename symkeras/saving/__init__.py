"""Configs and files: what makes an object again, and Keras' file formats. Names are imported when first used."""

from __future__ import annotations

import importlib
from typing import Any

from symkeras.not_offered import missing

# name -> module of symkeras.saving that defines it
NAMES: dict[str, str] = {
    "CustomObjectScope": "serialization", "custom_object_scope": "serialization", "deserialize_keras_object": "serialization",
    "get_custom_objects": "serialization", "get_registered_name": "serialization", "get_registered_object": "serialization",
    "register_keras_serializable": "serialization", "serialize_keras_object": "serialization",
    "KerasFileEditor": "file_editor",
    "load_model": "model_files", "load_weights": "model_files", "save_model": "model_files", "save_weights": "model_files",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return getattr(importlib.import_module(f"symkeras.saving.{NAMES[name]}"), name)
    raise missing("symkeras.saving", name)


def __dir__() -> list[str]:
    return sorted(NAMES)
