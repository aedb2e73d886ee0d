"""`OrbaxCheckpoint`, which is refused."""

from __future__ import annotations

from typing import Any

from symkeras.callbacks.callback import Callback
from symkeras.errors import ConfigError


class OrbaxCheckpoint(Callback):
    """Refused: Orbax writes the values of JAX alone, in a format that is given by its own code and nowhere else.

    Raises:
        ConfigError: always; it names what to use.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        raise ConfigError(
            "OrbaxCheckpoint is not offered: the format is what the package orbax writes for JAX. BackupAndRestore keeps the whole state of "
            "training and goes on with it after an interruption; ModelCheckpoint saves models or weights by epoch, batch or best value"
        )
