"""Pools on the engines: windows, strides and padding of all kinds, ties, NaN, and nothing but -inf."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph
from symkeras.graph.types import TensorType
from symkeras.ops.op import OPS, apply
from tests.backend.engines.engines import ENGINES, each


def drawn(seed: int, axes: int) -> tuple[np.ndarray, dict[str, Any]]:
    rng = np.random.default_rng(seed)
    window, strides = (tuple(map(int, rng.integers(1, 4, axes))) for _ in range(2))
    padding = tuple((int(rng.integers(0, w + 1)), int(rng.integers(0, w + 1))) for w in window)
    shape = (2, *map(int, rng.integers(3, 7, axes)), 2)
    x = rng.integers(-3, 3, shape).astype("float32") if seed % 2 else rng.standard_normal(shape).astype("float32")
    if seed % 5 == 0:
        x.flat[rng.integers(x.size)] = np.nan
    if seed % 7 == 0:
        x[:] = -np.inf
    return x, {"window": window, "strides": strides, "padding": padding}


@pytest.mark.parametrize("engine", each(ENGINES))
@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("seed", range(12))
def test_pools_of_all_kinds_are_the_reference(seed: int, axes: int, engine: str) -> None:
    array, attrs = drawn(seed, axes)
    x = ops.placeholder(TensorType(array.shape, "float32"), "x")
    largest, total = (apply(OPS[name], [x], attrs) for name in ("max_pool", "sum_pool"))
    (dx,) = gradients(ops.sum(total * ops.square(total)), [x])
    graph = Graph([x.node], [t.node for t in (largest, total, dx)])
    for found, expected in zip(compile_graph(graph, engine)(array), compile_graph(graph, "interpreter")(array), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("engine", each(ENGINES))
@pytest.mark.parametrize(("window", "strides", "shape"), [((3, 3), (1, 1), (2, 6, 5, 8)), ((2, 2), (2, 2), (2, 6, 6, 4)), ((3,), (2,), (3, 9, 4))])
def test_the_gradient_of_a_pool_reaches_the_maxima_of_what_an_engine_computes_anew(window: Any, strides: Any, shape: Any, engine: str) -> None:
    # Where a fuser writes the normalisation into what reads it, it may round it in two ways: nothing need then equal the maximum.
    array = np.random.default_rng(0).standard_normal(shape).astype("float32")
    x = ops.placeholder(TensorType(shape, "float32"), "x")
    axes = tuple(range(len(shape) - 1))
    normal = (x - ops.mean(x, axes, True)) * ops.rsqrt(ops.var(x, axes, True) + 1e-3) * 1.3 + 0.2
    attrs = {"window": window, "strides": strides, "padding": tuple((w // 2, w // 2) for w in window)}
    (dx,) = gradients(ops.sum(ops.exp(apply(OPS["max_pool"], [normal], attrs))), [x])
    graph = Graph([x.node], [dx.node])
    found, expected = (compile_graph(graph, backend)(array)[0] for backend in (engine, "interpreter"))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
