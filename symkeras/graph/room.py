"""How much memory variables may take: where a stranger's file says how large they are, it is asked before they are made."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from symkeras.errors import DataError


class _State(threading.local):
    left: int | None = None
    reason: str = ""


_state = _State()


@contextmanager
def at_most(size: int, reason: str) -> Iterator[None]:
    """Context in which variables that initializers fill take at most `size` bytes.

    Args:
        size: in bytes.
        reason: what allows no more, for the message.
    """
    before = _state.left, _state.reason
    _state.left, _state.reason = size, reason
    try:
        yield
    finally:
        _state.left, _state.reason = before


def take(shape: Sequence[int], dtype: str, name: str | None) -> None:
    """Take room for an array.

    Raises:
        DataError: there is less.
    """
    if _state.left is None:
        return
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size > _state.left:
        raise DataError(f"variable {name!r} of shape {tuple(shape)} takes {size} bytes, more than {_state.reason}: refused")
    _state.left -= size
