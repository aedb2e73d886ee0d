"""Storage that an engine frees after a step stays with the process, for the next step.

An engine that asks the C library for every intermediate value gets fresh pages each time: glibc gives large blocks, and free ones at the
end of its heap, back to the system at once, and the system fills with zeros what is asked for again. That is up to a third of a step where
little is computed for each element. `keep` tells glibc to hold on to such blocks, for the whole process; other C libraries are left as they are.
Who sets glibc's allocator by the environment (`MALLOC_TRIM_THRESHOLD_`, `GLIBC_TUNABLES`, ...) has said what is wanted, and nothing is changed.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Names of parameters, in `malloc.h`."""
_NEVER = -1
_LARGEST = 1 << 30
"""Bytes from which on a block comes from the system and goes back to it."""


@functools.cache
def keep() -> bool:
    """Hold on to freed storage from now on; gives whether that was said, now or before.

    A thread's own arena has room for 64 MiB; what is larger still comes from the system each time.
    """
    if _is_set_by_the_user():
        return False
    with contextlib.suppress(OSError, AttributeError):
        tell = ctypes.CDLL(None).mallopt
        return all([tell(_MMAP_THRESHOLD, _LARGEST), tell(_TRIM_THRESHOLD, _NEVER)])
    return False


def give_back() -> None:
    """Return to the system what is free, where it was held."""
    if keep.cache_info().currsize and keep():
        ctypes.CDLL(None).malloc_trim(0)


def about() -> str:
    """One line on what becomes of freed storage."""
    return "storage: freed blocks stay with the process for the next step" if keep() else "storage: freed blocks go where the C library puts them"


def _is_set_by_the_user() -> bool:
    return "malloc" in os.environ.get("GLIBC_TUNABLES", "") or any(name.startswith("MALLOC_") for name in os.environ)
