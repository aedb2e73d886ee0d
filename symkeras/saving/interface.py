"""What files know of the objects whose state they hold. Layers, optimizers, metrics and seed generators have these methods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import Any, Protocol, TypeGuard

from symkeras.graph.variable import Variable


class HasState(Protocol):
    """Something that a file has a path for, and below it arrays under "0", "1", ...

    Attributes:
        _state_kind: "layer", "optimizer", "metric" or "seed": the state of an optimizer may be left out, and may be that of another one; that of
            a metric may be missing.
    """

    _state_kind: str

    def _state_names(self) -> Iterable[str]:
        """The attributes in which further objects with state may lie, in the order in which they give paths."""
        ...

    def _state_variables(self) -> Sequence[Variable] | None:
        """The variables that the two methods below write and read, in order; None where the class has its own way of doing it."""
        ...

    def _variables_written(self) -> Sequence[Variable]:
        """All variables that `load_own_variables` may write, as far as can be known."""
        ...

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Write arrays into `store`."""
        ...

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Read arrays from `store`."""
        ...


def has_state(x: Any) -> TypeGuard[HasState]:
    """Whether the class of `x` has the methods of `HasState`; what an object itself answers to any name does not count."""
    return hasattr(type(x), "_state_kind")
