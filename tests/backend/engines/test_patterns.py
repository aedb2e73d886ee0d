"""What fusers of engines know by its pattern is what they write for it, for infinities, NaN, zeros of both signs and large numbers, too."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph, Tensor
from symkeras.graph.types import TensorType
from tests.backend.engines.engines import ENGINES, each

X = np.array([[np.nan, np.inf, -np.inf, 1e30, -1e30, 0.0, -0.0, 1e-30, 80.0, -80.0, 3.0, -2.0]])
PER_COLUMN = np.linspace(-1, 1, X.shape[1])


def matrix(x: Tensor) -> Tensor:
    """A product and something for each column."""
    return ops.matmul(x, np.full((X.shape[1],) * 2, 0.1)) + PER_COLUMN


def layer_norm(x: Tensor) -> Tensor:
    x = x[:, 8:]
    apart = x - ops.mean(x, -1, True)
    return apart * ops.rsqrt(ops.mean(ops.square(apart), -1, True) + 1e-5)


PATTERNS: dict[str, Callable[[Tensor], Tensor]] = {
    **{f"the larger of x and {c} x": lambda x, c=c: ops.maximum(x, x * c) for c in (2.0, 1.0, 0.5, 0.0, -2.0)},
    "the larger of 2 x and x": lambda x: ops.maximum(x * 2.0, x),
    "the larger of x and x + x": lambda x: ops.maximum(x, x + x),
    "the larger of x and twice its transpose's": lambda x: ops.maximum(x, ops.transpose(ops.transpose(x)) * 2.0),
    "the larger of a product and twice it": lambda x: (lambda h: ops.maximum(h, h * 2.0))(matrix(x)),
    "the smaller of x and 2 x": lambda x: ops.minimum(x, x * 2.0),
    "the larger of x and -x": lambda x: ops.maximum(x, -x),
    "silu": lambda x: x * ops.sigmoid(x),
    "mish": lambda x: x * ops.tanh(ops.log1p(ops.exp(x))),
    "softplus": lambda x: ops.log1p(ops.exp(x)),
    "gelu": lambda x: 0.5 * x * (1 + ops.erf(x * math.sqrt(0.5))),
    "gelu by tanh": lambda x: 0.5 * x * (1 + ops.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x))),
    "hard silu": lambda x: x * ops.minimum(ops.maximum(x + 3.0, 0.0), 6.0) * (1 / 6),
    "relu6": lambda x: ops.minimum(ops.maximum(x, 0.0), 6.0),
    "leaky relu": lambda x: ops.where(x > 0, x, x * 0.2),
    "elu": lambda x: ops.where(x > 0, x, ops.exp(x) - 1),
    "relu of a product": lambda x: ops.maximum(matrix(x), 0.0),
    "tanh of a product": lambda x: ops.tanh(matrix(x)),
    "sigmoid of a product": lambda x: ops.sigmoid(matrix(x)),
    "gelu of a product": lambda x: (lambda h: 0.5 * h * (1 + ops.erf(h * math.sqrt(0.5))))(matrix(x)),
    "layer normalisation": layer_norm,
    "softmax": lambda x: ops.exp(x - ops.max(x, -1, True)) / ops.sum(ops.exp(x - ops.max(x, -1, True)), -1, True),
    "x - x": lambda x: x - x,
    "x / x": lambda x: x / x,
    "0 x": lambda x: x * 0.0,
    "3 x - 3 x": lambda x: x * 3.0 - x * 3.0,
    "3 x + 2 x": lambda x: x * 3.0 + x * 2.0,
    "x / 3 * 6": lambda x: x / 3.0 * 6.0,
    "the negative of -x": lambda x: ops.negative(ops.negative(x)),
    "x + 0": lambda x: x + 0.0,
    "x squared": lambda x: x**2,
    "root of x": lambda x: x**0.5,
    "one by the root of x": lambda x: 1 / ops.sqrt(x),
    "sum of 0 x": lambda x: ops.sum(x * 0.0),
}


@pytest.mark.parametrize("engine", each(ENGINES))
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-9), ("float16", 2e-2)])
def test_patterns_are_the_reference(dtype: str, tolerance: float, engine: str) -> None:
    x = ops.placeholder(TensorType(X.shape, dtype), "x")
    with np.errstate(all="ignore"):
        array = X.astype(dtype)
    for columns in (slice(None), slice(8, None)):  # with what is not finite, and without
        given = np.ones_like(array)
        given[:, columns] = array[:, columns]
        for name, made in PATTERNS.items():
            graph = Graph([x.node], [made(x).node])
            with np.errstate(all="ignore"):
                found, expected = (np.asarray(compile_graph(graph, backend, level="O0")(given)[0], "float64") for backend in (engine, "interpreter"))
            np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance / 10, err_msg=f"{name} of {dtype} on {engine}")
