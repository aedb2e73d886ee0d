"""Callbacks that set the learning rate of the model's optimizer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np

from symkeras.arguments import checked, function, non_negative, non_negative_int, number, verbosity
from symkeras.callbacks.callback import Callback, Logs
from symkeras.callbacks.monitor import MonitorCallback
from symkeras.errors import ConfigError
from symkeras.utils.progbar import print_message


def updating_optimizers(model: Any) -> dict[str, Any]:
    """Name of a learning rate in the logs -> the optimizer that has it: each of a `MultiOptimizer`'s, or the one there is."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if hasattr(optimizer, "optimizers"):
        return {f"learning_rate_{one.name}": one for one in optimizer.optimizers}
    return {"learning_rate": optimizer}


def learning_rates_of(model: Any) -> dict[str, float]:
    """The learning rates of the model's optimizers, by their names in the logs."""
    return {name: _rate(optimizer) for name, optimizer in updating_optimizers(model).items()}


def _rate(optimizer: Any) -> float:
    return float(np.asarray(optimizer.learning_rate))


def _whose(name: str) -> str:
    """"learning rate", with the name of its optimizer where there are several."""
    return f"{name.removeprefix('learning_rate').removeprefix('_')} learning rate".lstrip()


class LearningRateScheduler(Callback):
    """Sets the learning rate at the beginning of every epoch, and adds it to the logs at its end; with a `MultiOptimizer` those of all.

    Args:
        schedule: a function of the epoch (from 0) and the present rate, or of the epoch alone, that gives the rate.
        verbose: 1 to say so.

    Example:
        >>> halve_after_ten = LearningRateScheduler(lambda epoch, rate: rate if epoch < 10 else rate * 0.5)
    """

    @checked(schedule=function, verbose=verbosity)
    def __init__(self, schedule: Callable[..., float], verbose: int = 0):
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose
        self._takes_rate = _takes_two(schedule)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        for name, optimizer in updating_optimizers(self.model).items():
            rate = self.schedule(epoch, _rate(optimizer)) if self._takes_rate else self.schedule(epoch)
            rate = rate.item() if isinstance(rate, np.ndarray) and rate.ndim == 0 else rate
            if not isinstance(rate, Real) or isinstance(rate, bool):
                raise ConfigError(f"LearningRateScheduler: the schedule must give a number, received {rate!r} for epoch {epoch}")
            optimizer.learning_rate = float(rate)
            if self.verbose:
                print_message(f"\nEpoch {epoch + 1}: LearningRateScheduler setting {_whose(name)} to {float(rate)}.")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if logs is not None:
            logs.update(learning_rates_of(self.model))


class ReduceLROnPlateau(MonitorCallback):
    """Lowers the learning rate when a value no longer improves, and adds the rate to the logs; with a `MultiOptimizer` those of all.

    Args:
        monitor: name of the value in the logs.
        factor: what the rate is multiplied by, below 1.
        patience: epochs without improvement after which the rate falls.
        verbose: 1 to say so.
        mode: "min", "max" or "auto": what an improvement is.
        min_delta: changes up to this size are no improvement; `epsilon` in 2017.
        cooldown: epochs after a fall that do not count.
        min_lr: the rate does not fall below.
        **kwargs: the 2017 spelling `epsilon`.

    Raises:
        ConfigError: `factor` is not below 1, or an unknown argument.

    Example:
        >>> import numpy as np
        >>> from symkeras import Sequential, layers
        >>> model = Sequential([layers.Dense(1, input_shape=(2,))])
        >>> model.compile("sgd", "mse")
        >>> flat = ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1000.0)
        >>> history = model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=4, verbose=0, callbacks=[flat])
        >>> [round(rate, 5) for rate in history.history["learning_rate"]]
        [0.01, 0.01, 0.005, 0.0025]
    """

    @checked(
        factor=number(above=0, below=1), patience=non_negative_int, verbose=verbosity, cooldown=non_negative_int,
        min_lr=non_negative,
    )  # fmt: skip
    def __init__(self, monitor: str = "val_loss", factor: float = 0.1, patience: int = 10, verbose: int = 0, mode: str = "auto",
                 min_delta: float = 1e-4, cooldown: int = 0, min_lr: float = 0.0, **kwargs: Any):  # fmt: skip
        super().__init__(monitor, mode, min_delta=kwargs.pop("epsilon", min_delta))
        if kwargs:
            raise ConfigError(f"ReduceLROnPlateau: unrecognized keyword arguments {sorted(kwargs)}")
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.on_train_begin()

    def on_train_begin(self, logs: Logs = None) -> None:
        self.best: Any = None
        self.wait = 0
        self.cooldown_counter = 0

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if logs is not None:
            logs.update(learning_rates_of(self.model))
        value = self.monitored(logs, "the learning rate stays")
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_improvement(value, self.best):
            self.best = value
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def in_cooldown(self) -> bool:
        """Whether the rate fell less than `cooldown` epochs ago."""
        return self.cooldown_counter > 0

    def _reduce(self, epoch: int) -> None:
        for name, optimizer in updating_optimizers(self.model).items():
            if (rate := _rate(optimizer)) <= np.float32(self.min_lr):
                continue
            optimizer.learning_rate = rate = max(rate * self.factor, self.min_lr)
            self.cooldown_counter = self.cooldown
            self.wait = 0
            if self.verbose:
                print_message(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing {_whose(name)} to {rate}.")


def _takes_two(function: Callable[..., Any]) -> bool:
    """Whether a function can be called with two arguments."""
    try:
        inspect.signature(function).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # some built-in functions have no signature
        return True
    return True
