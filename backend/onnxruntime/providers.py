"""The devices of ONNX Runtime: what it calls execution providers."""

from __future__ import annotations

from typing import Any

import onnxruntime

from symkeras.backend.emitted import threads
from symkeras.backend.engine import device

_REMOTE = ("AzureExecutionProvider",)
"""Providers that are no device of this machine."""


def names() -> dict[str, str]:
    """The provider behind each kind of device: "cpu", "cuda", ..., the processor first."""
    found = {p.removesuffix("ExecutionProvider").lower(): p for p in onnxruntime.get_available_providers() if p not in _REMOTE}
    return {"cpu": found.pop("cpu", "CPUExecutionProvider"), **found}


class Device(device.Device):
    """A kind of device, or one of its kind: a session fetches and sends what it needs by itself.

    Attributes:
        providers: what a session is given; the processor for what a device lacks.
    """

    calls_here = True

    def __init__(self, name: str):
        super().__init__(name)
        kind, _, number = name.partition(":")
        known = names()
        self.providers: list[Any] = [known["cpu"]] if self.is_processor else [(known[kind], {"device_id": int(number or 0)}), known["cpu"]]

    def about_threads(self) -> str:
        return f"{threads.count()} of ONNX Runtime's"
