"""What a layer owns, found as attributes are set: variables, sublayers, seeds and metrics, also inside lists and dicts."""

from __future__ import annotations

from typing import Any

from symkeras.graph.variable import Variable


class Tracker:
    """The things one layer owns, in order of definition."""

    def __init__(self) -> None:
        self.trainable: list[Variable] = []
        self.non_trainable: list[Variable] = []
        self.seeds: list[Any] = []
        self.layers: list[Any] = []
        self.metrics: list[Any] = []
        self.containers: list[Any] = []

    def track(self, name: str, value: Any) -> None:
        """Take note of `value`, set as attribute `name`."""
        if value is None or (isinstance(value, (str, int, float, tuple)) and not value):
            return
        if isinstance(value, Variable):
            self.add_variable(value)
        elif name not in ("_inbound_nodes", "_added_losses", "_init_arguments", "_input_shapes") and _kind(value):
            self._add_owned(value)
        elif isinstance(value, (list, tuple)) and not name.startswith("_no_track"):
            for item in value:
                if isinstance(item, Variable):
                    self.add_variable(item)
                elif _kind(item):
                    self._add_owned(item)
            if isinstance(value, list):
                self.containers.append(value)
        elif isinstance(value, dict):
            for item in value.values():
                if _kind(item):
                    self._add_owned(item)

    def add_variable(self, variable: Variable) -> None:
        """Own a variable."""
        own = self.trainable if variable.trainable else self.non_trainable
        if not any(v is variable for v in (*self.trainable, *self.non_trainable)):
            own.append(variable)

    def _add_owned(self, value: Any) -> None:
        place = {"layer": self.layers, "seed": self.seeds, "metric": self.metrics}[_kind(value)]
        if not any(v is value for v in place):
            place.append(value)

    def forget(self, value: Any) -> None:
        """Own `value` no longer."""
        for place in (self.trainable, self.non_trainable, self.seeds, self.layers, self.metrics):
            place[:] = [v for v in place if v is not value]

    @property
    def weights(self) -> list[Variable]:
        """Own variables without those of seeds and metrics."""
        return [*self.trainable, *self.non_trainable]

    @property
    def variables(self) -> list[Variable]:
        """Own variables with those of seeds and metrics."""
        return [*self.weights, *(s.state for s in self.seeds), *(v for m in self.metrics for v in m.variables)]


def _kind(value: Any) -> str:
    """`layer`, `seed` or `metric` for what declares itself as such by its class, else an empty string."""
    for cls in type(value).__mro__:
        if cls.__name__ == "Layer" and cls.__module__.startswith("symkeras."):
            return "layer"
        if cls.__name__ == "SeedGenerator" and cls.__module__.startswith("symkeras."):
            return "seed"
        if cls.__name__ == "Metric" and cls.__module__.startswith("symkeras."):
            return "metric"
    return ""
