"""Preparing data, at the places where Keras has it."""

from __future__ import annotations

import importlib
from typing import Any

from symkeras import utils
from symkeras.not_offered import missing
from symkeras.preprocessing import sequence

_MODULES = ("image", "text")
_DATASETS = ("image_dataset_from_directory", "text_dataset_from_directory", "timeseries_dataset_from_array")

__all__ = ["sequence"]


def __getattr__(name: str) -> Any:
    if name in _DATASETS:
        return getattr(utils, name)
    if name in _MODULES:
        return importlib.import_module(f"symkeras.preprocessing.{name}")
    raise missing("symkeras.preprocessing", name)


def __dir__() -> list[str]:
    return [*_MODULES, "sequence", *_DATASETS]
