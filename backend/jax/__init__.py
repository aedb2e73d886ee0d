"""JAX: the graph as one jitted function, with buffers of variables donated.

Installed by `pip install "symkeras[jax]"`; nothing of it is imported before this backend is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symkeras.backend.engine.backend import EngineBackend
from symkeras.backend.engine.device import Device as AnyDevice
from symkeras.backend.engine.walk import Functions, Walk
from symkeras.backend.jax.cluster import JaxCluster
from symkeras.backend.jax.executable import Device, JaxStep, every_device
from symkeras.backend.jax.functions import FUNCTIONS, ON_PROCESSOR
from symkeras.backend.jax.sharding import Grid, GridStep, grid_of
from symkeras.errors import BackendError
from symkeras.graph import dtypes


class JaxBackend(EngineBackend):
    """Registered as "jax"."""

    name = "jax"
    package = "jax"
    table = FUNCTIONS
    asks_malloc = True
    holds = dtypes.FOREIGN
    computes = ("bfloat16",)
    """XLA rounds within a function of 8 bits, too."""
    unwanted = (*EngineBackend.unwanted, "sparse-updates")
    """XLA copies a table whose rows it reads and writes in one step, twice; a whole one that is read and written element by element it does not."""

    def __init__(self) -> None:
        super().__init__()
        self.cluster = JaxCluster()

    def devices(self) -> list[str]:
        return list(every_device())

    def make_device(self, name: str) -> Device:
        return Device(name)

    def place(self, device: str | None, own: Mapping[str, Any]) -> AnyDevice:
        if "distribution" not in own:
            return super().place(device, own)
        if device is not None:
            raise BackendError(f"device={device!r} goes with one device; {own['distribution']!r} names its own")
        return grid_of(own["distribution"], self.cluster)

    def functions(self, device: Device | Grid, own: Mapping[str, Any]) -> Functions:
        if isinstance(device, Grid):
            return device.functions
        return ON_PROCESSOR if device.is_processor else self.table

    def step(self, walk: Walk, device: Device | Grid, own: Mapping[str, Any]) -> JaxStep:
        return GridStep(walk, device) if isinstance(device, Grid) else JaxStep(walk, device)

    def about(self, device: Device | Grid, own: Mapping[str, Any]) -> str:
        split = f", split over {own['distribution']!r}" if "distribution" in own else ""
        return f"one jitted function for each set of sizes, buffers of variables donated{split}"
