"""Lowering: what is a view, what is written in place or straight into a larger result, and where buffers lie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symkeras import ops
from symkeras.backend.interface import compile_graph
from symkeras.compiler.program import memory_plan
from symkeras.compiler.program.program import Buffer, Group, Loop
from symkeras.graph import Graph, tracing
from symkeras.graph.types import TensorType
from symkeras.graph.variable import Pack, Variable


def compiled(inputs: list, outputs: list, **options: object):
    return compile_graph(Graph([t.node for t in inputs], [t.node for t in outputs]), "numpy", **options)


def kinds(executable) -> list[str]:
    return [s.node.op.name if s.kind == "kernel" else s.kind for s in executable.program.all_steps()]


def test_moving_elements_costs_no_kernel() -> None:
    x = ops.placeholder("f32[batch, 6]")
    y = ops.transpose(ops.reshape(x, (-1, 2, 3)), (0, 2, 1))[:, 1:, ::-1]
    f = compiled([x], [y])
    assert kinds(f) == []
    array = np.arange(12, dtype="float32").reshape(2, 6)
    np.testing.assert_array_equal(f(array)[0], array.reshape(2, 2, 3).transpose(0, 2, 1)[:, 1:, ::-1])


def test_a_reshape_of_what_is_not_contiguous_is_one_copy() -> None:
    x = ops.placeholder("f32[batch, 6]")
    assert kinds(compiled([x], [ops.reshape(ops.transpose(x), (-1,))])) == ["copy"]


def test_pieces_of_a_concatenation_are_written_where_they_belong() -> None:
    x = ops.placeholder("f32[4]")
    f = compiled([x], [ops.concatenate([ops.exp(x), ops.tanh(x)]) * 2.0])
    pieces = {v.buffer.storage for s in f.program.all_steps() for v in s.outputs}
    assert len(pieces) == 1
    array = np.linspace(-1, 1, 4, dtype="float32")
    np.testing.assert_allclose(f(array)[0], np.concatenate([np.exp(array), np.tanh(array)]) * 2, rtol=1e-6)


def test_a_chain_of_elementwise_kernels_uses_one_buffer() -> None:
    x = ops.placeholder("f32[batch, 8]")
    y = x
    for _ in range(10):
        y = ops.tanh(y) + 1.0
    assert len(compiled([x], [y]).program.buffers) == 1


def test_an_input_that_is_read_again_is_not_overwritten() -> None:
    x = ops.placeholder("f32[batch, 8]")
    f = compiled([x], [ops.exp(x), x * 2.0])
    array = np.ones((2, 8), "float32")
    np.testing.assert_allclose(f(array)[1], 2.0)
    np.testing.assert_array_equal(array, 1.0)


def test_updates_are_written_in_place_after_everything_that_may_fail() -> None:
    table, step = Variable(np.zeros((3, 2), "float32"), name="table"), Variable(np.float32(0), name="step")
    index = ops.placeholder("i32[batch]")
    with tracing.Trace() as trace:
        row = ops.sum(ops.take(table, index, axis=0))
        step.assign(step + 1.0)
        graph = Graph([index.node], [row.node], trace.updates())
    f = compile_graph(graph, "numpy")
    assert f.program.commits == []
    f(np.array([0, 2], "int32"))
    with pytest.raises(IndexError, match="out of range"):
        f(np.array([7], "int32"))
    assert step.numpy() == 1.0


def test_two_variables_can_be_swapped() -> None:
    a, b = Variable(np.float32(1), name="a"), Variable(np.float32(2), name="b")
    with tracing.Trace() as trace:
        old = a.value
        a.assign(b.value)
        b.assign(old)
        f = compile_graph(Graph([], [], trace.updates()), "numpy")
    f()
    assert (a.numpy(), b.numpy()) == (2.0, 1.0)


def test_a_function_notices_that_its_variables_have_moved() -> None:
    v, w = Variable(np.ones(3, "float32"), name="v"), Variable(np.ones(3, "float32"), name="w")
    x = ops.placeholder("f32[3]")
    with tracing.Trace():
        f = compiled([x], [x * v])
    f(np.ones(3, "float32"))
    Pack([v, w], "pack")
    v.set(np.full(3, 5.0))
    np.testing.assert_array_equal(f(np.ones(3, "float32"))[0], 5.0)


def test_large_elementwise_neighbours_run_as_one_group() -> None:
    x = ops.placeholder("f32[batch, 64, 64]")
    f = compiled([x], [ops.tanh(x * 2.0) + ops.exp(x)])
    (group,) = f.program.steps
    assert isinstance(group, Group)
    assert len(group.steps) == 4
    array = np.random.default_rng(0).standard_normal((40, 64, 64)).astype("float32")
    np.testing.assert_allclose(f(array)[0], np.tanh(array * 2) + np.exp(array), rtol=1e-5)


def test_a_scan_is_a_loop_whose_carry_and_stack_are_one_buffer() -> None:
    xs = ops.placeholder("f32[time, 3]")
    last, ys = ops.scan(lambda h, x: (ops.tanh(h + x),) * 2, np.zeros(3, "float32"), xs)
    f = compiled([xs], [last, ys])
    loop = next(s for s in f.program.steps if isinstance(s, Loop))
    assert [s.node.op.name for s in loop.steps] == ["add", "tanh"]  # type: ignore[union-attr]
    array = np.random.default_rng(0).standard_normal((5, 3)).astype("float32")
    h, expected = np.zeros(3, "float32"), []
    for row in array:
        h = np.tanh(h + row)
        expected.append(h)
    np.testing.assert_allclose(f(array)[1], expected, rtol=1e-6)
    np.testing.assert_allclose(f(array)[0], h, rtol=1e-6)


def test_a_smaller_batch_uses_the_same_arena() -> None:
    x = ops.placeholder("f32[batch, 4]")
    f = compiled([x], [ops.exp(x) @ np.ones((4, 2), "float32")])
    for n in (8, 3, 8, 5):
        np.testing.assert_allclose(f(np.zeros((n, 4), "float32"))[0], np.full((n, 2), 4.0))
    assert len(f._free) == 1


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12), st.integers(0, 500)), min_size=1, max_size=40))
def test_buffers_that_live_together_never_overlap(intervals: list[tuple[int, int, int]]) -> None:
    buffers = [Buffer(TensorType((size,), "float32"), first=first, last=first + length) for first, length, size in intervals]
    buffers.sort(key=lambda b: b.first)
    plan = memory_plan.plan(buffers, {})
    places = [(o, o + memory_plan.nbytes(b, {})) for o, b in zip(plan.offsets, buffers, strict=True)]
    for i, a in enumerate(buffers):
        for j, b in enumerate(buffers[:i]):
            if a.first <= b.last and b.first <= a.last:
                assert places[i][1] <= places[j][0] or places[j][1] <= places[i][0]
    assert all(o % memory_plan.ALIGNMENT == 0 and end <= plan.planned for o, end in places)
    assert plan.bound <= plan.planned <= plan.naive
