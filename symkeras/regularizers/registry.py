"""Regularizers by name: `get`, `serialize`, `deserialize`."""

from __future__ import annotations

from typing import Any

from symkeras import regularizers
from symkeras.saving.lookup import resolve
from symkeras.saving.registration import CustomObjectScope
from symkeras.saving.serialization import serialize_keras_object
from symkeras.saving.spellings import Spellings

TABLE = Spellings(regularizers)


def get(identifier: Any) -> Any:
    """The regularizer that a name, config, class, object or function means; None for None.

    Args:
        identifier: the name, config, class or object; None stays None.

    Raises:
        ConfigError: an unknown name.

    >>> get("l2").l2
    0.01
    """
    return resolve(identifier, TABLE, "regularizer")


def serialize(regularizer: Any) -> Any:
    """The config of a regularizer.

    >>> serialize(get("l2"))["class_name"]
    'L2'
    """
    return serialize_keras_object(regularizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The regularizer that a config or a name describes; `custom_objects` come first.

    >>> type(deserialize(serialize(get("l2")))).__name__
    'L2'
    """
    with CustomObjectScope(custom_objects):
        return get(config)
