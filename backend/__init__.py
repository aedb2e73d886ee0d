"""What runs a graph: the backend interface, the interpreter, and the backends. Also Keras' and the 2017 `K` functions.

`from symkeras import backend as K` gives the functions of `theano_style.keras_backend`, loaded when first used.
"""

from __future__ import annotations

import importlib
import importlib.util
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
    if name.startswith("__") and name != "__all__":
        raise AttributeError(name)
    if name != "function" and importlib.util.find_spec(f"symkeras.backend.{name}") is not None:
        return importlib.import_module(f"symkeras.backend.{name}")
    if name == "report":
        return importlib.import_module("symkeras.backend.inventory").report
    table = importlib.import_module("symkeras.backend.theano_style.keras_backend")
    if name != "__all__" and name not in table.__all__:
        from symkeras.errors import nearest

        raise AttributeError(f"symkeras.backend has no attribute {name!r}.{nearest(name, table.__all__)}")
    value = globals()[name] = getattr(table, name)
    return value


def __dir__() -> list[str]:
    table = importlib.import_module("symkeras.backend.theano_style.keras_backend")
    return sorted({*table.__all__, "interface", "interpreter", "numpy", "native", "report", "theano_style"})
