"""Models as scikit-learn's estimators. Each name is imported when it is first used; scikit-learn is installed on its own."""

from __future__ import annotations

import importlib
from typing import Any

# name -> module of symkeras.wrappers that defines it
NAMES: dict[str, str] = dict.fromkeys(("SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"), "estimators")


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return getattr(importlib.import_module(f"symkeras.wrappers.{NAMES[name]}"), name)
    raise AttributeError(f"module 'symkeras.wrappers' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(NAMES)
