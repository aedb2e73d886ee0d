"""The threads with which PyTorch shares large operations: they flush denormals, or keep them, as the thread that calls does.

A processor's setting is that of a thread, and those of an OpenMP team have the one under which they were made. So they are told: each of them runs
the C library's `fesetenv`, with the setting that is wanted, before an executable that wants another one than the last.
"""

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from symkeras.backend.denormals import Denormals

_told = threading.local()


@functools.cache
def _parallel() -> tuple[Callable[..., Any], int] | None:
    """GNU OpenMP's entry to a parallel region, of the library that PyTorch brings, and the address of `fesetenv`; None where it has another one."""
    found = sorted(Path(torch.__file__).parent.glob("lib/libgomp*.so*"))
    try:
        region = ctypes.CDLL(str(found[0])).GOMP_parallel
        region.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
        region.restype = None
        return region, ctypes.cast(ctypes.CDLL(None).fesetenv, ctypes.c_void_p).value or 0
    except (IndexError, OSError, AttributeError):
        return None


def can_be_told() -> bool:
    """Whether the other threads are told."""
    return torch.get_num_threads() == 1 or _parallel() is not None


def tell(denormals: Denormals, way: str) -> None:
    """Let the team of this thread treat denormals in one way, which `denormals` sets."""
    count = torch.get_num_threads()
    if count == 1 or getattr(_told, "last", None) == (way, count):
        return
    entry = _parallel()
    if entry is not None and denormals.wanted is not None:
        region, setter = entry
        with denormals:  # the thread that calls is one of the team
            region(setter, denormals.wanted, count, 0)
    _told.last = way, count
