"""The oracle: runs a graph node by node with the reference value of every op. No rewriting, no planning."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.backend.denormals import Denormals, describe
from symkeras.backend.interface import Backend, Executable, input_arrays
from symkeras.backend.size_check import SizeCheck
from symkeras.errors import BackendError
from symkeras.graph.graph import Graph
from symkeras.graph.variable import Writer
from symkeras.ops.evaluation import evaluate


class InterpreterExecutable(Executable):
    """Evaluates its graph anew at every call."""

    def __init__(self, graph: Graph, backend: str, denormals: str | None):
        super().__init__(graph, backend, denormals)
        self._check = SizeCheck(graph)

    def __str__(self) -> str:
        how = f"{self.graph.count()} operations, one by one, whatever the level: no pass runs"
        return f"{self.graph.name} on {self.backend}: {how}\n{describe(self.denormals)}"

    def __call__(self, *arrays: Any) -> list[np.ndarray]:
        given = input_arrays(self.source_graph, arrays)
        self._check(given)
        with Denormals(self.denormals == "flush"):
            outputs, new_values = evaluate(self.source_graph, given)
        results = [np.array(v) for v in outputs]
        new_values = [np.array(v) for v in new_values]
        try:
            for (variable, _), value in zip(self.source_graph.updates, new_values, strict=True):
                variable.attrs["variable"].array[...] = value
        finally:
            Writer(n.attrs["variable"] for n, _ in self.source_graph.updates).wrote()
        return results


class InterpreterBackend(Backend):
    """Registered as "interpreter": for tests, `run_eagerly` and debugging."""

    name = "interpreter"

    def takes(self, op: str) -> bool:
        return True

    def compile(self, graph: Graph, denormals: str | None = None, verify: bool = False, **options: Any) -> Executable:
        if verify:
            raise BackendError(f"{graph.name}: verify evaluates what passes rewrite, and no pass runs on backend 'interpreter'; it is the reference")
        return InterpreterExecutable(graph, self.name, denormals)
