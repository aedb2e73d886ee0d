"""A walk compiled by `pytensor.function`, and variables as arrays that it reads and gives back."""

from __future__ import annotations

import io
import traceback
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytensor
from pytensor.link.utils import raise_with_op
from pytensor.tensor.type import TensorType

from symkeras import blas, locks
from symkeras.backend.engine import device
from symkeras.backend.engine.executable import Step
from symkeras.backend.engine.walk import NO_EXTENTS, Walk
from symkeras.backend.pytensor.modes import function, using
from symkeras.graph import dims
from symkeras.graph.variable import Variable


class Device(device.Device):
    """The processor: values are arrays of this process, written by nobody once they are there."""

    calls_here = True

    def send(self, array: np.ndarray, variable: Variable | None = None) -> np.ndarray:
        return np.array(array)

    def fetch(self, value: np.ndarray) -> np.ndarray:
        return value

    def about_threads(self) -> str:
        return f"one, and for large products and convolutions those of the NumPy backend; {blas.describe()}"


class PyTensorStep(Step):
    """The walk as one function: variables are arguments, new values are results, so that an exception leaves all as it was."""

    def __init__(self, walk: Walk, device: Device, mode: str):
        super().__init__(walk, device)
        self._lock = locks.reentrant_lock()
        self._outputs = len(walk.graph.outputs)
        self._results = self._outputs + len(walk.graph.updates)
        with using(mode):
            inputs = [TensorType(n.dtype, dims.evaluate(n.shape, walk.env))(name=_name(n)) for n in (*walk.graph.inputs, *walk.variables)]
            count = len(walk.graph.inputs)
            results, extents = walk(inputs[:count], inputs[count:])
            self._function = function(inputs, [*results, *extents])

    def __call__(self, inputs: Sequence[np.ndarray], variables: Sequence[Any]) -> tuple[list[Any], list[Any], np.ndarray]:
        given = [np.require(a, requirements="A") for a in inputs]
        with self._lock, np.errstate(all="ignore"), blas.single_thread():
            try:
                found = self._function(*given, *variables)
            except Exception as error:
                error.add_note(self._lines_behind_error(error))
                raise
        outputs, news = found[: self._outputs], found[self._outputs : self._results]
        extents = np.array(found[self._results :], np.int64).reshape(-1, 2)
        return outputs, news, extents if len(extents) else NO_EXTENTS

    def _lines_behind_error(self, error: Exception) -> str:
        """The lines that made the node at which the function stopped; without C only PyTensor's frame that raises knows it."""
        vm = self._function.vm
        place = getattr(vm, "position_of_error", None)
        frames = (f for f, _ in traceback.walk_tb(error.__traceback__) if f.f_code is raise_with_op.__code__)
        node = vm.nodes[place] if place is not None else next((f.f_locals["node"] for f in frames), None)
        traces = getattr(node.outputs[0].tag, "trace", ()) if node is not None else ()
        return "\n".join(f'  File "{line[0]}", line {line[1]}' for trace in traces for line in trace)

    @property
    def source(self) -> str:
        text = io.StringIO()
        pytensor.dprint(self._function, file=text)
        return text.getvalue()


def _name(node: Any) -> str:
    return node.attrs["variable"].path if node.op.name == "variable" else node.attrs["name"]
