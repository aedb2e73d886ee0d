"""What runs a graph: the backend interface, the interpreter, and the backends. Also Keras' and the 2017 `K` functions.

`from symkeras import backend as K` gives the functions of `keras_backend`, loaded when first used.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


class _Backend(ModuleType):
    """This module. `function` names a K function and a submodule: as an attribute it is the K function."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name == "function" and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Backend


def __getattr__(name: str) -> Any:
    if name == "__path__" or (name.startswith("__") and name != "__all__"):
        raise AttributeError(name)
    table = importlib.import_module("symkeras.backend.keras_backend")
    if name in table.__all__:
        return getattr(table, name)
    if name == "__all__":
        return table.__all__
    try:
        return importlib.import_module(f"symkeras.backend.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"symkeras.backend.{name}":
            raise
    from symkeras.errors import nearest

    raise AttributeError(f"symkeras.backend has no attribute {name!r}.{nearest(name, table.__all__)}")


def __dir__() -> list[str]:
    return sorted({*importlib.import_module("symkeras.backend.keras_backend").__all__, "function", "interface", "interpreter", "numpy"})
