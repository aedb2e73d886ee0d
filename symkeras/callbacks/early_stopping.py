"""`EarlyStopping`."""

from __future__ import annotations

from typing import Any

from symkeras.arguments import boolean, checked, non_negative_int, number, optional, verbosity
from symkeras.callbacks.callback import Logs
from symkeras.callbacks.monitor import MonitorCallback
from symkeras.utils.progbar import print_message


class EarlyStopping(MonitorCallback):
    """Stops training when a value no longer improves.

    Args:
        monitor: name of the value in the logs.
        min_delta: changes up to this size are no improvement.
        patience: epochs without improvement after which training stops.
        verbose: 1 to say so.
        mode: "min", "max" or "auto": what an improvement is.
        baseline: a value that must be passed for patience to start anew.
        restore_best_weights: whether the model ends with the weights of its best epoch.
        start_from_epoch: epochs before this one do not count.

    Example:
        >>> EarlyStopping("val_loss", patience=3).patience
        3
    """

    @checked(
        patience=non_negative_int, verbose=verbosity, baseline=optional(number()), restore_best_weights=boolean,
        start_from_epoch=non_negative_int,
    )  # fmt: skip
    def __init__(self, monitor: str = "val_loss", min_delta: float = 0, patience: int = 0, verbose: int = 0, mode: str = "auto",
                 baseline: float | None = None, restore_best_weights: bool = False, start_from_epoch: int = 0):  # fmt: skip
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.on_train_begin()

    def on_train_begin(self, logs: Logs = None) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best: Any = None
        self.best_epoch = 0
        self.best_weights: Any = None

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        value = self.monitored(logs, "training is not stopped early")
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._remember(epoch)
        self.wait += 1
        if self.is_improvement(value, self.best):
            self.best = value
            self._remember(epoch)
            if self.baseline is None or self.is_improvement(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs = None) -> None:
        if self.stopped_epoch > 0 and self.verbose:
            print_message(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                print_message(f"The weights are those of epoch {self.best_epoch + 1}, the best, again.")
            self.model.set_weights(self.best_weights)

    def _remember(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()
