"""Keras' initializers: callables `(shape, dtype) -> array` that give weights their first values."""

from __future__ import annotations

import importlib
from typing import Any

from symkeras.not_offered import missing

# module of symkeras.initializers -> public names it defines
_MODULES: dict[str, str] = {
    "initializer": "Initializer",
    "fixed": "Constant Zeros Ones Identity",
    "sampled": "RandomNormal RandomUniform TruncatedNormal Orthogonal",
    "spectral": "STFT",
    "scaling": "VarianceScaling GlorotNormal GlorotUniform HeNormal HeUniform LecunNormal LecunUniform",
    "registry": "get serialize deserialize",
}

NAMES: dict[str, str] = {name: module for module, names in _MODULES.items() for name in names.split()}

# other spellings -> name of the class
ALIASES: dict[str, str] = {
    "constant": "Constant", "zeros": "Zeros", "zero": "Zeros", "ones": "Ones", "one": "Ones", "identity": "Identity",
    "IdentityInitializer": "Identity", "random_normal": "RandomNormal", "normal": "RandomNormal", "random_uniform": "RandomUniform",
    "uniform": "RandomUniform", "truncated_normal": "TruncatedNormal", "orthogonal": "Orthogonal", "OrthogonalInitializer": "Orthogonal",
    "variance_scaling": "VarianceScaling", "glorot_normal": "GlorotNormal", "glorot_uniform": "GlorotUniform", "he_normal": "HeNormal",
    "he_uniform": "HeUniform", "lecun_normal": "LecunNormal", "lecun_uniform": "LecunUniform",
    "STFTInitializer": "STFT", "stft": "STFT",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    known = ALIASES.get(name, name)
    if known in NAMES:
        return getattr(importlib.import_module(f"symkeras.initializers.{NAMES[known]}"), known)
    raise missing("symkeras.initializers", name)


def __dir__() -> list[str]:
    return sorted({*NAMES, *ALIASES})
