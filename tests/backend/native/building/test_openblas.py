"""OpenBLAS for compiled C: the right products, its own core type and thread, and nothing else changed by loading it."""

from __future__ import annotations

import ctypes
import dataclasses
import os
import platform
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from symkeras import blas
from symkeras.backend.native.building import openblas
from tests.patience import SECONDS

ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112
HAS_PACKAGE = bool(openblas._package_files())
NEEDS_PACKAGE = pytest.mark.skipif(not HAS_PACKAGE, reason="scipy_openblas32 is not installed")
NEEDS_NUMPYS = pytest.mark.skipif(blas.numpy_library() is None, reason="NumPy has another BLAS than its own OpenBLAS")


@pytest.fixture(autouse=True)
def _load_anew() -> Iterator[None]:
    openblas._load.cache_clear()
    yield
    openblas._load.cache_clear()


def product(found: openblas.Blas, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a.T @ b by the address that `found` gives."""
    address = found.sgemm if a.dtype == np.float32 else found.dgemm
    size = ctypes.c_int64 if found.ilp64 else ctypes.c_int32
    real = ctypes.c_float if a.dtype == np.float32 else ctypes.c_double
    pointer, enum = ctypes.c_void_p, ctypes.c_int
    gemm = ctypes.CFUNCTYPE(None, *[enum] * 3, *[size] * 3, real, pointer, size, pointer, size, real, pointer, size)(address)
    (k, m), n = a.shape, b.shape[1]
    out = np.full((m, n), np.nan, a.dtype)
    gemm(ROW_MAJOR, TRANSPOSED, PLAIN, m, n, k, 1.0, a.ctypes.data, m, b.ctypes.data, n, 0.0, out.ctypes.data, n)
    return out


@pytest.mark.parametrize(
    "source", [pytest.param(openblas._from_package, marks=NEEDS_PACKAGE), pytest.param(openblas._from_numpy, marks=NEEDS_NUMPYS)]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_are_those_of_numpy(source: object, dtype: str, rng: np.random.Generator) -> None:
    found = source()  # type: ignore[operator]
    a, b = rng.standard_normal((50, 30)).astype(dtype), rng.standard_normal((50, 41)).astype(dtype)
    with blas.single_thread():
        np.testing.assert_allclose(product(found, a, b), a.T @ b, rtol=1e-4 if dtype == "float32" else 1e-11, atol=1e-5)


@NEEDS_PACKAGE
def test_the_packages_library_is_ours_alone_on_one_thread_and_loading_it_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    environment, threads = dict(os.environ), blas.get_num_threads()
    found = openblas.load()
    assert (found.owner, found.is_private, found.ilp64) == ("scipy_openblas32", True, False)
    assert dict(os.environ) == environment
    assert blas.get_num_threads() == threads
    library = ctypes.CDLL(str(openblas._package_files()[0]))
    assert library.scipy_openblas_get_num_threads() == 1
    assert openblas.load() is found
    assert "OpenBLAS" in found.describe() and "one thread" in found.describe()


@pytest.mark.parametrize("failing", [False, True])
def test_the_environment_is_as_before_after_any_load(failing: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMKERAS_A", "before")
    monkeypatch.delenv("SYMKERAS_B", raising=False)
    try:
        with openblas._environment({"SYMKERAS_A": "1", "SYMKERAS_B": "2"}):
            assert (os.environ["SYMKERAS_A"], os.environ["SYMKERAS_B"]) == ("1", "2")
            if os.name == "posix":
                getenv = ctypes.CDLL(None).getenv
                getenv.restype = ctypes.c_char_p
                assert getenv(b"SYMKERAS_B") == b"2"
            if failing:
                raise OSError
    except OSError:
        pass
    assert os.environ["SYMKERAS_A"] == "before" and "SYMKERAS_B" not in os.environ


@NEEDS_PACKAGE
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="core types of x86")
@pytest.mark.parametrize(
    ("settings", "core"),
    [
        ({"OPENBLAS_CORETYPE": "Nehalem"}, "Nehalem"),
        ({"OPENBLAS_CORETYPE": "Nehalem", "SYMKERAS_OPENBLAS": "Sandybridge"}, "Sandybridge"),
        ({"OPENBLAS_CORETYPE": "Nehalem", "SYMKERAS_OPENBLAS": "off"}, "Nehalem"),
        ({"SYMKERAS_OPENBLAS": "Nehalem"}, "Nehalem"),
    ],
)
def test_the_core_type_is_chosen_as_for_numpy_even_after_numpy_was_loaded(settings: dict[str, str], core: str) -> None:
    program = "import numpy\nfrom symkeras.backend.native.building import openblas\nprint(openblas.load().describe())"
    environment = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "SYMKERAS_OPENBLAS")} | settings
    done = subprocess.run([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True, timeout=SECONDS, check=True)
    assert f" {core} " in done.stdout


CASES = [
    ({"SYMKERAS_OPENBLAS": "off"}, True, (None, "left alone (SYMKERAS_OPENBLAS=off)")),
    ({"SYMKERAS_OPENBLAS": "Zen"}, True, ("Zen", "core type Zen (SYMKERAS_OPENBLAS)")),
    ({"SYMKERAS_OPENBLAS": "Zen", "OPENBLAS_CORETYPE": "Haswell"}, True, ("Zen", "core type Zen (SYMKERAS_OPENBLAS)")),
    ({"OPENBLAS_CORETYPE": "Haswell"}, True, (None, "OPENBLAS_CORETYPE=Haswell was set")),
    ({}, True, ("SkylakeX", "core type SkylakeX, since OpenBLAS misjudges AMD processors with AVX-512")),
    ({}, False, (None, "as detected")),
]


@pytest.mark.parametrize(("settings", "misjudged", "expected"), CASES)
def test_the_choice_of_a_core_type_is_this_table(
    settings: dict[str, str], misjudged: bool, expected: tuple[str | None, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not os.path.exists("/proc/cpuinfo"):
        pytest.skip("no /proc/cpuinfo here")
    for name in ("SYMKERAS_OPENBLAS", "OPENBLAS_CORETYPE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(blas, "_needs_core_type", lambda text: misjudged)
    assert blas.core_type() == expected
    assert "OPENBLAS_CORETYPE" in settings or "OPENBLAS_CORETYPE" not in os.environ


@NEEDS_NUMPYS
@pytest.mark.parametrize("missing", ["package", "file", "symbols"])
def test_where_the_package_fails_numpys_library_is_taken(missing: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "libscipy_openblas.so"  # type: ignore[operator]
    broken.write_bytes(b"not a library")
    files = {"package": [], "file": [broken], "symbols": openblas._package_files()}[missing]
    monkeypatch.setattr(openblas, "_package_files", lambda: files)
    if missing == "symbols":
        real = openblas._addresses
        monkeypatch.setattr(openblas, "_addresses", lambda library, suffix, *rest: real(library, suffix if rest[0] == "numpy" else "_no", *rest))
    threads = blas.get_num_threads()
    found = openblas.load()
    assert (found.owner, found.is_private) == ("numpy", False) and found.sgemm and found.dgemm
    assert blas.get_num_threads() == threads
    assert "of NumPy, one thread while compiled C runs" in found.describe()


def test_with_neither_library_there_are_no_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openblas, "_package_files", lambda: [])
    monkeypatch.setattr(blas, "numpy_library", lambda: None)
    found = openblas.load()
    found.set_num_threads(2)
    assert dataclasses.astuple(found)[:5] == (None, None, False, "", "")
    assert not found.is_private and "no OpenBLAS found" in found.describe()


@pytest.mark.parametrize("package", [None, "stand-in"])
def test_a_package_that_is_absent_has_no_files(package: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy_openblas32", package)
    assert openblas._package_files() == []
