"""PyTensor, Theano's successor: the graph as one `pytensor.function`.

Installed by `pip install "symkeras[pytensor]"`; nothing of it is imported before this backend is chosen.
"""

from __future__ import annotations

from typing import Any

from symkeras.arguments import one_of, optional, text
from symkeras.backend.interface import Backend
from symkeras.backend.pytensor.executable import PyTensorExecutable
from symkeras.backend.pytensor.functions import FOREIGN, FUNCTIONS
from symkeras.backend.pytensor.modes import MODES
from symkeras.graph.graph import Graph


class PyTensorBackend(Backend):
    """Registered as "pytensor"."""

    name = "pytensor"
    package = "pytensor"
    options = {"device": optional(text), "mode": optional(one_of(*MODES, "default"))}

    def takes(self, op: str) -> bool:
        """What PyTensor has, and what runs as an Op of ours; PyTensor fuses the decompositions of all others."""
        return op in FUNCTIONS.plain or op in FUNCTIONS.special

    def borrows(self, op: str) -> bool:
        return op in FOREIGN

    def compile(self, graph: Graph, **options: Any) -> PyTensorExecutable:
        return PyTensorExecutable(graph, self, **options)
