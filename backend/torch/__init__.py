"""PyTorch: the graph as a Python function that calls PyTorch line by line, or that `torch.compile` compiles.

Installed by `pip install "symkeras[torch]"`; nothing of it is imported before this backend is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from symkeras.arguments import one_of
from symkeras.backend.engine.backend import EngineBackend
from symkeras.backend.engine.walk import Walk
from symkeras.backend.torch.executable import MODES, CompiledStep, Device, TorchStep, known_devices
from symkeras.backend.torch.functions import TorchFunctions

HOW = {
    "eager": "PyTorch called op by op",
    "compile": "kernels that torch.compile makes for each set of sizes, which takes it seconds to minutes",
}  # fmt: skip


class TorchBackend(EngineBackend):
    """Registered as "torch".

    Its option `mode` is "eager", which calls PyTorch op by op, or "compile", for kernels by `torch.compile`.
    """

    name = "torch"
    package = "torch"
    table = TorchFunctions(torch.device("cpu"), raises_at_once=True)
    own = {"mode": one_of(*MODES)}

    def devices(self) -> list[str]:
        return known_devices()

    def make_device(self, name: str) -> Device:
        return Device(name)

    def functions(self, device: Device, own: Mapping[str, Any]) -> TorchFunctions:
        is_eager = _mode(own) == "eager"
        return TorchFunctions(device.device, raises_at_once=device.is_processor and is_eager, takes_out=is_eager)

    def step(self, walk: Walk, device: Device, own: Mapping[str, Any]) -> TorchStep:
        return (TorchStep if _mode(own) == "eager" else CompiledStep)(walk, device)

    def about(self, device: Device, own: Mapping[str, Any]) -> str:
        return f"{_mode(own)}, {HOW[_mode(own)]}"


def _mode(own: Mapping[str, Any]) -> str:
    return own.get("mode", "eager")
