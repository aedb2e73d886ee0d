"""`ModelCheckpoint`: the model on disk, after epochs or batches."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from symkeras.arguments import boolean, checked, number, optional, path, positive_int, verbosity
from symkeras.callbacks.batch_count import BatchCount
from symkeras.callbacks.callback import Logs
from symkeras.callbacks.logs import ByName
from symkeras.callbacks.monitor import MonitorCallback
from symkeras.distribution.processes import written_by_first
from symkeras.errors import ConfigError, nearest
from symkeras.utils.progbar import print_message


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, while it trains.

    Args:
        filepath: where to; may name values of the logs: "best-{epoch:02d}-{val_loss:.2f}.keras". Ends in `.keras` or `.h5`,
            and in `.weights.h5` for weights alone.
        monitor: name of the value in the logs that decides what is best.
        verbose: 1 to say what is saved.
        save_best_only: whether only improvements are saved.
        save_weights_only: whether only weights are saved.
        mode: "min", "max" or "auto": what an improvement is.
        save_freq: "epoch", or a number of batches.
        initial_value_threshold: what counts as the best value at the start.
        period: epochs between two savings, as in 2017.

    Raises:
        ConfigError: an argument that makes no sense, or a `filepath` that names a value the logs do not have.
        OSError: the path cannot be written; found out when training begins where that is possible.

    Example:
        >>> ModelCheckpoint("model-{epoch:02d}.keras").path_for(epoch=0, logs={})
        'model-01.keras'
    """

    @checked(
        filepath=path, verbose=verbosity, save_best_only=boolean, save_weights_only=boolean,
        initial_value_threshold=optional(number()), period=positive_int,
    )  # fmt: skip
    def __init__(self, filepath: Any, monitor: str = "val_loss", verbose: int = 0, save_best_only: bool = False, save_weights_only: bool = False,
                 mode: str = "auto", save_freq: Any = "epoch", initial_value_threshold: float | None = None, period: int = 1):  # fmt: skip
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self.period = period
        self._count = BatchCount(save_freq, "ModelCheckpoint")
        self._epoch = 0
        self._epochs_since = 0
        endings = (".weights.h5",) if save_weights_only else (".keras", ".h5")
        if not self.filepath.endswith(endings):
            what = "weights" if save_weights_only else "a model"
            raise ConfigError(f"ModelCheckpoint: the file of {what} ends in {' or '.join(endings)}, received {self.filepath!r}")

    def uses_hook(self, hook: str) -> bool:
        if hook == "on_train_batch_end" and type(self).on_train_batch_end is ModelCheckpoint.on_train_batch_end:
            return self._count.is_by_batch
        return super().uses_hook(hook)

    def on_train_begin(self, logs: Logs = None) -> None:
        check_writable(self.filepath, "ModelCheckpoint")

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self._count.passed(batch):
            self._save(self._epoch, logs, batch)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._epochs_since += 1
        if not self._count.is_by_batch and self._epochs_since >= self.period:
            self._epochs_since = 0
            self._save(epoch, logs)

    def path_for(self, epoch: int, logs: Logs = None, batch: int | None = None) -> str:
        """The path with the values of an epoch, or of a batch, filled in; both are counted from 1 there."""
        values: dict[str, Any] = {"epoch": epoch + 1}
        if batch is not None:
            values["batch"] = batch + 1
        if logs:
            values = ByName({**logs, **values})
        try:
            return self.filepath.format_map(values)
        except KeyError as error:
            name = error.args[0]
            raise ConfigError(
                f"ModelCheckpoint: the path {self.filepath!r} names {name!r}; there are {', '.join(sorted(values))}.{nearest(name, values)}"
            ) from None

    def _save(self, epoch: int, logs: Logs, batch: int | None = None) -> None:
        path = self.path_for(epoch, logs, batch)
        if not self._is_to_be_saved(epoch, logs, path):
            return
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            save = self.model.save_weights if self.save_weights_only else self.model.save
            optimizer = self.model.optimizer
            own = optimizer.variables if optimizer is not None else []
            written_by_first([*self.model.variables, *own], lambda: save(path, overwrite=True))
        except OSError as error:
            raise OSError(f"ModelCheckpoint cannot write {path!r}: {error}") from error

    def _is_to_be_saved(self, epoch: int, logs: Logs, path: str) -> bool:
        head = f"\nEpoch {epoch + 1}: "
        if not self.save_best_only:
            return self._say(f"{head}saving model to {path}", True)
        value = self.monitored(logs, "the model is saved without comparison")
        if value is None:
            return True
        best = "None" if self.best is None else f"{self.best:.5f}"
        if not self.is_improvement(value, self.best):
            return self._say(f"{head}{self.monitor} did not improve from {best}", False)
        self.best = value
        return self._say(f"{head}{self.monitor} improved from {best} to {value:.5f}, saving model to {path}", True)

    def _say(self, message: str, answer: bool) -> bool:
        if self.verbose:
            print_message(message)
        return answer


def check_writable(filepath: str, who: str) -> None:
    """Raise OSError if a file of this name (up to its first field) cannot be made, naming the path.

    Raises:
        OSError: the path is a directory, or lies below something that is none or cannot be written.
    """
    if os.path.isdir(filepath):
        raise IsADirectoryError(f"{who} cannot write {filepath!r}: it is a directory")
    folder = Path(filepath.partition("{")[0] if "{" in os.path.dirname(filepath) else filepath).absolute().parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise NotADirectoryError(f"{who} cannot write {filepath!r}: {str(folder)!r} is not a directory")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"{who} cannot write {filepath!r}: no permission to write into {str(folder)!r}")
