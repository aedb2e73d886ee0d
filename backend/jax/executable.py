"""A walk jitted by JAX, and variables as device arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symkeras.backend.engine import device
from symkeras.backend.engine.executable import Step
from symkeras.backend.engine.walk import NO_EXTENTS, Walk
from symkeras.graph.variable import Variable


def every_device() -> dict[str, Any]:
    """JAX's devices of this process by name: those it prefers, then the processor; its own are numbered from 0 among several processes, too."""
    return {f"{d.platform}:{k}": d for kind in (None, "cpu") for k, d in enumerate(jax.local_devices(backend=kind))}


def denormals_of(kind: str) -> tuple[str, ...]:
    """What XLA does with denormals on devices of a kind."""
    return ("keep",) if kind in ("gpu", "cuda", "rocm") else ("flush",)


class Device(device.Device):
    """One device of JAX. XLA flushes denormals on the processor, whatever it is asked, and keeps them on a GPU."""

    def __init__(self, name: str):
        super().__init__(name)
        self.device = every_device()[name]
        self.denormals = denormals_of(device.kind_of(name))

    def send(self, array: np.ndarray, variable: Variable | None = None) -> Any:
        with jax.enable_x64(True):
            return jax.device_put(array.copy(), self.device)  # copied now: JAX copies when it comes to it, and a batch's memory is used again

    def fetch(self, value: Any) -> np.ndarray:
        return np.asarray(value)

    def held(self) -> int | None:
        return (self.device.memory_stats() or {}).get("bytes_in_use")

    def about_threads(self) -> str:
        return "XLA's own, one for each processor" if self.is_processor else super().about_threads()


class JaxStep(Step):
    """The walk as one jitted function; the buffers of variables that it updates are donated.

    On the processor XLA asks for memory when donated buffers are gone already, so the first call, which shows whether there is enough for these
    sizes, donates copies: where it fails, the values are as they were.
    """

    takes_over = True

    def __init__(self, walk: Walk, device: device.Device):
        super().__init__(walk, device)
        updated = [n for n, _ in walk.graph.updates]
        read = {n: k for k, n in enumerate(walk.variables)}
        self._given = [read[n] for n in updated if n in read]  # donated, in the order of the results: JAX gives each to the first that it fits
        self._kept = [k for n, k in read.items() if n not in updated]
        count = len(walk.graph.outputs)
        low, high = walk.bounds

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
        self._has_room = not device.is_processor

    def _jit(self, step: Any) -> Any:
        return jax.jit(step, donate_argnums=(0,))

    def _sent(self, inputs: Sequence[np.ndarray]) -> list[Any]:
        if self.walk.variables:  # JAX takes arrays to where these are, sooner than `device_put` does; copied, see `Device.send`
            return [a.copy() for a in inputs]
        return [self.device.send(a) for a in inputs]

    def __call__(self, inputs: Sequence[np.ndarray], variables: Sequence[Any]) -> tuple[list[Any], list[Any], np.ndarray]:
        with jax.enable_x64(True):
            donated = [variables[k] if self._has_room else jnp.copy(variables[k]) for k in self._given]
            given = (donated, [variables[k] for k in self._kept], self._sent(inputs))
            if self._types is None:
                self._types = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), given)
            outputs, news, extents = self._step(*given)
            if not self._has_room:
                jax.block_until_ready((outputs, news))
                self._has_room = True
        return outputs, news, np.asarray(extents) if len(extents) else NO_EXTENTS

    @property
    def source(self) -> str:
        with jax.enable_x64(True):
            if self._types is None:
                return ""
            return str(jax.make_jaxpr(self._step)(*self._types))
