"""ONNX Runtime: predict and evaluate by a session of the ONNX model that `export` writes; it does not train.

Installed by `pip install "symkeras[onnx]"`; nothing of it is imported before this backend is chosen.
"""

from __future__ import annotations

from typing import Any

from symkeras.arguments import one_of, optional, text
from symkeras.backend.interface import Backend
from symkeras.backend.onnx.table import takes
from symkeras.backend.onnxruntime.executable import SessionExecutable
from symkeras.backend.onnxruntime.providers import names
from symkeras.graph.graph import Graph


class OnnxRuntimeBackend(Backend):
    """Registered as "onnxruntime"."""

    name = "onnxruntime"
    package = "onnxruntime"
    options = {"device": optional(text), "numerics": one_of("safe", "fast")}

    def devices(self) -> list[str]:
        return list(names())

    def takes(self, op: str) -> bool:
        return takes(op)

    def compile(self, graph: Graph, **options: Any) -> SessionExecutable:
        return SessionExecutable(graph, self, **options)
