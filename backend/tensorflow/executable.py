"""A walk traced to a graph of TensorFlow, and variables as its resources on a device."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from symkeras.backend.engine.executable import EngineExecutable, Step
from symkeras.backend.engine.walk import Walk
from symkeras.backend.interface import Backend
from symkeras.backend.tensorflow import variables
from symkeras.backend.tensorflow.functions import FUNCTIONS
from symkeras.backend.tensorflow.real import tf
from symkeras.errors import BackendError
from symkeras.graph import dims
from symkeras.graph.graph import Graph
from symkeras.graph.residence import Place
from symkeras.graph.variable import Variable


class Device(Place):
    """Where values live: one device of TensorFlow, called such as "CPU:0"."""

    def __init__(self, name: str):
        self.name = name

    def tensor(self, array: np.ndarray) -> Any:
        with tf.device(self.name):
            return tf.constant(array.copy())  # a tensor may lie in the very memory of an array

    def variable(self, tensor: Any) -> Any:
        """A value that steps read and write in place."""
        with tf.device(self.name):
            return tf.Variable(tensor, trainable=False)

    def send(self, array: np.ndarray, variable: Variable) -> Any:
        return self.variable(self.tensor(array))

    def fetch(self, value: Any) -> np.ndarray:
        return value.numpy()

    def __str__(self) -> str:
        how = "a graph for each set of sizes, run by kernels of TensorFlow (XLA took longer and loses NaN in maxima)"
        return f"tensorflow {tf.__version__} on {self.name}: {how}; denormals are flushed"


def device_names() -> list[str]:
    """The devices that TensorFlow computes on, such as "CPU:0"."""
    return [d.name.removeprefix("/device:") for d in tf.config.list_logical_devices()]


@lru_cache
def device_called(name: str | None) -> Device:
    """The device called such as "CPU:0" or "gpu"; the first GPU, or else the CPU, when None.

    Raises:
        BackendError: there is none of that name.
    """
    known = device_names()
    if name is None:
        return device_called(next((d for d in known if d.startswith("GPU")), known[0]))
    kind, _, number = name.partition(":")
    wanted = f"{kind.upper()}:{number or 0}"
    if wanted not in known:
        raise BackendError(f"tensorflow has no device {name!r}; it has {', '.join(known)}")
    return Device(wanted) if wanted == name else device_called(wanted)


class TensorFlowStep(Step):
    """The walk as one concrete function."""

    place: Device

    def __init__(self, walk: Walk, place: Device):
        super().__init__(walk, place)
        self._low = np.array([c.low for c in walk.checks], np.int64)
        self._high = np.array([np.iinfo(np.int64).max if c.high is None else c.high for c in walk.checks], np.int64)
        read = {n: k for k, n in enumerate(walk.variables)}
        self._held = [read.get(n) for n, _ in walk.graph.updates]
        sizes = [dims.evaluate(n.shape, walk.env) for n in walk.graph.inputs]
        types = [tf.TensorSpec(s, n.dtype) for s, n in zip(sizes, walk.graph.inputs, strict=True)]
        try:
            with tf.device(place.name):
                self._step = tf.function(self._traced, autograph=False).get_concrete_function(*types, *[tf.TensorSpec((), tf.resource)] * len(read))
        except (TypeError, ValueError, tf.errors.OpError) as error:
            raise BackendError(f"{walk.graph.name}: tensorflow refuses it: {error}") from error

    def _traced(self, *given: Any) -> Any:
        """Variables are given by their handles, and written when all is computed and every extent keeps its bounds."""
        walk, count, whole = self.walk, len(self.walk.graph.outputs), variables.tables(self.walk.graph)
        handles = given[len(walk.graph.inputs) :]
        held = [variables.read(h, n, dims.evaluate(n.shape, walk.env), n in whole) for h, n in zip(handles, walk.variables, strict=True)]
        results, extents = walk(given[: len(walk.graph.inputs)], held)
        results = [r if isinstance(r, variables.Rows) else tf.convert_to_tensor(r) for r in results]
        found = tf.stack(extents) if extents else tf.zeros((0, 2), "int64")
        written = [(handles[k], new) for k, new in zip(self._held, results[count:], strict=True) if k is not None]

        def write() -> None:
            for handle, new in written:
                variables.write(handle, new)

        computed = [t for r in results for t in (r.tensors if isinstance(r, variables.Rows) else (r,))]
        with tf.control_dependencies([*computed, found]):
            if extents and written:
                tf.cond(tf.reduce_all((found[:, 0] >= self._low) & (found[:, 1] <= self._high)), write, lambda: None)
            else:
                write()
        return results[:count], [new for k, new in zip(self._held, results[count:], strict=True) if k is None], found

    def __call__(self, inputs: Sequence[np.ndarray], values: Sequence[Any]) -> tuple[list[Any], list[Any], np.ndarray]:
        try:
            outputs, fresh, extents = self._step(*map(self.place.tensor, inputs), *(v.handle for v in values))
        except tf.errors.ResourceExhaustedError as error:
            raise BackendError(f"{self.walk.graph.name}: out of memory on {self.place.name}: {error.message}") from error
        except (tf.errors.UnimplementedError, tf.errors.NotFoundError, tf.errors.InvalidArgumentError) as error:
            raise BackendError(f"{self.walk.graph.name}: tensorflow refuses it: {error.message}") from error
        made = iter(fresh)
        news = [self.place.variable(next(made)) if k is None else values[k] for k in self._held]
        return outputs, news, extents.numpy() if len(self._low) else np.zeros((0, 2), np.int64)

    @property
    def source(self) -> str:
        """The graph of the concrete function, an operation a line, and those of the functions it calls."""
        graphs = [(self.walk.graph.name, self._step.graph), *self._inner(self._step.graph)]
        return "\n\n".join(f"{name}:\n" + "\n".join(map(_line, g.get_operations())) for name, g in graphs)

    def _inner(self, graph: Any) -> list[tuple[str, Any]]:
        found = {}
        for op in graph.get_operations():
            for name in ("cond", "body", "then_branch", "else_branch"):
                if name in op.node_def.attr and op.node_def.attr[name].func.name:
                    called = op.node_def.attr[name].func.name
                    found[called] = graph._get_function(called).graph
        return [entry for name, g in found.items() for entry in ((name, g), *self._inner(g))]


def _line(op: Any) -> str:
    results = ", ".join(f"{t.dtype.name}{list(t.shape) if t.shape.rank is not None else ''}" for t in op.outputs)
    return f"  {op.name} = {op.type}({', '.join(t.name for t in op.inputs)}) -> {results}"


class TensorFlowExecutable(EngineExecutable):
    """See `EngineExecutable`; `device` names one of TensorFlow's devices, such as "CPU:0"."""

    def __init__(self, graph: Graph, backend: Backend, device: str | None = None, **options: Any):
        super().__init__(graph, backend, FUNCTIONS, device_called(device), TensorFlowStep, **options)
