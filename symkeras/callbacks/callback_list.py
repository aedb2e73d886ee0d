"""`CallbackList`: many callbacks as one; a hook is called on those that use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symkeras import tree
from symkeras.arguments import boolean, checked
from symkeras.callbacks.callback import Callback
from symkeras.callbacks.history import History
from symkeras.callbacks.logs import plain_logs
from symkeras.callbacks.progbar_logger import ProgbarLogger
from symkeras.errors import ConfigError

_OLDER = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


class CallbackList(Callback):
    """Passes every event on to a list of callbacks.

    Args:
        callbacks: callbacks, also in nested lists.
        add_history: whether a `History` is added if there is none.
        add_progbar: whether a `ProgbarLogger` is added if there is none.
        model: the model they are told.
        **params: the parameters they are told: `verbose`, `epochs`, `steps`.

    Raises:
        ConfigError: something that is no callback.

    Example:
        >>> events = CallbackList(add_history=True, epochs=1)
        >>> events.has_train_batch_hooks
        False
    """

    @checked(add_history=boolean, add_progbar=boolean)
    def __init__(self, callbacks: Any = None, add_history: bool = False, add_progbar: bool = False, model: Any = None, **params: Any):
        super().__init__()
        self.callbacks: list[Any] = tree.flatten(callbacks) if callbacks else []
        for callback in self.callbacks:
            if isinstance(callback, type) or not hasattr(callback, "set_model"):
                raise ConfigError(f"callbacks are instances of Callback, received {callback!r}")
        self._history = self._find(History)
        if self._history is None and add_history:
            self._history = self.append(History())
        if self._find(ProgbarLogger) is None and add_progbar:
            self.append(ProgbarLogger())
        self._hooks: dict[str, list[Callable[..., Any]]] = {}
        self.set_model(model)
        self.set_params(params)

    def append(self, callback: Any) -> Any:
        """Add a callback behind the others, and return it."""
        self.callbacks.append(callback)
        self._hooks = {}
        return callback

    def _find(self, kind: type) -> Any:
        return next((c for c in self.callbacks if isinstance(c, kind)), None)

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params
        if params:
            for callback in self.callbacks:
                callback.set_params(params)

    def set_model(self, model: Any) -> None:
        if model is None:
            return
        super().set_model(model)
        if self._history is not None:
            model.history = self._history
        for callback in self.callbacks:
            callback.set_model(model)

    # ---- who is called -----------------------------------------------------------------------------------------------

    @property
    def has_train_batch_hooks(self) -> bool:
        """Whether a callback other than the progress bar wants to know of training batches."""
        return self._wants("on_train_batch_begin", "on_train_batch_end")

    @property
    def has_test_batch_hooks(self) -> bool:
        """Whether a callback other than the progress bar wants to know of evaluated batches."""
        return self._wants("on_test_batch_begin", "on_test_batch_end")

    @property
    def has_predict_batch_hooks(self) -> bool:
        """Whether a callback other than the progress bar wants to know of predicted batches."""
        return self._wants("on_predict_batch_begin", "on_predict_batch_end")

    def uses_hook(self, hook: str) -> bool:
        return bool(self._methods(hook))

    def _wants(self, *hooks: str) -> bool:
        others = [c for c in self.callbacks if not isinstance(c, ProgbarLogger)]
        return any(_method(c, hook) is not None for c in others for hook in hooks)

    def _methods(self, hook: str) -> list[Callable[..., Any]]:
        methods = self._hooks.get(hook)
        if methods is None:
            methods = self._hooks[hook] = [m for m in (_method(c, hook) for c in self.callbacks) if m is not None]
        return methods

    def _begin(self, hook: str, logs: Any) -> None:
        self._hooks = {}
        self._report(hook, logs)

    def _report(self, hook: str, logs: Any, *position: int) -> None:
        logs = plain_logs(logs)
        for method in self._methods(hook):
            method(*position, logs)

    def _report_batch(self, hook: str, batch: int, logs: Any) -> None:
        methods = self._methods(hook)
        if methods:
            logs = {} if logs is None else logs
            for method in methods:
                method(batch, logs)

    # ---- events ------------------------------------------------------------------------------------------------------

    def on_train_begin(self, logs: Any = None) -> None:
        self._begin("on_train_begin", logs)

    def on_train_end(self, logs: Any = None) -> None:
        self._report("on_train_end", logs)

    def on_test_begin(self, logs: Any = None) -> None:
        self._begin("on_test_begin", logs)

    def on_test_end(self, logs: Any = None) -> None:
        self._report("on_test_end", logs)

    def on_predict_begin(self, logs: Any = None) -> None:
        self._begin("on_predict_begin", logs)

    def on_predict_end(self, logs: Any = None) -> None:
        self._report("on_predict_end", logs)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._report("on_epoch_begin", logs, epoch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._report("on_epoch_end", logs, epoch)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._report_batch("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._report_batch("on_train_batch_end", batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._report_batch("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self._report_batch("on_test_batch_end", batch, logs)

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._report_batch("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        self._report_batch("on_predict_batch_end", batch, logs)

    on_batch_begin = on_train_batch_begin
    on_batch_end = on_train_batch_end


def _method(callback: Any, hook: str) -> Callable[..., Any] | None:
    """The method of `callback` that `hook` leads to, None if it does nothing."""
    for name in (hook, _OLDER.get(hook)):
        if name is None:
            continue
        if callback.uses_hook(name) if hasattr(callback, "uses_hook") else hasattr(callback, name):
            return getattr(callback, name)
    return None
