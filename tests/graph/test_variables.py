"""Variables, packs and traces: when assignments write, when they record, and what a body of Python then means."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from symkeras import Variable, ops
from symkeras.autodiff import gradients
from symkeras.backend.interface import compile_graph
from symkeras.errors import ShapeError, SymkerasError
from symkeras.graph import Graph, Tensor, tracing
from symkeras.graph.provenance import layer_scope
from symkeras.graph.variable import Pack
from symkeras.ops.evaluation import evaluate


def test_dtype_of_a_variable_follows_its_initial_value() -> None:
    assert Variable([1.0, 2.0]).dtype == "float32" and Variable(np.zeros(2)).dtype == "float32"
    assert Variable(np.zeros(2), dtype="float64").dtype == "float64" and Variable(3).dtype == "int32"
    assert Variable(np.zeros(2, "int64")).dtype == "int64" and Variable(True).dtype == "bool"
    v = Variable(lambda shape, dtype: np.full(shape, 2, dtype), shape=(2, 3), name="v")
    assert v.shape == (2, 3) and v.numpy().sum() == 12 and v.size == 6 and v.ndim == 2
    with pytest.raises(ShapeError, match="'v': a callable initializer needs a shape"):
        Variable(lambda shape, dtype: np.zeros(shape), name="v")


def test_storage_stays_where_it_is_and_copies_are_copies() -> None:
    initial = np.zeros(2, "float32")
    v = Variable(initial)
    storage = v.array
    v.assign([1, 2])
    v.assign_add(np.float32([1, 1]))
    v.assign_sub(0.5)
    assert v.array is storage and v.numpy().tolist() == [1.5, 2.5] and initial.tolist() == [0, 0]
    v.numpy()[0] = 9
    np.asarray(v)[0] = 9
    assert storage[0] == 1.5


def test_assigning_another_shape_is_an_error_inside_and_outside_a_trace() -> None:
    v = Variable(np.zeros((2, 2)), name="v")
    with pytest.raises(ShapeError, match=r"'v' expects shape \(2, 2\), received an array of shape \(3,\)"):
        v.assign(np.zeros(3))
    with tracing.Trace(), pytest.raises(ShapeError, match=r"'v' has shape \(2, 2\); cannot assign f32\[3\]"):
        v.assign(ops.placeholder("f32[3]"))


def test_path_of_a_variable_is_that_of_its_layer() -> None:
    with layer_scope("encoder"), layer_scope("dense"):
        assert Variable(0.0, name="bias").path == "encoder/dense/bias"


def test_reading_after_writing_in_a_trace_gives_the_new_value() -> None:
    v = Variable(np.float32(1), name="v")
    with tracing.Trace() as trace:
        before = v.value
        v.assign(v.value * 10.0)
        after = v.value + 1.0
        v.assign_add(5)
        later = ops.as_tensor(v)
    assert all(isinstance(t, Tensor) for t in (before, after, later))
    graph = Graph([], [before.node, after.node, later.node], trace.updates())
    assert len(graph.updates) == 1
    assert [float(x) for x in compile_graph(graph, backend="interpreter")()] == [1, 11, 15]
    assert v.numpy() == 15


def test_a_trace_writes_nothing_and_an_unchanged_variable_is_no_update() -> None:
    v, w = Variable(np.float32(1)), Variable(np.float32(2))
    with tracing.Trace() as trace:
        v.assign(v.value)
        w.assign(3.0)
    assert v.numpy() == 1 and w.numpy() == 2
    assert [n for n, _ in trace.updates()] == [w.node]


def test_updates_see_old_values_and_land_together() -> None:
    a, b = Variable(np.float32(1), name="a"), Variable(np.float32(2), name="b")
    graph = Graph([], [a.node], [(a.node, b.node), (b.node, a.node)])
    compile_graph(graph, backend="interpreter")()
    assert (a.numpy(), b.numpy()) == (2, 1)


def test_an_exception_before_the_end_leaves_all_variables_as_they_were(backend: str) -> None:
    table = Variable(np.zeros((3, 2), "float32"), name="table")
    i = ops.placeholder("i32[2]", name="i")
    with tracing.Trace() as trace:
        table.assign_add(1.0)
        picked = ops.take(np.ones((4, 2), "float32"), i, axis=0)
    executable = compile_graph(Graph([i.node], [picked.node], trace.updates()), backend=backend)
    with pytest.raises(IndexError, match="index 9 is out of range"):
        executable(np.int32([0, 9]))
    assert not table.array.any()
    executable(np.int32([0, 3]))
    assert (table.array == 1).all()


def test_traces_nest_and_can_be_suspended() -> None:
    v = Variable(np.float32(1))
    with tracing.Trace() as outer:
        with tracing.Trace() as inner:
            v.assign(2.0)
        assert tracing.current() is outer and v not in outer.pending and v in inner.pending
        with tracing.suspended():
            assert tracing.current() is None
            v.assign(7.0)
        assert tracing.current() is outer
    assert tracing.current() is None and v.numpy() == 7


def test_a_trace_belongs_to_its_thread() -> None:
    seen: list[object] = []
    with tracing.Trace():
        thread = threading.Thread(target=lambda: seen.append(tracing.current()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_a_trace_that_fails_is_left() -> None:
    with pytest.raises(RuntimeError), tracing.Trace():
        raise RuntimeError
    assert tracing.current() is None


def test_the_gradient_of_a_variable_counts_what_was_read_before_and_after_it_was_assigned() -> None:
    v = Variable(np.float32(3), name="v")
    with tracing.Trace():
        before = v.value * v.value
        v.assign(v.value * 2.0)
        found = gradients(before + 10.0 * v.value, v)
    value = evaluate(Graph([], [found.node]), [])[0][0]
    assert value == 2 * 3 + 10, "the version read after the assignment counts, and nothing flows into what was assigned"


def test_pack_lays_variables_one_after_the_other_and_keeps_their_values() -> None:
    a, b, c = (Variable(np.full(s, k, "float32"), name=n) for n, s, k in (("a", (2, 2), 1), ("b", (), 2), ("c", (3,), 3)))
    pack = Pack([a, b, c], "p")
    assert pack.array.tolist() == [1, 1, 1, 1, 2, 3, 3, 3] and pack.offsets == {"a": 0, "b": 4, "c": 5}
    b.assign(9)
    assert pack.array[4] == 9
    flat = pack.flat(a, b)
    assert flat.shape == (5,) and np.shares_memory(flat.array, a.array) and pack.flat(a, b) is flat and pack.flat(b, c) is not flat
    flat.assign(np.arange(5))
    assert a.numpy().tolist() == [[0, 1], [2, 3]] and b.numpy() == 4


def test_variables_of_one_value_are_different_leaves() -> None:
    a, b = Variable(np.zeros(2)), Variable(np.zeros(2))
    assert a.node is not b.node and a.node is a.node


def test_a_variable_may_be_made_by_the_name_of_an_initializer() -> None:
    v = Variable("ones", shape=(2, 3), dtype="float16")
    assert v.numpy().tolist() == [[1, 1, 1], [1, 1, 1]] and v.dtype == "float16"
    with pytest.raises(SymkerasError, match="initializer"):
        Variable("fives", shape=(2,))


def test_a_variable_is_compared_with_numbers_element_by_element_and_with_variables_as_a_whole() -> None:
    v, w = Variable([0.0, 1.0]), Variable([0.0, 1.0])
    assert (v == 1).tolist() == [False, True] and (v != np.array([0, 2])).tolist() == [False, True]
    assert v == v and v != w and v in [w, v] and {v: 1}[v] == 1 and w not in {v: 1}
    assert (v == None) is False and (v == "a") is False and v != object()  # noqa: E711
    assert isinstance(v == ops.placeholder("f32[2]"), Tensor)


def test_assignments_give_the_value() -> None:
    v = Variable([0.0, 1.0])
    assert v.assign([2, 3]).tolist() == [2, 3] and v.assign_add(1).tolist() == [3, 4] and v.assign_sub([1, 1]).tolist() == [2, 3]


def test_only_a_variable_of_one_element_is_a_number() -> None:
    assert float(Variable([[2.0]])) == 2 and int(Variable(3)) == 3
    for convert in (int, float):
        with pytest.raises(TypeError, match="is no number"):
            convert(Variable([1.0, 2.0]))


def test_a_variable_is_rounded() -> None:
    assert round(Variable([1.26, 2.5]), 1).tolist() == pytest.approx([1.3, 2.5]) and round(Variable([1.2])).tolist() == [1]


def test_a_variable_has_no_truth_value() -> None:
    for v in (Variable([0.0]), Variable(np.ones((2, 2)))):
        with pytest.raises(TypeError, match="no truth value"):
            bool(v)


@pytest.mark.parametrize("what", ["regularizer", "constraint"])
def test_penalties_and_constraints_are_functions(what: str) -> None:
    v = Variable([1.0], name="v")
    setattr(v, what, abs)
    assert getattr(v, what) is abs
    setattr(v, what, None)
    assert getattr(v, what) is None
    with pytest.raises(ValueError, match=f"{what} must be a function or None"):
        setattr(v, what, "l2")


def test_values_of_symbolic_tensors_are_refused_as_keras_refuses_them() -> None:
    for take in (np.array, ops.convert_to_numpy, float):
        with pytest.raises(ValueError) as caught:
            take(ops.placeholder("f32[2]"))
        assert isinstance(caught.value, TypeError)
