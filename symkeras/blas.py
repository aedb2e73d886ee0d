"""NumPy's OpenBLAS: how many threads it uses, and which kernels.

OpenBLAS takes some AMD processors with AVX-512 for older ones and runs at half their speed. Before NumPy is loaded an
environment variable mends that: `SYMKERAS_OPENBLAS=auto` (the default) sets `OPENBLAS_CORETYPE=SkylakeX` there unless that
variable is set already, `off` leaves everything as it is, and any other value is taken as the core type. What was done is in `describe()`.
"""

from __future__ import annotations

import ctypes
import glob
import os
import sys
from functools import cache
from typing import Any

from symkeras import locks

_decision = "not considered"
_set_here: str | None = None


def _needs_core_type(cpuinfo: str) -> bool:
    """Whether the processor is an AMD one with AVX-512."""
    return "AuthenticAMD" in cpuinfo and "avx512f" in cpuinfo


def core_type() -> tuple[str | None, str]:
    """What to set `OPENBLAS_CORETYPE` to before an OpenBLAS is loaded, None for leaving it as it is; and why, in words."""
    setting = os.environ.get("SYMKERAS_OPENBLAS", "auto")
    if setting == "off":
        return None, "left alone (SYMKERAS_OPENBLAS=off)"
    if setting != "auto":
        return setting, f"core type {setting} (SYMKERAS_OPENBLAS)"
    present = os.environ.get("OPENBLAS_CORETYPE")
    if present is not None:
        return None, _decision if present == _set_here else f"OPENBLAS_CORETYPE={present} was set"
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            text = file.read(8192)
    except OSError:
        return None, "as detected"
    if _needs_core_type(text):
        return "SkylakeX", "core type SkylakeX, since OpenBLAS misjudges AMD processors with AVX-512"
    return None, "as detected"


def choose_core_type() -> None:
    """Set the core type in the environment; useful only before NumPy is loaded."""
    global _decision, _set_here
    if "numpy" in sys.modules and os.environ.get("SYMKERAS_OPENBLAS") != "off":
        _decision = "left alone (NumPy was loaded before symkeras)"
        return
    core, _decision = core_type()
    if core is not None:
        os.environ["OPENBLAS_CORETYPE"] = _set_here = core


@cache
def numpy_library() -> tuple[ctypes.CDLL, str] | None:
    """NumPy's bundled OpenBLAS and the suffix of its names ("64_" where sizes have 64 bits), or None where NumPy has another."""
    import numpy as np

    folder = os.path.join(os.path.dirname(os.path.dirname(np.__file__)), "numpy.libs")
    for path in glob.glob(os.path.join(folder, "*openblas*")):
        try:
            library = ctypes.CDLL(path)
        except OSError:
            continue
        for suffix in ("64_", ""):
            if hasattr(library, f"scipy_openblas_set_num_threads{suffix}"):
                return library, suffix
    return None


@cache
def _library() -> Any:
    """What asks and tells NumPy's OpenBLAS its number of threads, and gives its configuration; None where NumPy has another."""
    found = numpy_library()
    if found is None:
        return None
    library, suffix = found
    get, put = (getattr(library, f"scipy_openblas_{verb}_num_threads{suffix}") for verb in ("get", "set"))
    config = getattr(library, f"scipy_openblas_get_config{suffix}")
    config.restype = ctypes.c_char_p
    return get, put, config


def get_num_threads() -> int | None:
    """The threads OpenBLAS uses for a product, None where it cannot be asked."""
    library = _library()
    return None if library is None else int(library[0]())


def set_num_threads(n: int) -> None:
    """Let OpenBLAS use `n` threads; does nothing where it cannot be told."""
    library = _library()
    if library is not None:
        library[1](ctypes.c_int(n))


class single_thread:
    """Context in which a product runs on one thread: small ones are faster so, and large ones are dealt out by the backend.

    Contexts of several threads may overlap; the first one in and the last one out change the setting.
    """

    _count = 0
    _before = 1
    _inherited: int | None = None  # in a child of fork: what to put back, since another thread was inside
    _lock = locks.lock()

    def __enter__(self) -> None:
        cls = single_thread
        with cls._lock:
            if cls._count == 0:
                cls._before = cls._inherited or get_num_threads() or 1
            cls._count += 1  # while it is above zero, a child of fork knows what to put back
            if cls._count == 1 and cls._before != 1:
                set_num_threads(1)

    def __exit__(self, *_: object) -> None:
        cls = single_thread
        with cls._lock:
            if cls._count == 1 and cls._before != 1:
                set_num_threads(cls._before)
                cls._inherited = None
            cls._count -= 1

    @classmethod
    def _begin_in_child(cls) -> None:
        """In a child of fork: those who were inside in other threads are not there."""
        if cls._count > 0:
            cls._inherited, cls._count = cls._before, 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=single_thread._begin_in_child)


def describe() -> str:
    """One line on the BLAS that runs: version, core, threads, and what was chosen."""
    library = _library()
    if library is None:
        return "BLAS: not NumPy's OpenBLAS; nothing chosen"
    return f"BLAS: {library[2]().decode().strip()}; {get_num_threads()} threads; {_decision}"
