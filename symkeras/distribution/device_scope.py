"""`device`: where arrays lie."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from symkeras.errors import ConfigError


@contextmanager
def device(device_name: str) -> Iterator[None]:
    """A context for a device that variables and arrays are made on: the processor, where all of them live.

    What an engine runs on is said by `compile(backend="jax", device="cuda")`; it takes variables there by itself.

    Args:
        device_name: "cpu" or "cpu:0".

    Raises:
        ConfigError: another device.

    >>> with device("cpu:0"):
    ...     pass
    """
    if not isinstance(device_name, str) or device_name.lower() not in ("cpu", "cpu:0"):
        raise ConfigError(
            f"device: arrays and variables live on 'cpu:0', received {device_name!r}; compile(backend=..., device=...) says what a model runs on"
        )
    yield
