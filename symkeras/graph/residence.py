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

    def forget_old(self) -> None:
        """Drop values that somebody else has written anew since."""
        if self.watch.last != self.seen:
            self.values.clear()
            self.seen = self.watch.last


def copies_at(place: Place, storage: Variable | Pack) -> Copies:
    """The copies that a place has of a storage."""
    from symkeras.graph.variable import Watch

    held = storage.copies.get(place)
    if held is None:
        variables: tuple[Any, ...] = getattr(storage, "variables", (storage,))
        held = storage.copies[place] = Copies(Watch(variables))
    return held


class Residents:
    """Variables that a function reads and writes at a place, looked up once for all its calls.

    Args:
        read: those whose newest values `values` gives, in this order.
        written: those that `wrote` is given values of, in this order.
    """

    def __init__(self, place: Place, read: Iterable[Variable], written: Iterable[Variable]):
        self.place = place
        self._read, self._written = tuple(read), tuple(written)
        self._epoch = -1

    def _look_up(self) -> None:
        """Anew where variables have moved to another storage."""
        from symkeras.graph.variable import Writer, storage_epoch

        if self._epoch == storage_epoch():
            return
        self._of_read = [copies_at(self.place, v.storage) for v in self._read]
        self._of_written = [copies_at(self.place, v.storage) for v in self._written]
        self._storages = list({id(held): (held, v.storage) for held, v in zip(self._of_written, self._written, strict=True)}.values())
        self._writer = Writer(self._written)
        self._epoch = storage_epoch()

    def values(self) -> list[Any]:
        """The newest values, as values of the place."""
        self._look_up()
        found = []
        for v, held in zip(self._read, self._of_read, strict=True):
            held.forget_old()
            value = held.values.get(v)
            if value is None:
                with _lock:
                    value = held.values[v] = self.place.send(v.array, v)
            found.append(value)
        return found

    def wrote(self, news: Iterable[Any]) -> None:
        """The place has computed new values; all of them count from here on."""
        with _lock:
            self._look_up()
            for held, storage in self._storages:
                if len(storage.copies) > 1:
                    bring_home(storage, but=self.place)
                held.forget_old()
            self._writer.wrote()
            for v, held, value in zip(self._written, self._of_written, news, strict=True):
                held.values[v] = value
                held.ahead.add(v)
            for held, storage in self._storages:
                held.seen = held.watch.last
                _note(storage)


def value_at(place: Place, variable: Variable) -> Any:
    """The newest value of a variable, as a value of a place."""
    return Residents(place, (variable,), ()).values()[0]


def wrote_at(place: Place, news: Mapping[Variable, Any]) -> None:
    """A place has computed new values; all of them count from here on."""
    Residents(place, (), news).wrote(news.values())


def _note(storage: Any) -> None:
    key = id(storage)
    if key not in AWAY:
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
