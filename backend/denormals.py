"""Denormal numbers, on the threads that run NumPy: whether the processor computes with them or takes them for zero.

They are those below 1.2e-38 in float32 (2.2e-308 in float64), with fewer digits the smaller they are, and a processor takes a
hundred and more cycles for each operation on them. Gradients that vanish over hundreds of time steps, and moments of an optimizer
that decay, get there. `denormals="flush"` (the default) reads and writes them as zero while a compiled function runs; "keep" computes
with them, as NumPy by itself does. Generated C sets the processor's control register itself (`symkeras/denormals.h`); here the C
library's `fesetenv` does, which holds the register in a structure of known layout.
"""

from __future__ import annotations

import ctypes
import functools
import platform
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class _Layout:
    """Where `fenv_t` of a C library holds the control register, in bytes, and which of its bits flush."""

    size: int
    offset: int
    bits: int


_LAYOUTS = {
    ("Linux", "x86_64"): _Layout(32, 28, 0x8040),
    ("Linux", "aarch64"): _Layout(8, 0, 1 << 24),
    ("Darwin", "x86_64"): _Layout(16, 4, 0x8040),
    ("Darwin", "arm64"): _Layout(16, 8, 1 << 24),
}


class _Register:
    """The control register of the thread that asks.

    Attributes:
        get, put: copy it to an address, and from one.
    """

    def __init__(self, layout: _Layout):
        process = ctypes.PyDLL(None)  # keeps Python's lock: to give it away would take longer than the call
        self.get, self.put = process.fegetenv, process.fesetenv
        self._layout = layout
        now = self.room()
        self.get(now)
        self._settings = {False: self._with(now, 0), True: self._with(now, layout.bits)}
        self.setting = {flush: ctypes.addressof(room) for flush, room in self._settings.items()}

    def room(self) -> Any:
        """Memory for the register."""
        return (ctypes.c_uint32 * (self._layout.size // 4))()

    def _with(self, room: Any, bits: int) -> Any:
        changed = type(room).from_buffer_copy(room)
        place = self._layout.offset // 4
        changed[place] = (changed[place] & ~self._layout.bits) | bits
        return changed

    def flushes(self) -> bool:
        """Whether this thread flushes."""
        room = self.room()
        self.get(room)
        return bool(room[self._layout.offset // 4] & self._layout.bits)


@functools.cache
def _register() -> _Register | None:
    """The way to the register that works here; None where there is none."""
    layout = _LAYOUTS.get((platform.system(), platform.machine()))
    try:
        if layout is None or ctypes.sizeof(ctypes.c_void_p) != 8:
            return None
        register = _Register(layout)
        with Denormals(True, register):
            flushed = _products_are_zero()
        return register if flushed and not _products_are_zero() else None
    except (OSError, AttributeError):
        return None


def _products_are_zero() -> bool:
    return not np.any(np.full(16, 1e-30, np.float32) * np.float32(1e-10))


class Denormals:
    """Context in which this thread flushes denormals, or computes with them; one thread at a time may be in it.

    Where half a microsecond counts, `get(before)`, `put(wanted)` and at the end `put(before)` do the same.

    Args:
        flush: whether to take them for zero.

    >>> small = np.full(4, 1e-30, "float32")
    >>> with Denormals(False):
    ...     bool((small * np.float32(1e-10) > 0).all())
    True
    """

    def __init__(self, flush: bool, register: _Register | None = None):
        register = register or _register()
        self.get: Callable[[Any], Any] = _nothing
        self.put: Callable[[Any], Any] = _nothing
        self.before = self.wanted = None
        if register is not None:
            self.get, self.put, self._room = register.get, register.put, register.room()
            self.before, self.wanted = ctypes.c_void_p(ctypes.addressof(self._room)), ctypes.c_void_p(register.setting[flush])

    def __enter__(self) -> None:
        self.get(self.before)
        self.put(self.wanted)

    def __exit__(self, *_: object) -> None:
        self.put(self.before)


DESCRIPTIONS = {"flush": "denormals: flushed to zero", "keep": "denormals: kept"}


def _nothing(_: Any) -> None:
    """Where nothing can be set."""


def this_thread_flushes() -> bool:
    """Whether the thread that asks takes denormals for zero."""
    register = _register()
    return register is not None and register.flushes()


def let_this_thread_flush(flush: bool) -> None:
    """Say so for the thread that asks, until it is said otherwise."""
    register = _register()
    if register is not None:
        register.put(ctypes.c_void_p(register.setting[flush]))


def describe(way: str) -> str:
    """One line on what becomes of denormals in a function that runs NumPy."""
    if way == "flush" and _register() is None:
        return "denormals: kept, since no way to flush them is known on this system"
    return DESCRIPTIONS[way]
