"""PyTorch: the graph as a Python function that calls PyTorch line by line, or that `torch.compile` compiles.

Installed by `pip install "symkeras[torch]"`; nothing of it is imported before this backend is chosen.
"""

from __future__ import annotations

from typing import Any

import torch

from symkeras.backend.interface import Backend
from symkeras.backend.torch.cluster import TorchCluster
from symkeras.backend.torch.executable import TorchExecutable, known_devices
from symkeras.backend.torch.functions import TorchFunctions
from symkeras.graph.graph import Graph

_TABLE = TorchFunctions(torch.device("cpu"), raises_at_once=True)


class TorchBackend(Backend):
    """Registered as "torch"."""

    name = "torch"
    package = "torch"

    def __init__(self) -> None:
        self.cluster = TorchCluster()

    def devices(self) -> list[str]:
        return known_devices()

    def takes(self, op: str) -> bool:
        """What has a function of its own; the decompositions of others are."""
        return op in _TABLE.plain or op in _TABLE.special

    def compile(self, graph: Graph, **options: Any) -> TorchExecutable:
        return TorchExecutable(graph, self, **options)
