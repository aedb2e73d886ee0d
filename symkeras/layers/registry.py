"""Layers as configs: `serialize`, `deserialize`."""

from __future__ import annotations

from typing import Any

from symkeras.errors import ConfigError
from symkeras.layers.layer import Layer


def serialize(layer: Layer) -> dict[str, Any]:
    """The config of a layer, which `deserialize` reads.

    Raises:
        ConfigError: something else than a layer.

    >>> from symkeras import layers
    >>> layers.deserialize(layers.serialize(layers.Dense(3, name="out"))).name
    'out'
    """
    from symkeras.saving.serialization import serialize_keras_object

    if not isinstance(layer, Layer):
        raise ConfigError(f"layers.serialize expects a layer, received {layer!r} of type {type(layer).__name__}")
    config: dict[str, Any] = serialize_keras_object(layer)
    return config


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Layer:
    """The layer that a config describes; `custom_objects` come first.

    Raises:
        ConfigError: the config is none, or of something else.

    >>> from symkeras import layers
    >>> layers.deserialize(layers.serialize(layers.Dense(3))).units
    3
    """
    from symkeras.saving.registration import CustomObjectScope
    from symkeras.saving.serialization import deserialize_keras_object

    with CustomObjectScope(custom_objects):
        found = deserialize_keras_object(config)
    if not isinstance(found, Layer):
        raise ConfigError(f"layers.deserialize expects the config of a layer, received {config!r}")
    return found
