"""A walk jitted by JAX, and variables as device arrays."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symkeras.backend.engine.executable import EngineExecutable, Step
from symkeras.backend.engine.walk import Walk
from symkeras.backend.interface import Backend
from symkeras.backend.jax.functions import FUNCTIONS
from symkeras.errors import BackendError
from symkeras.graph.graph import Graph
from symkeras.graph.residence import Place
from symkeras.graph.variable import Variable


class Device(Place):
    """Where values live: one device of JAX."""

    def __init__(self, device: Any):
        self.device = device

    def send(self, array: np.ndarray, variable: Variable | None = None) -> Any:
        with jax.enable_x64(True):
            return jax.device_put(jnp.array(array, copy=True), self.device)

    def fetch(self, value: Any) -> np.ndarray:
        return np.asarray(value)

    def __str__(self) -> str:
        return f"jax {jax.__version__} on {self.device}"


@lru_cache
def device_called(name: str | None) -> Device:
    """The device of this process called such as "cpu" or "gpu:1"; JAX's first one when None.

    Raises:
        BackendError: there is none of that name.
    """
    if name is None:
        return Device(jax.local_devices()[0])
    kind, _, number = name.partition(":")
    try:
        return Device(jax.local_devices(backend=kind)[int(number or 0)])
    except (RuntimeError, IndexError, ValueError) as error:
        known = ", ".join(f"{d.platform}:{d.id}" for d in jax.devices())
        raise BackendError(f"jax has no device {name!r}; it has {known}") from error


class JaxStep(Step):
    """The walk as one jitted function; the buffers of variables that it updates are donated."""

    def __init__(self, walk: Walk, place: Place):
        super().__init__(walk, place)
        updated = [n for n, _ in walk.graph.updates]
        read = {n: k for k, n in enumerate(walk.variables)}
        self._given = [k for n, k in read.items() if n in updated]  # donated, in this order
        self._kept = [k for n, k in read.items() if n not in updated]
        count = len(walk.graph.outputs)
        low = np.array([c.low for c in walk.checks], np.int64)
        high = np.array([np.iinfo(np.int64).max if c.high is None else c.high for c in walk.checks], np.int64)

        def step(donated: Any, kept: Any, inputs: Any) -> Any:
            held: list[Any] = [None] * len(read)
            for places, values in ((self._given, donated), (self._kept, kept)):
                for k, v in zip(places, values, strict=True):
                    held[k] = v
            results, extents = walk(inputs, held)
            outputs, news = results[:count], results[count:]
            if not extents:
                return outputs, news, jnp.zeros((0, 2), jnp.int64)
            found = jnp.stack(extents)
            is_good = ((found[:, 0] >= low) & (found[:, 1] <= high)).all()
            news = [jnp.where(is_good, new, held[read[n]]) if n in read else new for n, new in zip(updated, news, strict=True)]
            return outputs, news, found

        self._step = self._jit(step)
        self._types: Any = None

    def _jit(self, step: Any) -> Any:
        return jax.jit(step, donate_argnums=(0,))

    def _sent(self, inputs: Sequence[np.ndarray]) -> list[Any]:
        return [self.place.send(a) for a in inputs]  # type: ignore[call-arg]

    def __call__(self, inputs: Sequence[np.ndarray], variables: Sequence[Any]) -> tuple[list[Any], list[Any], np.ndarray]:
        with jax.enable_x64(True):
            given = ([variables[k] for k in self._given], [variables[k] for k in self._kept], self._sent(inputs))
            if self._types is None:
                self._types = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), given)
            outputs, news, extents = self._step(*given)
        return outputs, news, np.asarray(extents) if len(extents) else np.zeros((0, 2), np.int64)

    @property
    def source(self) -> str:
        with jax.enable_x64(True):
            if self._types is None:
                return ""
            return str(jax.make_jaxpr(self._step)(*self._types))


class JaxExecutable(EngineExecutable):
    """See `EngineExecutable`; `device` names one of JAX's devices."""

    def __init__(self, graph: Graph, backend: Backend, device: str | None = None, distribution: Any = None, **options: Any):
        if distribution is None:
            super().__init__(graph, backend, FUNCTIONS, device_called(device), JaxStep, **options)
            return
        from symkeras.backend.jax.sharding import GridStep, grid_of

        if device is not None:
            raise BackendError(f"device={device!r} goes with one device; {distribution!r} names its own")
        grid = grid_of(distribution, backend.cluster)
        super().__init__(graph, backend, grid.functions, grid, GridStep, distribution=distribution, **options)

