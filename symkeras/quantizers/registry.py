"""Quantizers by name: `get`, `serialize`, `deserialize`."""

from __future__ import annotations

from typing import Any

from symkeras import quantizers
from symkeras.saving.lookup import resolve
from symkeras.saving.registration import CustomObjectScope
from symkeras.saving.serialization import serialize_keras_object
from symkeras.saving.spellings import Spellings

TABLE = Spellings(quantizers)


def get(identifier: Any, **kwargs: Any) -> Any:
    """The quantizer, or quantization config, that a name, config, class or object means; None for None.

    Args:
        identifier: the name, config, class or object; None stays None.
        **kwargs: arguments for a class that is given by its name.

    Raises:
        ConfigError: an unknown name.

    >>> get("abs_max_quantizer", axis=0).axis
    (0,)
    """
    if kwargs and isinstance(identifier, str) and isinstance(TABLE.get(identifier), type):
        return TABLE[identifier](**kwargs)
    if isinstance(identifier, quantizers.QuantizationConfig):
        return identifier
    return resolve(identifier, TABLE, "quantizer")


def serialize(initializer: Any) -> Any:
    """The config of a quantizer.

    Args:
        initializer: the quantizer; the name is Keras'.

    >>> serialize(get("abs_max_quantizer"))["class_name"]
    'AbsMaxQuantizer'
    """
    return serialize_keras_object(initializer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The quantizer that a config or a name describes; `custom_objects` come first.

    Args:
        config: what `serialize` gave.
        custom_objects: name -> class.

    Raises:
        ConfigError: an unknown name.

    >>> type(deserialize(serialize(get("abs_max_quantizer")))).__name__
    'AbsMaxQuantizer'
    """
    with CustomObjectScope(custom_objects):
        return get(config)
