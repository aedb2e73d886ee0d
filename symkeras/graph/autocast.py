"""The dtype in which floating variables are read: that of the layer being called, where it computes in another one than it keeps weights in."""

from __future__ import annotations

import threading


class _State(threading.local):
    dtype: str | None = None


_state = _State()


class reading_as:
    """Context in which floating variables that allow it are read in `dtype`, or, for None, in their own.

    >>> with reading_as("float16"):
    ...     current()
    'float16'
    """

    __slots__ = ("_before", "_dtype")

    def __init__(self, dtype: str | None):
        self._dtype = dtype

    def __enter__(self) -> None:
        self._before = _state.dtype
        _state.dtype = self._dtype

    def __exit__(self, *_: object) -> None:
        _state.dtype = self._before


def current() -> str | None:
    """The dtype that floating variables are read in, None for their own."""
    return _state.dtype
