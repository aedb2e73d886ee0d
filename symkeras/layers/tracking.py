"""What a layer owns: variables, sublayers, seeds and metrics, set as attributes or put into its lists, dicts and sets.

Things are owned in the order in which they came, as in Keras: weights are listed in that order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from symkeras.errors import ConfigError
from symkeras.graph import provenance
from symkeras.graph.ownership import note_change
from symkeras.graph.variable import Variable
from symkeras.layers.containers import CONTAINERS, Tracked


class Tracker:
    """The things that one layer or metric owns, in the order in which they came.

    What a class counts as, it says by `_tracked_as`: "layers", "metrics" or "seeds".

    Attributes:
        locked_for: who takes nothing further, since it is built; "" for nobody.
    """

    def __init__(self) -> None:
        self.trainable: list[Variable] = []
        self.non_trainable: list[Variable] = []
        self.seeds: list[Any] = []
        self.layers: list[Any] = []
        self.metrics: list[Any] = []
        self._owned: dict[int, tuple[list[Any], int]] = {}  # id -> the list above that it is in, and how many places hold it
        self.locked_for = ""

    def renew(self, old: Any, new: Any) -> Any:
        """Own `new` where `old` was held; gives what to hold there."""
        if type(new) in _PLAIN and type(old) in _PLAIN:
            return new
        kept = self.track(new)
        self.release(old)
        return kept

    def track(self, value: Any) -> Any:
        """Own `value`, held in one more place; gives what to hold there: a container is to be one that says what becomes of it."""
        if self._store(value) is not None:
            self.add(value)
            store, count = self._owned[id(value)]
            self._owned[id(value)] = store, count + 1
        elif isinstance(value, tuple):
            return self._tracked_tuple(value)
        elif isinstance(value, Tracked):
            value.watch(self)
        elif type(value) in CONTAINERS:
            return CONTAINERS[type(value)].watched(value, self)
        return value

    def release(self, value: Any) -> None:
        """One place less holds `value`: what no place holds is owned no longer."""
        if id(value) in self._owned:
            store, count = self._owned[id(value)]
            self._owned[id(value)] = store, count - 1
            if count <= 1:
                self.forget(value)
        elif isinstance(value, tuple):
            for item in value:
                self.release(item)
        elif isinstance(value, Tracked):
            value.unwatch(self)

    def add(self, value: Any) -> None:
        """Own a variable or sublayer, whether or not a place holds it.

        Raises:
            ConfigError: the owner is built, and takes nothing further.
        """
        store = self._store(value)
        if store is not None and id(value) not in self._owned:
            if self.locked_for:
                raise ConfigError(
                    f"{self.locked_for} is built already and takes no further weights, layers, metrics or seeds; received {value!r}. Make them in "
                    f"__init__() or build(); what call() makes would be new in every call ({provenance.user_line()})"
                )
            store.append(value)
            self._owned[id(value)] = store, 0
            note_change()

    @contextmanager
    def unlocked(self) -> Iterator[None]:
        """Surroundings in which a built owner takes something further."""
        before, self.locked_for = self.locked_for, ""
        try:
            yield
        finally:
            self.locked_for = before

    def forget(self, value: Any) -> None:
        """Own `value` no longer, wherever it is held."""
        if id(value) in self._owned:
            store, _ = self._owned.pop(id(value))
            store[:] = [v for v in store if v is not value]
            note_change()
        else:
            self.release(value)

    def _store(self, value: Any) -> list[Any] | None:
        """The list that `value` belongs into; None for what is no piece of state."""
        if isinstance(value, Variable):
            return self.trainable if value.is_parameter else self.non_trainable
        kind = getattr(type(value), "_tracked_as", None)
        return None if kind is None else getattr(self, kind)

    def _tracked_tuple(self, value: tuple[Any, ...]) -> tuple[Any, ...]:
        kept = [self.track(item) for item in value]
        if all(a is b for a, b in zip(kept, value, strict=True)):
            return value
        return type(value)(*kept) if hasattr(value, "_fields") else type(value)(kept)

    def ignores(self, value: Any) -> bool:
        """Whether an attribute was set, or taken out again, behind the tracker's back."""
        if isinstance(value, tuple):
            return any(self.ignores(item) for item in value)
        return type(value) in CONTAINERS or (self._store(value) is not None and id(value) not in self._owned)

    @property
    def owned(self) -> list[Any]:
        """Everything, kind by kind."""
        return [*self.trainable, *self.non_trainable, *self.seeds, *self.layers, *self.metrics]

    @property
    def weights(self) -> list[Variable]:
        """Own variables without those of seeds and metrics."""
        return [*self.trainable, *self.non_trainable]

    @property
    def variables(self) -> list[Variable]:
        """Own variables with those of seeds and metrics."""
        return [*self.weights, *(s.state for s in self.seeds), *(v for m in self.metrics for v in m.variables)]


def state_of(owner: Any, without: frozenset[str]) -> dict[str, Any]:
    """What a copy or pickle of a layer or metric holds: its attributes, and what it owns in order.

    Args:
        owner: has its `Tracker` as `_tracker`.
        without: attributes that are made anew.
    """
    attributes = {name: value for name, value in vars(owner).items() if name not in without and name != "_tracker"}
    untracked = [name for name, value in attributes.items() if owner._tracker.ignores(value)]
    return {"owned": owner._tracker.owned, "attributes": attributes, "untracked": untracked, "locked_for": owner._tracker.locked_for}


def restore(owner: Any, state: dict[str, Any]) -> None:
    """Give a blank owner what `state_of` gave."""
    tracker = Tracker()
    for value in state["owned"]:
        tracker.add(value)
    for name, value in state["attributes"].items():
        object.__setattr__(owner, name, value if name in state["untracked"] else tracker.track(value))
    tracker.locked_for = state["locked_for"]
    object.__setattr__(owner, "_tracker", tracker)


_PLAIN = frozenset({type(None), bool, int, float, str})
