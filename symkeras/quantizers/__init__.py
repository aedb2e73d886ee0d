"""Numbers of few bits and their scales: quantizers, and how layers are told to use them. Names are imported when first used."""

from __future__ import annotations

import importlib
from typing import Any

from symkeras.not_offered import missing

# module of symkeras.quantizers -> public names it defines
_MODULES: dict[str, str] = {
    "quantizer": "Quantizer AbsMaxQuantizer",
    "abs_max": "abs_max_quantize abs_max_quantize_grouped_with_zero_point",
    "fake_quantization": "fake_quant_with_min_max_vars",
    "float8": "compute_float8_scale compute_float8_amax_history quantize_and_dequantize",
    "int4": "pack_int4 unpack_int4",
    "quantization_config": "QuantizationConfig Int8QuantizationConfig Float8QuantizationConfig",
    "registry": "get serialize deserialize",
}

NAMES: dict[str, str] = {name: module for module, names in _MODULES.items() for name in names.split()}

# other spellings -> name of the class
ALIASES: dict[str, str] = {
    "quantizer": "Quantizer", "abs_max_quantizer": "AbsMaxQuantizer", "quantization_config": "QuantizationConfig",
    "int8_quantization_config": "Int8QuantizationConfig", "float8_quantization_config": "Float8QuantizationConfig",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    known = ALIASES.get(name, name)
    if known in NAMES:
        return getattr(importlib.import_module(f"symkeras.quantizers.{NAMES[known]}"), known)
    raise missing("symkeras.quantizers", name)


def __dir__() -> list[str]:
    return sorted({*NAMES, *ALIASES})
