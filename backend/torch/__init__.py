"""PyTorch: the graph as a Python function that calls PyTorch line by line, or that `torch.compile` compiles.

Installed by `pip install "symkeras[torch]"`; nothing of it is imported before this backend is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from symkeras.arguments import one_of
from symkeras.backend.engine.backend import EngineBackend
from symkeras.backend.engine.device import Device as AnyDevice
from symkeras.backend.engine.walk import Functions, Walk
from symkeras.backend.torch.cluster import TorchCluster
from symkeras.backend.torch.distributed import Replica, SplitStep, replica_of
from symkeras.backend.torch.executable import MODES, CompiledStep, Device, TorchStep, known_devices
from symkeras.backend.torch.functions import TorchFunctions
from symkeras.errors import BackendError
from symkeras.graph import dtypes

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
    passes = "whole-gradients"
    asks_malloc = True
    holds = dtypes.FOREIGN
    computes = moves = ("bfloat16",)
    own = {"mode": one_of(*MODES)}

    def __init__(self) -> None:
        super().__init__()
        self.cluster = TorchCluster()

    def devices(self) -> list[str]:
        return known_devices()

    def make_device(self, name: str) -> Device:
        return Device(name)

    def place(self, device: str | None, own: Mapping[str, Any]) -> AnyDevice:
        if "distribution" not in own:
            return super().place(device, own)
        if device is not None or _mode(own) != "eager":
            raise BackendError(f"device={device!r} and mode={_mode(own)!r} go with one device; {own['distribution']!r} runs eagerly on its own")
        return replica_of(own["distribution"], self.cluster)

    def functions(self, device: Device, own: Mapping[str, Any]) -> Functions:
        if isinstance(device, Replica):
            return device.functions
        is_eager = _mode(own) == "eager"
        return TorchFunctions(device.device, raises_at_once=device.is_processor and is_eager, takes_out=is_eager)

    def step(self, walk: Walk, device: Device, own: Mapping[str, Any]) -> TorchStep:
        if isinstance(device, Replica):
            return SplitStep(walk, device)
        return (TorchStep if _mode(own) == "eager" else CompiledStep)(walk, device)

    def about(self, device: Device, own: Mapping[str, Any]) -> str:
        if isinstance(device, Replica):
            return f"{_mode(own)}, {HOW[_mode(own)]}, as process {self.cluster.index} of {self.cluster.count}, {own['distribution']!r}"
        return f"{_mode(own)}, {HOW[_mode(own)]}"


def _mode(own: Mapping[str, Any]) -> str:
    return own.get("mode", "eager")
