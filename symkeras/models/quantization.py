"""`Model.quantize`: which layers are quantized, and what is said of the others."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import Any

from symkeras.arguments import refusal
from symkeras.errors import ConfigError, NotOfferedError
from symkeras.quantizers.quantization_config import resolved


def quantize_model(model: Any, mode: Any, config: Any, filters: Any, type_check: bool, unknown: Mapping[str, Any]) -> None:
    """Quantize the layers of a model that `filters` choose; a warning names those with weights that cannot be."""
    what = f"{type(model).__name__} {model.name!r}: quantize"
    if unknown:
        raise ConfigError(f"{what}: unrecognized keyword arguments {sorted(unknown)}")
    is_chosen = _choice(filters, what)
    config = resolved(mode, config, what)
    left = []
    for layer in model._flatten_layers(include_self=False):
        if layer._layers or not is_chosen(layer):
            continue
        try:
            layer.quantize(config.mode, config=config, type_check=type_check)
        except NotOfferedError:
            if layer.weights:
                left.append(f"{layer.name!r} ({type(layer).__name__})")
    model._forget_steps()
    if left:
        warnings.warn(f"{what}({config.mode!r}) leaves as they are {', '.join(left)}: these layers have no such mode", stacklevel=3)


def _choice(filters: Any, what: str) -> Any:
    """Whether a layer is chosen, as a function."""
    if filters is None:
        return lambda layer: True
    if callable(filters):
        return filters
    patterns = (filters,) if isinstance(filters, str) else filters
    if not isinstance(patterns, (list, tuple)) or not all(isinstance(pattern, str) for pattern in patterns):
        raise refusal(f"{what}: filters", "a regular expression, a list of such, or a function of a layer", filters)
    try:
        found = [re.compile(pattern) for pattern in patterns]
    except re.error as error:
        raise ConfigError(f"{what}: filters {filters!r} is no regular expression: {error}") from error
    return lambda layer: any(one.search(layer.name) for one in found)
