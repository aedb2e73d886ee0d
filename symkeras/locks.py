"""Locks that a child of fork finds free.

A child has only the thread that forked. What another thread held at that moment nobody would ever give back, and the child would
wait for it for ever.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any

_made: weakref.WeakSet[Any] = weakref.WeakSet()


def lock() -> Any:
    """A `threading.Lock` that is free in a child of fork."""
    made = threading.Lock()
    _made.add(made)
    return made


def reentrant_lock() -> Any:
    """A `threading.RLock` that is free in a child of fork, unless the thread that forked holds it."""
    made = threading.RLock()
    _made.add(made)
    return made


def _free_in_child() -> None:
    for made in list(_made):
        if not (hasattr(made, "_is_owned") and made._is_owned()):
            made._at_fork_reinit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_in_child)
