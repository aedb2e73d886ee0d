"""The engines that are tested side by side, each skipped with what to install where it is not there."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

from symkeras import backend_names, config

ENGINES = tuple(sorted(backend_names.EXTRAS))
TRAINING = tuple(name for name in ENGINES if name not in backend_names.WITHOUT_TRAINING)
"""Those that run updates of weights."""
MISSING = {n: "" if find_spec(n) else f"{n} is not installed: pip install 'symkeras[{backend_names.EXTRAS[n]}]'" for n in ENGINES}
"""Why an engine cannot run here, "" where it can; none is imported to find out."""


def each(names: tuple[str, ...]) -> list[Any]:
    """Parameters of a test, an engine each."""
    return [pytest.param(name, marks=pytest.mark.skipif(bool(MISSING[name]), reason=MISSING[name])) for name in names]


@contextlib.contextmanager
def chosen(name: str) -> Iterator[None]:
    """Compile by a backend where none is named."""
    before = config.backend()
    config.set_backend(name)
    try:
        yield
    finally:
        config.set_backend(before)


def in_a_process(*arguments: str, backend: str | None = None) -> str:
    """What Python prints in a process of its own, where `SYMKERAS_BACKEND` names a backend."""
    env = {k: v for k, v in os.environ.items() if k != "SYMKERAS_BACKEND"}
    env["TF_CPP_MIN_LOG_LEVEL"], env["PYTENSOR_FLAGS"] = "3", "cxx="
    if backend is not None:
        env["SYMKERAS_BACKEND"] = backend
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, f"{backend}: {done.stdout[-1000:]}{done.stderr[-3000:]}"
    return done.stdout
