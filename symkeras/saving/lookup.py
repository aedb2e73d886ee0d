"""From what users write to an object: the `get` of losses, metrics, layers, optimizers, initializers and the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from symkeras.errors import ConfigError, nearest


def resolve(identifier: Any, table: Mapping[str, Any], kind: str) -> Any:
    """The object that `identifier` means.

    Args:
        identifier: None, a name in `table`, a serialized config, a class, an instance, or a function.
        table: name -> class or function.
        kind: "loss", "optimizer", ...: for messages.

    Returns:
        None for None; an instance for a class or the name of a class; a function for the name of a function; whatever
        the config describes; everything else that can be called as it is.

    Raises:
        ConfigError: an unknown name, with the nearest known one, or something that is none of these.
    """
    if identifier is None:
        return None
    if isinstance(identifier, Mapping):
        from symkeras.saving.serialization import deserialize_keras_object

        found = deserialize_keras_object(_complete(identifier, table, kind))
        if isinstance(found, Mapping):
            raise ConfigError(f"a config of a {kind} has a class_name, received {identifier!r}")
        return found
    if isinstance(identifier, str):
        found = by_name(identifier, table)
        if found is None:
            raise ConfigError(f"unknown {kind} {identifier!r}.{nearest(identifier, table)}")
        return found() if isinstance(found, type) else found
    if isinstance(identifier, type):
        return identifier()
    if isinstance(identifier, Callable):
        return identifier
    raise ConfigError(f"a {kind} is given by name, config, class or instance, received {identifier!r}")


def by_name(name: str, table: Mapping[str, Any]) -> Any:
    """The entry of `table` called `name`, by the exact name first, then by any spelling; custom objects come first."""
    from symkeras.saving.serialization import custom_object

    custom = custom_object(name)
    if custom is not None:
        return custom
    return table.get(name) or table.get(name.lower())


def _complete(config: Mapping[str, Any], table: Mapping[str, Any], kind: str) -> Any:
    """A config whose class is looked up in `table` when it names no module, as the configs of 2017 do."""
    if "module" in config or "class_name" not in config:
        return config
    if not isinstance(config["class_name"], str):
        raise ConfigError(f"a config of a {kind} has the name of a class as class_name, received {config['class_name']!r}")
    found = by_name(config["class_name"], table)
    if found is None:
        raise ConfigError(f"unknown {kind} {config['class_name']!r}.{nearest(config['class_name'], table)}")
    return {**config, "module": found.__module__, "class_name": found.__name__}
