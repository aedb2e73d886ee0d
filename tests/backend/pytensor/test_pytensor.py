"""The PyTensor backend: one function per set of sizes, variables that an exception leaves alone, control flow, both modes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import Input, Sequential, layers, ops
from symkeras.backend.interface import compile_graph
from symkeras.errors import BackendError, ConfigError
from symkeras.graph import Graph
from symkeras.graph.variable import Variable
from symkeras.ops.elementwise import ROWS
from symkeras.ops.evaluation import evaluate
from tests.tolerances import assert_alike

pytensor = pytest.importorskip("pytensor", reason="PyTensor is not installed")

MODES = [pytest.param("c", marks=pytest.mark.skipif(not pytensor.config.cxx, reason="PyTensor has no C++ compiler")), "py"]


def trained(backend: str, **options: Any) -> tuple[Any, list[float]]:
    symkeras.utils.set_random_seed(3)
    model = Sequential([Input((4,)), layers.Dense(8, activation="relu"), layers.Dropout(0.3, seed=5), layers.Dense(3, activation="softmax")])
    model.compile("adam", "categorical_crossentropy", backend=backend, **options)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((70, 4)).astype("float32"), np.eye(3, dtype="float32")[rng.integers(0, 3, 70)]
    return model, model.fit(x, y, epochs=2, batch_size=32, verbose=0).history["loss"]


@pytest.mark.parametrize("mode", MODES)
def test_a_model_trains_as_on_numpy_in_both_modes(mode: str) -> None:
    a, losses = trained("numpy")
    b, found = trained("pytensor", mode=mode)
    np.testing.assert_allclose(found, losses, rtol=1e-5)
    for v, w in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_allclose(w, v, rtol=1e-4, atol=1e-5)
    assert f"mode {mode!r}" in str(b.executable("train"))


def test_the_python_mode_leaves_the_settings_of_pytensor_as_they_were() -> None:
    before = pytensor.config.cxx, pytensor.config.on_opt_error
    trained("pytensor", mode="py")
    assert (pytensor.config.cxx, pytensor.config.on_opt_error) == before


def test_an_index_out_of_range_raises_and_writes_nothing() -> None:
    model = Sequential([Input((2,), dtype="int32"), layers.Embedding(5, 3), layers.Flatten(), layers.Dense(1)])
    model.compile("adam", "mse", backend="pytensor", mode="py")
    y = np.ones((2, 1), "float32")
    model.train_on_batch(np.int32([[0, 1], [2, 3]]), y)
    before = [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
    with pytest.raises(IndexError, match=r"index 7 is out of range for an axis of size 5.*embedding"):
        model.train_on_batch(np.int32([[0, 7], [2, 3]]), y)
    for v, w in zip((*model.variables, *model.optimizer.variables), before, strict=True):
        np.testing.assert_array_equal(v.numpy(), w)
    model.train_on_batch(np.int32([[0, -1], [2, 3]]), y)


def test_what_is_given_out_is_the_callers_own() -> None:
    v = Variable(np.float32([1, 2]), name="v")
    x = ops.placeholder("f32[2]")
    step = compile_graph(Graph([x.node], [x.node, v.node, ops.reshape(x, (2, 1)).node], [(v.node, x.node)]), backend="pytensor", mode="py")
    given = np.float32([5, 6])
    outputs = step(given)
    for a in (given, *outputs):
        a[...] = -1
    assert v.numpy().tolist() == [5, 6]


def test_loops_and_branches_run_and_check_their_indices() -> None:
    n, i, table = ops.placeholder("i32[]"), ops.placeholder("i32[]"), ops.placeholder("f32[4]")
    start = ops.as_tensor(np.int32(0)), ops.as_tensor(np.float32(0))
    total = ops.while_loop(lambda k, s: k < n, lambda k, s: (k + 1, s + ops.take(table, k, axis=0)), start)[1]
    last, sums = ops.scan(lambda c, v: (c + v, c * v), np.float32(0), table, reverse=True)
    either = ops.cond(n > 2, lambda: ops.take(table, i, axis=0), lambda: -last)
    step = compile_graph(Graph([n.node, i.node, table.node], [t.node for t in (total, last, sums, either)]), backend="pytensor", mode="py")
    values = np.float32([1, 2, 3, 4])
    found = step(np.int32(3), np.int32(1), values)
    assert [a.tolist() for a in found] == [6, 10, [9, 14, 12, 0], 2]
    assert [a.tolist() for a in step(np.int32(0), np.int32(9), values)] == [0, 10, [9, 14, 12, 0], -10]
    with pytest.raises(IndexError, match="index 4 is out of range"):
        step(np.int32(5), np.int32(1), values)
    with pytest.raises(IndexError, match="index 9 is out of range"):
        step(np.int32(3), np.int32(9), values)


EDGES = {
    "float32": [0, -0.0, 1, -1, 0.5, -0.5, 2.5, -2.5, 1e-30, 1e30, np.inf, -np.inf, np.nan, 88, -88, 33],
    "int64": [0, 1, 2, 3, 7, -5, 100, 2**63 - 1, 2**63 - 2, -(2**63)],
}


@pytest.mark.skipif(not pytensor.config.cxx, reason="PyTensor has no C++ compiler")
@pytest.mark.parametrize("dtype", EDGES)
def test_loops_in_c_give_the_reference_values_at_the_edges(dtype: str) -> None:
    a, b = (v.ravel() for v in np.meshgrid(*[np.array(EDGES[dtype], dtype)] * 2))
    x, y = (ops.placeholder(f"{'f32' if dtype == 'float32' else 'i64'}[{a.size}]") for _ in range(2))
    kinds = ("numeric", "numbers", "signed", "float" if dtype == "float32" else "int")
    rows = [f.op for f in ROWS.values() if f.op.promote in kinds and (dtype == "float32" or f.op.name != "power")]
    outputs = [ops.op.apply(op, [x, y][: op.arity], {}) for op in rows]
    graph = Graph([x.node, y.node], [t.node for t in outputs])
    found = compile_graph(graph, backend="pytensor", mode="c", level="O0", denormals="keep")(a, b)
    for op, value, expected in zip(rows, found, evaluate(graph, [a, b])[0], strict=True):
        assert_alike(value, expected, "op", "pytensor", op.name)
        if value.dtype.kind == "f" and op.name not in ("maximum", "minimum"):  # NumPy promises no sign of theirs
            zero = expected == 0
            np.testing.assert_array_equal(np.signbit(value[zero]), np.signbit(expected[zero]), op.name)


def test_pytensors_own_algebra_loses_no_nan() -> None:
    x = ops.placeholder("f32[2]")
    outputs = [x * 0.0, x - x, x / x, ops.exp(ops.log(x)), ops.sqrt(x) ** 2]
    step = compile_graph(Graph([x.node], [t.node for t in outputs]), backend="pytensor", mode="py", level="O0")
    for a in step(np.float32([-np.inf, np.nan])):
        assert np.isnan(a).all()


def test_the_source_is_the_compiled_function() -> None:
    model, _ = trained("pytensor", mode="py")
    source = model.executable("train").source
    assert "Reference{matmul" in source and "dense" in source and "Reference{random_bits" in source


def test_what_is_not_there_is_said() -> None:
    model = Sequential([Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse", backend="pytensor", device="gpu")
    with pytest.raises(BackendError, match="pytensor has no device 'gpu'; it has cpu:0"):
        model.train_on_batch(np.ones((2, 4), "float32"), np.ones((2, 1), "float32"))
    with pytest.raises(ConfigError, match="mode"):
        model.compile("sgd", "mse", backend="pytensor", mode="cuda")
    with pytest.raises(ConfigError, match="unknown argument 'mode'"):
        model.compile("sgd", "mse", backend="numpy", mode="py")
