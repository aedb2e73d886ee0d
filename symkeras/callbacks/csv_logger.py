"""`CSVLogger`."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from symkeras.arguments import boolean, checked, path, text
from symkeras.callbacks.callback import Callback, Logs


class CSVLogger(Callback):
    """Writes the logs of every epoch as one line of a file.

    The columns are the epoch and the values of the first epoch, by sorted name, with one for validation each; what an
    epoch lacks is written as NA.

    Args:
        filename: the file.
        separator: between values.
        append: whether lines are added to a file that exists.

    Example:
        >>> import pathlib, tempfile
        >>> import numpy as np
        >>> from symkeras import Sequential, layers
        >>> model = Sequential([layers.Dense(1, input_shape=(2,))])
        >>> model.compile("sgd", "mse")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = pathlib.Path(folder, "log.csv")
        ...     history = model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=2, verbose=0, callbacks=[CSVLogger(file)])
        ...     lines = file.read_text().splitlines()
        >>> lines[0], len(lines)
        ('epoch,loss,val_loss', 3)
    """

    @checked(filename=path, separator=text, append=boolean)
    def __init__(self, filename: Any, separator: str = ",", append: bool = False):
        super().__init__()
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self.keys: list[str] | None = None

    def on_train_begin(self, logs: Logs = None) -> None:
        self.keys = None
        with open(self.filename, "a" if self.append else "w") as file:
            self._has_header = file.tell() > 0

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        logs = logs or {}
        rows: list[list[Any]] = [[epoch]]
        if self.keys is None:
            self.keys = sorted(logs)
            if not any(key.startswith("val_") for key in self.keys):
                self.keys += [f"val_{key}" for key in self.keys]
            if not self._has_header:
                rows.insert(0, ["epoch", *self.keys])
        rows[-1] += [_cell(logs.get(key, "NA")) for key in self.keys]
        with open(self.filename, "a", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=self.sep).writerows(rows)


def _cell(value: Any) -> Any:
    """Arrays and lists as one quoted text, all else as it is."""
    if isinstance(value, str) or not isinstance(value, Iterable) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value
    return f'"[{", ".join(map(str, value))}]"'
