"""Matrix products in C against NumPy's in float64: every way of computing them, with and without a BLAS, for each instruction set.

The bound is the one of sums of K products in any order, with or without fused multiply-adds:
|error| <= (K + 2) * eps * (|A| |B| + |C|), element by element.
"""

from __future__ import annotations

import ctypes
import glob
import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symkeras

COMPILER = next((path for name in ("gcc", "clang", "cc") if (path := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler found")

INCLUDE = Path(symkeras.__file__).parent / "backend" / "native" / "include"
FLAGS = [
    "-std=gnu11",
    "-O3",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-fwrapv",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=off",
    "-shared",
    "-fPIC",
]
IS_X86 = platform.machine() in ("x86_64", "AMD64")
TEAM = ["-pthread", "-DSK_TEAM"]
BUILDS = {
    "native": ["-march=native", *TEAM],
    "portable": TEAM,
    "avx2": ["-mavx2", "-mfma", *TEAM],
    "serial": ["-march=native"],
}
NEEDS = {"avx2": {"avx2", "fma"}}

SOURCE = """
#include "symkeras/gemm.h"
#define EXPORT(T, S, U)                                                                                                                 \\
    int lanes_##S(void) { return SK_LANES_##U; }                                                                                        \\
    void vectors_##S(const T *from, T *turned, T *sums, T *alone) {                                                                     \\
        sk_v##S x[SK_LANES_##U], y[SK_LANES_##U];                                                                                       \\
        for (int i = 0; i < SK_LANES_##U; i++) x[i] = y[i] = sk_load_##S(from + i * SK_LANES_##U);                                      \\
        for (int i = 0; i < SK_LANES_##U; i++) alone[i] = sk_sum_##S(x[i]);                                                             \\
        sk_transpose_##S(x);                                                                                                            \\
        for (int i = 0; i < SK_LANES_##U; i++) sk_store_##S(turned + i * SK_LANES_##U, x[i]);                                           \\
        sk_store_##S(sums, sk_sums_##S(y));                                                                                             \\
    }                                                                                                                                   \\
    void parts_##S(const T *from, int n, T *part, T *whole) {                                                                           \\
        sk_v##S x = sk_load_part_##S(from, n);                                                                                          \\
        sk_store_part_##S(part, x, n);                                                                                                  \\
        sk_store_##S(whole, x);                                                                                                         \\
    }                                                                                                                                   \\
    void gemm_##S(int ta, int tb, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b, int64_t ldb, int accumulate,    \\
                  T *c, int64_t ldc, const sk_blas *blas) {                                                                             \\
        sk_gemm_##S(ta, tb, m, n, k, a, lda, b, ldb, accumulate, c, ldc, blas);                                                         \\
    }                                                                                                                                   \\
    void gemm_by_##S(int way, int ta, int tb, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b, int64_t ldb,        \\
                     int accumulate, T *c, int64_t ldc, const sk_blas *blas) {                                                          \\
        sk_gemm_by_##S((sk_gemm_ways)way, ta, tb, m, n, k, a, lda, b, ldb, accumulate, c, ldc, blas);                                   \\
    }                                                                                                                                   \\
    void matmul_##S(int ta, int tb, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b, int64_t ldb, int accumulate,  \\
                    T *c, int64_t ldc, const sk_blas *blas, int threads) {                                                              \\
        sk_matmul_##S(ta, tb, m, n, k, a, lda, b, ldb, accumulate, c, ldc, blas, threads);                                              \\
    }                                                                                                                                   \\
    void kept_##S(T *laid, int ta, int tb, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b, int64_t ldb,           \\
                  int accumulate, T *c, int64_t ldc, const sk_blas *blas, int threads) {                                                \\
        (void)ta, (void)accumulate;                                                                                                     \\
        sk_matmul_ready_##S(tb, n, k, b, ldb, laid, threads);                                                                           \\
        sk_matmul_kept_##S(tb, m, n, k, a, lda, m > SK_TILE_ROWS ? b : (const T *)0, ldb, laid, c, ldc, blas, threads);                 \\
    }
EXPORT(float, f32, F32)
EXPORT(double, f64, F64)
"""


class Blas(ctypes.Structure):
    _fields_ = (("sgemm", ctypes.c_void_p), ("dgemm", ctypes.c_void_p), ("ilp64", ctypes.c_int))


@pytest.fixture(scope="module", params=BUILDS)
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The header, built for one instruction set."""
    if request.param in NEEDS:
        known = Path("/proc/cpuinfo").read_text() if IS_X86 and os.path.exists("/proc/cpuinfo") else ""
        if not NEEDS[request.param] <= set(known.split()):
            pytest.skip(f"this machine does not run {request.param}")
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "gemm.c").write_text(SOURCE)
    built = subprocess.run(
        [str(COMPILER), *FLAGS, *BUILDS[request.param], f"-I{INCLUDE}", str(folder / "gemm.c"), "-o", str(folder / "gemm.so"), "-lm"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return ctypes.CDLL(str(folder / "gemm.so"))


def numpys_blas() -> tuple[Blas, Any] | None:
    """The OpenBLAS that NumPy brings, as the C side sees it."""
    folder = os.path.join(os.path.dirname(os.path.dirname(np.__file__)), "numpy.libs")
    for path in glob.glob(os.path.join(folder, "*openblas*")):
        openblas = ctypes.CDLL(path)
        for suffix, ilp64 in (("64_", 1), ("", 0)):
            names = [f"scipy_cblas_{x}gemm{suffix}" for x in "sd"]
            if all(hasattr(openblas, name) for name in names):
                return Blas(*(ctypes.cast(getattr(openblas, name), ctypes.c_void_p) for name in names), ilp64), openblas
    return None


def address(x: np.ndarray[Any, Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(x.ctypes.data)


def sizes(*values: int) -> list[ctypes.c_int64]:
    return [ctypes.c_int64(v) for v in values]


def suffix_of(dtype: str) -> str:
    return {"float32": "f32", "float64": "f64"}[dtype]


class Product:
    """One product with rows further apart than they are long, NaN between them and in C where it must not be read."""

    def __init__(
        self, m: int, n: int, k: int, ta: int = 0, tb: int = 0, accumulate: int = 0, dtype: str = "float32", gap: int = 3, seed: int = 0
    ) -> None:
        rng = np.random.default_rng(seed)
        self.m, self.n, self.k, self.ta, self.tb, self.accumulate, self.dtype = m, n, k, ta, tb, accumulate, dtype
        self.a = self._room(rng, (k, m) if ta else (m, k), gap)
        self.b = self._room(rng, (n, k) if tb else (k, n), gap)
        self.c = self._room(rng, (m, n), gap)
        if not accumulate:
            self.c[:] = np.nan
        self.a_used, self.b_used = self._used(self.a, gap), self._used(self.b, gap)
        self.before = self._used(self.c, gap).copy()
        self.gap = gap

    def _room(self, rng: np.random.Generator, shape: tuple[int, int], gap: int) -> np.ndarray[Any, Any]:
        room = np.full((shape[0], shape[1] + gap), np.nan, self.dtype)
        room[:, : shape[1]] = rng.standard_normal(shape)
        return room

    @staticmethod
    def _used(room: np.ndarray[Any, Any], gap: int) -> np.ndarray[Any, Any]:
        return room[:, : room.shape[1] - gap]

    def arguments(self, c: np.ndarray[Any, Any]) -> list[Any]:
        lda, ldb, ldc = (x.shape[1] for x in (self.a, self.b, c))
        return [
            *(self.ta, self.tb, *sizes(self.m, self.n, self.k)),
            *(address(self.a), *sizes(lda), address(self.b), *sizes(ldb), self.accumulate, address(c), *sizes(ldc)),
        ]

    def run(self, call: Callable[..., Any], before: tuple[Any, ...] = (), after: tuple[Any, ...] = ()) -> np.ndarray[Any, Any]:
        """C after the call; what lies between its rows must be as it was."""
        c = self.c.copy()
        call(*before, *self.arguments(c), *after)
        assert np.isnan(c[:, self.n :]).all()
        return self._used(c, self.gap)

    def check(self, got: np.ndarray[Any, Any]) -> None:
        a, b = self.a_used.astype(np.float64), self.b_used.astype(np.float64)
        a, b = a.T if self.ta else a, b.T if self.tb else b
        start = self.before.astype(np.float64) if self.accumulate else np.zeros((self.m, self.n))
        bound = (self.k + 2) * np.finfo(self.dtype).eps * (abs(a) @ abs(b) + abs(start))
        assert (abs(got - (a @ b + start)) <= bound).all(), f"{abs(got - (a @ b + start)).max()} off"


SHAPES = [
    (0, 3, 4), (3, 0, 4), (3, 4, 0), (1, 1, 1), (1, 1, 37), (1, 100, 64), (64, 1, 100), (1, 131, 1000), (131, 1, 1033), (2, 3, 5), (5, 2, 300),
    (3, 17, 31), (17, 3, 1031), (4, 61, 67), (7, 7, 7), (12, 32, 1), (13, 33, 2), (23, 29, 31), (32, 128, 32), (37, 10, 160), (40, 20, 41),
    (97, 89, 83), (131, 70, 300), (25, 300, 530),
]  # fmt: skip
TRANSPOSES = [(0, 0), (0, 1), (1, 0), (1, 1)]
WAYS, BLAS = {"direct": 0, "turned": 1, "dots": 2, "packed": 3}, 4
ALLOWED = {"direct": [(0, 0), (1, 0)], "turned": TRANSPOSES, "dots": [(0, 0), (0, 1), (1, 1)], "packed": TRANSPOSES}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ta,tb", TRANSPOSES)
def test_products_are_right_for_every_shape(library: ctypes.CDLL, ta: int, tb: int, dtype: str) -> None:
    for shape in SHAPES:
        for accumulate in (0, 1):
            product = Product(*shape, ta, tb, accumulate, dtype)
            product.check(product.run(library[f"gemm_{suffix_of(dtype)}"], after=(None,)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("way", WAYS)
def test_every_way_is_right_for_every_shape(library: ctypes.CDLL, way: str, dtype: str) -> None:
    for shape in SHAPES:
        for ta, tb in ALLOWED[way]:
            for accumulate in (0, 1):
                product = Product(*shape, ta, tb, accumulate, dtype)
                product.check(product.run(library[f"gemm_by_{suffix_of(dtype)}"], before=(WAYS[way],), after=(None,)))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_few_rows_by_a_matrix_that_is_kept_have_the_bits_of_tiles(library: ctypes.CDLL, dtype: str, threads: int) -> None:
    for shape in (*SHAPES, (2, 300, 200), (1, 512, 784), (6, 47, 90), (12, 129, 65)):
        for tb in (0, 1):
            product = Product(*shape, tb=tb, dtype=dtype)
            laid = np.full((-(-product.n // 32) * 32 * product.k + 1,), np.nan, dtype)
            got = product.run(library[f"kept_{suffix_of(dtype)}"], before=(address(laid),), after=(None, threads))
            product.check(got)
            assert np.isnan(laid[-1])
            if not tb and product.m <= 4:
                tiles = product.run(library[f"gemm_by_{suffix_of(dtype)}"], before=(WAYS["direct"],), after=(None,))
                np.testing.assert_array_equal(got, tiles)


@pytest.mark.parametrize("way", WAYS)
def test_nan_and_infinity_travel_as_in_sums_of_products(library: ctypes.CDLL, way: str) -> None:
    for ta, tb in ALLOWED[way]:
        for m, n, k in [(1, 5, 40), (19, 3, 40), (19, 37, 300), (3, 70, 20)]:
            product = Product(m, n, k, ta, tb)
            product.a_used[...] = 0
            a, b = product.a_used.T if ta else product.a_used, product.b_used.T if tb else product.b_used
            b[k // 2, n // 2], a[m - 1, k - 1], b[k - 1, 0] = np.nan, np.inf, 1.0
            got = product.run(library.gemm_by_f32, before=(WAYS[way],), after=(None,))
            with np.errstate(invalid="ignore"):
                want = np.einsum("ik,kj->ij", a.astype(np.float64), b.astype(np.float64))
            np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
            np.testing.assert_array_equal(np.isinf(got), np.isinf(want))


def test_without_terms_c_is_zero_or_what_it_was(library: ctypes.CDLL) -> None:
    for ta, tb in TRANSPOSES:
        assert not Product(5, 40, 0, ta, tb).run(library.gemm_f32, after=(None,)).any()
        product = Product(5, 40, 0, ta, tb, accumulate=1)
        np.testing.assert_array_equal(product.run(library.gemm_f32, after=(None,)), product.before)


@pytest.mark.parametrize("ta,tb", TRANSPOSES)
@pytest.mark.parametrize("shape", [(300, 301, 290), (4, 3000, 70), (3000, 4, 70), (1, 5000, 100), (5000, 1, 100), (1200, 10, 100)])
def test_the_number_of_threads_changes_no_bit(library: ctypes.CDLL, shape: tuple[int, int, int], ta: int, tb: int) -> None:
    product = Product(*shape, ta, tb)
    once = product.run(library.matmul_f32, after=(None, 1))
    product.check(once)
    for threads in (1, 2, 3):
        np.testing.assert_array_equal(product.run(library.matmul_f32, after=(None, threads)), once)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ta,tb", TRANSPOSES)
def test_a_blas_gets_the_products_it_is_given(library: ctypes.CDLL, ta: int, tb: int, dtype: str) -> None:
    found = numpys_blas()
    if found is None:
        pytest.skip("NumPy brings no OpenBLAS")
    blas = ctypes.byref(found[0])
    for shape in [(20, 21, 22), (1, 1, 1), (3, 200, 100), (100, 100, 2), (4, 4, 0)]:
        for accumulate in (0, 1):
            product = Product(*shape, ta, tb, accumulate, dtype)
            product.check(product.run(library[f"gemm_by_{suffix_of(dtype)}"], before=(BLAS,), after=(blas,)))
            once = product.run(library[f"matmul_{suffix_of(dtype)}"], after=(blas, 2))
            product.check(once)
            np.testing.assert_array_equal(product.run(library[f"matmul_{suffix_of(dtype)}"], after=(blas, 2)), once)


def test_very_large_products_are_right_with_and_without_a_blas(library: ctypes.CDLL) -> None:
    found = numpys_blas()
    product = Product(1300, 1301, 1299)
    for blas in [None, *([ctypes.byref(found[0])] if found else [])]:
        product.check(product.run(library.matmul_f32, after=(blas, 2)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_vectors_are_transposed_and_added_up_for_every_width(library: ctypes.CDLL, dtype: str) -> None:
    lanes = library[f"lanes_{suffix_of(dtype)}"]()
    x = np.random.default_rng(2).standard_normal((lanes, lanes)).astype(dtype)
    turned, sums, alone = np.empty_like(x), np.empty(lanes, dtype), np.empty(lanes, dtype)
    library[f"vectors_{suffix_of(dtype)}"](address(x), address(turned), address(sums), address(alone))
    np.testing.assert_array_equal(turned, x.T)
    np.testing.assert_array_equal(sums, alone)
    np.testing.assert_allclose(sums, x.astype(np.float64).sum(1), rtol=0, atol=64 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parts_of_vectors_leave_the_rest_alone(library: ctypes.CDLL, dtype: str) -> None:
    lanes = library[f"lanes_{suffix_of(dtype)}"]()
    x = np.arange(1, lanes + 1, dtype=dtype)
    for n in range(1, lanes + 1):
        part, whole = np.full(lanes, -1, dtype), np.full(lanes, -1, dtype)
        library[f"parts_{suffix_of(dtype)}"](address(x), n, address(part), address(whole))
        np.testing.assert_array_equal(part, np.where(np.arange(lanes) < n, x, -1))
        np.testing.assert_array_equal(whole, np.where(np.arange(lanes) < n, x, 0))
