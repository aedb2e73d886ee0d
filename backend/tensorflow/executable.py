"""A walk traced to a graph of TensorFlow, and variables as its resources on a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symkeras.backend.engine import device
from symkeras.backend.engine.executable import Step
from symkeras.backend.engine.walk import NO_EXTENTS, Walk
from symkeras.backend.tensorflow import variables
from symkeras.backend.tensorflow.real import tf
from symkeras.graph import dims
from symkeras.graph.variable import Variable


def device_names() -> list[str]:
    """The devices that TensorFlow computes on, such as "CPU:0"."""
    return [d.name.removeprefix("/device:") for d in tf.config.list_logical_devices()]


class Device(device.Device):
    """One device of TensorFlow: its threads flush denormals on the processor, whatever it is asked; its kernels for a GPU keep them."""

    def __init__(self, name: str):
        super().__init__(name)
        self.denormals = ("flush",) if self.is_processor else ("keep",)

    def tensor(self, array: np.ndarray) -> Any:
        with tf.device(self.name):
            return tf.constant(array.copy())  # a tensor may lie in the very memory of an array

    def variable(self, tensor: Any) -> Any:
        """A value that steps read and write in place."""
        with tf.device(self.name):
            return tf.Variable(tensor, trainable=False)

    def send(self, array: np.ndarray, variable: Variable | None = None) -> Any:
        return self.variable(self.tensor(array))

    def fetch(self, value: Any) -> np.ndarray:
        return value.numpy()

    def held(self) -> int | None:
        return None if self.is_processor else tf.config.experimental.get_memory_info(self.name)["current"]

    def about_threads(self) -> str:
        if not self.is_processor:
            return super().about_threads()
        count = tf.config.threading.get_intra_op_parallelism_threads()
        return f"{count or 'one for each processor'}, of TensorFlow's"


class TensorFlowStep(Step):
    """The walk as one concrete function."""

    device: Device

    takes_over = True

    def __init__(self, walk: Walk, device: Device):
        super().__init__(walk, device)
        self._low, self._high = walk.bounds
        read = {n: k for k, n in enumerate(walk.variables)}
        self._held = [read.get(n) for n, _ in walk.graph.updates]
        sizes = [dims.evaluate(n.shape, walk.env) for n in walk.graph.inputs]
        types = [tf.TensorSpec(s, n.dtype) for s, n in zip(sizes, walk.graph.inputs, strict=True)]
        with tf.device(device.name):
            self._step = tf.function(self._traced, autograph=False).get_concrete_function(*types, *[tf.TensorSpec((), tf.resource)] * len(read))

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
        outputs, fresh, extents = self._step(*map(self.device.tensor, inputs), *(v.handle for v in values))
        made = iter(fresh)
        news = [self.device.variable(next(made)) if k is None else values[k] for k in self._held]
        return outputs, news, extents.numpy() if len(self._low) else NO_EXTENTS

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
