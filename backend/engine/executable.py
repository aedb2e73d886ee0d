"""A graph compiled for an engine: optimised, walked for each set of sizes, with variables that stay where the engine computes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from symkeras import locks
from symkeras.backend.cluster import Cluster
from symkeras.backend.emitted.size_check import SizeCheck
from symkeras.backend.engine.walk import Functions, Walk
from symkeras.backend.interface import MOST_SIZES, Backend, Executable, input_arrays
from symkeras.compiler.pipeline import Pipeline
from symkeras.compiler.program.program import check_sizes
from symkeras.errors import BackendError
from symkeras.graph import dims, provenance, residence
from symkeras.graph.graph import Graph, every_node
from symkeras.graph.node import Node
from symkeras.graph.residence import Place
from symkeras.ops.evaluation import solve_dims
from symkeras.recent import Recent

FORBIDDEN = ("flatten-updates",)
"""Passes that lay variables one after the other: an engine holds each by itself."""


class Step:
    """A graph as an engine runs it for one set of sizes. Subclasses compile the walk.

    Args:
        walk: what to compute.
        place: where.
    """

    def __init__(self, walk: Walk, place: Place):
        self.walk = walk
        self.place = place

    def __call__(self, inputs: Sequence[np.ndarray], variables: Sequence[Any]) -> tuple[list[Any], list[Any], np.ndarray]:
        """(outputs, new values, extents (N, 2)): new values of variables that were read are the old ones where an extent breaks its bounds."""
        raise NotImplementedError

    @property
    def source(self) -> str:
        """What the engine runs, as its own text."""
        raise NotImplementedError


class EngineExecutable(Executable):
    """See `symkeras.backend.interface.Executable`.

    Args:
        passes: what the backend adds to the pipeline of "O2".
        poison: for the sake of one call for all backends: there are no buffers here to poison.
        distribution: over which devices `place` reaches, and how data come; None for one device.
    """

    def __init__(self, graph: Graph, backend: Backend, functions: Functions, place: Place, step: type[Step], passes: str = "", level: str = "O2",
                 numerics: str = "safe", pipeline: str | None = None, poison: bool = False, denormals: str | None = None,
                 distribution: Any = None):  # fmt: skip
        super().__init__(graph, backend.name, denormals)
        self._cluster = backend.cluster if distribution is not None else Cluster()
        self._gathers_rows = distribution is not None and not distribution.auto_shard_dataset and self._cluster.count > 1
        self.level = level
        self.place = place
        chosen = Pipeline.parse(pipeline) if pipeline is not None else Pipeline.level(level).without(FORBIDDEN)
        if pipeline is None and level == "O2" and passes:
            chosen = chosen.then(passes)
        self._optimised, self.history = chosen.run(graph, backend.takes, numerics)
        check_taken(self._optimised, backend.name, functions)
        self._check = SizeCheck(graph)
        self._functions = functions
        self._step = step
        self._steps: Recent[tuple[tuple[int, ...], ...], Step] = Recent(MOST_SIZES)
        self._lock = locks.reentrant_lock()
        self._last: Step | None = None
        self._updated = [n.attrs["variable"] for n, _ in self._optimised.updates]

    @property
    def graph(self) -> Graph:
        return self._optimised

    def __call__(self, *arrays: Any) -> list[np.ndarray]:
        given = input_arrays(self.source_graph, arrays)
        if not self._gathers_rows:
            return self._run(given)
        by_rows = [is_batch(n) for n in self.source_graph.inputs]
        rows, own = self._cluster.rows_of_all([a for a, is_split in zip(given, by_rows, strict=True) if is_split])
        rest = iter(rows)
        found = self._run([next(rest) if is_split else a for a, is_split in zip(given, by_rows, strict=True)])
        return [o[own] if is_batch(n) else o for o, n in zip(found, self._optimised.outputs, strict=True)]

    def _run(self, given: list[np.ndarray]) -> list[np.ndarray]:
        step = self.step(tuple(a.shape for a in given))
        held = [residence.value_at(self.place, n.attrs["variable"]) for n in step.walk.variables]
        outputs, news, extents = step(given, held)
        error = next((e for c, (a, b) in zip(step.walk.checks, extents, strict=True) if (e := c.error(int(a), int(b))) is not None), None)
        written = dict(zip(self._updated, news, strict=True))
        if error is not None:  # those that were read have their old values in new storage
            read = {n.attrs["variable"] for n in step.walk.variables}
            residence.wrote_at(self.place, {v: value for v, value in written.items() if v in read})
            raise error
        residence.wrote_at(self.place, written)
        return [np.array(self.place.fetch(o), n.dtype) for o, n in zip(outputs, self._optimised.outputs, strict=True)]

    def step(self, shapes: tuple[tuple[int, ...], ...]) -> Step:
        """The step for inputs of these shapes, compiled now where they are new.

        Raises:
            ShapeError: the shapes do not fit the inputs, or break an equality that the graph rests on.
        """
        found = self._steps.get(shapes)
        if found is None:
            with self._lock:
                env = solve_dims([n.tensor_type for n in self.source_graph.inputs], shapes, [n.attrs["name"] for n in self.source_graph.inputs])
                self._check.check(shapes)
                check_sizes(self._optimised, env)
                walk = Walk(self._optimised, self._functions, env)
                if self._cluster.count > 1:
                    self._cluster.agree(digest_of(walk), "model, batch size or value of a weight")
                found = self._step(walk, self.place)
                self._steps.put(shapes, found)
        self._last = found
        return found

    @property
    def source(self) -> str:  # type: ignore[override]
        """What the engine runs for the sizes of the last call; before the first one, for dims of 2."""
        if self._last is None:
            self.step(tuple(tuple(d if isinstance(d, int) else d.evaluate(dict.fromkeys(d.symbols(), 2)) for d in n.shape)
                            for n in self.source_graph.inputs))  # fmt: skip
        assert self._last is not None
        return self._last.source

    def __str__(self) -> str:
        counts = f"{self.source_graph.count()} operations written, {self.graph.count()} left"
        return f"{self.graph.name} on {self.backend}, level {self.level}: {counts}\n{self.place}"


def is_batch(node: Node) -> bool:
    """Whether the first axis of a value is the batch."""
    return node.ndim > 0 and node.shape[0] == dims.symbol("batch")


def digest_of(walk: Walk) -> bytes:
    """What processes that run a step together must have the same of: its operations, sizes, and the values of its variables."""
    found = hashlib.sha256(str(sorted(walk.env.items())).encode())
    for n in walk.graph.nodes:
        found.update(f"{n.op.name} {n.types}\n".encode())
    for n in walk.variables:
        found.update(np.ascontiguousarray(n.attrs["variable"].array).data)
    return found.digest()


def check_taken(graph: Graph, backend: str, functions: Functions) -> None:
    """Raise BackendError where an engine has no function for an op, with the nodes and the user's lines."""
    known = {*functions.plain, *functions.special, "constant", "dim", "item", "variable", "placeholder"}
    lacking = [n for n in every_node(graph) if n.op.name not in known]
    if lacking:
        shown = "; ".join(f"{n.op.name}: {n.type}{provenance.where(n.origins)}" for n in lacking[:5])
        more = f" and {len(lacking) - 5} more" if len(lacking) > 5 else ""
        raise BackendError(f"{graph.name}: {backend} has no function for {shown}{more}; numpy, native and the interpreter do")
