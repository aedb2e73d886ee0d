"""What runs a graph: the backend interface, the interpreter, and the backends. Also Keras' and the 2017 `K` functions.

`from symkeras import backend as K` gives the symbolic functions of `keras_backend`, loaded when first used.
"""

from __future__ import annotations

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    try:
        return importlib.import_module(f"symkeras.backend.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"symkeras.backend.{name}":
            raise
    module = importlib.import_module("symkeras.backend.keras_backend")
    try:
        return getattr(module, name)
    except AttributeError:
        raise AttributeError(f"symkeras.backend has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return dir(importlib.import_module("symkeras.backend.keras_backend"))
