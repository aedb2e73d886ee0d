"""`BackupAndRestore`: training that was interrupted goes on from its last epoch."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from symkeras.arguments import boolean, checked, path
from symkeras.callbacks.batch_count import BatchCount
from symkeras.callbacks.callback import Callback, Logs
from symkeras.callbacks.model_checkpoint import check_writable
from symkeras.distribution.processes import taken_from_first, written_by_first
from symkeras.errors import ConfigError, DataError
from symkeras.graph import dtypes
from symkeras.saving.atomic import replacing
from symkeras.saving.npz_files import read_npz
from symkeras.saving.state_files import misfit


class BackupAndRestore(Callback):
    """Keeps the state of training on disk, and begins with it where a run was cut off.

    The state is all variables of the model and of its optimizer and the number of the next epoch, in one file that is
    replaced as a whole: an interruption while it is written leaves the one before. It starts anew with the epoch that
    was interrupted. Of several processes, process 0 writes and reads the files, and the others wait for it.

    Args:
        backup_dir: a folder.
        save_freq: "epoch", or a number of batches.
        double_checkpoint: whether the state before the last one is kept as well, for a file that cannot be read.
        delete_checkpoint: whether the files, and the folder if it is empty then, are removed when training ends.

    Raises:
        ConfigError: no folder is named.
        DataError: the state is that of another model.

    Example:
        >>> import os, tempfile
        >>> import numpy as np
        >>> from symkeras import Sequential, layers
        >>> model = Sequential([layers.Dense(1, input_shape=(2,))])
        >>> model.compile("sgd", "mse")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     keep = BackupAndRestore(folder, delete_checkpoint=False)
        ...     seen = [model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=n, verbose=0, callbacks=[keep]).epoch for n in (2, 5)]
        >>> seen
        [[0, 1], [2, 3, 4]]
    """

    @checked(backup_dir=path, double_checkpoint=boolean, delete_checkpoint=boolean)
    def __init__(self, backup_dir: Any, save_freq: Any = "epoch", double_checkpoint: bool = False, delete_checkpoint: bool = True):
        super().__init__()
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._count = BatchCount(save_freq, "BackupAndRestore")
        self._epoch = 0
        self._latest = Path(self.backup_dir) / "latest.npz"
        self._previous = Path(self.backup_dir) / "previous.npz"

    def uses_hook(self, hook: str) -> bool:
        if hook == "on_train_batch_end" and type(self).on_train_batch_end is BackupAndRestore.on_train_batch_end:
            return self._count.is_by_batch
        return super().uses_hook(hook)

    def on_train_begin(self, logs: Logs = None) -> None:
        check_writable(str(self._latest), "BackupAndRestore")
        if not self.model.built:
            raise ConfigError("BackupAndRestore needs a model that is built: call it on a batch of data, or give it an Input, before fit()")
        epoch = taken_from_first(self._variables, self._restored)
        if epoch is not None:
            self.model._initial_epoch = epoch

    def _restored(self) -> int | None:
        """Set the variables to what a file holds; the number of the epoch to begin with, None without a file."""
        for file in (self._latest, self._previous):
            if file.exists() and (state := _read(file, is_last=file == self._previous or not self._previous.exists())):
                return self._restore(state, file)
        return None

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self._count.passed(batch):
            self._write()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch + 1
        if not self._count.is_by_batch:
            self._write()

    def on_train_end(self, logs: Logs = None) -> None:
        if self.delete_checkpoint:
            written_by_first((), self._delete)

    def _delete(self) -> None:
        for file in (self._latest, self._previous):
            file.unlink(missing_ok=True)
        with suppress(OSError):  # what else is in the folder stays
            os.rmdir(self.backup_dir)

    def _variables(self) -> list[Any]:
        optimizer = self.model.optimizer
        if optimizer is None:
            return list(self.model.variables)
        if not optimizer.built:
            optimizer.build(self.model.trainable_variables)
        return [*self.model.variables, *optimizer.variables]

    def _write(self) -> None:
        written_by_first(self._variables(), self._write_file)

    def _write_file(self) -> None:
        arrays = {str(k): dtypes.wide(v.numpy()) for k, v in enumerate(self._variables())}
        self._latest.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self._latest) as unfinished:
            with open(unfinished, "wb") as file:
                np.savez(file, epoch=self._epoch, **arrays)  # type: ignore[arg-type]
            if self.double_checkpoint and self._latest.exists():
                os.replace(self._latest, self._previous)

    def _restore(self, state: dict[str, np.ndarray], path: Path) -> int:
        variables = self._variables()
        epoch = state.pop("epoch", np.array(()))
        values = [state.get(str(k)) for k in range(len(state))]
        fits = len(values) == len(variables) and not any(
            a is None or misfit(v, a.shape, a.dtype) is not None for v, a in zip(variables, values, strict=True)
        )
        if not fits or epoch.shape != () or epoch.dtype.kind not in "iu":
            raise DataError(f"BackupAndRestore: {str(path)!r} is the state of another model; remove it, or name another backup_dir")
        for v, value in zip(variables, values, strict=True):
            v.set(value)
        return int(epoch)


def _read(path: Path, is_last: bool) -> dict[str, np.ndarray] | None:
    """The arrays of a file; None where it cannot be read and there is another one."""
    try:
        return read_npz(path, "biuf")
    except (DataError, OSError) as error:
        if is_last:
            raise DataError(f"BackupAndRestore: {str(path)!r} cannot be read ({error}); remove it to start anew") from error
        return None
