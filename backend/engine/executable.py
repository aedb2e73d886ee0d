"""A graph compiled for an engine: optimised, walked for each set of sizes, with variables that stay where the engine computes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symkeras import config, locks
from symkeras.backend import allocation
from symkeras.backend.denormals import Denormals
from symkeras.backend.engine import faults
from symkeras.backend.engine.device import Device
from symkeras.backend.engine.walk import NO_EXTENTS, Walk
from symkeras.backend.interface import MOST_SIZES, Executable, input_arrays, step_check
from symkeras.backend.size_check import SizeCheck
from symkeras.backend.taken import check_held, check_taken
from symkeras.compiler.passes.widen_narrow import widening
from symkeras.compiler.pipeline import Pipeline
from symkeras.compiler.program.program import check_sizes
from symkeras.graph import dtypes, residence
from symkeras.graph.graph import Graph
from symkeras.ops.evaluation import evaluate, solve_dims
from symkeras.recent import Recent

if TYPE_CHECKING:
    from symkeras.backend.engine.backend import EngineBackend

Shapes = tuple[tuple[int, ...], ...]
_NOTHING = contextlib.nullcontext()


class EngineExecutable(Executable):
    """See `symkeras.backend.interface.Executable`. What all engines share: the pipeline, sizes, the device, denormals, and errors.

    Args:
        backend: the description of the engine.
        device: one of its devices; the one it prefers when None.
        **own: options of this engine alone.

    Raises:
        BackendError: there is no such device, or it cannot treat denormals as it is asked to.
    """

    def __init__(self, graph: Graph, backend: EngineBackend, device: str | None = None, level: str = "O2",
                 pipeline: str | None = None, denormals: str | None = None, verify: bool = False, **own: Any):  # fmt: skip
        self.place: Device = backend.place(device, own)
        super().__init__(graph, backend.name, self.place.way(denormals, config.denormals(), backend.name))
        self.level = level
        self.own = own
        self._engine = backend
        chosen = Pipeline.parse(pipeline) if pipeline is not None else Pipeline.level(level).without(backend.unwanted)
        if pipeline is None and level != "O0":
            chosen = Pipeline((*backend.first, *chosen.passes))
        if pipeline is None and level == "O2" and backend.passes:
            chosen = chosen.then(backend.passes)
        check_held(graph, backend.name, backend.holds)
        chosen = chosen.then(widening(graph, dtypes.FOREIGN.difference(backend.computes), backend.moves))
        self._optimised, self.history = chosen.run(graph, backend.takes, step_check(verify))
        self._check = SizeCheck(graph)
        self._lock = locks.reentrant_lock()
        self._threads = threading.local()

    @property
    def graph(self) -> Graph:
        return self._optimised

    def __call__(self, *arrays: Any) -> list[np.ndarray]:
        given = input_arrays(self.source_graph, arrays)
        with self.on_this_thread():
            return self._run(given)

    def _run(self, given: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Compute on checked arrays, and let the updates take effect."""
        raise NotImplementedError

    def on_this_thread(self) -> Denormals | contextlib.nullcontext[None]:
        """The context in which this thread computes."""
        if not self.place.calls_here:
            return _NOTHING
        found = getattr(self._threads, "denormals", None)
        if found is None:
            found = self._threads.denormals = Denormals(self.denormals == "flush")
        self.place.tell_threads(found, self.denormals)
        return found

    def sizes(self, shapes: Shapes) -> dict[str, int]:
        """The sizes of all dims for inputs of these shapes.

        Raises:
            ShapeError: the shapes do not fit the inputs, or break an equality that the graph rests on.
        """
        inputs = self.source_graph.inputs
        env = solve_dims([n.tensor_type for n in inputs], shapes, [n.attrs["name"] for n in inputs])
        self._check.check(shapes)
        check_sizes(self._optimised, env)
        return env

    def fault(self, error: Exception, shapes: Shapes, doing: str, place: str) -> Exception:
        """What to raise for an error of the engine, which is to be chained."""
        if not faults.is_about_memory(error):
            return faults.translated(error, self.source_graph, self.backend, doing, place)
        env = self.sizes(shapes)
        variables = faults.held_by(n.attrs["variable"] for n in self._optimised.variables)
        inputs = sum(int(np.prod(s)) * np.dtype(n.dtype).itemsize for s, n in zip(shapes, self.source_graph.inputs, strict=True))
        return faults.out_of_memory(error, self._optimised, self.backend, self.place.name, place, env, variables, inputs, self.place.held())

    def __str__(self) -> str:
        counts = f"{self.source_graph.count()} operations written, {self.graph.count()} left"
        return "\n".join([
            f"{self.graph.name} on {self.backend}, level {self.level}: {counts}",
            f"{self._engine.package} {self._engine.version} on {self.place.name}: {self._engine.about(self.place, self.own)}",
            f"threads: {self.place.about_threads()}",
            self.place.about_denormals(self.denormals),
            *([allocation.about()] if self._engine.asks_malloc and self.place.is_processor else []),
        ])  # fmt: skip


class Step:
    """A graph as an engine runs it for one set of sizes. Subclasses compile the walk.

    Args:
        walk: what to compute.
        device: where.

    Attributes:
        takes_over: whether the storage of variables is that of their new values, so that these are the old ones where an extent breaks its bounds;
            if not, values that were given stay good, and new ones are not asked for then.
        residents: the variables it reads and writes, where their values are; set by who keeps it.
    """

    takes_over = False
    residents: residence.Residents

    def __init__(self, walk: Walk, device: Device):
        self.walk = walk
        self.device = device

    def __call__(self, inputs: Sequence[np.ndarray], variables: Sequence[Any]) -> tuple[list[Any], list[Any], np.ndarray]:
        """(outputs, new values, extents (N, 2))."""
        raise NotImplementedError

    @property
    def source(self) -> str:
        """What the engine runs, as its own text."""
        return self.walk.source


class AtOnce(Step):
    """The walk as it is, for engines that compute when they are called."""

    def __init__(self, walk: Walk, device: Device):
        super().__init__(walk, device)
        self._count = len(walk.graph.outputs)
        self._run = walk.run

    def __call__(self, inputs: Sequence[np.ndarray], variables: Sequence[Any]) -> tuple[list[Any], list[Any], np.ndarray]:
        results, extents = self._run([self.device.send(a) for a in inputs], variables)
        return results[: self._count], results[self._count :], self._numbers(extents) if extents else NO_EXTENTS

    def _numbers(self, extents: Sequence[Any]) -> np.ndarray:
        """Extents as an array (N, 2)."""
        return np.asarray(extents, np.int64)


class WalkExecutable(EngineExecutable):
    """A graph that an engine computes node by node, or traces so; variables are values of its device."""

    def __init__(self, graph: Graph, backend: EngineBackend, **options: Any):
        super().__init__(graph, backend, **options)
        self._functions = backend.functions(self.place, self.own)
        check_taken(self._optimised, backend.name, lambda op: op in self._functions.plain or op in self._functions.special)
        self._steps: Recent[Shapes, Step] = Recent(MOST_SIZES)
        self._last: Step | None = None
        self._updated = [n.attrs["variable"] for n, _ in self._optimised.updates]

    def _run(self, given: Sequence[np.ndarray]) -> list[np.ndarray]:
        shapes = tuple(a.shape for a in given)
        step = self.step(shapes)
        step.walk.first(given)
        try:
            outputs, news, extents = step(given, step.residents.values())
            error = step.walk.error(extents) if extents is not NO_EXTENTS else None
            results = [np.array(self.place.fetch(o), n.dtype) for o, n in zip(outputs, self._optimised.outputs, strict=True)] if error is None else []
        except Exception as problem:
            if faults.is_ours(problem):
                raise
            node = faults.node_behind(problem, step.walk)
            if node is not None and node.op.may_raise(node) and not faults.is_about_memory(problem):
                evaluate(self.source_graph, given)  # raises what the reference does, with layer and line
            raise self.fault(problem, shapes, "failed in", faults.place_of(node)) from problem
        if error is None:
            step.residents.wrote(news)
            return results
        if step.takes_over:  # those that were read have their old values in new storage
            read = {n.attrs["variable"] for n in step.walk.variables}
            residence.wrote_at(self.place, {v: new for v, new in zip(self._updated, news, strict=True) if v in read})
        raise error

    def step(self, shapes: Shapes) -> Step:
        """The step for inputs of these shapes, compiled now where they are new.

        Raises:
            ShapeError: see `sizes`.
            BackendError: the engine refuses it.
        """
        found = self._steps.get(shapes)
        if found is None:
            with self._lock:
                env = self.sizes(shapes)
                walk = Walk(self._optimised, self._functions, env, looks_first=True)
                try:
                    found = self._compiled(walk)
                except Exception as problem:
                    if faults.is_ours(problem):
                        raise
                    raise self.fault(problem, shapes, "cannot compile", faults.place_of(faults.node_behind(problem, walk))) from problem
                found.residents = residence.Residents(self.place, [n.attrs["variable"] for n in walk.variables], self._updated)
                self._steps.put(shapes, found)
                self.note_made("bound", ", ".join(f"{s}={k}" for s, k in env.items()) or "first")
        self._last = found
        return found

    def _compiled(self, walk: Walk) -> Step:
        return self._engine.step(walk, self.place, self.own)

    @property
    def source(self) -> str:  # type: ignore[override]
        """What the engine runs for the sizes of the last call; before the first one, for dims of 2."""
        if self._last is None:
            self.step(tuple(tuple(d if isinstance(d, int) else d.evaluate(dict.fromkeys(d.symbols(), 2)) for d in n.shape)
                            for n in self.source_graph.inputs))  # fmt: skip
        assert self._last is not None
        return self._last.source
