"""Where the newest value of a variable is: at home, in NumPy storage, or at the place of an engine that computed it.

An engine (JAX, PyTorch, ...) holds values on a device. A step leaves what it computed there; reading a variable's array brings it
home, writing at home makes what an engine holds old, and whoever runs next finds the newest value, whoever wrote it. What is written
together (a pack, or a variable by itself) goes home together.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from symkeras import locks

if TYPE_CHECKING:
    from symkeras.graph.variable import Pack, Variable, Watch

AWAY: dict[int, weakref.ref[Any]] = {}
"""Storage whose newest values are not at home, by id: empty, and asked in no time, where no engine runs."""
_lock = locks.reentrant_lock()


class Place(Protocol):
    """Where values of an engine live: one for each device or layout of devices."""

    def send(self, array: np.ndarray, variable: Variable | None = None) -> Any:
        """A value of the engine with the numbers of `array`, which may change afterwards: those of a variable, or of an input."""
        ...

    def fetch(self, value: Any) -> np.ndarray:
        """The numbers of a value of the engine."""
        ...


class Copies:
    """Values that one place has of one storage's variables.

    Attributes:
        values: they are good while nobody else has written the storage.
        ahead: those of them that home does not have yet.
    """

    def __init__(self, watch: Watch):
        self.watch = watch
        self.seen = watch.last
        self.values: dict[Variable, Any] = {}
        self.ahead: set[Variable] = set()

    @property
    def is_good(self) -> bool:
        return self.watch.last == self.seen


def copies_at(place: Place, storage: Variable | Pack) -> Copies:
    """The good copies that a place has of a storage; none where somebody else has written since."""
    from symkeras.graph.variable import Watch

    held = storage.copies.get(place)
    if held is None:
        variables: tuple[Any, ...] = getattr(storage, "variables", (storage,))
        held = storage.copies[place] = Copies(Watch(variables))
    elif not held.is_good:
        held.values.clear()
        held.seen = held.watch.last
    return held


def value_at(place: Place, variable: Variable) -> Any:
    """The newest value of a variable, as a value of a place."""
    held = copies_at(place, variable.storage)
    if variable not in held.values:
        with _lock:
            held.values[variable] = place.send(variable.array, variable)
    return held.values[variable]


def wrote_at(place: Place, news: Mapping[Variable, Any]) -> None:
    """A place has computed new values; all of them count from here on."""
    from symkeras.graph.variable import Writer

    with _lock:
        by_storage: dict[Any, dict[Variable, Any]] = {}
        for v, value in news.items():
            by_storage.setdefault(v.storage, {})[v] = value
        found = []
        for storage in by_storage:
            bring_home(storage, but=place)
            found.append(copies_at(place, storage))
        Writer(news).wrote()
        for held, (storage, values) in zip(found, by_storage.items(), strict=True):
            held.values.update(values)
            held.ahead.update(values)
            held.seen = held.watch.last
            _note(storage)


def _note(storage: Any) -> None:
    key = id(storage)
    AWAY[key] = weakref.ref(storage, lambda _: AWAY.pop(key, None))


def bring_home(storage: Variable | Pack, but: Place | None = None) -> None:
    """Write at home what other places than `but` have computed of a storage."""
    if id(storage) not in AWAY:
        return
    with _lock:
        is_away = False
        for place, held in storage.copies.items():
            if place is but:
                is_away |= bool(held.ahead)
                continue
            for v, value in held.values.items():  # in an order that all processes have where they fetch together
                if v in held.ahead:
                    v.home[...] = place.fetch(value)
            held.ahead.clear()
        if not is_away:
            AWAY.pop(id(storage), None)


def at_home(storages: Iterable[Variable | Pack]) -> None:
    """Bring home all that is away of some storages."""
    for storage in storages:
        bring_home(storage)
