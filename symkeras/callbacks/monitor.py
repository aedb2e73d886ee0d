"""Watching one value of the logs: which direction is better, and whether it improved."""

from __future__ import annotations

import warnings
from typing import Any

from symkeras import ops
from symkeras.arguments import checked, number, optional, text
from symkeras.callbacks.callback import Callback, Logs
from symkeras.errors import ConfigError, nearest

_FALLING = ("loss", "error", "mse", "mae", "mape", "msle", "crossentropy", "divergence", "hinge")
_RISING = ("acc", "auc", "precision", "recall", "score", "iou", "f1", "fmeasure", "r2", "similarity")


class MonitorCallback(Callback):
    """A callback that follows one value of the epochs' logs.

    Args:
        monitor: its name: "val_loss".
        mode: "min", "max", or "auto": by the direction of the metric of that name, else by the name. Another word is taken for "auto", with a
            warning.
        baseline: what counts as the best value before there is one.
        min_delta: changes up to this size are no improvement.
    """

    @checked(monitor=text, mode=text, baseline=optional(number()), min_delta=number())
    def __init__(self, monitor: str = "val_loss", mode: str = "auto", baseline: float | None = None, min_delta: float = 0.0):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(f"{type(self).__name__} mode {mode!r} is unknown: it is 'auto', 'min' or 'max', and 'auto' is taken", stacklevel=2)
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.best = baseline
        self.min_delta = abs(min_delta)

    @property
    def monitor_op(self) -> Any:
        """What compares a value with the best one: `ops.less` or `ops.greater`; None for "auto" as long as there is no value."""
        return {"min": ops.less, "max": ops.greater}.get(self.mode)

    def is_improvement(self, value: Any, reference: Any) -> bool:
        """Whether `value` is better than `reference` by more than `min_delta`; anything is better than None."""
        if reference is None:
            return True
        if self._direction() == "max":
            return bool(value - self.min_delta > reference)
        return bool(value + self.min_delta < reference)

    def monitored(self, logs: Logs, what: str) -> Any:
        """The value in `logs`, or None and a warning that `what` was skipped; an error where nothing says which direction is better."""
        self._direction()
        value = (logs or {}).get(self.monitor)
        if value is None:
            known = ", ".join(sorted(logs or {}))
            warnings.warn(f"{type(self).__name__}: {self.monitor!r} is not among the logs ({known}): {what}.{nearest(self.monitor, logs or ())}")
        return value

    def _direction(self) -> str:
        if self.mode == "auto":
            self.mode = _direction_of(self.monitor, getattr(self.model, "metrics", None) or [], type(self).__name__)
        return self.mode


def _direction_of(monitor: str, metrics: Any, who: str) -> str:
    name = monitor.removeprefix("val_")
    if name == "loss":
        return "min"
    for metric in metrics:
        own = str(getattr(metric, "name", ""))
        direction = getattr(metric, "_direction", None)
        if direction in ("up", "down") and own and (name == own or name.endswith(f"_{own}")):
            return "max" if direction == "up" else "min"
    if any(name.endswith(part) for part in _FALLING):
        return "min"
    if any(part in name for part in _RISING):
        return "max"
    raise ConfigError(f"{who}: whether {monitor!r} should fall or rise is not known; say mode='min' or mode='max'")
