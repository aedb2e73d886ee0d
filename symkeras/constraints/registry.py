"""Constraints by name: `get`, `serialize`, `deserialize`."""

from __future__ import annotations

from typing import Any

from symkeras import constraints
from symkeras.saving.lookup import resolve
from symkeras.saving.registration import CustomObjectScope
from symkeras.saving.serialization import serialize_keras_object
from symkeras.saving.spellings import Spellings

TABLE = Spellings(constraints)


def get(identifier: Any) -> Any:
    """The constraint that a name, config, class, object or function means; None for None.

    Args:
        identifier: the name, config, class or object; None stays None.

    Raises:
        ConfigError: an unknown name.

    >>> get("max_norm").max_value
    2
    """
    return resolve(identifier, TABLE, "constraint")


def serialize(constraint: Any) -> Any:
    """The config of a constraint.

    >>> serialize(get("non_neg"))["class_name"]
    'NonNeg'
    """
    return serialize_keras_object(constraint)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The constraint that a config or a name describes; `custom_objects` come first.

    >>> type(deserialize(serialize(get("non_neg")))).__name__
    'NonNeg'
    """
    with CustomObjectScope(custom_objects):
        return get(config)
