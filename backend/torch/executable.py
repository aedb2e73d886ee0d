"""A walk run by PyTorch, eagerly or compiled, and variables as tensors on a device."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from symkeras.backend.denormals import Denormals, describe
from symkeras.backend.engine.executable import AtOnce, EngineExecutable
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


class TorchStep(AtOnce):
    """The walk as a Python function that calls PyTorch line by line."""

    def _numbers(self, extents: Sequence[torch.Tensor]) -> np.ndarray:
        return torch.stack(list(extents)).cpu().numpy()


class CompiledStep(TorchStep):
    """The walk compiled by `torch.compile`."""

    def __init__(self, walk: Walk, place: Device):
        super().__init__(walk, place)
        self._run = torch.compile(walk.run, dynamic=False)


class TorchExecutable(EngineExecutable):
    """See `EngineExecutable`.

    Args:
        device: "cpu", "cuda:1", "mps"; see `device_called`.
        mode: "eager" calls PyTorch op by op; "compile" has `torch.compile` make kernels for each set of sizes, which takes it seconds to minutes.
    """

    def __init__(self, graph: Graph, backend: Backend, device: str | None = None, mode: str = "eager", **options: Any):
        if mode not in MODES:
            raise ConfigError(f"mode must be one of {', '.join(map(repr, MODES))}, received {mode!r}")
        place = device_called(device)
        self.mode = mode
        functions = TorchFunctions(place.device, raises_at_once=place.is_host and mode == "eager", takes_out=mode == "eager")
        super().__init__(graph, backend, functions, place, TorchStep if mode == "eager" else CompiledStep, **options)
        self._threads = threading.local()

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
