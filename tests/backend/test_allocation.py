"""Freed storage stays with the process where an engine asks the C library for every value, unless the user's environment says otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests import backends

_PAGES = """
import resource, sys
from symkeras.backend import allocation
import numpy as np

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        held = [np.ones(700_000, np.float32) for _ in range(3)]
        del held
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) // 8

fresh = faults()
kept = allocation.keep()
faults()
print(kept, fresh, faults())
"""
_STEPS = """
import resource, sys
import symkeras as keras
import numpy as np
model = keras.Sequential([keras.Input((600,)), keras.layers.Dense(900, "relu"), keras.layers.Dense(700, "relu"), keras.layers.Dense(1)])
model.compile("adam", "mse", backend=sys.argv[1])
x, y = np.ones((8, 600), "float32"), np.ones((8, 1), "float32")
for _ in range(8):
    model.train_on_batch(x, y)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(16):
    model.train_on_batch(x, y)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) // 16)
print(model.executable("train"))
"""
_PARAMETERS = 600 * 900 + 900 * 700
_PAGE = 4096


def _run(script: str, *arguments: str, **environment: str) -> str:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_TUNABLES"))}
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False, env={**clean, **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout


def _has_glibc() -> bool:
    return sys.platform == "linux" and bool(os.confstr("CS_GNU_LIBC_VERSION"))


@pytest.mark.skipif(not _has_glibc(), reason="the C library is not glibc")
def test_blocks_that_were_freed_are_given_again_without_fresh_pages() -> None:
    kept, fresh, after = _run(_PAGES).split()
    assert kept == "True"
    assert int(fresh) > 3 * 700_000 * 4 // _PAGE // 2
    assert int(after) < 100


@pytest.mark.skipif(not _has_glibc(), reason="the C library is not glibc")
@pytest.mark.parametrize(
    "name, value",
    [("MALLOC_TRIM_THRESHOLD_", "131072"), ("MALLOC_ARENA_MAX", "2"), ("GLIBC_TUNABLES", "glibc.malloc.trim_threshold=131072")],
)
def test_who_sets_the_allocator_by_the_environment_has_the_say(name: str, value: str) -> None:
    kept, _, after = _run(_PAGES, **{name: value}).split()
    assert kept == "False"
    assert int(after) > 3 * 700_000 * 4 // _PAGE // 2


@pytest.mark.skipif(not _has_glibc(), reason="the C library is not glibc")
def test_clearing_the_session_returns_what_is_free() -> None:
    script = """
import gc
from pathlib import Path
import numpy as np, symkeras
from symkeras.backend import allocation
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1])
def used():
    held = [np.ones(700_000, np.float32) for _ in range(10)]
allocation.keep()
used()
before = resident()
symkeras.utils.clear_session()
print(before - resident())
"""
    assert int(_run(script)) > 10 * 700_000 * 4 // _PAGE // 2


def test_nothing_is_told_where_no_engine_asks() -> None:
    script = "import symkeras; symkeras.utils.clear_session(); from symkeras.backend import allocation; print(allocation.keep.cache_info().currsize)"
    assert _run(script).split() == ["0"]


@pytest.mark.skipif(not _has_glibc(), reason="the C library is not glibc")
@pytest.mark.parametrize("engine", ["jax", "torch"])
def test_a_step_takes_no_fresh_pages_for_its_values(engine: str) -> None:
    if reason := backends.missing(engine):
        pytest.skip(reason)
    count, _, about = _run(_STEPS, engine).partition("\n")
    assert int(count) < _PARAMETERS * 4 // _PAGE // 4, "fewer than a quarter of one set of weights"
    assert "freed blocks stay with the process" in about
