"""Sums along any axes, in every form that a backend has for them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph
from symkeras.ops.op import OPS, apply_symbolic, compute
from tests.tolerances import assert_alike

from .check_op import placeholders

SHAPES = [(3, 4, 5), (200, 2, 30, 2, 4), (70, 90), (2, 3000), (3000, 2), (1, 40, 1, 300), (9, 2, 600), (0, 3, 2), (5, 0, 2)]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sums_along_any_axes_are_the_reference_values(shape: tuple[int, ...], dtype: str, backend: str) -> None:
    x = (np.random.default_rng(0).normal(size=shape) * 9).astype(dtype)
    inputs = placeholders([x])
    for axes in itertools.chain.from_iterable(itertools.combinations(range(len(shape)), k) for k in range(1, len(shape) + 1)):
        graph = Graph([inputs[0].node], [apply_symbolic(OPS["sum"], inputs, {"axes": axes}).node])
        assert_alike(compile_graph(graph, backend=backend)(x)[0], compute(OPS["sum"], [x], {"axes": axes}), "graph", backend, f"{shape} {axes}")


def test_bounds_of_extremes_change_no_dtype() -> None:
    for dtype in ("bool", "int8", "uint16", "float16", "float32"):
        x = np.array([0, 1], dtype)
        assert ops.max(x, initial=1).dtype == ops.min(x, initial=0).dtype == dtype
    assert (ops.max(np.array([3, 4]), initial=5), ops.min(np.array([True]), initial=0)) == (5, False)


def test_squares_of_booleans_are_counts() -> None:
    assert ops.square(np.array([True, False])).dtype == np.int32
