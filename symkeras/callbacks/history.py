"""`History`: what `fit` returns."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from symkeras.callbacks.callback import Callback, Logs
from symkeras.callbacks.logs import ByName
from symkeras.graph.escaping import printable
from symkeras.graph.notebook import as_html


class History(Callback):
    """Keeps the logs of all epochs.

    Attributes:
        epoch: numbers of the epochs.
        history: name -> values, one per epoch; it answers to the names of 2017 (`acc`, `val_acc`, `lr`) as well.

    Example:
        >>> import numpy as np
        >>> from symkeras import Sequential, layers
        >>> model = Sequential([layers.Dense(1, input_shape=(2,))])
        >>> model.compile("sgd", "mse")
        >>> history = model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=3, verbose=0)
        >>> history.epoch, len(history.history["loss"])
        ([0, 1, 2], 3)
    """

    def __init__(self) -> None:
        super().__init__()
        self.epoch: list[int] = []
        self.history: dict[str, list[Any]] = ByName()

    def table(self) -> str:
        """A row of text for each epoch.

        >>> history = History()
        >>> history.on_epoch_end(0, {"loss": 0.25})
        >>> print(history.table())
        epoch  loss
            0  0.25
        """
        columns = [["epoch", *map(str, self.epoch)], *([printable(k, 30), *map(_shown, v)] for k, v in self.history.items())]
        widths = [max(map(len, column)) for column in columns]
        return "\n".join("  ".join(f"{cell:>{w}}" for cell, w in zip(row, widths, strict=True)) for row in zip_longest(*columns, fillvalue=""))

    def plot(self, path: Any = None) -> Any:
        """The curves of all logs over the epochs, each beside that of the validation data, as a figure of matplotlib.

        Args:
            path: where it is written as well, in the format of its suffix.

        Raises:
            ConfigError: matplotlib is not installed, there is nothing to draw, or it cannot be written there.
        """
        from symkeras.callbacks.curves import plot_history

        return plot_history(self, path)

    def _repr_html_(self) -> str:
        return as_html(f"{len(self.epoch)} epochs", self.table())

    def on_train_begin(self, logs: Logs = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


def _shown(value: Any) -> str:
    try:
        return f"{float(value):.4g}"
    except (TypeError, ValueError):
        return printable(value, 30)
