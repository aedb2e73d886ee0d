"""The contract between the Model API and what runs a graph.

A backend turns a closed `Graph` into an `Executable`. The Model API knows no more than this file: it asks
`compile_graph` for executables by backend name. Backends register by the entry point `symkeras.backends` (or
`register`) and are imported when first asked for.
"""

from __future__ import annotations

import importlib
import inspect
import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from symkeras import config
from symkeras.arguments import Check, boolean, one_of, optional, text
from symkeras.backend.cluster import Cluster
from symkeras.backend_names import DISTRIBUTES, PLACES, check_registered, installed_by, outdated, provider
from symkeras.backend_names import registered as registered
from symkeras.compiler.history import MOST_MADE, History, Made, Step
from symkeras.compiler.program.memory_plan import Plan
from symkeras.errors import BackendError, ConfigError, DataError, nearest
from symkeras.foreign_dtypes import kind
from symkeras.graph import dtypes
from symkeras.graph.graph import Graph
from symkeras.graph.types import TensorType
from symkeras.lazy import lazy
from symkeras.recent import Recent

if TYPE_CHECKING:
    from symkeras.inspection.inspector import Inspector

EXPORTERS: dict[str, str | Callable[..., list[Path]]] = {
    "c": "symkeras.backend.native.export:export_c",
    "numpy": "symkeras.backend.numpy.export:export_numpy",
    "onnx": "symkeras.backend.onnx.export:export_onnx",
}
"""By format, what writes a graph to files that need no symkeras: a function of the graph, the path and options, or its place."""
OPEN_SIZES = frozenset({"onnx"})
"""Formats in which other sizes than the number of rows may be left open."""
EXPORT_EXTRAS = {"onnx": "onnx"}
"""Formats that are written by packages which symkeras does not install by itself, and the extra that brings them."""
INSPECTOR = "symkeras.inspection.inspector:Inspector"
VERIFIER = "symkeras.inspection.verification:check"
"""What looks into executables, and what evaluates rewrites: both stand above backends, since they run the stages of a compilation."""
_loaded: dict[str, Backend] = {}
MOST_SIZES = 32
"""Of how many combinations of sizes a compiled function keeps what it is bound to, for each arena; binding again takes milliseconds."""


class Lease:
    """Exclusive use of a compiled function by one caller, who fills its inputs in place and runs it many times."""

    def __init__(self, executable: Executable):
        self._executable = executable
        self._bound: Recent[tuple[tuple[int, ...], ...], Instance] = Recent(MOST_SIZES)

    def at(self, shapes: tuple[tuple[int, ...], ...]) -> Instance:
        """The function for inputs of these shapes."""
        bound = self._bound.get(shapes)
        if bound is None:
            bound = BoundCall(self._executable, shapes)
            self._bound.put(shapes, bound)
        return bound

    def close(self) -> None:
        """Give the use back."""


class Instance:
    """A compiled function for inputs of known shapes, in the hands of one caller.

    Attributes:
        inputs: the arrays to fill before `run`.
    """

    inputs: list[np.ndarray]

    def run(self) -> list[np.ndarray]:
        """Compute, return fresh outputs, and let the updates take effect."""
        raise NotImplementedError

    def run_on(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The same for arrays of the types of the inputs, which a backend may read where they lie."""
        for target, a in zip(self.inputs, arrays, strict=True):
            np.copyto(target, a)
        return self.run()

    def run_rows(self, arrays: Sequence[np.ndarray], order: np.ndarray | None, begin: int, steps: int) -> list[np.ndarray] | None:
        """Several steps at once, each on the next rows of `arrays` from `begin` on, in `order` where one is given.

        Returns the outputs of the last step; None, with nothing done, where the backend (or the layout of the arrays) does not allow it.
        """
        return None


class BoundCall(Instance):
    """A compiled function with arrays of its own for the inputs."""

    def __init__(self, executable: Executable, shapes: tuple[tuple[int, ...], ...]):
        self._executable = executable
        self.inputs = [np.empty(s, n.dtype) for s, n in zip(shapes, executable.source_graph.inputs, strict=True)]

    def run(self) -> list[np.ndarray]:
        return self._executable(*self.inputs)


class Executable:
    """A compiled graph: call it with one array per input.

    The outputs are fresh arrays. The updates of the graph take effect together when everything is computed; an
    exception before that changes nothing.

    Args:
        denormals: "flush" or "keep", see `symkeras.config.set_denormals`; what is set there when None.

    Attributes:
        source_graph: the graph as it was written.
        history: what every pass did; without steps where none ran.
        source: the text that runs; "" where there is none.
        made: when it was compiled, or bound to sizes, and why: the last times.
    """

    source: str = ""

    def __init__(self, graph: Graph, backend: str, denormals: str | None = None):
        self.source_graph = graph
        self.backend = backend
        self.history = History(graph)
        self.made: deque[Made] = deque([Made(time.time(), "compiled", "first")], MOST_MADE)
        self.denormals = config.denormals() if denormals is None else config.checked_denormals(denormals)

    def __call__(self, *arrays: Any) -> list[np.ndarray]:
        raise NotImplementedError

    def note_made(self, what: str, reason: str) -> None:
        """Note that it was "compiled" again, or "bound" to sizes, and why."""
        self.made.append(Made(time.time(), what, reason))

    def note_why(self, reason: str) -> None:
        """Note why it was compiled, where it is not the first for what it computes."""
        self.made[-1] = self.made[-1]._replace(reason=reason)

    def lease(self) -> Lease:
        """Exclusive use for a caller that runs it many times; to be closed."""
        return Lease(self)

    @property
    def graph(self) -> Graph:
        """The graph that runs, after all passes."""
        return self.source_graph

    @property
    def memory(self) -> Plan | None:
        """The largest memory plan so far; None before the first call, and where nothing is planned."""
        return None

    @lazy
    def inspect(self) -> Inspector:
        """What became of every line, and why (see `symkeras.inspection`)."""
        return _found(INSPECTOR)(self)

    def to_networkx(self) -> Any:
        """The graph that runs as a `networkx.MultiDiGraph`."""
        return self.graph.to_networkx()

    def _repr_html_(self) -> str:
        return self.inspect._repr_html_()

    def __repr__(self) -> str:
        return f"<{self.backend} executable of {self.graph!r}>"


class Backend:
    """What a backend offers. Subclass, and register under a name.

    Attributes:
        name: what `set_backend` and `compile(backend=)` call it.
        package: the distribution whose version is that of the backend.
        options: those of its own, beside what all backends take, and what they may be.
        cluster: the processes and devices that it computes on together; of use for the backends in `DISTRIBUTES`.
    """

    name = ""
    package = "symkeras"
    options: Mapping[str, Check] = {}
    cluster: Cluster = Cluster()

    def devices(self) -> list[str]:
        """The names of the devices that it can compute on."""
        return ["cpu"]

    def denormals(self, device: str | None = None) -> tuple[str, ...]:
        """What it can be asked to do with denormals on a device (the one it prefers when None): "flush", "keep" or both."""
        return config.DENORMALS

    @property
    def version(self) -> str:
        """That of its package; "" where it has none."""
        from importlib import metadata

        from symkeras import __version__

        if self.package == "symkeras":
            return __version__
        try:
            return metadata.version(self.package)
        except metadata.PackageNotFoundError:
            return ""

    def takes(self, op: str) -> bool:
        """Whether the backend runs this op itself; others are expanded by their decomposition."""
        raise NotImplementedError

    def borrows(self, op: str) -> bool:
        """Whether an op that it takes runs by code of ours in NumPy, for want of a function of its own."""
        return False

    def compile(self, graph: Graph, **options: Any) -> Executable:
        """An executable for `graph`.

        Raises:
            BackendError: the graph needs what the backend lacks; named before anything is compiled.
        """
        raise NotImplementedError


def register(name: str, factory: str | Callable[[], Backend]) -> None:
    """Register a backend: a factory, or its place as "package.module:Class"."""
    PLACES[name] = factory
    _loaded.pop(name, None)


def get(name: str | None = None) -> Backend:
    """The backend called `name`, or the default one.

    Raises:
        BackendError: nobody registered it, or what it needs is not installed or too old; the message says what to install.
    """
    name = name or config.backend()
    check_registered(name)
    if name not in _loaded:
        _loaded[name] = _load(name)
    return _loaded[name]


def _load(name: str) -> Backend:
    factory = PLACES[name]
    who, command = provider(name), installed_by(name)
    title, hint = f"backend {name!r}{f' of {who}' if who else ''}", f"; what it needs is installed by: {command}" if command else ""
    if old := outdated(name):
        raise BackendError(f"{title} needs {old}{hint}")
    try:
        with _generators_kept():  # some engines draw from the global generators while they are imported
            backend = (_found(factory) if isinstance(factory, str) else factory)()
    except BackendError:
        raise
    except Exception as error:  # where others' code runs, anything may happen
        if not command and not isinstance(error, ImportError):
            raise
        cause = error if isinstance(error, ModuleNotFoundError) else f"{type(error).__name__}: {error}"
        raise BackendError(f"{title} cannot be loaded ({cause}){hint}") from error
    if not isinstance(backend, Backend):
        raise BackendError(f"{title} is no symkeras.backend.interface.Backend, its entry gives {backend!r}")
    return backend


@contextmanager
def _generators_kept() -> Iterator[None]:
    """Within it Python's and NumPy's global generators may be drawn from; afterwards they are as they were."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def _found(place: str) -> Any:
    """What "package.module:name" stands for."""
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


def fastest() -> Backend:
    """What the name "auto" stands for: native where a C compiler is found, else NumPy; `executable.backend` says which."""
    try:
        return get("native")
    except BackendError:
        return get("numpy")


OPTIONS: dict[str, Check] = {
    "level": one_of("O0", "O1", "O2"), "pipeline": optional(text),
    "denormals": optional(one_of(*config.DENORMALS)), "verify": boolean,
}  # fmt: skip
"""The options that all backends take, and what they may be."""


def compile_graph(graph: Graph, backend: str | None = None, distribution: Any = None, **options: Any) -> Executable:
    """Compile `graph` with a backend (the default one when None).

    Options are the backend's own; all take `level` ("O0" none, "O1" graph rewrites, "O2" everything), `pipeline`, `denormals`
    ("flush" or "keep", see `Backend.denormals`) and `verify` (evaluate what every rewrite puts in place of what, see
    `symkeras.inspection.verification`).

    Args:
        distribution: over which devices it runs, see `symkeras.distribution`; one device when None.

    Raises:
        CompileError: `verify` found a rewrite that changes a value.
        ConfigError: an option that the backend does not have, or a value that is none of it.
        BackendError: the backend cannot run the graph, or not in the way that an option asks for, or cannot distribute so; `verify` where
            no rewrite is done.
    """
    known = options_of(backend)
    for name in options:
        if name not in known:
            raise ConfigError(unknown_option(name, backend))
    chosen = {n: known[n](v, n) for n, v in options.items()}
    if distribution is None:
        return get(backend).compile(graph, **chosen)
    name, kind = backend or config.backend(), type(distribution).__name__
    if kind not in DISTRIBUTES.get(name, ()):
        able = " and ".join(n for n, kinds in DISTRIBUTES.items() if kind in kinds)
        raise BackendError(f"{graph.name}: backend {name!r} cannot run it with {distribution!r}; {able} can")
    return get(backend).compile(graph, distribution=distribution, **chosen)


def unknown_option(name: str, backend: str | None = None) -> str:
    """What is said of an option that a backend does not have."""
    if name == "numerics":
        return (
            f"backend {get(backend).name!r} has no option 'numerics': it never loses a NaN or an infinity; what does for the sake of speed is "
            "ONNX Runtime (backend 'onnxruntime') and what is exported to ONNX"
        )
    known = options_of(backend)
    return f"backend {get(backend).name!r} has no option {name!r}; its options are {', '.join(known)}.{nearest(name, known)}"


def options_of(backend: str | None = None) -> dict[str, Check]:
    """The options that a backend takes (the default one when None), and what they may be."""
    return {**OPTIONS, **get(backend).options}


def export_graph(graph: Graph, path: Any, format: str, **options: Any) -> list[Path]:
    """Write `graph` to files that run without symkeras; returns them, the one at `path` first.

    Args:
        graph: without updates; the first axis of every input and output counts rows, and all other sizes are known but for the formats in
            `OPEN_SIZES`.
        format: a key of `EXPORTERS`.
        **options: those of the exporter; all take `title` and `results` (names for the model and its outputs) and `level`,
            those that plan memory also `batch` (rows computed at a time).

    Raises:
        ConfigError: a format or an option that is not offered.
        BackendError: a graph that cannot be written so.
    """
    if format not in EXPORTERS:
        raise ConfigError(f"export: format {format!r} is not offered; the formats are {', '.join(map(repr, EXPORTERS))}.{nearest(format, EXPORTERS)}")
    known = export_options(format)
    for name in options:
        if name not in known:
            raise ConfigError(f"export to {format!r} has no option {name!r}; its options are {', '.join(known)}.{nearest(name, known)}")
    return _exporter(format)(graph, Path(path), **options)


def export_options(format: str) -> list[str]:
    """The options that the exporter of a format takes."""
    return [p.name for p in inspect.signature(_exporter(format)).parameters.values() if p.kind is p.KEYWORD_ONLY]


def _exporter(format: str) -> Callable[..., list[Path]]:
    exporter = EXPORTERS[format]
    if not isinstance(exporter, str):
        return exporter
    try:
        return _found(exporter)
    except ImportError as error:
        extra = EXPORT_EXTRAS.get(format)
        if extra is None:
            raise
        raise BackendError(f'format {format!r} cannot be written ({error}); it needs: pip install "symkeras[{extra}]"') from error


def step_check(verify: bool) -> Callable[[Step], None] | None:
    """What is called after every pass: the check of its rewrites, where they are to be verified."""
    return _found(VERIFIER) if verify else None


def as_input(value: Any, type: TensorType, name: str) -> np.ndarray:
    """`value` as an array for an input of `type`; numbers of another kind are converted where nothing is lost in kind.

    Raises:
        DataError: strings or objects, or floats for an integer input.
    """
    array = np.asarray(value)
    if array.dtype == type.dtype:
        return array
    if kind(array.dtype) not in "biufc" or (kind(array.dtype) in "fc" and not dtypes.is_inexact(type.dtype)):
        raise DataError(f"input {name!r} expects {type.dtype} values, received dtype {array.dtype}")
    return array.astype(type.dtype)


def input_arrays(graph: Graph, arrays: Sequence[Any]) -> list[np.ndarray]:
    """One checked array per input of `graph`."""
    if len(arrays) != len(graph.inputs):
        names = ", ".join(n.attrs["name"] for n in graph.inputs)
        raise DataError(f"{graph.name} takes {len(graph.inputs)} inputs ({names}), received {len(arrays)}")
    return [as_input(a, n.tensor_type, n.attrs["name"]) for n, a in zip(graph.inputs, arrays, strict=True)]
