"""Keras' activations: functions of a tensor. `get` finds one by name, `serialize` names it."""

from __future__ import annotations

import importlib
from typing import Any

from symkeras.not_offered import missing

# module of symkeras.activations -> public names it defines
_MODULES: dict[str, str] = {
    "rectifiers": "relu relu6 leaky_relu elu celu selu gelu silu mish softplus squareplus sparse_plus hard_silu threshold linear exponential",
    "saturating": "sigmoid log_sigmoid hard_sigmoid hard_sigmoid_keras_2 sparse_sigmoid tanh hard_tanh softsign",
    "shrinking": "hard_shrink soft_shrink tanh_shrink",
    "along_axis": "softmax log_softmax sparsemax glu",
    "registry": "get serialize deserialize",
}

NAMES: dict[str, str] = {name: module for module, names in _MODULES.items() for name in names.split()}

# other spellings -> name of the function
ALIASES: dict[str, str] = {"swish": "silu", "hard_swish": "hard_silu"}


def __getattr__(name: str) -> Any:
    known = ALIASES.get(name, name)
    if known in NAMES:
        return getattr(importlib.import_module(f"symkeras.activations.{NAMES[known]}"), known)
    raise missing("symkeras.activations", name)


def __dir__() -> list[str]:
    return sorted({*NAMES, *ALIASES})
