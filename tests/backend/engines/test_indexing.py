"""Indices on the engines: one, none at all, and those of rows that a table does not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, layers, ops
from symkeras.backend.interface import compile_graph
from symkeras.errors import ShapeError
from symkeras.graph import Graph
from symkeras.graph.dtypes import SHORT
from symkeras.ops.evaluation import evaluate
from tests.backend.engines.engines import ENGINES, TRAINING, each
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
    "set a row by its number": (lambda t, i, r: op("set_rows", t, i, r), [rows(4, 3), np.array(2, "int32"), -rows(3)]),
    "set rows by a matrix": (lambda t, i, r: op("set_rows", t, i, r), [rows(4, 3), np.array([[0, -1], [2, 1]]), -rows(2, 2, 3)]),
    "combine one row": (lambda i, v: op("combine_rows", i, v, rows=4), [np.array(3, "int32"), rows(3)]),
    "scatter one row": (lambda i, v: op("scatter_add", i, v, rows=4), [np.array(-1, "int64"), rows(3)]),
    "set no rows": (lambda t, i, r: op("set_rows", t, i, r), [rows(4, 2), NONE, rows(0, 2)]),
    "set no rows of nothing": (lambda t, i, r: op("set_rows", t, i, r), [rows(0, 2), NONE, rows(0, 2)]),
    "set rows of nothing": (lambda t, i, r: op("set_rows", t, i, r), [rows(4, 0), np.array([1, 3], "int32"), rows(2, 0)]),
    "scatter no rows": (lambda i, v: op("scatter_add", i, v, rows=3), [NONE, rows(0, 2)]),
    "scatter rows of nothing": (lambda i, v: op("scatter_add", i, v, rows=3), [np.array([1, 2], "int32"), rows(2, 0)]),
    "scatter no rows into nothing": (lambda i, v: op("scatter_add", i, v, rows=0), [NONE, rows(0, 2)]),
    "take nothing along an axis": (lambda t, i: op("take_along_axis", t, i, axis=1), [rows(2, 4), np.zeros((2, 0), "int64")]),
    "add nothing along an axis": (lambda i, v: op("add_along_axis", i, v, axis=1, size=3), [np.zeros((2, 0), "int64"), rows(2, 0)]),
}


def of_nothing(x: Any, table: Any, i: Any) -> Any:
    """Lookups in a table without rows, and writes, where x is positive."""

    def taken() -> Any:
        both, new = ops.stack([i, i]), ops.ones((2, 2)) + x
        found = ops.take(table, i, axis=0) + op("take_along_axis", table, both, axis=0)
        written = ops.sum(op("set_rows", table, i, new)) + ops.sum(op("scatter_add", i, new, rows=0))
        return found + written + ops.sum(op("add_along_axis", both, new, axis=0, size=0))

    return ops.cond(x > 0, taken, lambda: ops.zeros((2, 2)) + x)


CASES["a branch that is not taken"] = of_nothing, [np.float32(-1), rows(0, 2), np.zeros(2, "int32")]
CASES["a loop without turns"] = (
    lambda t: ops.while_loop(lambda k, _: k < 0, lambda k, v: (k + 1, v + ops.take(t, k, axis=0)), (ops.as_tensor(np.int32(0)), ops.ones((2,))))[1],
    [rows(0, 2)],
)


@pytest.mark.parametrize("engine", ["numpy", *each(ENGINES)])
def test_one_index_none_and_those_beyond_a_table_do_what_the_reference_does(engine: str) -> None:
    for name, (fn, arrays) in CASES.items():
        inputs = [ops.placeholder(f"{SHORT[a.dtype.name]}{list(a.shape)}", name=f"in{k}") for k, a in enumerate(arrays)]
        graph = Graph([t.node for t in inputs], [fn(*inputs).node])
        (expected,), _ = evaluate(graph, arrays)
        (found,) = compile_graph(graph, engine)(*arrays)
        assert_alike(found, expected, "op", engine, name)


@pytest.mark.parametrize("engine", ["numpy", *each(TRAINING)])
@pytest.mark.parametrize("name", ["CenterCrop", "RandomCrop"])
def test_a_model_trains_through_crops_of_images_that_are_larger_and_smaller(name: str, engine: str) -> None:
    inputs = Input((None, None, 2))
    x = getattr(layers, name)(6, 5)(layers.Conv2D(2, 1, kernel_initializer="ones")(inputs))
    model = Model(inputs, layers.Dense(1, kernel_initializer="ones")(layers.Flatten()(x)))
    model.compile("sgd", "mse", backend=engine)
    model.optimizer.learning_rate = 1e-5
    for height, width in [(9, 11), (3, 4), (9, 4), (5, 9), (6, 5)]:
        images, before = rows(2, height, width, 2), model.get_weights()[0]
        expected = model(images, training=False)
        np.testing.assert_allclose(model.predict_on_batch(images), expected, rtol=1e-5)
        model.train_on_batch(images, np.zeros((2, 1)))
        assert not np.array_equal(model.get_weights()[0], before)


@pytest.mark.parametrize("engine", ["numpy", *each(ENGINES)])
def test_a_slice_that_begins_before_an_axis_is_refused(engine: str) -> None:
    x = ops.placeholder("f32[batch]", name="x")
    (batch,) = x.node.shape
    cut = compile_graph(Graph([x.node], [op("slice", x, starts=(batch - 4,), stops=(batch,), strides=(1,)).node]), engine)
    assert cut(rows(5))[0].tolist() == [1, 2, 3, 4]
    with pytest.raises(ShapeError, match="slice -1:3"):
        cut(rows(3))
