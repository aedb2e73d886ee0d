"""Configs as Keras 2 wrote them: {"class_name", "config"}, without modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symkeras.errors import ConfigError
from symkeras.saving.lookup import resolve
from symkeras.saving.registration import CustomObjectScope, get_registered_name
from symkeras.saving.serialization import deserialize_keras_object as read


def serialize_keras_object(instance: Any) -> Any:
    """The config of an object as Keras 2 wrote it; the name of a function; None for None.

    Args:
        instance: what is to be written.

    Raises:
        ConfigError: something that has neither a config nor a name.

    >>> from symkeras import regularizers
    >>> serialize_keras_object(regularizers.L2(0.5))
    {'class_name': 'L2', 'config': {'l2': 0.5}}
    """
    if instance is None:
        return None
    if hasattr(instance, "get_config") and not isinstance(instance, type):
        return {"class_name": get_registered_name(type(instance)), "config": instance.get_config()}
    if hasattr(instance, "__name__"):
        return get_registered_name(instance)
    raise ConfigError(f"serialize_keras_object: {instance!r} of type {type(instance).__name__} has neither a config nor a name")


def deserialize_keras_object(identifier: Any, module_objects: Mapping[str, Any] | None = None, custom_objects: Mapping[str, Any] | None = None,
                             printable_module_name: str = "object") -> Any:  # fmt: skip
    """The object that a config or name of Keras 2 means.

    Args:
        identifier: a config, the name of a class or function, or None. The name of a function gives it, that of a class an object of it.
        module_objects: name -> class or function; a config whose class is not among them is looked up in all of symkeras.
        custom_objects: name -> class or function that come first.
        printable_module_name: what kind of thing it is, for messages.

    Raises:
        ConfigError: an unknown name.

    >>> deserialize_keras_object({"class_name": "L2", "config": {"l2": 0.5}}).l2
    0.5
    """
    known = dict(module_objects or {})
    with CustomObjectScope(custom_objects):
        if isinstance(identifier, Mapping) and identifier.get("class_name") not in known:
            return read(identifier)
        return resolve(identifier, known, printable_module_name)
