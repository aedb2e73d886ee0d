"""float32 functions that a backend computes by formulas of its own: close to the last place, and NumPy's values at the edges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from symkeras import config, ops
from tests.backends import kept

from .check_op import placeholders, same_bits
from .test_special import assert_within, held, magnitudes, on

EDGES = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1, -1, 2, -2, 0.5, 1e-45, 3e38, -3e38, 88.5, -88.5, 104, -104, 3e5], "float32")
ONE = [(ops.log1p, 90.0), (ops.expm1, 80.0), (ops.sinh, 80.0), (ops.cosh, 80.0), (ops.tan, 90.0), (ops.arctanh, 0.9999)]


@pytest.fixture(autouse=True)
def _denormals_are_kept() -> Iterator[None]:
    before = config.denormals()
    config.set_denormals("keep")
    yield
    config.set_denormals(before)



@pytest.mark.parametrize(("function", "end"), ONE, ids=lambda v: getattr(v, "__name__", ""))
def test_formula_is_within_five_units_of_the_value_in_doubles(function: Any, end: float, backend: str) -> None:
    x = held(backend, magnitudes("float32", end))
    expected = function(x.astype("float64"))
    numbers = np.isfinite(expected) & (expected != 0) & (np.abs(expected) < 3e38)
    assert_within(5.0, backend, function, on(backend, function, x[numbers]), expected[numbers])


@pytest.mark.parametrize(("function", "end"), ONE, ids=lambda v: getattr(v, "__name__", ""))
def test_edges_are_those_of_numpy_among_many_numbers(function: Any, end: float, backend: str) -> None:
    x = np.tile(held(backend, EDGES), 100)
    found, expected = on(backend, function, x), function(x)
    special = ~np.isfinite(expected) | (expected == 0)
    same_bits(found[special], expected[special])
    assert_within(8.0, backend, function, found[~special], expected[~special])


@pytest.mark.parametrize("function", [ops.floor_divide, ops.mod, ops.logaddexp], ids=lambda f: f.__name__)
@pytest.mark.parametrize("shapes", [((1500,), (1500,)), ((40, 1), (50,)), ((), (2000,))], ids=str)
def test_functions_of_two_numbers_are_those_of_numpy_at_the_edges(function: Any, shapes: Any, backend: str) -> None:
    rng = np.random.default_rng(0)
    pool = np.concatenate([EDGES, rng.uniform(-20, 20, 40), np.arange(1, 40) / 10]).astype("float32")
    pool = held(backend, pool)  # a divisor that is flushed is zero
    x, y = (rng.choice(pool, s) for s in shapes)
    tensors = placeholders([np.asarray(x, "float32"), np.asarray(y, "float32")])
    found = on_two(backend, function(*tensors), tensors, x, y)
    expected = function(np.asarray(x, "float32"), np.asarray(y, "float32"))
    if function is ops.logaddexp:
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    elif backend != "native":  # which rounds quotients in its own way
        same_bits(found, expected)


def on_two(backend: str, result: Any, tensors: Any, *arrays: Any) -> np.ndarray:
    """`result` as `backend` computes it."""
    from symkeras.backend.interface import compile_graph
    from symkeras.graph import Graph

    return compile_graph(Graph([t.node for t in tensors], [result.node]), backend=backend, **kept(backend))(*arrays)[0]
