"""A walk run by PyTorch, eagerly or compiled, and variables as tensors on a device."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from symkeras.backend.denormals import Denormals, describe
from symkeras.backend.engine.executable import EngineExecutable, Step
from symkeras.backend.engine.walk import Walk
from symkeras.backend.interface import Backend
from symkeras.backend.torch import dtypes
from symkeras.backend.torch.functions import TorchFunctions
from symkeras.errors import BackendError, ConfigError
from symkeras.graph.graph import Graph
from symkeras.graph.residence import Place
from symkeras.graph.variable import Variable

MODES = ("eager", "compile")


class Device(Place):
    """Where values live: one device of PyTorch."""

    def __init__(self, device: torch.device):
        self.device = device
        self.is_host = device.type == "cpu"

    def send(self, array: np.ndarray, variable: Variable | None = None) -> torch.Tensor:
        return torch.tensor(dtypes.held(array), device=self.device)

    def fetch(self, value: torch.Tensor) -> np.ndarray:
        return (value if self.is_host else value.cpu()).numpy()

    def __str__(self) -> str:
        return f"torch {torch.__version__} on {self.device}"


def known_devices() -> list[str]:
    """The names of the devices that are here."""
    found = ["cpu", *(f"cuda:{k}" for k in range(torch.cuda.device_count()))]
    return [*found, "mps"] if torch.backends.mps.is_available() else found


@lru_cache
def device_called(name: str | None) -> Device:
    """The device called such as "cpu", "cuda" or "cuda:1"; the first one with an accelerator, else the processor, when None.

    Raises:
        BackendError: there is none of that name.
    """
    known = known_devices()
    if name is None:
        name = known[1] if len(known) > 1 else "cpu"
    full = "cuda:0" if name == "cuda" else name
    if full not in known:
        raise BackendError(f"torch has no device {name!r}; it has {', '.join(known)}")
    return Device(torch.device(full))


class TorchStep(Step):
    """The walk as a Python function that calls PyTorch line by line."""

    def __init__(self, walk: Walk, place: Device):
        super().__init__(walk, place)
        self._count = len(walk.graph.outputs)
        self._run = walk.run

    def __call__(self, inputs: Sequence[np.ndarray], variables: Sequence[Any]) -> tuple[list[Any], list[Any], np.ndarray]:
        results, extents = self._run([self.place.send(a) for a in inputs], variables)
        found = torch.stack(extents).cpu().numpy() if extents else _NO_EXTENTS
        if extents:
            bad = any(c.error(int(a), int(b)) is not None for c, (a, b) in zip(self.walk.checks, found, strict=True))
            if bad:
                return [], self._old(variables), found
        return results[: self._count], results[self._count :], found

    def _old(self, variables: Sequence[Any]) -> list[Any]:
        """The values before, for variables that were read; nothing for others, which nobody takes."""
        held = dict(zip(self.walk.variables, variables, strict=True))
        return [held.get(n) for n, _ in self.walk.graph.updates]

    @property
    def source(self) -> str:
        return self.walk.source


class CompiledStep(TorchStep):
    """The walk compiled by `torch.compile`."""

    def __init__(self, walk: Walk, place: Device):
        super().__init__(walk, place)
        self._run = torch.compile(walk.run, dynamic=False)


_NO_EXTENTS = np.zeros((0, 2), np.int64)


class TorchExecutable(EngineExecutable):
    """See `EngineExecutable`.

    Args:
        device: "cpu", "cuda:1", "mps"; see `device_called`.
        mode: "eager" calls PyTorch op by op; "compile" has `torch.compile` make kernels for each set of sizes, which takes it seconds to minutes.
    """

    def __init__(self, graph: Graph, backend: Backend, device: str | None = None, mode: str = "eager", distribution: Any = None, **options: Any):
        if mode not in MODES:
            raise ConfigError(f"mode must be one of {', '.join(map(repr, MODES))}, received {mode!r}")
        self.mode = mode
        self._threads = threading.local()
        if distribution is not None:
            from symkeras.backend.torch.distributed import SplitStep, replica_of

            if device is not None or mode != "eager":
                raise BackendError(f"device={device!r} and mode={mode!r} go with one device; {distribution!r} runs eagerly on its own")
            replica = replica_of(distribution, backend.cluster)
            super().__init__(graph, backend, replica.functions, replica, SplitStep, distribution=distribution, **options)
            return
        place = device_called(device)
        functions = TorchFunctions(place.device, raises_at_once=place.is_host and mode == "eager", takes_out=mode == "eager")
        super().__init__(graph, backend, functions, place, TorchStep if mode == "eager" else CompiledStep, **options)

    def __call__(self, *arrays: Any) -> list[np.ndarray]:
        with self._denormals(), torch.no_grad():
            return super().__call__(*arrays)

    def _denormals(self) -> Denormals:
        """The context of this thread."""
        found = getattr(self._threads, "denormals", None)
        if found is None:
            found = self._threads.denormals = Denormals(self.denormals == "flush")
        return found

    def __str__(self) -> str:
        return f"{super().__str__()}, {self.mode}; {describe(self.denormals)} on the thread that calls"
