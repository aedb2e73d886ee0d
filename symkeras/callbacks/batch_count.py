"""Saving every so many batches: counting them across epochs."""

from __future__ import annotations

from typing import Any

from symkeras.errors import ConfigError


class BatchCount:
    """Says when `save_freq` batches have passed.

    Args:
        save_freq: a number of batches, or "epoch": never between the batches.
        owner: class that counts, for messages.
    """

    def __init__(self, save_freq: Any, owner: str):
        is_count = isinstance(save_freq, int) and not isinstance(save_freq, bool) and save_freq > 0
        if save_freq != "epoch" and not is_count:
            raise ConfigError(f"{owner}: save_freq must be 'epoch' or a number of batches, received {save_freq!r}")
        self._every: int | None = None if save_freq == "epoch" else save_freq
        self._since = 0
        self._last = -1

    @property
    def is_by_batch(self) -> bool:
        """Whether batches are counted at all."""
        return self._every is not None

    def passed(self, batch: int) -> bool:
        """Take note that `batch` ended, and whether it is time."""
        self._since += batch - self._last if batch > self._last else batch + 1
        self._last = batch
        if self._every is None or self._since < self._every:
            return False
        self._since = 0
        return True
