"""A graph compiled for NumPy: optimised, lowered, emitted as text, and bound to an arena for every sizes it is called with."""

from __future__ import annotations

import itertools
import linecache
import traceback
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn

import numpy as np

from symkeras import blas
from symkeras.backend.denormals import Denormals, describe
from symkeras.backend.emitted.planned import BoundArena, PlannedExecutable
from symkeras.backend.interface import Instance
from symkeras.backend.numpy import kernels
from symkeras.backend.numpy.emission import Emission, emit
from symkeras.backend.numpy.kernels.table import NumpyKernels
from symkeras.graph import provenance, residence
from symkeras.graph.escaping import file_name
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node
from symkeras.graph.variable import Writer

_serial = itertools.count(1)


def module(source: str, name: str) -> dict[str, Any]:
    """What emitted text defines; tracebacks and debuggers find its lines as long as its function `bind` is alive."""
    filename = f"<symkeras {file_name(name)} {next(_serial)}>"
    scope: dict[str, Any] = {}
    exec(compile(source, filename, "exec"), scope)
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    weakref.finalize(scope["bind"], linecache.cache.pop, filename, None)
    return scope


def raise_at(emission: Emission, filename: str, error: Exception) -> NoReturn:
    """Raise the error of a kernel, with the layer and the user's line that the kernel comes from."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == filename]
    step = emission.lines.get(lines[-1] or 0) if lines else None
    provenance.raise_at(error, step.node.origins if step is not None else ())


class NumpyInstance(Instance):
    """The emitted step, on views of one arena."""

    def __init__(self, raise_at: Callable[[Exception], NoReturn], writer: Writer, homes: Sequence[Any], denormals: Denormals,
                 inputs: list[np.ndarray], step: Callable[[], None], outputs: Callable[[], list[np.ndarray]],
                 commit: Callable[[], None]):  # fmt: skip
        self._raise_at = raise_at
        self._denormals = denormals
        self._writer = writer
        self._homes = homes
        self.inputs = inputs
        self._step = step
        self._outputs = outputs
        self._commit = commit

    def run(self) -> list[np.ndarray]:
        if residence.AWAY:
            residence.at_home(self._homes)
        denormals = self._denormals
        denormals.get(denormals.before)
        try:
            denormals.put(denormals.wanted)
            with np.errstate(all="ignore"), blas.single_thread():
                self._step()
                results = self._outputs()
                self._commit()
        except (IndexError, ValueError) as error:
            self._raise_at(error)
        finally:
            denormals.put(denormals.before)
            self._writer.wrote()
        return results


class NumpyExecutable(PlannedExecutable):
    """A program as Python text; `emission` says what its names refer to."""

    passes = "widen-products"
    """What it adds to the pipeline of "O2"."""

    def __init__(self, graph: Graph, takes: Callable[[str], bool], **options: Any):
        super().__init__(graph, "numpy", takes, NumpyKernels(), passes=self.passes, **options)

    def _emit(self) -> tuple[str, Sequence[Node]]:
        with self.history.timed("emission"):
            self.emission: Emission = emit(self.program, self.poison)
        with self.history.timed("build"):
            self._bind = module(self.emission.source, self.graph.name)["bind"]
        self.filename = self._bind.__code__.co_filename
        return self.emission.source, self.emission.variables

    def _bound(self, arena: BoundArena, key: tuple[int, ...]) -> NumpyInstance:
        env = dict(zip(self._symbols, key, strict=True))
        constants = [n.attrs["value"].array for n in self.emission.constants]
        with np.errstate(all="ignore"):
            parts = self._bind(np, kernels, arena.array, self._storage, constants, self.emission.nodes, env)
        return NumpyInstance(partial(raise_at, self.emission, self.filename), self.writer, self.homes, Denormals(self.denormals == "flush"), *parts)

    def _describe(self) -> str:
        return f"{blas.describe()}\n{describe(self.denormals)}"
