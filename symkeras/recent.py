"""A mapping that keeps the entries used last, for what can be made again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress
from typing import Generic, TypeVar

from symkeras import locks

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """The entries used last; several threads may ask for them.

    Args:
        most: how many there are at the most, or a function that says so.

    >>> squares = Recent(2)
    >>> for n in (1, 2, 1, 3):
    ...     squares.put(n, n * n)
    >>> sorted(squares), squares.get(2)
    ([1, 3], None)
    """

    def __init__(self, most: int | Callable[[], int]):
        self._most = most if callable(most) else lambda: most
        self._entries: OrderedDict[K, V] = OrderedDict()
        self._lock = locks.lock()

    def get(self, key: K) -> V | None:
        """The value of `key`, which is now the entry used last; None where there is none."""
        value = self._entries.get(key)
        if value is not None:
            with suppress(KeyError):  # another thread may have dropped it since
                self._entries.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        """Take an entry in; the one that was used longest ago goes where there are too many."""
        with self._lock:
            self._entries[key] = value
            self._entries.move_to_end(key)
            while len(self._entries) > max(1, self._most()):
                self._entries.popitem(last=False)

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[K]:
        return iter(list(self._entries))

    def values(self) -> list[V]:
        """The values, the one used last at the end."""
        return list(self._entries.values())

    def items(self) -> list[tuple[K, V]]:
        """Keys and values, in the same order."""
        return list(self._entries.items())
