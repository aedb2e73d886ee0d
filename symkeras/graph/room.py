"""How much memory and work a stranger's file may ask for: what is made for it asks here before it is made."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from symkeras.errors import ConfigError, DataError


class _State(threading.local):
    bytes_left: int | None = None
    calls_left: int | None = None
    reason: str = ""


_state = _State()


@contextmanager
def at_most(size: int, reason: str, is_outer: bool = False) -> Iterator[None]:
    """Context in which variables that initializers fill, and arrays that operations make of a shape, take at most `size` bytes.

    Args:
        size: in bytes.
        reason: what allows no more, for the message.
        is_outer: whether a bound that holds already stays.
    """
    if is_outer and _state.bytes_left is not None:
        yield
        return
    before = _state.bytes_left, _state.reason
    _state.bytes_left, _state.reason = size, reason
    try:
        yield
    finally:
        _state.bytes_left, _state.reason = before


@contextmanager
def calls_at_most(count: int) -> Iterator[None]:
    """Context in which at most `count` calls of layers are made, those inside of others and steps of unrolled loops included."""
    before, _state.calls_left = _state.calls_left, count
    try:
        yield
    finally:
        _state.calls_left = before


def take(shape: Sequence[int], dtype: str, what: str) -> None:
    """Take room for an array.

    Raises:
        DataError: there is less.
    """
    if _state.bytes_left is None:
        return
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size > _state.bytes_left:
        raise DataError(f"{what} of shape {tuple(shape)} takes {size} bytes, more than {_state.reason}: refused")
    _state.bytes_left -= size


def count_calls(count: int = 1) -> None:
    """Take note of calls.

    Raises:
        ConfigError: there were too many.
    """
    if _state.calls_left is None:
        return
    _state.calls_left -= count
    if _state.calls_left < 0:
        raise ConfigError("the config makes more calls of layers than any model needs: refused")
