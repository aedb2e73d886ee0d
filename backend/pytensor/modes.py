"""How PyTensor compiles for us: which linker, and which of its rewrites.

The graph comes optimised, under this project's rules on NaN and exactness, so PyTensor's algebra is left out (it would take `0 * x` for 0):
merging, fusion and what concerns scan itself is what remains. Loops that work in place were measured to be no faster, and to find them takes
most of the time of a large graph. Numba, which PyTensor takes by itself, needs 40 s for a perceptron where C needs 6.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pytensor
from pytensor.compile.mode import Mode
from pytensor.graph.rewriting.db import RewriteDatabaseQuery
from pytensor.link.vm import VMLinker

from symkeras import locks
from symkeras.errors import BackendError

MODES = ("c", "py")
"""With the loops that PyTensor fuses built by a C++ compiler, and in Python alone."""
_chosen: ContextVar[str] = ContextVar("pytensor_mode")
_lock = locks.reentrant_lock()
_REWRITES = RewriteDatabaseQuery(include=["minimum_compile", "merge", "constant_folding", "fusion", "inplace", "scan_save_mem"],
                                 exclude=["inplace_elemwise"])  # fmt: skip


def checked_mode(name: str | None) -> str:
    """"c" where there is a compiler (`pytensor.config.cxx`), else "py", when None.

    Raises:
        BackendError: a mode that needs a compiler which is not there.
    """
    if name is None or name == "default":
        return "c" if pytensor.config.cxx else "py"
    if name == "c" and not pytensor.config.cxx:
        raise BackendError("pytensor's mode 'c' needs a C++ compiler: pytensor.config.cxx is empty; 'py' needs none")
    return name


@contextmanager
def using(mode: str) -> Iterator[None]:
    """Compile and run within it in one of `MODES`; others are not disturbed, nor are they shown PyTensor's warnings about our calls."""
    flags: dict[str, Any] = {"on_opt_error": "raise"} | ({"cxx": ""} if mode == "py" else {})
    with _lock:
        before = _chosen.set(mode)
        try:
            with pytensor.config.change_flags(**flags), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            _chosen.reset(before)


def inner_mode() -> Mode:
    """The mode of what is compiled within `using`."""
    if _chosen.get() == "py":  # a fused loop would run scalar by scalar in Python
        return Mode(VMLinker(use_cloop=False, c_thunks=False), _REWRITES.excluding("fusion"))
    return Mode(VMLinker(use_cloop=True), _REWRITES)


def function(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
    """A function compiled within `using`; its arguments are arrays of just the types of the inputs."""
    compiled = pytensor.function(list(inputs), list(outputs), mode=inner_mode(), on_unused_input="ignore")
    compiled.trust_input = True
    return compiled
