"""Which dtypes a layer computes and keeps its weights in. Names are imported when first used."""

from __future__ import annotations

import importlib
from typing import Any

from symkeras.not_offered import missing

# name -> module of symkeras.dtype_policies that defines it
NAMES: dict[str, str] = {
    "DTypePolicy": "dtype_policy", "FloatDTypePolicy": "dtype_policy", "DTypePolicyMap": "dtype_policy_map",
    "QuantizedDTypePolicy": "quantized_policy", "QuantizedFloat8DTypePolicy": "quantized_policy",
    "get": "registry", "serialize": "registry", "deserialize": "registry",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return getattr(importlib.import_module(f"symkeras.dtype_policies.{NAMES[name]}"), name)
    raise missing("symkeras.dtype_policies", name)


def __dir__() -> list[str]:
    return sorted(NAMES)
