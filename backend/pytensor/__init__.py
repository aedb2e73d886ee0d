"""PyTensor, Theano's successor: the graph as one `pytensor.function`.

Installed by `pip install "symkeras[pytensor]"`; nothing of it is imported before this backend is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symkeras.arguments import one_of, optional
from symkeras.backend.engine.backend import EngineBackend
from symkeras.backend.engine.executable import EngineExecutable
from symkeras.backend.engine.walk import Walk
from symkeras.backend.pytensor.executable import Device, PyTensorStep
from symkeras.backend.pytensor.functions import FOREIGN, FUNCTIONS
from symkeras.backend.pytensor.modes import MODES, checked_mode
from symkeras.graph.graph import Graph


class PyTensorBackend(EngineBackend):
    """Registered as "pytensor".

    Its option `mode` is "c", "py" or "default" (see `modes.checked_mode`).
    """

    name = "pytensor"
    package = "pytensor"
    table = FUNCTIONS
    own = {"mode": optional(one_of(*MODES, "default"))}

    def devices(self) -> list[str]:
        return ["cpu:0"]

    def borrows(self, op: str) -> bool:
        return op in FOREIGN

    def make_device(self, name: str) -> Device:
        return Device(name)

    def compile(self, graph: Graph, **options: Any) -> EngineExecutable:
        checked_mode(options.get("mode"))
        return super().compile(graph, **options)

    def step(self, walk: Walk, device: Device, own: Mapping[str, Any]) -> PyTensorStep:
        return PyTensorStep(walk, device, checked_mode(own.get("mode")))

    def about(self, device: Device, own: Mapping[str, Any]) -> str:
        return f"one function for each set of sizes, mode {checked_mode(own.get('mode'))!r}"
