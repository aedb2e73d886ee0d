"""JAX: the graph as one jitted function, with buffers of variables donated.

Installed by `pip install "symkeras[jax]"`; nothing of it is imported before this backend is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symkeras.backend.engine.backend import EngineBackend
from symkeras.backend.engine.walk import Walk
from symkeras.backend.jax.executable import Device, JaxStep, every_device
from symkeras.backend.jax.functions import FUNCTIONS


class JaxBackend(EngineBackend):
    """Registered as "jax"."""

    name = "jax"
    package = "jax"
    table = FUNCTIONS

    def devices(self) -> list[str]:
        return list(every_device())

    def make_device(self, name: str) -> Device:
        return Device(name)

    def step(self, walk: Walk, device: Device, own: Mapping[str, Any]) -> JaxStep:
        return JaxStep(walk, device)

    def about(self, device: Device, own: Mapping[str, Any]) -> str:
        return "one jitted function for each set of sizes, buffers of variables donated"
