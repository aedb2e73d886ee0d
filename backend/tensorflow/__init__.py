"""TensorFlow: the graph as one traced function for each set of sizes.

Installed by `pip install "symkeras[tensorflow]"`; nothing of it is imported before this backend is chosen.
"""

from __future__ import annotations

from importlib import metadata
from typing import Any

from symkeras.arguments import optional, text
from symkeras.backend.interface import Backend
from symkeras.backend.tensorflow.executable import TensorFlowExecutable, device_names
from symkeras.backend.tensorflow.functions import FUNCTIONS
from symkeras.graph.graph import Graph


class TensorFlowBackend(Backend):
    """Registered as "tensorflow"."""

    name = "tensorflow"
    options = {"device": optional(text)}

    @property
    def package(self) -> str:  # type: ignore[override]
        """The distribution that brought the module: there are builds of several names."""
        return (metadata.packages_distributions().get("tensorflow") or ["tensorflow"])[0]

    def devices(self) -> list[str]:
        return device_names()

    def takes(self, op: str) -> bool:
        """What has a function of its own; others run by their decomposition."""
        return op in FUNCTIONS.plain or op in FUNCTIONS.special

    def compile(self, graph: Graph, **options: Any) -> TensorFlowExecutable:
        return TensorFlowExecutable(graph, self, **options)
