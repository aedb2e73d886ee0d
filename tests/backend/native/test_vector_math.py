"""The elementary functions of the C runtime: within the units in the last place that their header states, right at every limit,
the same in a vector and alone, and free of calls in their loops.

One unit in the last place is the distance between the numbers of the result's dtype around the exact result; denormal numbers
are 2^-149 (2^-1074) apart, and one step beyond the largest number is infinity.
"""

from __future__ import annotations

import ctypes
import math
import platform
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import symkeras
from symkeras.ops.op import OPS

COMPILER = next((path for name in ("gcc", "clang", "cc") if (path := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler found")

INCLUDE = Path(symkeras.__file__).parent / "backend" / "native" / "include"
FLAGS = [
    "-std=gnu11", "-O3", "-Wall", "-Wextra", "-Werror", "-fopenmp-simd", "-DSK_LOOPS_AS_SIMD", "-fwrapv", "-fno-math-errno", "-fno-trapping-math",
    "-ffp-contract=off",
]  # fmt: skip
IS_X86 = platform.machine() in ("x86_64", "AMD64")
BUILDS = {"native": ["-march=native"] + ["-mprefer-vector-width=512"] * IS_X86, "portable": []}
DTYPES = (np.float32, np.float64)

TABLE = re.compile(r"^ \* \| (\w+) +\| ([\d.]+) \| ([\d.]+) \|", re.MULTILINE)
BOUNDS = {row[1]: (float(row[2]), float(row[3])) for row in TABLE.finditer((INCLUDE / "symkeras" / "vector_math.h").read_text())}
LIBM_BOUND = 2.0  # of libm's own functions, where they are used

# Where float64 samples are drawn from, besides numbers of all sizes.
RANGES = {
    "exp": (-746, 710), "expm1": (-40, 710), "exp2": (-1076, 1025), "log": (0.3, 3), "log1p": (-1, 3), "log2": (0.3, 3), "log10": (0.3, 3),
    "tanh": (-20, 20), "erf": (-6, 6), "sin": (-30, 30), "cos": (-30, 30), "sin_near": (-1.6e6, 1.6e6), "cos_near": (-1.6e6, 1.6e6),
}  # fmt: skip
SINGLE = [name for name in RANGES if not name.endswith("_near")]
CALLS_LIBM = {"sin_f64", "cos_f64"}  # beyond 1.6e6
PORTABLE_LIBM = CALLS_LIBM | {"log2_f64", "log10_f64", "pow_f64"}  # without fused multiply-adds


LOOP = """
#define LOOP(NAME, T, S, F) void NAME##_##S(const T *restrict x, T *restrict y, int64_t n) {                       \\
        _Pragma("omp simd") for (int64_t i = 0; i < n; i++) y[i] = F(x[i]); }
#define LOOP2(NAME, T, S, F) void NAME##_##S(const T *restrict x, const T *restrict z, T *restrict y, int64_t n) { \\
        _Pragma("omp simd") for (int64_t i = 0; i < n; i++) y[i] = F(x[i], z[i]); }
#define EXACT(NAME, F) void NAME##_exact(const double *x, long double *y, int64_t n) {                             \\
        for (int64_t i = 0; i < n; i++) y[i] = F(x[i]); }
LOOP2(pow, float, f32, sk_pow_f32)
LOOP2(pow, double, f64, sk_pow_f64)
int is_fused(void) { return SK_HAS_FMA; }
void pow_exact(const double *x, const double *z, long double *y, int64_t n) { for (int64_t i = 0; i < n; i++) y[i] = powl(x[i], z[i]); }
"""


def _source() -> str:
    lines = ['#include "symkeras/vector_math.h"', LOOP]
    lines += [f"LOOP({name}, float, f32, sk_{name}_f32)" for name in SINGLE]
    for name in RANGES:
        lines += [f"LOOP({name}, double, f64, sk_{name}_f64)", f"EXACT({name}, {name.removesuffix('_near')}l)"]
    return "\n".join(lines) + "\n"


class Library:
    """The header built with one set of flags: `library("exp", x)` maps sk_exp over x."""

    def __init__(self, build: str, folder: Path) -> None:
        self.path = folder / "library.so"
        source = folder / "loops.c"
        source.write_text(_source())
        command = [COMPILER, *FLAGS, *BUILDS[build], "-I", str(INCLUDE), "-shared", "-fPIC", str(source), "-o", str(self.path), "-lm"]
        subprocess.run(command, check=True, capture_output=True, text=True)
        self.functions = ctypes.CDLL(str(self.path))
        self.is_fused = bool(self.functions.is_fused())

    def double_bound(self, name: str) -> float:
        """Units in the last place that a float64 result may be off."""
        bound = BOUNDS[name.removesuffix("_near")][1]
        return LIBM_BOUND if f"{name}_f64" in PORTABLE_LIBM - CALLS_LIBM and not self.is_fused else bound

    def _map(self, symbol: str, result: np.ndarray, *arrays: np.ndarray) -> np.ndarray:
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in (*arrays, result)]
        getattr(self.functions, symbol)(*pointers, ctypes.c_int64(result.size))
        return result

    def __call__(self, name: str, *arrays: np.ndarray) -> np.ndarray:
        suffix = "f32" if arrays[0].dtype == np.float32 else "f64"
        return self._map(f"{name}_{suffix}", np.empty_like(arrays[0]), *arrays)

    def exact(self, name: str, *arrays: np.ndarray) -> np.ndarray:
        """The same by libm's long double functions."""
        return self._map(f"{name}_exact", np.empty(arrays[0].shape, np.longdouble), *arrays)


@pytest.fixture(scope="module", params=BUILDS)
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Library:
    return Library(request.param, tmp_path_factory.mktemp(request.param))


def _check_close(got: np.ndarray, exact: np.ndarray, bound: float, *arguments: np.ndarray) -> None:
    """NaN, infinities and zeros as they are (signs too), everything else within `bound` units in the last place."""
    limits = np.finfo(got.dtype)
    with np.errstate(all="ignore"):
        rounded = exact.astype(got.dtype)
        step = np.ldexp(np.ones_like(exact), np.maximum(np.frexp(exact)[1], limits.minexp + 1) - limits.nmant - 1)
        error = np.abs(got.astype(exact.dtype) - exact) / step
        at_the_edge = np.isinf(got) & (np.abs(exact) >= limits.max) & (np.sign(got) == np.sign(exact))
    alike = (got == rounded) & (np.signbit(got) == np.signbit(rounded)) | np.isnan(got) & np.isnan(rounded) | at_the_edge
    special = ~np.isfinite(exact) | (exact == 0) | (np.signbit(got) != np.signbit(exact))
    wrong = np.flatnonzero(~alike & (special | ~(error <= bound)))
    shown = [(*(a[i] for a in arguments), got[i], exact[i], error[i]) for i in wrong[:5]]
    assert not wrong.size, f"{wrong.size} of {got.size} results are off; arguments, result, exact, units: {shown}"


def _patterns(dtype: type, count: int, seed: int) -> np.ndarray:
    """Numbers of all sizes: random bits, with NaN made quiet."""
    bits = np.random.default_rng(seed).integers(0, 2**64, count, np.uint64)
    x = (bits if dtype is np.float64 else (bits >> np.uint64(32)).astype(np.uint32)).view(dtype)
    return np.where(np.isnan(x), dtype(np.nan), x)


EDGES = [
    0.0, 5e-324, 1e-310, 2.2250738585072014e-308, 1e-45, 1e-40, 1.1754944e-38, 2.0**-54, 2.0**-53, 2.0**-27, 2.0**-25, 0.25, math.log(2) / 2,
    0.5, 0.6, math.sqrt(0.5), 1.0, math.sqrt(2), 1.5, math.pi / 2, 2.0, math.pi, 4.0, 6.0, 10.0, 20.0, 37.5, 88.0, 103.9, 126.0, 128.0, 149.0, 150.0,
    709.782712893384, 708.396418532264, 745.1332191019412, 1022.0, 1024.0, 1074.0, 1075.0, 2.0**23, 2.0**24, 2.0**52, 2.0**53, 1e5, 1.6e6,
    3.4028234663852886e38, 1.7976931348623157e308, math.inf, math.nan,
]  # fmt: skip


def _edges(dtype: type) -> np.ndarray:
    """Both signs of `EDGES` and their neighbours."""
    with np.errstate(all="ignore"):
        middle = np.array([sign * edge for edge in EDGES for sign in (1, -1)]).astype(dtype)
        return np.concatenate([middle, np.nextafter(middle, dtype(np.inf)), np.nextafter(middle, dtype(-np.inf))])


def _samples(name: str) -> np.ndarray:
    """float64 arguments of all sizes, many from where the function has its turns."""
    random = np.random.default_rng(len(name))
    low, high = RANGES[name]
    sign = np.where(random.random(20_000) < 0.5, -1.0, 1.0)
    near_zero = sign * np.ldexp(1 + random.random(20_000), -random.integers(0, 60, 20_000))
    near_one = 1 + sign * np.ldexp(1 + random.random(20_000), -1 - random.integers(0, 52, 20_000))
    near_turns = random.integers(0, 10**6, 20_000) * (math.pi / 2)
    x = np.concatenate([random.uniform(low, high, 100_000), near_zero, near_one, near_turns, _patterns(np.float64, 40_000, 7), _edges(np.float64)])
    if name in ("sin", "cos"):  # what is libm's beyond is not for these bounds
        x = x[~(np.abs(x) > 1.6e6) | np.isinf(x)]
    return x[np.abs(x) <= 1.6e6] if name.endswith("_near") else x


@pytest.mark.parametrize("name", SINGLE)
def test_single_precision_stays_within_its_bound_over_all_floats(library: Library, name: str) -> None:
    with np.errstate(all="ignore"):
        x = np.concatenate([np.arange(1, 2**32, 4099, np.uint64).astype(np.uint32).view(np.float32), _edges(np.float32)])
        exact = OPS[name].value(x.astype(np.float64))
    _check_close(library(name, x), exact, BOUNDS[name][0], x)


@pytest.mark.parametrize("name", RANGES)
def test_double_precision_stays_within_its_bound(library: Library, name: str) -> None:
    if np.finfo(np.longdouble).nmant < 60:
        pytest.skip("long double is no longer than double here: nothing to compare with")
    x = _samples(name)
    _check_close(library(name, x), library.exact(name, x), library.double_bound(name), x)


def _powers(dtype: type) -> tuple[np.ndarray, np.ndarray]:
    """Arguments of pow: any bits, results of every size, whole and half exponents of both signs, and all pairs of edges."""
    random, limits = np.random.default_rng(3), np.finfo(dtype)
    with np.errstate(all="ignore"):
        base = np.abs(_patterns(dtype, 100_000, 4))
        base[::3] = 1 + (random.random(base[::3].size) - 0.5) * np.ldexp(1.0, -random.integers(0, limits.nmant - 2, base[::3].size))
        exponent = (random.uniform(-1.27 * limits.maxexp, 1.15 * limits.maxexp, base.size) / np.log2(base)).astype(dtype)
        edges = [0, 0.5, 1, 1.5, 2, 3, 4, 1e10, 8388607.5, 2**23 + 1, 2**24, 2**24 + 2, 2**53 - 1, 2**53, np.inf, np.nan]
        edges += [limits.smallest_subnormal, limits.tiny, limits.max, 1 + limits.eps]
        edges = np.concatenate([edges, np.negative(edges)]).astype(dtype)
        whole, half = random.integers(-1000, 1000, 50_000).astype(dtype), (random.integers(-100, 100, 50_000) / 2).astype(dtype)
        x = np.concatenate([base, _patterns(dtype, 50_000, 5), whole, np.repeat(edges, edges.size)])
        z = np.concatenate([exponent, _patterns(dtype, 50_000, 6), half, np.tile(edges, edges.size)])
    return x, z


def test_powers_stay_within_their_bound_at_every_limit(library: Library) -> None:
    x, z = _powers(np.float32)
    with np.errstate(all="ignore"):
        exact = OPS["power"].value(x.astype(np.float64), z.astype(np.float64))
    _check_close(library("pow", x, z), exact, BOUNDS["pow"][0], x, z)
    if np.finfo(np.longdouble).nmant >= 60:
        x, z = _powers(np.float64)
        _check_close(library("pow", x, z), library.exact("pow", x, z), library.double_bound("pow"), x, z)


INF, NAN = math.inf, math.nan
ODD = [(0.0, 0.0), (-0.0, -0.0), (1e-45, 1e-45), (NAN, NAN)]
LOGARITHM = [(0.0, -INF), (-0.0, -INF), (1.0, 0.0), (INF, INF), (-INF, NAN), (-1.0, NAN), (-1e-45, NAN), (NAN, NAN)]
LIMITS = {
    "exp": [(-INF, 0.0), (INF, INF), (0.0, 1.0), (-0.0, 1.0), (1e4, INF), (-1e4, 0.0), (NAN, NAN)],
    "expm1": [*ODD, (-INF, -1.0), (INF, INF), (1e4, INF), (-1e4, -1.0)],
    "exp2": [(-INF, 0.0), (INF, INF), (-0.0, 1.0), (3.0, 8.0), (-149.0, 2.0**-149), (1e4, INF), (-1e4, 0.0), (NAN, NAN)],
    "log": LOGARITHM,
    "log1p": [*ODD, (-1.0, -INF), (INF, INF), (-INF, NAN), (-1.5, NAN)],
    "log2": [*LOGARITHM, (8.0, 3.0), (2.0**-149, -149.0)],
    "log10": [*LOGARITHM, (1000.0, 3.0)],
    "tanh": [*ODD, (INF, 1.0), (-INF, -1.0), (1e4, 1.0)],
    "erf": [(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (1e4, 1.0), (NAN, NAN)],
    "sin": [*ODD, (INF, NAN), (-INF, NAN)],
    "cos": [(0.0, 1.0), (-0.0, 1.0), (1e-45, 1.0), (INF, NAN), (-INF, NAN), (NAN, NAN)],
}
POW_LIMITS = [  # C99, F.9.4.4
    (0.0, -3.0, INF), (-0.0, -3.0, -INF), (0.0, -2.0, INF), (-0.0, -2.5, INF), (0.0, 3.0, 0.0), (-0.0, 3.0, -0.0), (-0.0, 2.0, 0.0),
    (-0.0, 0.5, 0.0), (-1.0, INF, 1.0), (-1.0, -INF, 1.0), (1.0, NAN, 1.0), (1.0, INF, 1.0), (NAN, 0.0, 1.0), (NAN, -0.0, 1.0),
    (INF, 0.0, 1.0), (-2.0, 0.5, NAN), (-2.0, 3.0, -8.0), (-2.0, 2.0, 4.0), (-2.0, 2.0**30, INF), (0.5, -INF, INF), (-0.5, -INF, INF),
    (2.0, -INF, 0.0), (0.5, INF, 0.0), (2.0, INF, INF), (-INF, -3.0, -0.0), (-INF, -2.0, 0.0), (-INF, 3.0, -INF), (-INF, 2.0, INF),
    (-INF, 0.5, INF), (INF, -0.5, 0.0), (INF, 0.5, INF), (NAN, 2.0, NAN), (2.0, NAN, NAN), (NAN, NAN, NAN), (NAN, INF, NAN),
    (0.0, INF, 0.0), (-0.0, -INF, INF), (0.0, NAN, NAN),
]  # fmt: skip


def _check_equal(got: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_array_equal(got, expected)
    numbers = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(got[numbers]), np.signbit(expected[numbers]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LIMITS)
def test_limits_are_those_of_annex_f(library: Library, name: str, dtype: type) -> None:
    x, expected = (np.array(column).astype(dtype) for column in zip(*LIMITS[name], strict=True))
    _check_equal(library(name, x), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_limits_of_powers_are_those_of_annex_f(library: Library, dtype: type) -> None:
    x, z, expected = (np.array(column).astype(dtype) for column in zip(*POW_LIMITS, strict=True))
    _check_equal(library("pow", x, z), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LIMITS)
def test_a_number_has_the_same_result_alone_and_in_a_vector(library: Library, name: str, dtype: type) -> None:
    x = np.concatenate([np.linspace(-20, 20, 211).astype(dtype), _edges(dtype)])
    alone = np.concatenate([library(name, x[i : i + 1]) for i in range(x.size)])
    np.testing.assert_array_equal(library(name, x), alone)


def _loops(path: Path) -> dict[str, str]:
    """The disassembly of each function of a shared object."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", str(path)], check=True, capture_output=True, text=True).stdout
    return {found[1]: found[2] for found in re.finditer(r"^[0-9a-f]+ <(\w+)>:\n((?:.+\n)+)", text, re.MULTILINE)}


def test_loops_become_vector_instructions_without_calls(library: Library) -> None:
    version = subprocess.run([COMPILER, "--version"], capture_output=True, text=True, check=True).stdout
    major = re.search(r"\(.*\) (\d+)\.", version)
    if not IS_X86 or "Free Software Foundation" not in version or major is None or int(major[1]) < 12 or shutil.which("objdump") is None:
        pytest.skip("the machine code that is known is the one of gcc 12 and later on x86-64, shown by objdump")
    expected = {f"{name}_f64" for name in [*RANGES, "pow"]} | {f"{name}_f32" for name in [*SINGLE, "pow"]}
    expected -= CALLS_LIBM if library.is_fused else PORTABLE_LIBM
    loops = _loops(library.path)
    calls = sorted(name for name in expected if re.search(r"\bcall\b|@plt", loops[name]))
    packed = re.compile(r"\bv?(mul|f[n]?m(add|sub)\d+)p[sd]\b")
    scalar = sorted(name for name in expected if not packed.search(loops[name]))
    assert (calls, scalar) == ([], [])
