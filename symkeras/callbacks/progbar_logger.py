"""`ProgbarLogger`: progress on stdout."""

from __future__ import annotations

from typing import Any

from symkeras.callbacks.callback import Callback, Logs
from symkeras.utils.progbar import Progbar, print_message


class ProgbarLogger(Callback):
    """Shows a progress bar per epoch, or for an evaluation or prediction on its own.

    It follows `verbose` of the running call: 0 nothing, 1 a bar, 2 one line per epoch. Values of batches are read only
    when the bar is drawn.

    Example:
        >>> import numpy as np
        >>> from symkeras import Sequential, layers
        >>> model = Sequential([layers.Dense(1, input_shape=(2,))])
        >>> model.compile("sgd", "mse")
        >>> history = model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0, callbacks=[ProgbarLogger()])
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0
        self.progbar: Progbar | None = None
        self.target: int | None = None
        self.verbose = 1
        self.epochs = 1
        self._in_fit = False

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        verbose = params.get("verbose", 1)
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self.epochs = params.get("epochs", 1)
        self.target = params.get("steps")

    def uses_hook(self, hook: str) -> bool:
        if "_batch_" in hook and (self.verbose == 0 or (self.verbose == 2 and self.target is not None)):
            return False
        return super().uses_hook(hook)

    def on_train_begin(self, logs: Logs = None) -> None:
        self._in_fit = True

    def on_train_end(self, logs: Logs = None) -> None:
        self._in_fit = False

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        if self.verbose and self.epochs > 1:
            print_message(f"Epoch {epoch + 1}/{self.epochs}")
        self._start()

    def on_test_begin(self, logs: Logs = None) -> None:
        if not self._in_fit:
            self._start()

    def on_predict_begin(self, logs: Logs = None) -> None:
        self._start()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._update(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        if not self._in_fit:
            self._update(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._update(batch, None)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._finish(logs)

    def on_test_end(self, logs: Logs = None) -> None:
        if not self._in_fit:
            self._finish(logs)

    def on_predict_end(self, logs: Logs = None) -> None:
        self._finish(None)

    def _start(self) -> None:
        self.seen = 0
        self.progbar = Progbar(self.target, verbose=self.verbose, stateless_metrics=())

    def _update(self, batch: int, logs: Logs) -> None:
        if self.progbar is None:
            self._start()
        self.seen = batch + 1 if self.target is None else min(batch + 1, self.target)  # an execution may have fewer batches than others
        self.progbar.update(self.seen, logs, finalize=False)  # type: ignore[union-attr]

    def _finish(self, logs: Logs) -> None:
        if self.progbar is None:
            return
        if self.target is None:
            self.target = self.progbar.target = self.seen
        self.progbar.update(self.target, logs, finalize=True)
