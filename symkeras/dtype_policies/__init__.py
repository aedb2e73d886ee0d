"""Which dtypes a layer computes and keeps its weights in. Names are imported when first used."""

from __future__ import annotations

import importlib
from typing import Any

# name -> module of symkeras.dtype_policies that defines it
NAMES: dict[str, str] = {
    "DTypePolicy": "dtype_policy", "FloatDTypePolicy": "dtype_policy", "DTypePolicyMap": "dtype_policy_map",
    "get": "registry", "serialize": "registry", "deserialize": "registry",
}  # fmt: skip

_QUANTIZED = ("QuantizedDTypePolicy", "QuantizedFloat8DTypePolicy", "Int4DTypePolicy", "GPTQDTypePolicy", "AWQDTypePolicy")


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return getattr(importlib.import_module(f"symkeras.dtype_policies.{NAMES[name]}"), name)
    if name in _QUANTIZED:
        raise AttributeError(f"dtype_policies.{name} is not offered: symkeras has no quantized layers; use float32 or mixed_float16")
    raise AttributeError(f"module 'symkeras.dtype_policies' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(NAMES)
