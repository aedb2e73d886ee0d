"""`History`: what `fit` returns."""

from __future__ import annotations

from typing import Any

from symkeras.callbacks.callback import Callback, Logs
from symkeras.callbacks.logs import ByName


class History(Callback):
    """Keeps the logs of all epochs.

    Attributes:
        epoch: numbers of the epochs.
        history: name -> values, one per epoch; it answers to the names of 2017 (`acc`, `val_acc`, `lr`) as well.
    """

    def __init__(self) -> None:
        super().__init__()
        self.epoch: list[int] = []
        self.history: dict[str, list[Any]] = ByName()

    def on_train_begin(self, logs: Logs = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
