"""`Callback`: what a user hooks into training, evaluation and prediction."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

Logs = MutableMapping[str, Any] | None


class Callback:
    """Its methods are called while a model trains, is evaluated or predicts; subclasses define those they need.

    `logs` of epochs are plain numbers by name. `logs` of batches are a mapping whose values are computed when they are
    read, which costs something: read what you need.

    Attributes:
        params: `verbose`, `epochs` and `steps` of the running call.
        model: the model.

    Example:
        >>> class Stopper(Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         self.model.stop_training = logs["loss"] < 0.1
    """

    params: dict[str, Any] | None = None
    _model: Any = None

    def __init__(self) -> None:
        self.params = None
        self._model = None

    @property
    def model(self) -> Any:
        """The model that trains."""
        return self._model

    def set_params(self, params: dict[str, Any]) -> None:
        """Take note of the parameters of the running call."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Take note of the model."""
        self._model = model

    def uses_hook(self, hook: str) -> bool:
        """Whether the method `hook` does anything: batches whose hooks nobody uses are not reported."""
        return hook in vars(self) or getattr(type(self), hook) is not getattr(Callback, hook)

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """The same as `on_train_batch_begin`, by its older name."""

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """The same as `on_train_batch_end`, by its older name."""

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """An epoch begins; they count from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """An epoch ended, its validation included."""

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """A training batch begins."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """A training batch ended."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """A batch of `evaluate`, or of the validation within `fit`, begins."""

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """A batch of `evaluate`, or of the validation within `fit`, ended."""

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """A batch of `predict` begins."""

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """A batch of `predict` ended; `logs["outputs"]` holds its outputs."""

    def on_train_begin(self, logs: Logs = None) -> None:
        """`fit` begins."""

    def on_train_end(self, logs: Logs = None) -> None:
        """`fit` ended; `logs` are those of its last epoch."""

    def on_test_begin(self, logs: Logs = None) -> None:
        """`evaluate`, or the validation within `fit`, begins."""

    def on_test_end(self, logs: Logs = None) -> None:
        """`evaluate`, or the validation within `fit`, ended."""

    def on_predict_begin(self, logs: Logs = None) -> None:
        """`predict` begins."""

    def on_predict_end(self, logs: Logs = None) -> None:
        """`predict` ended."""
