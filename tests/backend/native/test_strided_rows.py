"""Several batches as one call of a compiled function: rows of any stride are gathered, those within a row lie together."""

from __future__ import annotations

import numpy as np
import pytest

from symkeras import Input, Sequential, layers, ops
from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph, Tensor
from symkeras.graph.variable import Variable

pytestmark = pytest.mark.usefixtures("backend_native")
DATA = np.arange(240, dtype="float32").reshape(20, 3, 4)
ARRAYS = {
    "as they lie": np.ascontiguousarray(DATA[:, 0]), "one of several": DATA[:, 1], "every other": DATA[::2, 2], "backwards": DATA[::-1, 0],
    "the same again and again": np.broadcast_to(DATA[3, 0], (20, 4)), "of a field": np.array([(1, r) for r in DATA[:, 0]], "i4,4f4")["f1"],
}  # fmt: skip


@pytest.mark.parametrize("order", [None, np.array([5, 0, 9, 1, 2, 8, 7, 3, 4, 6])])
@pytest.mark.parametrize("name", ARRAYS)
def test_batches_of_strided_rows_are_one_call(name: str, order: np.ndarray | None) -> None:
    rows = ARRAYS[name]
    x, log = ops.placeholder("f32[batch, 4]", "x"), Variable(np.zeros(4, "float32"), name="log")
    graph = Graph([x.node], [ops.sum(x, axis=0).node], [(log.node, (Tensor(log.node) * 2.0 + ops.sum(x, axis=0)).node)])
    call = compile_graph(graph, "native").lease().at(((2, 4),))
    outputs = call.run_rows([rows], order, 0 if order is not None else 1, 4)
    assert outputs is not None
    expected, total = rows[order] if order is not None else rows[1:], np.zeros(4, "float32")
    for k in range(4):
        total = total * 2 + expected[2 * k : 2 * k + 2].sum(0)
    np.testing.assert_array_equal(log.numpy(), total)
    np.testing.assert_array_equal(outputs[0], expected[6:8].sum(0))


@pytest.mark.parametrize("rows", [DATA[:, 0, ::2].repeat(2, 1)[:, ::2], DATA[:, :, 0], DATA[:, 0].astype("float64"), DATA[:, 0].astype(">f4")])
def test_rows_that_lie_otherwise_are_left_to_the_caller(rows: np.ndarray) -> None:
    x = ops.placeholder(f"f32[batch, {rows.shape[1]}]", "x")
    call = compile_graph(Graph([x.node], [(x * 2.0).node]), "native").lease().at(((2, rows.shape[1]),))
    assert call.run_rows([rows], None, 0, 2) is None


@pytest.mark.parametrize("shuffle", [False, True])
def test_training_on_a_strided_view_is_training_on_its_copy(shuffle: bool) -> None:
    pairs = np.random.default_rng(2).normal(size=(50, 2, 6)).astype("float32")
    y, found = pairs[:, 1, 0], []
    for x in (pairs[:, 0], np.ascontiguousarray(pairs[:, 0])):
        model = Sequential([Input((6,)), layers.Dense(3, "tanh", kernel_initializer="ones"), layers.Dense(1, kernel_initializer="ones")])
        model.compile("sgd", "mse", backend="native", steps_per_execution=4)
        np.random.seed(0)
        model.fit(x, y, batch_size=8, epochs=2, shuffle=shuffle, verbose=0)
        found.append(model.get_weights())
    if not shuffle:
        for a, b in zip(*found, strict=True):
            np.testing.assert_array_equal(a, b)
    assert all(np.isfinite(w).all() for w in found[0])
