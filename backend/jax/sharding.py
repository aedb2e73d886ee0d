"""A walk jitted by JAX over a mesh of devices: the one program of the whole batch, which XLA splits by the layouts of what goes in and out.

So everything is as on one device, whatever the number of rows: means over a batch are those of all its rows, statistics too, and a random
number belongs to its place in the whole tensor. A batch that the mesh does not divide is split unevenly within the program.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.experimental import multihost_utils

from symkeras.backend.engine.device import Device, kind_of
from symkeras.backend.engine.shared import is_batch
from symkeras.backend.engine.walk import Walk
from symkeras.backend.jax.cluster import JaxCluster, mesh_of, placed, sharding_of
from symkeras.backend.jax.executable import JaxStep, denormals_of
from symkeras.backend.jax.functions import JaxFunctions
from symkeras.errors import ConfigError
from symkeras.graph.node import Node
from symkeras.graph.variable import Variable


class Grid(Device):
    """Where values live: a mesh of devices, as a distribution lays them out."""

    def __init__(self, distribution: Any, cluster: JaxCluster):
        self.distribution = distribution
        self.cluster = cluster
        self.mesh = mesh_of(distribution.device_mesh)
        self._own = [d for d in self.mesh.devices.flat if d.process_index == cluster.index]
        first, *others = distribution.device_mesh.devices.ravel().tolist()
        super().__init__(f"{first} and {len(others)} more" if others else first)
        self.denormals = denormals_of(kind_of(first))
        self.whole = sharding_of(self.mesh, ())
        self.functions = GridFunctions(self)

    def layout(self, variable: Variable) -> Any:
        """How a variable lies."""
        return sharding_of(self.mesh, self.distribution.get_variable_layout(variable).axes)

    def layout_of_input(self, node: Node) -> Any:
        """How an input lies: split by rows where its first axis is the batch."""
        return sharding_of(self.mesh, self.distribution.get_data_layout(node.shape).axes) if is_batch(node) else self.whole

    def send(self, array: np.ndarray, variable: Variable | None = None) -> Any:
        return placed(array, self.layout(variable) if variable is not None else self.whole)

    def fetch(self, value: Any) -> np.ndarray:
        if value.is_fully_addressable or value.is_fully_replicated:
            return self.cluster.watched(lambda: np.asarray(value))
        with jax.enable_x64(True):
            return self.cluster.watched(lambda: np.asarray(multihost_utils.process_allgather(value, tiled=True)))

    def pieces(self, value: Any) -> list[tuple[tuple[int, ...], np.ndarray]]:
        """(where it begins, numbers) of the parts that devices of this process hold, each once over all processes."""
        return [(tuple(s.start or 0 for s in part.index), np.asarray(part.data)) for part in value.addressable_shards if part.replica_id == 0]

    def held(self) -> int | None:
        found = [int(count) for d in self._own if (count := (d.memory_stats() or {}).get("bytes_in_use")) is not None]
        return sum(found) if found else None


class GridFunctions(JaxFunctions):
    """Those of JAX, and how a value is to lie on a mesh."""

    def __init__(self, grid: Grid):
        def laid_out(x: Any, spec: str) -> Any:
            axes = [name or None for name in spec.split(",")] if x.ndim else []
            lacking = [name for name in axes if name is not None and name not in grid.mesh.axis_names]
            if lacking:
                raise ConfigError(f"a value of shape {x.shape} is to lie on mesh axis {lacking[0]!r}; {grid.distribution!r} has none of that name")
            return lax.with_sharding_constraint(x, sharding_of(grid.mesh, axes))

        self.plain = {**JaxFunctions.plain, "laid_out": laid_out}


def grid_of(distribution: Any, cluster: Any) -> Grid:
    """The place of a distribution: one for all functions, so that they find each other's values."""
    if "jax" not in distribution.places:
        distribution.places["jax"] = Grid(distribution, cluster)
    return distribution.places["jax"]


class GridStep(JaxStep):
    """See `JaxStep`; on a `Grid`."""

    device: Grid

    def __init__(self, walk: Walk, device: Grid):
        self._layouts = [device.layout_of_input(n) for n in walk.graph.inputs]
        super().__init__(walk, device)

    def _jit(self, step: Any) -> Any:
        def split(donated: Any, kept: Any, inputs: Any) -> Any:
            return step(donated, kept, [lax.with_sharding_constraint(a, s) for a, s in zip(inputs, self._layouts, strict=True)])

        news = [self.device.layout(n.attrs["variable"]) for n, _ in self.walk.graph.updates]
        whole = self.device.whole
        return jax.jit(split, donate_argnums=(0,), out_shardings=([whole] * len(self.walk.graph.outputs), news, whole))

    def _sent(self, inputs: Sequence[np.ndarray]) -> list[Any]:
        return [placed(a, s if _divides(s, a.shape) else self.device.whole) for a, s in zip(inputs, self._layouts, strict=True)]

    def __call__(self, inputs: Sequence[np.ndarray], variables: Sequence[Any]) -> tuple[list[Any], list[Any], np.ndarray]:
        """A step of several processes ends here, so that one that fails has written nothing."""
        if self.device.cluster.count == 1:
            return super().__call__(inputs, variables)
        return self.device.cluster.watched(lambda: jax.block_until_ready(JaxStep.__call__(self, inputs, variables)))


def _divides(sharding: Any, shape: tuple[int, ...]) -> bool:
    try:
        sharding.shard_shape(shape)
    except ValueError:
        return False
    return True
