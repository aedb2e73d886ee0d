"""A graph compiled for ONNX Runtime: optimised, written as ONNX, and run by one session for all sizes.

Variables that are only read are constants of the session, which lays them out as it likes; where somebody writes one, the next call makes a new
session. Those that are updated, such as the counters of metrics, are fed with each call, and their new values fetched.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from symkeras import backend_names
from symkeras.backend.denormals import Denormals
from symkeras.backend.emitted import threads
from symkeras.backend.engine import faults
from symkeras.backend.engine.executable import EngineExecutable, Shapes
from symkeras.backend.interface import MOST_SIZES
from symkeras.backend.onnx.model import SMALL, Model, model_of
from symkeras.backend.onnx.table import check_expressible, takes
from symkeras.backend.onnxruntime.providers import Device
from symkeras.compiler.passes.freeze_variables import FreezeVariables
from symkeras.compiler.pipeline import Pipeline
from symkeras.errors import BackendError
from symkeras.graph.graph import Graph
from symkeras.graph.variable import Watch, Writer
from symkeras.ops.evaluation import evaluate
from symkeras.recent import Recent

if TYPE_CHECKING:
    from symkeras.backend.engine.backend import EngineBackend

_FATAL = 4
"""What the engine writes to the screen by itself: errors come as exceptions."""


class SessionExecutable(EngineExecutable):
    """See `EngineExecutable`.

    Args:
        numerics: "safe", or "fast", which takes ONNX' own maxima, pooling and recurrent layers whatever comes, in which the engine loses a NaN.

    Raises:
        BackendError: the graph trains, holds what ONNX cannot express or the engine has no kernel for, or there is no such device.
    """

    place: Device

    def __init__(self, graph: Graph, backend: EngineBackend, numerics: str = "safe", **options: Any):
        _check_trains_nothing(graph)
        check_expressible(graph, f"{graph.name} on {backend.name}")
        super().__init__(graph, backend, **options)
        self._is_exact = numerics != "fast"
        self._sizes: Recent[Shapes, bool] = Recent(MOST_SIZES)
        self._updated = [n.attrs["variable"] for n, _ in self._optimised.updates]
        self._watch = Watch(n.attrs["variable"] for n in self._optimised.variables if n.attrs["variable"] not in self._updated)
        self._run_options = onnxruntime.RunOptions()
        self._run_options.log_severity_level = _FATAL
        self._writer = Writer(self._updated)
        self._prepare()

    def _prepare(self) -> None:
        """Write the model, with the values that variables have now, and make a session of it."""
        self._seen = self._watch.last
        self.model = model_of(self._frozen(), is_exact=self._is_exact, title=self.source_graph.name)
        self._session = self._session_of(self.model)
        self._fetched = [*self.model.outputs, *(self.model.news[v] for v in self._updated)]

    def _frozen(self) -> Graph:
        """The graph with what rests on variables alone computed, where it changes none."""
        return Pipeline((FreezeVariables(),)).run(self._optimised, takes)[0]

    def _session_of(self, model: Model) -> Any:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _FATAL
        options.intra_op_num_threads = threads.count()
        options.add_session_config_entry("session.set_denormal_as_zero", "1" if self.denormals == "flush" else "0")
        large = {name: np.ascontiguousarray(a) for name, a in model.arrays.items() if a.size > SMALL}
        if large:  # from memory, whatever their size: a model by itself ends at 2 GiB
            options.add_external_initializers(list(large), [onnxruntime.OrtValue.ortvalue_from_numpy(a) for a in large.values()])
        try:
            with Denormals(self.denormals == "flush"):  # the engine sets the register of the thread that makes the first session, and leaves it so
                return onnxruntime.InferenceSession(model.referring({}, SMALL).SerializeToString(), options, providers=self.place.providers)
        except Exception as error:
            raise faults.translated(error, self.source_graph, self.backend, "cannot compile", self._place(error, model)) from error

    @property
    def source(self) -> str:  # type: ignore[override]
        """The ONNX model as text, large weights left out."""
        return self.model.text

    @functools.cached_property
    def _exact(self) -> SessionExecutable:
        """The same with safe numerics."""
        return SessionExecutable(self.source_graph, self._engine, device=self.place.name, level=self.level, denormals=self.denormals)

    def _run(self, given: Sequence[np.ndarray]) -> list[np.ndarray]:
        if not self._is_exact and not all(a.size for a in given):  # the engine ends the process in its recurrent layers of no rows
            return self._exact._run(given)
        shapes = tuple(a.shape for a in given)
        if self._sizes.get(shapes) is None:
            self.sizes(shapes)
            self._sizes.put(shapes, True)
        with self._lock:
            if self._watch.last != self._seen:
                self._prepare()
            session, model, fetched = self._session, self.model, self._fetched
        feeds = dict(zip(model.inputs, map(_in_order, given), strict=True))
        feeds.update((name, np.array(v.array)) for v, name in model.states.items())
        try:
            found = session.run(fetched, feeds, self._run_options)
        except Exception as error:
            if not faults.is_about_memory(error):
                evaluate(self.source_graph, given)  # raises what the reference does, with layer and line
            raise self.fault(error, shapes, "failed in", self._place(error, model)) from error
        if self._updated:
            self._write(found[len(model.outputs) :])
        return found[: len(model.outputs)]

    def _write(self, news: Sequence[np.ndarray]) -> None:
        try:
            for v, value in zip(self._updated, news, strict=True):
                v.array[...] = value
        finally:
            with self._lock:
                is_good = self._watch.last == self._seen
                self._writer.wrote()
                if is_good:  # what we wrote may lie in one pack with what we read
                    self._seen = self._watch.last

    @staticmethod
    def _place(error: Exception, model: Model) -> str:
        """The node that an error of the engine names, with its layer and line."""
        name = re.search(r"(?:with name|Name:) ?'([^']*)'", str(error))
        nodes = model.named(name[1]) if name else []
        return f"{nodes[0].op_type} ({nodes[0].doc_string})" if nodes else ""


def _in_order(a: np.ndarray) -> np.ndarray:
    return a if a.flags.c_contiguous else a.copy(order="C")


def _check_trains_nothing(graph: Graph) -> None:
    """Raise BackendError for a graph that changes weights."""
    trained = [n.attrs["name"] for n, _ in graph.updates if n.attrs["variable"].is_parameter]
    if trained:
        shown = ", ".join(trained[:3]) + (", ..." if len(trained) > 3 else "")
        able = ", ".join(n for n in backend_names.registered() if n not in backend_names.WITHOUT_TRAINING and n != "auto")
        raise BackendError(f"{graph.name} changes the weights {shown}: onnxruntime predicts and evaluates, it does not train. Those that do: {able}")
