"""symkeras: Keras models, compiled in the open.

Layers emit nodes into one symbolic graph, a compiler rewrites it step by step, a backend lowers it to kernels.
Everything is imported when it is first used, so that `import symkeras` costs little more than NumPy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from symkeras.blas import choose_core_type as _choose_core_type
from symkeras.not_offered import missing

_choose_core_type()

__version__ = "0.1.0"

_MODULES = (
    "activations", "applications", "autodiff", "backend", "blas", "callbacks", "compiler", "config", "constraints", "datasets", "distillation",
    "distribution", "dtype_policies", "graph", "initializers", "layers", "legacy", "losses", "metrics", "mixed_precision", "models", "ops",
    "optimizers", "preprocessing", "quantizers", "random", "regularizers", "saving", "tree", "utils", "visualization", "wrappers",
)  # fmt: skip
_NAMES = {
    "Input": "layers", "InputSpec": "layers", "Layer": "layers", "Model": "models", "Sequential": "models",
    "Initializer": "initializers", "Loss": "losses", "Metric": "metrics", "Optimizer": "optimizers", "Regularizer": "regularizers",
    "DTypePolicy": "dtype_policies", "FloatDTypePolicy": "dtype_policies", "Quantizer": "quantizers",
    "StatelessScope": "graph.stateless", "SymbolicScope": "graph.stateless", "RematScope": "graph.rematerialization",
    "remat": "graph.rematerialization", "device": "distribution.device_scope", "Operation": "layers.operation", "Function": "models.function",
    "Variable": "graph.variable", "KerasTensor": "layers.input", "Graph": "graph", "Tensor": "graph",
    "GradientTape": "autodiff.tape", "function": "backend.function", "grad": "backend.function", "name_scope": "graph.provenance",
    "compare": "inspection.compare", "bisect": "inspection.bisect", "minimise": "inspection.minimise", "diff": "inspection.model_diff",
}  # fmt: skip
_RENAMED = {"name_scope": "layer_scope"}

if TYPE_CHECKING:
    from symkeras import backend, config, graph, ops, tree


def version() -> str:
    """The version of symkeras."""
    return __version__


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"symkeras.{name}")
    if name in _NAMES:
        for installs in ("ops", "initializers.registry") if name == "Variable" else ("ops",):
            importlib.import_module(f"symkeras.{installs}")  # which give tensors and variables operators, and names to variables
        return getattr(importlib.import_module(f"symkeras.{_NAMES[name]}"), _RENAMED.get(name, name))
    raise missing("symkeras", name)


def __dir__() -> list[str]:
    return sorted({*_MODULES, *_NAMES, "version", "__version__"})
