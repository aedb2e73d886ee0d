"""ONNX Runtime as a backend: it predicts and evaluates like the others, and refuses to train."""

from __future__ import annotations

import re
import threading
from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import Input, Sequential, layers, ops
from symkeras.backend import interface
from symkeras.backend.interface import compile_graph
from symkeras.errors import BackendError, ShapeError
from symkeras.graph import Graph
from symkeras.graph.variable import Pack, Variable

pytest.importorskip("onnxruntime", reason="the backend onnxruntime needs the package")
pytest.importorskip("onnx", reason="the backend onnxruntime needs the package onnx")


def classifier(backend: str) -> Any:
    hidden = [layers.Dense(5, activation="relu"), layers.BatchNormalization(), layers.Dropout(0.5)]
    model = Sequential([Input((4,)), *hidden, layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], backend=backend)
    return model


def rows(count: int = 50) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, 4)).astype("float32"), rng.integers(0, 3, count)


def test_predict_and_evaluate_are_those_of_numpy() -> None:
    x, y = rows()
    one, other = classifier("onnxruntime"), classifier("numpy")
    other.set_weights(one.get_weights())
    np.testing.assert_allclose(one.predict(x, batch_size=16, verbose=0), other.predict(x, batch_size=16, verbose=0), rtol=1e-5, atol=1e-6)
    found = one.evaluate(x, y, batch_size=16, verbose=0, return_dict=True)
    expected = other.evaluate(x, y, batch_size=16, verbose=0, return_dict=True)
    assert found == pytest.approx(expected, rel=1e-5)


def test_fit_says_that_it_does_not_train_and_who_does() -> None:
    with pytest.raises(BackendError, match=r"onnxruntime predicts and evaluates, it does not train\. Those that do: .*native, numpy"):
        classifier("onnxruntime").fit(*rows(), verbose=0)


@pytest.mark.parametrize("numerics", ["safe", "fast"])
def test_a_recurrent_layer_of_no_rows_ends_nothing(numerics: str) -> None:
    model = Sequential([Input((5, 4)), layers.LSTM(3)])
    x = np.random.default_rng(0).normal(size=(3, 5, 4)).astype("float32")
    expected = model.predict(x, verbose=0)
    step = compile_graph(model.executable("predict").source_graph, "onnxruntime", numerics=numerics)
    for rows in (3, 0, 1):
        np.testing.assert_allclose(step(x[:rows])[0], expected[:rows], rtol=1e-5, atol=1e-6)
    assert "= LSTM" in step.source


def test_weights_written_by_others_count_from_the_next_call() -> None:
    x, y = rows()
    model = classifier("numpy")
    step = compile_graph(model.executable("predict").source_graph, "onnxruntime")
    before = step(x)[0]
    model.fit(x, y, epochs=2, verbose=0)
    after = step(x)[0]
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_allclose(after, model.predict(x, verbose=0), rtol=1e-5, atol=1e-6)


def test_a_session_stays_while_only_its_own_states_are_written() -> None:
    w, count = Variable(np.full((3,), 2.0, "float32"), name="w"), Variable(np.zeros((), "float32"), name="count", trainable=False)
    Pack([w, count], "both")
    x = ops.placeholder("f32[batch, 3]", name="x")
    graph = Graph([x.node], [(x * w).node], [(count.node, (ops.as_tensor(count.node) + ops.sum(x)).node)])
    step = compile_graph(graph, "onnxruntime")
    first = step._session
    for _ in range(3):
        np.testing.assert_array_equal(step(np.ones((2, 3), "float32"))[0], np.full((2, 3), 2.0))
    assert float(count.numpy()) == 18.0 and step._session is first
    w.assign(np.ones(3))
    np.testing.assert_array_equal(step(np.ones((2, 3), "float32"))[0], np.ones((2, 3)))


def test_an_index_out_of_range_is_the_error_of_the_reference_and_writes_nothing() -> None:
    seen = Variable(np.zeros((), "int32"), name="seen", trainable=False)
    table, i = ops.placeholder("f32[5, 2]", name="table"), ops.placeholder("i32[n]", name="i")
    graph = Graph([table.node, i.node], [ops.take(table, i, 0).node], [(seen.node, (ops.as_tensor(seen.node) + 1).node)])
    step = compile_graph(graph, "onnxruntime")
    with pytest.raises(IndexError, match=r"index 7 is out of range for an axis of size 5 \((\S*/)?test_executable\.py:\d+\)"):
        step(np.zeros((5, 2), "float32"), np.array([1, 7], "int32"))
    assert int(seen.numpy()) == 0
    step(np.zeros((5, 2), "float32"), np.array([1, -5], "int32"))
    assert int(seen.numpy()) == 1


def test_an_integer_to_a_negative_power_is_an_error() -> None:
    x, y = ops.placeholder("i32[n]", name="x"), ops.placeholder("i32[n]", name="y")
    step = compile_graph(Graph([x.node, y.node], [ops.power(x, y).node]), "onnxruntime")
    np.testing.assert_array_equal(step(np.int32([2, -3]), np.int32([31, 3]))[0], np.int32([-(2**31), -27]))
    with pytest.raises(ValueError, match="negative integer powers"):
        step(np.int32([2]), np.int32([-1]))


def test_shapes_that_do_not_fit_are_refused() -> None:
    x, y = ops.placeholder("f32[n, 3]", name="x"), ops.placeholder("f32[m, 3]", name="y")
    step = compile_graph(Graph([x.node, y.node], [(x + y).node]), "onnxruntime")
    step(np.ones((2, 3), "float32"), np.ones((2, 3), "float32"))
    with pytest.raises(ShapeError, match="must be equal"):
        step(np.ones((2, 3), "float32"), np.ones((4, 3), "float32"))


@pytest.mark.parametrize("device", ["gpu", "cuda:9x", "cpu:1"])
def test_a_device_that_is_not_there_is_named(device: str) -> None:
    x = ops.placeholder("f32[3]", name="x")
    with pytest.raises(BackendError, match=rf"onnxruntime has no device '{re.escape(device)}'; it has cpu"):
        compile_graph(Graph([x.node], [(x * 2).node]), "onnxruntime", device=device)


def test_the_source_is_the_model_as_text_without_large_weights() -> None:
    model = Sequential([Input((400,)), layers.Dense(300, name="hidden")])
    model.compile("sgd", "mse", backend="onnxruntime")
    step = model.executable("predict")
    assert "hidden_MatMul = MatMul" in step.source and len(step.source) < 3000
    assert "onnxruntime" in str(step) and "denormals" in str(step)


def test_denormals_are_kept_or_flushed_as_asked_whatever_ran_before() -> None:
    x = ops.placeholder("f64[2]", name="x")
    graph = Graph([x.node], [(x * 2.0).node])
    flush, keep = (compile_graph(graph, "onnxruntime", denormals=d) for d in ("flush", "keep"))
    tiny = np.array([1e-310, 1.0])
    for _ in range(2):
        assert flush(tiny)[0][0] == 0 and keep(tiny)[0][0] == 2e-310 and (tiny * 2)[0] == 2e-310


def test_several_threads_may_call_one_function() -> None:
    x, _ = rows()
    model = classifier("onnxruntime")
    expected, found = model.predict(x, verbose=0), []
    step = model.executable("predict")
    threads = [threading.Thread(target=lambda: found.extend(step(x)[0] for _ in range(5))) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(found) == 20 and all(np.array_equal(f, found[0]) for f in found)
    np.testing.assert_allclose(found[0], expected, rtol=1e-6)


def test_the_report_lists_it() -> None:
    from symkeras.backend.inventory import report
    from tests.backends import refused_by_some

    row = next(r for r in report() if r.name == "onnxruntime")
    assert "cpu" in row.devices and not row.problem and set(row.missing) <= {"unique_indices", "gather_unique", "matmul_unique", *refused_by_some()}
    assert interface.get("onnxruntime").package == "onnxruntime" and symkeras.config.backend()
