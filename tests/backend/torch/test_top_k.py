"""The greatest of long rows, found without sorting them, are those of the reference: of equal ones the first, NaN before all."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

from symkeras import ops
from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph
from symkeras.graph.types import TensorType


def rows(kind: str, dtype: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, 700)) if kind == "apart" else rng.integers(-3, 3, (2, 3, 700)).astype("float64")
    if kind == "all alike":
        x[:] = 1
    if kind == "zeros of both signs":
        x = np.where(x > 0, 0.0, -0.0)
    if kind == "nan and infinities":
        x[0, 0, [5, 90]], x[0, 1, [7, 8]], x[1] = np.nan, np.inf, -np.inf
    return (np.abs(x) if dtype.startswith("u") else x).astype(dtype)


@pytest.mark.parametrize("k", [0, 1, 5, 300, 700])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int32", "int64", "uint8", "uint64"])
@pytest.mark.parametrize("kind", ["apart", "often", "all alike", "zeros of both signs", "nan and infinities"])
def test_the_greatest_of_long_rows_are_those_of_the_reference(kind: str, dtype: str, k: int) -> None:
    if kind == "nan and infinities" and not dtype.startswith("float"):
        pytest.skip("integers have none")
    array = rows(kind, dtype)
    x = ops.placeholder(TensorType(array.shape, dtype), name="x")
    found = compile_graph(Graph([x.node], [t.node for t in ops.top_k(x, k)]), "torch")(array)
    for own, expected in zip(found, ops.top_k(array, k), strict=True):
        np.testing.assert_array_equal(own, expected)
