"""`Config`: settings of an experiment, as attributes and as entries."""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableMapping
from typing import Any

from symkeras.errors import ConfigError


class Config(MutableMapping[str, Any]):
    """A dict whose entries are attributes, too, and which can be frozen.

    Args:
        **kwargs: the first entries.

    Raises:
        ConfigError: an entry is changed while it is frozen.
        AttributeError: there is no such entry.

    Example:
        >>> config = Config(rate=0.1)
        >>> config.layers = 3
        >>> config["rate"], config.as_dict()
        (0.1, {'rate': 0.1, 'layers': 3})
    """

    _entries: dict[str, Any]
    _is_frozen: bool

    def __init__(self, **kwargs: Any):
        object.__setattr__(self, "_entries", dict(kwargs))
        object.__setattr__(self, "_is_frozen", False)

    @property
    def frozen(self) -> bool:
        """Whether entries can not be changed."""
        return self._is_frozen

    def freeze(self) -> None:
        """Let nothing be changed."""
        object.__setattr__(self, "_is_frozen", True)

    def unfreeze(self) -> None:
        """Let entries be changed again."""
        object.__setattr__(self, "_is_frozen", False)

    def as_dict(self) -> dict[str, Any]:
        """The entries as a dict of its own."""
        return dict(self._entries)

    def to_json(self) -> str:
        """The entries as text."""
        return json.dumps(self._entries)

    def _check_free(self) -> None:
        if self._is_frozen:
            raise ConfigError("Config: it is frozen; call unfreeze() to change it")

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name in self._entries:
            return self._entries[name]
        raise AttributeError(f"Config has no entry {name!r}; it has {', '.join(self._entries) or 'none'}")

    def __delattr__(self, name: str) -> None:
        del self[name]

    def __getitem__(self, key: str) -> Any:
        return self._entries[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._check_free()
        self._entries[key] = value

    def __delitem__(self, key: str) -> None:
        self._check_free()
        del self._entries[key]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<Config {self._entries}>"
