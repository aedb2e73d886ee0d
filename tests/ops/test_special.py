"""erf and its inverse to the last place, over every magnitude, on every backend."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from symkeras import config, ops
from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph, TensorType
from symkeras.ops.special import TILE
from tests.backends import kept

from .check_op import placeholders, same_bits


@pytest.fixture(autouse=True)
def _denormals_are_kept() -> Iterator[None]:
    before = config.denormals()
    config.set_denormals("keep")
    yield
    config.set_denormals(before)



def magnitudes(dtype: str, end: float) -> np.ndarray:
    """Numbers of both signs, evenly spread up to `end`, and of every power of ten down to the denormal ones."""
    smallest = math.log10(float(np.finfo(dtype).smallest_subnormal))
    positive = np.concatenate([np.linspace(0, end, 20_001), 10 ** np.linspace(smallest, 0, 4_001)])
    return np.concatenate([positive, -positive]).astype(dtype)


def held(backend: str, x: np.ndarray) -> np.ndarray:
    """Those of some numbers that a backend computes with: none that are denormal where it takes them for zero."""
    return x if kept(backend) else x[(x == 0) | ~(np.abs(x) < np.finfo(x.dtype).tiny)]


def on(backend: str, function: Any, x: np.ndarray) -> np.ndarray:
    """`function` of `x` as `backend` computes it."""
    inputs = placeholders([x])
    return compile_graph(Graph([inputs[0].node], [function(*inputs).node]), backend=backend, **kept(backend))(x)[0]


def units(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest error in units in the last place of what is expected, in doubles."""
    return float(np.max(np.abs(found.astype("float64") - expected) / np.spacing(np.abs(expected).astype(found.dtype)).astype("float64")))


OF_ENGINES = {("jax", "erf"): 5.0, ("jax", "sinh"): 25.0, ("jax", "cosh"): 25.0, ("tensorflow", "erf"): 6.0}
"""Units in the last place that functions of an engine's own are off, where these are more: XLA's sinh is near the end of its range."""


def assert_within(most: float, backend: str, function: Any, found: np.ndarray, expected: np.ndarray) -> None:
    """Errors of at most so many units in the last place, or of as many as the function of an engine has."""
    assert units(found, expected) <= max(most, OF_ENGINES.get((backend, function.__name__), 0.0))


@pytest.mark.parametrize(("dtype", "most"), [("float32", 2.0), ("float64", 3.0)])
def test_erf_is_exact_to_the_last_places(dtype: str, most: float, backend: str) -> None:
    x = held(backend, magnitudes(dtype, 6.5))
    expected = np.array([math.erf(v) for v in x.tolist()])
    assert_within(most, backend, ops.erf, on(backend, ops.erf, x), expected)


def polished(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """One step of Newton's method from `x` towards erf(x) = y, on erfc where 1 - abs(y) is exact."""
    a, b = np.abs(x), np.abs(y)
    error = [(1 - v) - math.erfc(u) if v > 0.5 else math.erf(u) - v for u, v in zip(a.tolist(), b.tolist(), strict=True)]
    return np.copysign(a - np.array(error) / (2 / math.sqrt(math.pi) * np.exp(-np.square(a))), y)


@pytest.mark.parametrize(("dtype", "most"), [("float32", 2.0), ("float64", 4.5)])
def test_erfinv_is_exact_to_the_last_places(dtype: str, most: float, backend: str) -> None:
    y = held(backend, magnitudes(dtype, 1.0) / 16) * 16  # results, and what they are added from, are smaller
    y = y[np.abs(y) < 1]
    ends = 1 - 2.0 ** -np.arange(1, 24 if dtype == "float32" else 53)
    y = np.concatenate([y, ends.astype(dtype), -ends.astype(dtype)])
    expected = polished(y.astype("float64"), ops.erfinv(y.astype("float64")))
    assert_within(most, backend, ops.erfinv, on(backend, ops.erfinv, y), expected)


KNOWN = [  # by mpmath with 40 digits
    (ops.erf, 0.5, 0.52049987781304653768), (ops.erf, 1.0, 0.84270079294971486934), (ops.erf, 2.0, 0.99532226501895273416),
    (ops.erfinv, 0.5, 0.47693627620446987338), (ops.erfinv, 0.8, 0.90619380243682322007), (ops.erfinv, -0.999, -2.3267537655135246),
    (ops.erfinv, 1 - 2.0**-53, 5.8635847487551677),
]  # fmt: skip


@pytest.mark.parametrize(("function", "x", "value"), KNOWN, ids=lambda v: getattr(v, "__name__", str(v)))
def test_value_has_all_digits_of_a_double(function: Any, x: float, value: float) -> None:
    np.testing.assert_allclose(function(np.float64(x)), value, rtol=7e-16)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("function", [ops.erf, ops.erfinv], ids=lambda f: f.__name__)
def test_special_functions_keep_what_is_special(function: Any, dtype: str, backend: str) -> None:
    smallest = np.finfo(dtype).smallest_subnormal if kept(backend) else 0.0
    x = np.array([0.0, -0.0, smallest, -smallest, 1.0, -1.0, np.inf, -np.inf, np.nan, 1.5], dtype)
    ends = {"erf": [None, None, 1.0, -1.0, np.nan, None], "erfinv": [np.inf, -np.inf, np.nan, np.nan, np.nan, np.nan]}[function.__name__]
    found = on(backend, function, x)
    same_bits(found[:4], x[:4])
    for f, e in zip(found[4:], ends, strict=True):
        assert e is None or f == e or (np.isnan(f) and np.isnan(e))


@pytest.mark.parametrize("function", [ops.erf, ops.erfinv], ids=lambda f: f.__name__)
def test_halves_are_computed_in_doubles_and_rounded_once(function: Any) -> None:
    x = np.array([0.0, -0.0, 6e-8, 0.3, -0.9, np.nan], "float16")
    same_bits(on("numpy", function, x), function(x.astype("float64")).astype("float16"))


def test_special_functions_take_every_layout_and_every_number_of_tiles(backend: str) -> None:
    x = np.random.default_rng(0).normal(size=(2 * TILE + 5,)).astype("float32")
    assert_within(0.0, backend, ops.erf, on(backend, lambda t: ops.erf(t)[1:], x), on(backend, ops.erf, x)[1:])
    for shape in ((), (0, 3), (1,), (3, 5, 2)):
        small = x[: math.prod(shape)].reshape(shape)
        turned = on(backend, lambda t: ops.transpose(ops.erf(ops.transpose(t))), small)
        np.testing.assert_allclose(turned, ops.erf(small), rtol=1e-6)


def calls(run: Any) -> int:
    """How many functions are called while `run` runs."""
    count = 0

    def profile(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("function", [ops.erf, ops.erfinv], ids=lambda f: f.__name__)
def test_python_is_not_called_for_every_element(function: Any, backend: str) -> None:
    x = np.linspace(-0.99, 0.99, 10_000)
    t = ops.placeholder(TensorType(x.shape, "float64"))
    compiled = compile_graph(Graph([t.node], [function(t).node]), backend=backend)
    compiled(x)
    assert calls(lambda: compiled(x)) < 1000 and calls(lambda: function(x)) < 1000


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
@pytest.mark.parametrize("first", ["float32", "int8"])
def test_exponents_of_every_integer_dtype_are_powers_of_two(first: str, dtype: str) -> None:
    exponents = np.array([0, 3, np.iinfo(dtype).max, np.iinfo(dtype).min], dtype)
    with np.errstate(over="ignore", under="ignore"):
        expected = np.ldexp(np.float32([1, 3, 0, 0]), np.clip(exponents.astype(object), -2000, 2000).astype("int64"))
    out = ops.ldexp(np.array([1, 3, 0, 0], first), exponents)
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out, expected)
