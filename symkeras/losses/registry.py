"""Losses by name: `get`, `serialize`, `deserialize`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from symkeras import losses
from symkeras.saving.lookup import resolve


class NameTable(Mapping[str, Any]):
    """Every spelling of the names of a lazy package -> what it means, imported when it is asked for.

    Args:
        package: a module with `NAMES` (name -> module) and `ALIASES` (spelling -> name).
    """

    def __init__(self, package: Any):
        self.package = package

    def __getitem__(self, name: str) -> Any:
        known = self.package.ALIASES.get(name, name)
        if self.package.NAMES.get(known, "registry") == "registry":
            raise KeyError(name)
        return getattr(self.package, known)

    def __iter__(self) -> Iterator[str]:
        yield from (n for n, module in self.package.NAMES.items() if module != "registry")
        yield from self.package.ALIASES

    def __len__(self) -> int:
        return sum(1 for _ in self)


TABLE = NameTable(losses)


def get(identifier: Any) -> Any:
    """The loss that a name, config, class or object means; None for None.

    Raises:
        ConfigError: an unknown name.

    >>> get("mse").__name__, get("Huber").name
    ('mean_squared_error', 'huber_loss')
    """
    return resolve(identifier, TABLE, "loss")


def serialize(loss: Any) -> Any:
    """The config of a loss, or the name of a loss function."""
    from symkeras.saving.serialization import serialize_keras_object

    return serialize_keras_object(loss)


def deserialize(name: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The loss that a config or a name describes; `custom_objects` come first."""
    return deserialize_from(TABLE, name, custom_objects, "loss")


def deserialize_from(table: Mapping[str, Any], config: Any, custom_objects: dict[str, Any] | None, kind: str) -> Any:
    """What `config` (a dict or a name) describes, by the custom objects, then by `table`."""
    name = config if isinstance(config, str) else config.get("class_name")
    custom = (custom_objects or {}).get(name)
    if custom is None:
        return resolve(config, table, kind)
    return custom if isinstance(config, str) else custom.from_config(config.get("config", {}))
