"""The default backend: readable straight-line NumPy over planned buffers."""

from __future__ import annotations

from typing import Any

from symkeras.arguments import boolean
from symkeras.backend.interface import Backend
from symkeras.backend.numpy.executable import NumpyExecutable
from symkeras.graph.graph import Graph
from symkeras.ops.op import OPS


class NumpyBackend(Backend):
    """Registered as "numpy"."""

    name = "numpy"
    package = "numpy"
    options = {"poison": boolean}

    def takes(self, op: str) -> bool:
        """Every primitive; composites are expanded."""
        return op in OPS and not OPS[op].is_composite

    def compile(self, graph: Graph, **options: Any) -> NumpyExecutable:
        return NumpyExecutable(graph, self.takes, **options)
