"""ONNX Runtime: predict and evaluate by a session of the ONNX model that `export` writes; it does not train.

Installed by `pip install "symkeras[onnx]"`; nothing of it is imported before this backend is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symkeras.arguments import one_of
from symkeras.backend.engine.backend import EngineBackend
from symkeras.backend.onnx import table
from symkeras.backend.onnx.recurrence import RecogniseRecurrence
from symkeras.backend.onnxruntime.executable import SessionExecutable
from symkeras.backend.onnxruntime.providers import Device, names
from symkeras.graph.graph import Graph


class OnnxRuntimeBackend(EngineBackend):
    """Registered as "onnxruntime"."""

    name = "onnxruntime"
    package = "onnxruntime"
    first = (RecogniseRecurrence(),)
    unwanted = table.UNWANTED
    holds = ("bfloat16",)
    moves = ()
    own = {"numerics": one_of("safe", "fast")}

    def devices(self) -> list[str]:
        return list(names())

    def full_name(self, name: str | None) -> str:
        kind, _, number = (name or "cpu").partition(":")
        if kind != "cpu" and kind in names() and number.isdigit():  # the engine does not say how many of a kind there are
            return f"{kind}:{number}"
        return super().full_name(name or "cpu")

    def make_device(self, name: str) -> Device:
        return Device(name)

    def about(self, device: Device, own: Mapping[str, Any]) -> str:
        return "one session for all sizes, weights are its constants"

    def takes(self, op: str) -> bool:
        return table.takes(op)

    def compile(self, graph: Graph, **options: Any) -> SessionExecutable:
        return SessionExecutable(graph, self, **options)
