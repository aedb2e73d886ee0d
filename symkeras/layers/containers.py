"""Lists, dicts and sets that tell those who watch them what is put into them and what is taken out.

Layers and metrics keep their containers as these. A copy of one, and what is unpickled, is a container of the plain kind.
"""

from __future__ import annotations

import functools
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Protocol


class Watcher(Protocol):
    """Who is told: `track` gives what to keep in the place of an item that came."""

    def track(self, value: Any) -> Any: ...

    def release(self, value: Any) -> None: ...


class Tracked:
    """What the containers share."""

    plain: ClassVar[type]
    _watchers: list[Watcher]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        new = super().__new__(cls)
        new._watchers = []
        return new

    @classmethod
    def watched(cls, values: Any, watcher: Watcher) -> Any:
        """One with the items of a plain container, watched."""
        new = cls(values)
        new.watch(watcher)
        return new

    def watch(self, watcher: Watcher) -> None:
        """Tell `watcher` of the items, and from now on of what comes and goes; once, in however many of its places the container is."""
        is_new = not self._is_watched_by(watcher)
        self._watchers.append(watcher)
        if is_new:
            self._replace(watcher.track)

    def unwatch(self, watcher: Watcher) -> None:
        """Tell `watcher` that the items went, and nothing more, where this was the last of its places."""
        if self._is_watched_by(watcher):
            self._watchers.remove(watcher)
            for value in () if self._is_watched_by(watcher) else self._items():
                watcher.release(value)

    def _is_watched_by(self, watcher: Watcher) -> bool:
        return any(w is watcher for w in self._watchers)

    def _came(self, value: Any) -> Any:
        """`value` as it is to be kept."""
        for watcher in dict.fromkeys(self._watchers):
            value = watcher.track(value)
        return value

    def _went(self, value: Any) -> None:
        for watcher in dict.fromkeys(self._watchers):
            watcher.release(value)

    def _changed_from(self, before: list[Any]) -> None:
        """Tell of everything that came and went since the items were `before`."""
        left: dict[int, int] = {}
        for value in before:
            left[id(value)] = left.get(id(value), 0) + 1

        def kept(value: Any) -> Any:
            if left.get(id(value), 0) == 0:
                return self._came(value)
            left[id(value)] -= 1
            return value

        self._replace(kept)
        for value in before:
            if left[id(value)]:
                left[id(value)] -= 1
                self._went(value)

    def _items(self) -> list[Any]:
        return list(self)  # type: ignore[call-overload]

    def _replace(self, fn: Callable[[Any], Any]) -> None:
        """Put `fn(item)` in the place of every item."""
        raise NotImplementedError

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.plain, (self._items(),)


def _telling(*names: str) -> Callable[[type], type]:
    """Class decorator: these methods of the plain container tell afterwards what came and what went."""

    def told(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def change(self: Tracked, *args: Any, **kwargs: Any) -> Any:
            before = self._items()
            try:
                return method(self, *args, **kwargs)
            finally:
                self._changed_from(before)

        return change

    def decorate(cls: Any) -> Any:
        for name in names:
            setattr(cls, name, told(getattr(cls.plain, name)))
        return cls

    return decorate


@_telling("__setitem__", "__delitem__", "__imul__", "clear")
class TrackedList(Tracked, list):  # type: ignore[type-arg]
    """A list that is watched."""

    plain = list

    def append(self, value: Any) -> None:
        super().append(self._came(value))

    def insert(self, index: Any, value: Any) -> None:
        super().insert(index, self._came(value))

    def extend(self, values: Iterable[Any]) -> None:
        super().extend([self._came(value) for value in list(values)])

    def __iadd__(self, values: Iterable[Any]) -> Any:
        self.extend(values)
        return self

    def pop(self, index: Any = -1) -> Any:
        value = super().pop(index)
        self._went(value)
        return value

    def remove(self, value: Any) -> None:
        places = [k for k, v in enumerate(self) if v is value]
        del self[places[0] if places else self.index(value)]

    def _replace(self, fn: Callable[[Any], Any]) -> None:
        for k, value in enumerate(list(self)):
            list.__setitem__(self, k, fn(value))


_MISSING = object()


@_telling("clear", "popitem")
class TrackedDict(Tracked, dict):  # type: ignore[type-arg]
    """A dict that is watched."""

    plain = dict

    def __setitem__(self, key: Any, value: Any) -> None:
        before = self.get(key, _MISSING)
        super().__setitem__(key, self._came(value))
        self._went(before)

    def __delitem__(self, key: Any) -> None:
        before = self.get(key, _MISSING)
        super().__delitem__(key)
        self._went(before)

    def update(self, *args: Any, **kwargs: Any) -> None:
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def __ior__(self, other: Any) -> Any:
        self.update(other)
        return self

    def setdefault(self, key: Any, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: Any, *default: Any) -> Any:
        if key not in self:
            return super().pop(key, *default)
        value = self[key]
        del self[key]
        return value

    def _items(self) -> list[Any]:
        return list(self.values())

    def _replace(self, fn: Callable[[Any], Any]) -> None:
        for key, value in list(self.items()):
            dict.__setitem__(self, key, fn(value))

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.plain, (list(self.items()),)


@_telling("clear", "popitem")
class TrackedOrderedDict(TrackedDict, OrderedDict):  # type: ignore[type-arg]
    """An `OrderedDict` that is watched."""

    plain = OrderedDict


@_telling("clear", "popitem")
class TrackedDefaultDict(TrackedDict, defaultdict):  # type: ignore[type-arg]
    """A `defaultdict` that is watched."""

    plain = defaultdict

    def __init__(self, values: Any = ()):
        super().__init__(getattr(values, "default_factory", None), values)

    def __missing__(self, key: Any) -> Any:
        super().__missing__(key)
        return self[key]  # as it is kept

    def copy(self) -> Any:
        return defaultdict(self.default_factory, self)

    __copy__ = copy

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.plain, (self.default_factory, list(self.items()))


@_telling("add", "remove", "discard", "pop", "clear", "update", "difference_update", "intersection_update", "symmetric_difference_update",
          "__ior__", "__isub__", "__iand__", "__ixor__")  # fmt: skip
class TrackedSet(Tracked, set):  # type: ignore[type-arg]
    """A set that is watched."""

    plain = set

    def _replace(self, fn: Callable[[Any], Any]) -> None:
        for value in list(self):  # what can be in a set is kept as it is
            fn(value)


CONTAINERS: dict[type, type[Tracked]] = {cls.plain: cls for cls in (TrackedList, TrackedDict, TrackedOrderedDict, TrackedDefaultDict, TrackedSet)}
"""The class that watches containers of a plain class."""
