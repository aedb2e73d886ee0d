"""Data sets: digits come with symkeras, the others are read from files in Keras' cache folder. Nothing is downloaded."""

from __future__ import annotations

import importlib
from typing import Any

from symkeras.not_offered import missing

NAMES = ("boston_housing", "california_housing", "cifar10", "cifar100", "digits", "fashion_mnist", "imdb", "mnist", "reuters")


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return importlib.import_module(f"symkeras.datasets.{name}")
    raise missing("symkeras.datasets", name)


def __dir__() -> list[str]:
    return sorted(NAMES)
