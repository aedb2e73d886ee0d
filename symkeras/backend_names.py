"""Which backends can be asked for, by name, and the place of each; nothing of them is imported here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symkeras.errors import BackendError, nearest

PLACES: dict[str, str | Callable[[], Any]] = {
    "numpy": "symkeras.backend.numpy:NumpyBackend",
    "native": "symkeras.backend.native:NativeBackend",
    "interpreter": "symkeras.backend.interpreter:InterpreterBackend",
    "jax": "symkeras.backend.jax:JaxBackend",
    "torch": "symkeras.backend.torch:TorchBackend",
    "tensorflow": "symkeras.backend.tensorflow:TensorFlowBackend",
    "pytensor": "symkeras.backend.pytensor:PyTensorBackend",
    "onnxruntime": "symkeras.backend.onnxruntime:OnnxRuntimeBackend",
    "auto": "symkeras.backend.interface:fastest",
}
"""Name -> what makes the backend, or its place as "package.module:Class". `symkeras.backend.interface.register` adds to it."""
EXTRAS = {"jax": "jax", "torch": "torch", "tensorflow": "tensorflow", "pytensor": "pytensor", "onnxruntime": "onnx"}
"""Backends that need packages which symkeras does not install by itself, and the extra that brings them."""
WITHOUT_TRAINING = frozenset({"onnxruntime"})
"""Backends that run what changes no weight."""
DISTRIBUTES = {"jax": ("DataParallel", "ModelParallel"), "torch": ("DataParallel",)}
"""Backends that run a model over several devices, and the kinds of distributions that they take."""
_searched = False


def registered() -> list[str]:
    """The names of all backends that can be asked for."""
    global _searched
    if not _searched:
        _searched = True
        from importlib.metadata import entry_points

        for point in entry_points(group="symkeras.backends"):
            PLACES.setdefault(point.name, point.value)
    return sorted(PLACES)


def check_registered(name: str) -> None:
    """Raise BackendError for a name nobody registered."""
    if name not in PLACES and name not in registered():
        raise BackendError(f"unknown backend {name!r}; registered: {', '.join(registered())}.{nearest(name, registered())}")
