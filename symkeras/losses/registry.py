"""Losses by name: `get`, `serialize`, `deserialize`."""

from __future__ import annotations

from typing import Any

from symkeras import losses
from symkeras.saving.lookup import resolve
from symkeras.saving.registration import CustomObjectScope
from symkeras.saving.spellings import Spellings

TABLE = Spellings(losses)


def get(identifier: Any) -> Any:
    """The loss that a name, config, class or object means; None for None.

    Args:
        identifier: the name, config, class or object; None stays None.

    Raises:
        ConfigError: an unknown name.

    >>> get("mse").__name__, get("Huber").name
    ('mean_squared_error', 'huber_loss')
    """
    return resolve(identifier, TABLE, "loss")


def serialize(loss: Any) -> Any:
    """The config of a loss or of a loss function.

    >>> serialize(get("mse"))["config"], serialize(get("Huber"))["class_name"]
    ('mean_squared_error', 'Huber')
    """
    from symkeras.saving.serialization import serialize_keras_object

    return serialize_keras_object(loss)


def deserialize(name: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The loss that a config or a name describes; `custom_objects` come first.

    >>> deserialize(serialize(get("Huber"))).name
    'huber_loss'
    """
    with CustomObjectScope(custom_objects):
        return get(name)
