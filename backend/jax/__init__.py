"""JAX: the graph as one jitted function, with buffers of variables donated.

Installed by `pip install "symkeras[jax]"`; nothing of it is imported before this backend is chosen.
"""

from __future__ import annotations

from typing import Any

import jax

from symkeras.arguments import optional, text
from symkeras.backend.interface import Backend
from symkeras.backend.jax.cluster import JaxCluster
from symkeras.backend.jax.executable import JaxExecutable
from symkeras.backend.jax.functions import FUNCTIONS
from symkeras.graph.graph import Graph


class JaxBackend(Backend):
    """Registered as "jax"."""

    name = "jax"
    package = "jax"
    options = {"device": optional(text)}

    def __init__(self) -> None:
        self.cluster = JaxCluster()

    def devices(self) -> list[str]:
        return [f"{d.platform}:{d.id}" for d in jax.devices()]

    def takes(self, op: str) -> bool:
        """What has a function of its own; XLA fuses the decompositions of all others."""
        return op in FUNCTIONS.plain or op in FUNCTIONS.special

    def compile(self, graph: Graph, **options: Any) -> JaxExecutable:
        return JaxExecutable(graph, self, **options)
