"""Running a function of arrays through a graph: what symbolic tests compare eager values with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symkeras import ops
from symkeras.graph import Graph, tracing
from symkeras.graph.dtypes import SHORT
from tests.backends import evaluate_on_all


def placeholders(arrays: Sequence[np.ndarray]) -> list[Any]:
    """One placeholder per array, the first axis symbolic."""
    types = [f"{SHORT[a.dtype.name]}[{', '.join(['batch', *map(str, a.shape[1:])])}]" for a in arrays]
    return [ops.placeholder(t, name=f"x{k}") for k, t in enumerate(types)]


def through_graph(fn: Callable[..., Any], *arrays: Any) -> np.ndarray:
    """The value of `fn` on `arrays`, computed by the graph it builds on placeholders."""
    arrays = tuple(np.asarray(a) for a in arrays)
    inputs = placeholders(arrays)
    with tracing.Trace():
        out = ops.as_tensor(fn(*inputs))
    return evaluate_on_all(Graph([x.node for x in inputs], [out.node]), arrays)[0][0]


def both(fn: Callable[..., Any], *arrays: Any) -> np.ndarray:
    """The eager value of `fn`, after checking that the graph gives the same."""
    eager = np.asarray(fn(*arrays))
    np.testing.assert_allclose(through_graph(fn, *arrays), eager, rtol=1e-5, atol=1e-6)
    return eager
