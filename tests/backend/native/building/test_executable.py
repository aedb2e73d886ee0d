"""What one call of compiled C promises: inputs where the caller fills them, faults with their place, a child of fork, two threads."""

from __future__ import annotations

import os
import re
import threading

import numpy as np
import pytest

import symkeras
from symkeras import layers, ops
from symkeras.backend.interface import compile_graph
from symkeras.graph.graph import Graph

pytestmark = pytest.mark.usefixtures("backend_native")


def _compiled(build, *types: str, **options):
    inputs = [ops.placeholder(t, name=f"x{k}") for k, t in enumerate(types)]
    results = build(*inputs)
    results = results if isinstance(results, tuple) else (results,)
    return compile_graph(Graph([t.node for t in inputs], [t.node for t in results]), backend="native", **options)


def test_an_input_that_lies_within_a_larger_result_is_filled_there() -> None:
    f = _compiled(lambda a, b: ops.concatenate([a + 1.0, ops.exp(b)], axis=0), "f32[batch, 2]", "f32[batch, 2]")
    a, b = np.ones((3, 2), "float32"), np.zeros((3, 2), "float32")
    for _ in range(2):
        np.testing.assert_array_equal(f(a, b)[0], np.concatenate([a + 1, np.exp(b)]))


def test_the_whole_of_softmax_is_one_kernel_and_keeps_nan_and_inf() -> None:
    f = _compiled(ops.softmax, "f32[batch, 5]")
    assert sum(1 for _ in f.program.all_steps()) == 1
    x = np.array([[1, 2, 3, 4, 5], [np.nan, 0, 0, 0, 0], [-np.inf, 0, 0, 0, 0], [np.inf, 0, 0, 0, 0]], "float32")
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(f(x)[0], ops.softmax(x), rtol=1e-6)


def test_sums_of_many_numbers_stay_close_to_the_exact_sum() -> None:
    x = np.random.default_rng(0).uniform(1, 2, (300_000, 3)).astype("float32")
    f = _compiled(lambda t: (ops.sum(t), ops.sum(t, axis=0)), "f32[batch, 3]")
    total, columns = f(x)
    np.testing.assert_allclose(total, x.sum(dtype="float64"), rtol=2e-7)
    np.testing.assert_allclose(columns, x.sum(0, dtype="float64"), rtol=2e-6)


def test_an_index_out_of_range_names_the_layer_and_changes_nothing() -> None:
    model = symkeras.Sequential([layers.Input((3,), dtype="int32"), layers.Embedding(5, 2, name="words"), layers.Flatten(), layers.Dense(1)])
    model.compile("adam", "mse", backend="native")
    good, y = np.array([[0, 1, 4]]), np.ones((1, 1))
    model.train_on_batch(good, y)
    before = model.get_weights()
    with pytest.raises(IndexError, match=r"index 7 is out of range for an axis of size 5.*words"):
        model.train_on_batch(np.array([[0, 7, 1]]), y)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    model.train_on_batch(good, y)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_of_fork_computes_on() -> None:
    f = _compiled(lambda a, b: ops.exp(ops.matmul(a, b)), "f32[n, 300]", "f32[300, 300]")
    a, b = np.full((600, 300), 0.01, "float32"), np.full((300, 300), 0.02, "float32")
    expected = f(a, b)[0]
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(f(a, b)[0], expected) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_several_python_threads_may_call_one_function() -> None:
    f = _compiled(lambda t: ops.cumsum(ops.sort(t * 3.0, axis=1), axis=1), "f32[batch, 50]")
    arrays = [np.random.default_rng(k).standard_normal((40, 50)).astype("float32") for k in range(4)]
    expected = [f(a)[0] for a in arrays]
    found: dict[int, bool] = {}

    def work(k: int) -> None:
        found[k] = all(np.array_equal(f(arrays[k])[0], expected[k]) for _ in range(30))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == dict.fromkeys(range(4), True)


def test_the_text_names_layers_and_lines_and_knows_its_steps() -> None:
    model = symkeras.Sequential([layers.Input((4,)), layers.Dense(3, activation="relu", name="first")])
    model.compile("sgd", "mse", backend="native")
    model.train_on_batch(np.ones((2, 4), "float32"), np.ones((2, 3), "float32"))
    step = model.executable("train")
    lines = step.source.splitlines()
    assert any("sk_matmul_f32(" in line and re.search(r"first, (\S*/)?test_executable.py:", line) for line in lines)
    for number, found in step.emission.lines.items():
        assert "/*" in lines[number - 1] or not found.node.origins


def test_dtypes_without_arithmetic_are_refused_before_anything_is_built() -> None:
    with pytest.raises(symkeras.errors.BackendError, match=r"complex64.*backend='numpy'"):
        _compiled(lambda t: t + t, "c64[3]")


def test_auto_is_native_where_it_can_be_built_else_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    from symkeras.backend import interface

    x = ops.placeholder("f32[2]")
    graph = Graph([x.node], [(x + 1.0).node])
    assert compile_graph(graph, backend="auto").backend == "native"

    def nothing() -> interface.Backend:
        raise symkeras.errors.BackendError("no compiler")

    monkeypatch.setitem(interface.PLACES, "native", nothing)
    monkeypatch.delitem(interface._loaded, "native")
    monkeypatch.delitem(interface._loaded, "auto")
    assert compile_graph(graph, backend="auto").backend == "numpy"
    monkeypatch.delitem(interface._loaded, "auto")


@pytest.mark.parametrize(
    "build",
    [
        lambda t: ops.max(t, axis=1),
        lambda t: ops.argmin(t, axis=1),
        lambda t: ops.top_k(t, 2)[0],
        lambda t: ops.scan(lambda c, _: (c + ops.sum(ops.max(t * c, axis=1)), None), ops.sum(t), None, length=2)[0],
    ],
    ids=["max", "argmin", "top_k", "a maximum in a loop"],
)
def test_sizes_for_which_an_op_has_no_meaning_are_refused_before_it_runs(build) -> None:
    f = _compiled(build, "f32[batch, time]")
    f(np.ones((2, 4), "float32"))
    with pytest.raises(symkeras.errors.ShapeError):
        f(np.ones((2, 0), "float32"))


def test_sizes_that_must_be_equal_within_a_loop_are_checked() -> None:
    f = _compiled(lambda w, b: ops.scan(lambda c, x: (c + ops.sum(x * w), None), ops.sum(b), b)[0], "f32[n]", "f32[time, m]")
    assert f(np.ones(3, "float32"), np.ones((2, 3), "float32"))[0] == 12
    with pytest.raises(symkeras.errors.ShapeError):
        f(np.ones(3, "float32"), np.ones((2, 4), "float32"))


def test_rows_of_one_element_are_rows() -> None:
    def build(x, y):
        total = ops.reshape(ops.sum(ops.tanh(x) * y, 1), (-1, 1))
        return ops.sum(total, 0), ops.tanh(x) * total, ops.max(total, 1)

    f = _compiled(build, "f32[batch, 1]", "f32[batch, 1]")
    x, y = (np.random.default_rng(k).standard_normal((50, 1)).astype("float32") for k in range(2))
    total = np.sum(np.tanh(x) * y, 1, keepdims=True)
    for found, expected in zip(f(x, y), (total.sum(0), np.tanh(x) * total, total.max(1)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
