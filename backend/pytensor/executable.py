"""A walk compiled by `pytensor.function`, and variables as arrays that it reads and gives back."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytensor
from pytensor.tensor.type import TensorType

from symkeras import blas, locks
from symkeras.backend.denormals import Denormals, describe
from symkeras.backend.engine.executable import EngineExecutable, Step
from symkeras.backend.engine.walk import Walk
from symkeras.backend.interface import Backend
from symkeras.backend.pytensor.functions import FUNCTIONS
from symkeras.backend.pytensor.modes import checked_mode, function, using
from symkeras.errors import BackendError
from symkeras.graph import dims
from symkeras.graph.graph import Graph
from symkeras.graph.residence import Place
from symkeras.graph.variable import Variable


class Memory(Place):
    """Where values live: arrays of this process, written by nobody once they are there.

    Args:
        mode: how functions are compiled that read them.
    """

    def __init__(self, mode: str):
        self.mode = mode

    def send(self, array: np.ndarray, variable: Variable | None = None) -> np.ndarray:
        return np.array(array)

    def fetch(self, value: np.ndarray) -> np.ndarray:
        return value

    def __str__(self) -> str:
        return f"pytensor {pytensor.__version__} on cpu, mode {self.mode!r}"


class PyTensorStep(Step):
    """The walk as one function: variables are arguments, new values are results, so that an exception leaves all as it was."""

    place: Memory

    def __init__(self, walk: Walk, place: Memory):
        super().__init__(walk, place)
        self._lock = locks.reentrant_lock()
        self._outputs = len(walk.graph.outputs)
        self._results = self._outputs + len(walk.graph.updates)
        with using(place.mode):
            inputs = [TensorType(n.dtype, dims.evaluate(n.shape, walk.env))(name=_name(n)) for n in (*walk.graph.inputs, *walk.variables)]
            count = len(walk.graph.inputs)
            results, extents = walk(inputs[:count], inputs[count:])
            self._function = function(inputs, [*results, *extents])

    def __call__(self, inputs: Sequence[np.ndarray], variables: Sequence[Any]) -> tuple[list[Any], list[Any], np.ndarray]:
        given = [np.require(a, requirements="A") for a in inputs]
        with self._lock, np.errstate(all="ignore"), blas.single_thread():
            found = self._function(*given, *variables)
        extents = np.array(found[self._results :], np.int64).reshape(-1, 2)
        return found[: self._outputs], found[self._outputs : self._results], extents

    @property
    def source(self) -> str:
        text = io.StringIO()
        pytensor.dprint(self._function, file=text)
        return text.getvalue()


def _name(node: Any) -> str:
    return node.attrs["variable"].path if node.op.name == "variable" else node.attrs["name"]


class PyTensorExecutable(EngineExecutable):
    """See `EngineExecutable`.

    Args:
        device: "cpu", which is what PyTensor has.
        mode: "c", "py" or "default" (see `modes.checked_mode`).
    """

    def __init__(self, graph: Graph, backend: Backend, device: str | None = None, mode: str | None = None, **options: Any):
        if device not in (None, "cpu", "cpu:0"):
            raise BackendError(f"pytensor has no device {device!r}; it has cpu:0")
        super().__init__(graph, backend, FUNCTIONS, Memory(checked_mode(mode)), PyTensorStep, **options)

    def __call__(self, *arrays: Any) -> list[np.ndarray]:
        with Denormals(self.denormals == "flush"):
            return super().__call__(*arrays)

    def __str__(self) -> str:
        return f"{super().__str__()}\n{blas.describe()}\n{describe(self.denormals)}"
