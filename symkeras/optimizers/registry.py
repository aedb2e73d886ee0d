"""Optimizers from names and configs, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symkeras import optimizers
from symkeras.optimizers.optimizer import Optimizer
from symkeras.saving.lookup import resolve


def get(identifier: Any) -> Any:
    """The optimizer that a name, config, class or instance means.

    Args:
        identifier: "adam", "RMSprop", a config, a class, an optimizer, or None.

    Raises:
        ConfigError: an unknown name, or something that is none of these.

    >>> type(get("rmsprop")).__name__
    'RMSprop'
    """
    if isinstance(identifier, Optimizer):
        return identifier
    return resolve(identifier, _table(identifier), "optimizer")


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """The config of an optimizer, as Keras writes it.

    >>> serialize(get("adam"))["class_name"]
    'Adam'
    """
    from symkeras.saving.serialization import serialize_keras_object

    return serialize_keras_object(optimizer)


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The optimizer that a config describes.

    Args:
        config: what `serialize` gave; a config without a module means one of symkeras' own or a custom optimizer.
        custom_objects: name -> class, beside the registered ones.

    >>> type(deserialize(serialize(get("adam")))).__name__
    'Adam'
    """
    from symkeras.saving.registration import CustomObjectScope

    with CustomObjectScope(custom_objects):
        return get(config)


def _table(identifier: Any) -> dict[str, Any]:
    """Name -> class, in the spelling of the class and in lower case; only the class asked for is imported."""
    asked = identifier.get("class_name") if isinstance(identifier, Mapping) else identifier
    table: dict[str, Any] = {}
    for name, module in optimizers.NAMES.items():
        if module not in ("registry", "optimizer") and name != "OptimizerMap":
            is_asked = isinstance(asked, str) and name.lower() == asked.lower()
            table[name] = table[name.lower()] = getattr(optimizers, name) if is_asked else None
    return table
