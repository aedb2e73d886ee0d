"""Indices on the engines: none at all, and those of rows that a table does not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph
from symkeras.graph.dtypes import SHORT
from symkeras.ops.evaluation import evaluate
from tests.backend.engines.engines import ENGINES, each
from tests.tolerances import assert_alike


def op(name: str, *inputs: Any, **attrs: Any) -> Any:
    return ops.op.apply(ops.op.OPS[name], list(inputs), attrs)


def rows(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape), dtype="float32").reshape(shape)


NONE = np.zeros(0, "int32")
CASES: dict[str, tuple[Callable[..., Any], list[np.ndarray]]] = {
    "combine rows beyond the table": (lambda i, v: op("combine_rows", i, v, rows=4), [np.array([9, 10, 3, -1, 9, -7], "int32"), rows(6, 2)]),
    "combine no rows": (lambda i, v: op("combine_rows", i, v, rows=4), [NONE, rows(0, 2)]),
    "combine rows of nothing": (lambda i, v: op("combine_rows", i, v, rows=4), [np.array([1, 1], "int64"), rows(2, 0)]),
    "combine numbers": (lambda i, v: op("combine_rows", i, v, rows=4), [np.array([[1, 2], [2, -2]], "int64"), rows(2, 2)]),
    "gather nothing": (lambda t, i: op("gather", t, i), [rows(4, 2), NONE]),
    "gather nothing of nothing": (lambda t, i: op("gather", t, i), [rows(0, 2), NONE]),
    "set no rows": (lambda t, i, r: op("set_rows", t, i, r), [rows(4, 2), NONE, rows(0, 2)]),
    "set no rows of nothing": (lambda t, i, r: op("set_rows", t, i, r), [rows(0, 2), NONE, rows(0, 2)]),
    "set rows of nothing": (lambda t, i, r: op("set_rows", t, i, r), [rows(4, 0), np.array([1, 3], "int32"), rows(2, 0)]),
    "scatter no rows": (lambda i, v: op("scatter_add", i, v, rows=3), [NONE, rows(0, 2)]),
    "scatter rows of nothing": (lambda i, v: op("scatter_add", i, v, rows=3), [np.array([1, 2], "int32"), rows(2, 0)]),
    "scatter no rows into nothing": (lambda i, v: op("scatter_add", i, v, rows=0), [NONE, rows(0, 2)]),
    "take nothing along an axis": (lambda t, i: op("take_along_axis", t, i, axis=1), [rows(2, 4), np.zeros((2, 0), "int64")]),
    "add nothing along an axis": (lambda i, v: op("add_along_axis", i, v, axis=1, size=3), [np.zeros((2, 0), "int64"), rows(2, 0)]),
}


@pytest.mark.parametrize("engine", ["numpy", *each(ENGINES)])
def test_no_indices_and_those_beyond_a_table_do_what_the_reference_does(engine: str) -> None:
    for name, (fn, arrays) in CASES.items():
        inputs = [ops.placeholder(f"{SHORT[a.dtype.name]}{list(a.shape)}", name=f"in{k}") for k, a in enumerate(arrays)]
        graph = Graph([t.node for t in inputs], [fn(*inputs).node])
        (expected,), _ = evaluate(graph, arrays)
        (found,) = compile_graph(graph, engine)(*arrays)
        assert_alike(found, expected, "op", engine, name)
