"""What the metrics of a model say: by name, as logs of callbacks, and in the order of `evaluate`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from symkeras.models.functions import Functions


class Results(Functions):
    """The metrics of a model and their results; a base of `Trainer`."""

    _extra_logs: dict[str, Any]
    _has_own_logs: bool

    def __init__(self) -> None:
        Functions.__init__(self)
        object.__setattr__(self, "_extra_logs", {})
        object.__setattr__(self, "_has_own_logs", False)

    @property
    def metrics(self) -> list[Any]:
        """The metrics: of the total loss, of the outputs' losses, of the outputs, and those that layers hold."""
        own = self._compilation.all_metrics() if self._compilation is not None else []
        return list({id(m): m for m in (*own, *self._layer_metrics())}.values())

    @property
    def metrics_variables(self) -> list[Any]:
        """The state of all metrics."""
        return [v for m in self.metrics for v in m.variables]

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns, once the model has seen targets."""
        return _in_order(list(self._results())) if self._compilation is not None else []

    def _layer_metrics(self) -> list[Any]:
        return [m for layer in self._flatten_layers() for m in layer._tracker.metrics]

    def _results(self) -> Iterator[tuple[str, Any, bool]]:
        """(name, value, whether the name is the metric's own) of every metric."""
        yield from self._compilation.results()
        known = {id(m) for m in self._compilation.all_metrics()}
        for m in self._layer_metrics():
            if id(m) not in known:
                value = m.result()
                yield from ((k, v, False) for k, v in value.items()) if isinstance(value, Mapping) else [(m.name, value, True)]

    def get_metrics_result(self) -> dict[str, Any]:
        """The results of all metrics by name."""
        return {name: value for name, value, _ in self._results()}

    def _logs(self) -> dict[str, Any]:
        """The results as plain numbers, by sorted name as Keras has them."""
        return self._logs_and_order()[0]

    def _logs_and_order(self) -> tuple[dict[str, Any], list[str]]:
        """The logs, and the names of the metrics as `_in_order` has them."""
        results = list(self._results())
        found = {**({} if self._has_own_logs else {name: value for name, value, _ in results}), **self._extra_logs}
        return {k: float(v) if np.ndim(v) == 0 else np.asarray(v) for k, v in sorted(found.items())}, _in_order(results)

    def _reported(self, return_dict: bool) -> Any:
        """What the calls for one batch return."""
        logs, names = self._logs_and_order()
        return logs if return_dict else values_in_order(logs, names)

    def reset_metrics(self) -> None:
        """Let every metric forget what it has seen."""
        object.__setattr__(self, "_extra_logs", {})
        object.__setattr__(self, "_has_own_logs", False)
        for m in self.metrics:
            m.reset_state()


def _in_order(results: Sequence[tuple[str, Any, bool]]) -> list[str]:
    """The loss, the outputs' losses, metrics in their order; then, sorted, those whose name has a prefix or comes from a dict."""
    own = [name for name, _, is_own in results if is_own]
    return [*own, *sorted({name for name, _, is_own in results if not is_own} - set(own))]


def values_in_order(logs: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The logs in the order of `names`, others at the end; one alone as it is."""
    known = [n for n in names if n in logs]
    values = [logs[n] for n in (*known, *sorted(logs.keys() - set(known)))]
    return values[0] if len(values) == 1 else values
