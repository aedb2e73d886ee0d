"""`LambdaCallback`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symkeras.arguments import function, optional
from symkeras.callbacks.callback import Callback
from symkeras.errors import ConfigError, nearest

_HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))


class LambdaCallback(Callback):
    """A callback from functions.

    Args:
        on_epoch_begin, on_epoch_end: functions of epoch and logs.
        on_train_begin, on_train_end: functions of the logs.
        on_train_batch_begin, on_train_batch_end: functions of batch and logs.
        **kwargs: any other hook by its name, `on_batch_end` of 2017 among them; another name than `on_...` is a method of the callback.

    Raises:
        ConfigError: an `on_...` that is no hook.

    Example:
        >>> seen = []
        >>> LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch)).on_epoch_end(0, {})
        >>> seen
        [0]
    """

    def __init__(self, on_epoch_begin: Callable[..., Any] | None = None, on_epoch_end: Callable[..., Any] | None = None,
                 on_train_begin: Callable[..., Any] | None = None, on_train_end: Callable[..., Any] | None = None,
                 on_train_batch_begin: Callable[..., Any] | None = None, on_train_batch_end: Callable[..., Any] | None = None,
                 **kwargs: Callable[..., Any] | None):  # fmt: skip
        super().__init__()
        for name in kwargs:
            if name.startswith("on_") and name not in _HOOKS:
                raise ConfigError(f"LambdaCallback: {name!r} is no hook.{nearest(name, _HOOKS)}")
        named = {
            "on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end, "on_train_begin": on_train_begin, "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin, "on_train_batch_end": on_train_batch_end,
        }  # fmt: skip
        for name, hook in {**named, **kwargs}.items():
            if optional(function)(hook, f"LambdaCallback: {name}") is not None:
                setattr(self, name, hook)
