"""Steps as methods of a model: `train_step`, `test_step` and `predict_step`, which subclasses define or extend.

What a subclass defines is traced once, with symbolic data, into the one graph of a step, as the model's own is: what it assigns are updates,
what it returns are the logs. Reading a variable after it was assigned gives the new value, so that several optimizers may take turns. With
`run_eagerly=True` it runs for every batch, on arrays.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from symkeras import ops, tree
from symkeras.autodiff.tape import GradientTape
from symkeras.errors import ConfigError, ShapeError

METHODS = {"train": "train_step", "test": "test_step", "predict": "predict_step"}


class OwnSteps:
    """The steps of a model as methods, what they do where a subclass does not say otherwise; a base of `Trainer`."""

    name: str
    optimizer: Any
    trainable_variables: list[Any]
    _takes_training: bool
    _compilation: Any

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step of training: predict, compute the loss and its gradients, let the optimizer assign the weights and the metrics take note.

        Args:
            data: (x,), (x, y) or (x, y, sample_weight) of a batch, symbolic.

        Returns:
            The logs: results of metrics, or other scalars, by name.
        """
        x, y, weight = unpack_x_y_sample_weight(data)
        variables = self.trainable_variables
        with GradientTape() as tape:
            tape.watch(variables)
            y_pred, loss = self._predicted(x, y, weight, True)
            variables = self.trainable_variables
            loss = self.optimizer.scale_loss(loss)
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return self.compute_metrics(x, y, y_pred, weight)  # type: ignore[attr-defined,no-any-return]

    def test_step(self, data: Any) -> dict[str, Any]:
        """One step of evaluation; `data` and what it gives are as for `train_step`."""
        x, y, weight = unpack_x_y_sample_weight(data)
        y_pred, _ = self._predicted(x, y, weight, False)
        return self.compute_metrics(x, y, y_pred, weight)  # type: ignore[attr-defined,no-any-return]

    def predict_step(self, data: Any) -> Any:
        """The predictions for a batch; `data` is as for `train_step`."""
        x, _, _ = unpack_x_y_sample_weight(data)
        return self(x, training=False) if self._takes_training else self(x)  # type: ignore[operator]

    def _predicted(self, x: Any, y: Any, weight: Any, training: bool) -> tuple[Any, Any]:
        from symkeras.models.compilation import rows_of

        y_pred = self(x, training=training) if self._takes_training else self(x)  # type: ignore[operator]
        loss = self.compute_loss(**loss_arguments(self, x, y, y_pred, weight, training))  # type: ignore[attr-defined]
        rows = rows_of(next(t for t in tree.flatten(x) if t is not None))
        self._compilation.tracker.update_state(loss, sample_weight=rows)
        return y_pred, loss


def own_step(model: Any, mode: str) -> Callable[[Any], Any] | None:
    """The step that the class of a model defines itself for a mode ("train", "test", "predict"), None where it does not."""
    name = METHODS[mode]
    return None if getattr(type(model), name) is getattr(OwnSteps, name) else getattr(model, name)


def takes_as_given(model: Any, mode: str) -> bool:
    """Whether targets and weights go, as they were given, to a method of the model's own: its step, or its `compute_loss`."""
    return own_step(model, mode) is not None or (mode != "predict" and model._has_own_loss())


def loss_arguments(model: Any, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> dict[str, Any]:
    """What `compute_loss` is called with: whether the model trains is told to one that asks."""
    given = {"x": x, "y": y, "y_pred": y_pred, "sample_weight": sample_weight}
    parameters = inspect.signature(model.compute_loss).parameters.values()
    asks = any(p.name == "training" or p.kind is p.VAR_KEYWORD for p in parameters)
    return {**given, "training": training} if asks else given


def check_step(step: Callable[..., Any], mode: str) -> None:
    """Raise ConfigError where a step of a model's own is written for Keras on JAX: such a one is given the state of the model, too."""
    expected = [p for p in inspect.signature(step).parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(expected) == 2 and expected[0].name == "state" and expected[1].default is inspect.Parameter.empty:
        raise ConfigError(
            f"{METHODS[mode]}(self, state, data) is a step of Keras on JAX; write {METHODS[mode]}(self, data) here: compute the loss under "
            "symkeras.GradientTape, hand its gradients to self.optimizer.apply, and update the metrics: what is assigned is the new state"
        )


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) of a batch, with None for what it has not.

    Args:
        data: a batch, as `fit` takes it.

    Raises:
        ConfigError: a tuple of more than three.

    >>> unpack_x_y_sample_weight((1, 2))
    (1, 2, None)
    """
    if not isinstance(data, tuple):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ConfigError(f"a batch is (x,), (x, y) or (x, y, sample_weight), received {len(data)} things")
    x, y, weight = (*data, None, None)[:3]
    return x, y, weight


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """A batch as `unpack_x_y_sample_weight` takes it apart: x alone where it is no tuple and there is nothing else.

    Args:
        x, y, sample_weight: parts of a batch; None for what there is not.

    >>> pack_x_y_sample_weight(1), pack_x_y_sample_weight(1, 2)
    (1, (1, 2))
    """
    if y is None and sample_weight is None:
        return (x,) if isinstance(x, (list, tuple)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def logs_of(model: Any, mode: str, found: Any) -> dict[str, Any]:
    """What a step of a model's own returned, as symbolic scalars by name.

    Raises:
        ConfigError: no dict.
        ShapeError: a value that is no scalar.
    """
    if not isinstance(found, Mapping) or not all(isinstance(k, str) for k in found):
        raise ConfigError(f"{type(model).__name__}.{METHODS[mode]}() must return a dict of logs by name, it returned {found!r}")
    logs = {k: ops.convert_to_tensor(v) for k, v in found.items()}
    for name, value in logs.items():
        if value.ndim:
            raise ShapeError(f"{type(model).__name__}.{METHODS[mode]}(): log {name!r} must be a scalar, it has shape {value.shape}")
    return logs
