"""The contract between the Model API and what runs a graph.

A backend turns a closed `Graph` into an `Executable`. The Model API knows no more than this file: it asks
`compile_graph` for executables by backend name. Backends register by the entry point `symkeras.backends` (or
`register`) and are imported when first asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symkeras import config
from symkeras.errors import BackendError, DataError, nearest
from symkeras.graph import dtypes
from symkeras.graph.graph import Graph
from symkeras.graph.types import TensorType

_BUILT_IN = {
    "numpy": "symkeras.backend.numpy:NumpyBackend",
    "native": "symkeras.backend.native:NativeBackend",
    "interpreter": "symkeras.backend.interpreter:InterpreterBackend",
    "auto": "symkeras.backend.interface:fastest",
}
_registered: dict[str, str | Callable[[], Backend]] = dict(_BUILT_IN)
_loaded: dict[str, Backend] = {}
_searched = False


class Lease:
    """Exclusive use of a compiled function by one caller, who fills its inputs in place and runs it many times."""

    def __init__(self, executable: Executable):
        self._executable = executable
        self._bound: dict[tuple[tuple[int, ...], ...], BoundCall] = {}

    def at(self, shapes: tuple[tuple[int, ...], ...]) -> Any:
        """The function for inputs of these shapes: an object with `inputs` (arrays to fill) and `run()` (gives the outputs)."""
        if shapes not in self._bound:
            self._bound[shapes] = BoundCall(self._executable, shapes)
        return self._bound[shapes]

    def close(self) -> None:
        """Give the use back."""


class BoundCall:
    """A compiled function with arrays of its own for the inputs."""

    def __init__(self, executable: Executable, shapes: tuple[tuple[int, ...], ...]):
        self._executable = executable
        self.inputs = [np.empty(s, n.dtype) for s, n in zip(shapes, executable.source_graph.inputs, strict=True)]

    def run(self) -> list[np.ndarray]:
        """Compute from what `inputs` hold."""
        return self._executable(*self.inputs)


class Executable:
    """A compiled graph: call it with one array per input.

    The outputs are fresh arrays. The updates of the graph take effect together when everything is computed; an
    exception before that changes nothing.
    """

    def __init__(self, graph: Graph, backend: str):
        self.source_graph = graph
        self.backend = backend

    def __call__(self, *arrays: Any) -> list[np.ndarray]:
        raise NotImplementedError

    def lease(self) -> Lease:
        """Exclusive use for a caller that runs it many times; to be closed."""
        return Lease(self)

    @property
    def graph(self) -> Graph:
        """The graph that runs, after all passes."""
        return self.source_graph

    def __repr__(self) -> str:
        return f"<{self.backend} executable of {self.graph!r}>"


class Backend:
    """What a backend offers. Subclass, and register under a name.

    Attributes:
        name: what `set_backend` and `compile(backend=)` call it.
    """

    name = ""

    def takes(self, op: str) -> bool:
        """Whether the backend runs this op itself; others are expanded by their decomposition."""
        raise NotImplementedError

    def compile(self, graph: Graph, **options: Any) -> Executable:
        """An executable for `graph`.

        Raises:
            BackendError: the graph needs what the backend lacks; named before anything is compiled.
        """
        raise NotImplementedError


def register(name: str, factory: str | Callable[[], Backend]) -> None:
    """Register a backend: a factory, or its place as "package.module:Class"."""
    _registered[name] = factory
    _loaded.pop(name, None)


def registered() -> list[str]:
    """The names of all backends that can be asked for."""
    global _searched
    if not _searched:
        _searched = True
        from importlib.metadata import entry_points

        for point in entry_points(group="symkeras.backends"):
            _registered.setdefault(point.name, point.value)
    return sorted(_registered)


def check_registered(name: str) -> None:
    """Raise BackendError for a name nobody registered."""
    if name not in _registered and name not in registered():
        raise BackendError(f"unknown backend {name!r}; registered: {', '.join(registered())}.{nearest(name, registered())}")


def get(name: str | None = None) -> Backend:
    """The backend called `name`, or the default one."""
    name = name or config.backend()
    check_registered(name)
    if name not in _loaded:
        factory = _registered[name]
        if isinstance(factory, str):
            module, _, attribute = factory.partition(":")
            factory = getattr(importlib.import_module(module), attribute)
        _loaded[name] = factory()
    return _loaded[name]


def fastest() -> Backend:
    """What the name "auto" stands for: native where a C compiler is found, else NumPy; `executable.backend` says which."""
    try:
        return get("native")
    except BackendError:
        return get("numpy")


def compile_graph(graph: Graph, backend: str | None = None, **options: Any) -> Executable:
    """Compile `graph` with a backend (the default one when None).

    Options are the backend's own; all take `level` ("O0" none, "O1" graph rewrites, "O2" everything) and `numerics`.
    """
    return get(backend).compile(graph, **options)


def as_input(value: Any, type: TensorType, name: str) -> np.ndarray:
    """`value` as an array for an input of `type`; numbers of another kind are converted where nothing is lost in kind.

    Raises:
        DataError: strings or objects, or floats for an integer input.
    """
    array = np.asarray(value)
    if array.dtype == type.dtype:
        return array
    if array.dtype.kind not in "biufc" or (array.dtype.kind in "fc" and not dtypes.is_inexact(type.dtype)):
        raise DataError(f"input {name!r} expects {type.dtype} values, received dtype {array.dtype}")
    return array.astype(type.dtype)


def input_arrays(graph: Graph, arrays: Sequence[Any]) -> list[np.ndarray]:
    """One checked array per input of `graph`."""
    if len(arrays) != len(graph.inputs):
        names = ", ".join(n.attrs["name"] for n in graph.inputs)
        raise DataError(f"{graph.name} takes {len(graph.inputs)} inputs ({names}), received {len(arrays)}")
    return [as_input(a, n.tensor_type, n.attrs["name"]) for n, a in zip(graph.inputs, arrays, strict=True)]
