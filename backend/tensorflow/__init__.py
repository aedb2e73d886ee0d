"""TensorFlow: the graph as one traced function for each set of sizes.

Installed by `pip install "symkeras[tensorflow]"`; nothing of it is imported before this backend is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from typing import Any

from symkeras.backend.engine.backend import EngineBackend
from symkeras.backend.engine.walk import Walk
from symkeras.backend.tensorflow.executable import Device, TensorFlowStep, device_names
from symkeras.backend.tensorflow.functions import FUNCTIONS
from symkeras.graph import dtypes


class TensorFlowBackend(EngineBackend):
    """Registered as "tensorflow"."""

    name = "tensorflow"
    table = FUNCTIONS
    holds = dtypes.FOREIGN
    moves = ("bfloat16",)

    def __init__(self) -> None:
        super().__init__()
        self.package = (metadata.packages_distributions().get("tensorflow") or ["tensorflow"])[0]  # there are builds of several names

    def devices(self) -> list[str]:
        return device_names()

    def make_device(self, name: str) -> Device:
        return Device(name)

    def step(self, walk: Walk, device: Device, own: Mapping[str, Any]) -> TensorFlowStep:
        return TensorFlowStep(walk, device)

    def about(self, device: Device, own: Mapping[str, Any]) -> str:
        return "a graph for each set of sizes, run by kernels of TensorFlow (XLA took longer and loses NaN in maxima)"
