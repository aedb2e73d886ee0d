"""Generated C: one call per step, built by the system's C compiler and kept in a cache on disk."""

from __future__ import annotations

from typing import Any

from symkeras.arguments import boolean
from symkeras.backend.interface import Backend
from symkeras.backend.native.building import toolchain
from symkeras.backend.native.building.executable import NativeExecutable
from symkeras.backend.native.kernels.table import takes
from symkeras.graph.graph import Graph


class NativeBackend(Backend):
    """Registered as "native".

    Raises:
        BackendError: there is no C compiler.
    """

    name = "native"
    options = {"poison": boolean}

    def __init__(self) -> None:
        toolchain.compiler()

    def takes(self, op: str) -> bool:
        """Every primitive but decompositions of matrices, `fft` and beam search; composites are expanded."""
        return takes(op)

    def compile(self, graph: Graph, **options: Any) -> NativeExecutable:
        return NativeExecutable(graph, self.takes, **options)
