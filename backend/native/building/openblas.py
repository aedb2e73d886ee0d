"""Matrix products for compiled C: the addresses of OpenBLAS's `cblas_sgemm` and `cblas_dgemm`.

The first choice is the library in the package `scipy_openblas32`, whose copy in this process is ours alone: it takes the core
type that `symkeras.blas.core_type` chooses, whatever NumPy's took, and runs on one thread, since compiled C shares out its work
itself. The second choice is NumPy's own OpenBLAS, whose sizes have 64 bits and whose threads belong to NumPy: it runs on one
thread only inside `symkeras.blas.single_thread`, which whoever calls compiled C must then enter. With neither, both addresses are
None, and compiled C multiplies by itself.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from symkeras import blas, locks


def _tell_nobody(n: int) -> None:
    """The number of threads of no library."""


@dataclass(frozen=True)
class Blas:
    """Where compiled C finds its matrix products.

    Attributes:
        sgemm: address of `cblas_sgemm`, None where there is none.
        dgemm: address of `cblas_dgemm`, None where there is none.
        ilp64: whether sizes are passed as 64-bit integers, not as 32-bit ones.
        config: what the library says of itself: version, core type.
        owner: "scipy_openblas32", "numpy", or "" for none.
        set_num_threads: lets the library use so many threads.
        chosen: why it has its core type.
    """

    sgemm: int | None = None
    dgemm: int | None = None
    ilp64: bool = False
    config: str = ""
    owner: str = ""
    set_num_threads: Callable[[int], None] = _tell_nobody
    chosen: str = ""

    @property
    def is_private(self) -> bool:
        """Whether it runs on one thread always, so that no `symkeras.blas.single_thread` is needed."""
        return self.owner == "scipy_openblas32"

    def describe(self) -> str:
        """One line: the library, its core type and why it has that.

        >>> Blas().describe()
        'matrix products: no OpenBLAS found, by compiled C itself; pip install scipy-openblas32 for faster ones'
        """
        if not self.owner:
            return "matrix products: no OpenBLAS found, by compiled C itself; pip install scipy-openblas32 for faster ones"
        place = "of scipy_openblas32, one thread" if self.is_private else "of NumPy, one thread while compiled C runs"
        return f"matrix products: {self.config} ({place}); {self.chosen}"


_lock = locks.lock()


def load() -> Blas:
    """The OpenBLAS for compiled C, loaded once per process."""
    with _lock:
        return _load()


@functools.cache
def _load() -> Blas:
    return _from_package() or _from_numpy() or Blas()


def _from_package() -> Blas | None:
    """The library of `scipy_openblas32`, without importing the package, which would load it at once and for everybody."""
    for path in _package_files():
        core, chosen = blas.core_type()
        changes = {"OPENBLAS_NUM_THREADS": "1"} | ({} if core is None else {"OPENBLAS_CORETYPE": core})
        try:
            with _environment(changes):
                library = ctypes.CDLL(str(path))
            found = _addresses(library, "", "scipy_openblas32", chosen)
        except (OSError, AttributeError):
            continue
        found.set_num_threads(1)
        return found
    return None


def _from_numpy() -> Blas | None:
    found = blas.numpy_library()
    if found is None:
        return None
    try:
        return _addresses(*found, "numpy", "core type as NumPy loaded it")
    except AttributeError:
        return None


def _package_files() -> list[Path]:
    """The libraries in the installed package."""
    try:
        package = importlib.util.find_spec("scipy_openblas32")
    except ValueError:  # a stand-in without a spec was put in its place
        return []
    folders = [] if package is None else package.submodule_search_locations or []
    files = [path for folder in folders for path in sorted(Path(folder, "lib").glob("*scipy_openblas*"))]
    return [path for path in files if path.suffix in (".so", ".dylib", ".dll")]


def _addresses(library: ctypes.CDLL, suffix: str, owner: str, chosen: str) -> Blas:
    """What a library offers under names with this suffix; AttributeError where one is missing."""
    sgemm, dgemm = (ctypes.cast(getattr(library, f"scipy_cblas_{name}{suffix}"), ctypes.c_void_p).value for name in ("sgemm", "dgemm"))
    put, config = (getattr(library, f"scipy_openblas_{name}{suffix}") for name in ("set_num_threads", "get_config"))
    config.restype = ctypes.c_char_p
    return Blas(sgemm, dgemm, suffix == "64_", config().decode().strip(), owner, lambda n: put(ctypes.c_int(n)), chosen)


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    """Environment variables for the time of the context, seen by C code too."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
