"""Activations by name: `get`, `serialize`, `deserialize`."""

from __future__ import annotations

from types import FunctionType
from typing import Any

from symkeras import activations
from symkeras.saving.lookup import resolve
from symkeras.saving.registration import CustomObjectScope, get_registered_name
from symkeras.saving.serialization import serialize_keras_object
from symkeras.saving.spellings import Spellings

TABLE = Spellings(activations)


def get(identifier: Any) -> Any:
    """The activation that a name, config, class, layer or function means; `linear` for None.

    Args:
        identifier: the name, config or function; `linear` when None.

    Raises:
        ConfigError: an unknown name.

    >>> get("swish").__name__, get(None).__name__
    ('silu', 'linear')
    """
    return activations.linear if identifier is None else resolve(identifier, TABLE, "activation")


def serialize(activation: Any) -> Any:
    """The name of an activation of symkeras, the config of any other function or object.

    >>> serialize(get("swish"))
    'silu'
    """
    if not isinstance(activation, FunctionType):
        return serialize_keras_object(activation)
    name = activation.__name__
    if TABLE.get(name) is activation:
        return name
    config = serialize_keras_object(activation)
    return {**config, "config": get_registered_name(activation)} if config["class_name"] == "function" else config


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The activation that a config or a name describes; `custom_objects` come first.

    >>> deserialize("relu").__name__
    'relu'
    """
    with CustomObjectScope(custom_objects):
        return get(config)
