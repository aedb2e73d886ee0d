"""A walk run by PyTorch, eagerly or compiled, and variables as tensors on a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from symkeras.backend.denormals import Denormals
from symkeras.backend.engine import device
from symkeras.backend.engine.executable import AtOnce
from symkeras.backend.engine.walk import Walk
from symkeras.backend.torch import dtypes, team
from symkeras.graph.variable import Variable

MODES = ("eager", "compile")


def known_devices() -> list[str]:
    """The names of the devices that are here."""
    found = ["cpu", *(f"cuda:{k}" for k in range(torch.cuda.device_count()))]
    return [*found, "mps"] if torch.backends.mps.is_available() else found


class Device(device.Device):
    """One device of PyTorch: its kernels for a GPU keep denormals, those for Metal flush them."""

    def __init__(self, name: str):
        super().__init__(name)
        self.device = torch.device(name)
        self.calls_here = self.is_processor
        if not self.is_processor:
            self.denormals = ("flush",) if name == "mps" else ("keep",)

    def send(self, array: np.ndarray, variable: Variable | None = None) -> torch.Tensor:
        return dtypes.tensor(array, self.device)

    def fetch(self, value: torch.Tensor) -> np.ndarray:
        return dtypes.array(value if self.calls_here else value.cpu())

    def held(self) -> int | None:
        return torch.cuda.memory_allocated(self.device) if self.device.type == "cuda" else None

    def tell_threads(self, denormals: Denormals, way: str) -> None:
        team.tell(denormals, way)

    def about_threads(self) -> str:
        return f"{torch.get_num_threads()} of PyTorch's" if self.is_processor else super().about_threads()

    def about_denormals(self, way: str) -> str:
        return f"{super().about_denormals(way)}{'' if not self.is_processor or team.can_be_told() else ' on the thread that calls'}"


class TorchStep(AtOnce):
    """The walk as a Python function that calls PyTorch line by line."""

    def __call__(self, inputs: Sequence[np.ndarray], variables: Sequence[Any]) -> tuple[list[Any], list[Any], np.ndarray]:
        with torch.no_grad():
            return super().__call__(inputs, variables)

    def _numbers(self, extents: Sequence[torch.Tensor]) -> np.ndarray:
        return torch.stack(list(extents)).cpu().numpy()


class CompiledStep(TorchStep):
    """The walk compiled by `torch.compile`."""

    def __init__(self, walk: Walk, device: Device):
        super().__init__(walk, device)
        self._run = torch.compile(walk.run, dynamic=False)
