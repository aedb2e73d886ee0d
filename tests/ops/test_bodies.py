"""What the body of a loop or branch builds belongs to it: its errors, its draws, its assignments, its cost; what it reads comes from outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import ops, random
from symkeras.autodiff import gradients
from symkeras.backend.interface import compile_graph
from symkeras.errors import GraphError
from symkeras.graph import Graph, Tensor
from symkeras.graph.graph import every_node
from symkeras.graph.variable import Variable
from tests.backends import skip_without_training

from .check_op import check_gradient_of, placeholders

FAILING: list[tuple[str, Callable[[Tensor, Tensor], Tensor]]] = [
    ("gather", lambda x, i: ops.take(np.arange(3, dtype="float32"), i, axis=0)),
    ("take_along_axis", lambda x, i: ops.sum(ops.take_along_axis(np.arange(3, dtype="float32"), ops.reshape(i, (1,)), 0))),
    ("scatter", lambda x, i: ops.sum(ops.scatter(ops.reshape(i, (1, 1)), np.ones(1, "float32"), (3,)))),
    ("max", lambda x, i: ops.max(x)), ("min", lambda x, i: ops.min(x)), ("argmax", lambda x, i: ops.cast(ops.argmax(x), "float32")),
    ("index", lambda x, i: x[0]), ("top_k", lambda x, i: ops.sum(ops.top_k(x, 2)[0])),
]  # fmt: skip
EMPTY, OUT = np.zeros(0, "float32"), np.int32(9)


def branch(fail: Any, go: Tensor, x: Tensor, i: Tensor) -> Tensor:
    return ops.cond(go, lambda: fail(x, i), lambda: ops.as_tensor(np.float32(5)))


def steps(fail: Any, go: Tensor, x: Tensor, i: Tensor) -> Tensor:
    return ops.scan(lambda c, v: (c + fail(x, i) * v, None), np.float32(5), TIMES)[0]


def repeated(fail: Any, go: Tensor, x: Tensor, i: Tensor) -> Tensor:
    start = ops.as_tensor(np.int32(0))
    return ops.while_loop(lambda k, c: ops.logical_and(go, k < 2), lambda k, c: (k + 1, c + fail(x, i)), (start, np.float32(5)))[1]


def inner_loop(fail: Any, go: Tensor, x: Tensor, i: Tensor) -> Tensor:
    return ops.cond(go, lambda: ops.scan(lambda c, v: (c + fail(x, i) * v, None), np.float32(5), np.ones(2, "float32"))[0],
                    lambda: ops.as_tensor(np.float32(5)))  # fmt: skip


TIMES = ops.placeholder("f32[times]", name="times")


@pytest.mark.parametrize("level", ["O0", "O2"])
@pytest.mark.parametrize("build", [branch, steps, repeated, inner_loop])
@pytest.mark.parametrize("fail", [f for _, f in FAILING], ids=[n for n, _ in FAILING])
def test_an_error_in_a_body_is_raised_where_it_runs_and_nowhere_else(fail: Any, build: Any, level: str, backend: str) -> None:
    go, x, i = ops.placeholder("bool[]"), ops.placeholder("f32[batch]"), ops.placeholder("i32[]")
    y = build(fail, go, x, i)
    executable = compile_graph(Graph([go.node, x.node, i.node, TIMES.node], [y.node]), backend=backend, level=level)
    assert executable(np.bool_(False), EMPTY, OUT, EMPTY)[0] == 5
    fine = np.ones(2, "float32")
    executable(np.bool_(True), fine, np.int32(1), fine)
    with pytest.raises((IndexError, ValueError)):
        executable(np.bool_(True), EMPTY, OUT, fine)
    assert executable(np.bool_(False), EMPTY, OUT, EMPTY)[0] == 5


def test_the_gradient_of_a_body_that_does_not_run_is_no_error_either(backend: str) -> None:
    go, t, i = ops.placeholder("bool[]"), ops.placeholder("f32[3]"), ops.placeholder("i32[]")
    y = ops.cond(go, lambda: ops.take(t, i, axis=0) * 2.0, lambda: ops.sum(t))
    z, _ = ops.scan(lambda c, v: (c + v * ops.take(t, i, axis=0), None), np.float32(0), TIMES)
    executable = compile_graph(Graph([go.node, t.node, i.node, TIMES.node], [gradients(y, t).node, gradients(z, t).node]), backend=backend)
    a, b = executable(np.bool_(False), np.ones(3, "float32"), OUT, EMPTY)
    assert a.tolist() == [1, 1, 1] and b.tolist() == [0, 0, 0]
    a, b = executable(np.bool_(True), np.ones(3, "float32"), np.int32(1), np.float32([2, 5]))
    assert a.tolist() == [0, 2, 0] and b.tolist() == [0, 7, 0]


@pytest.mark.parametrize("again", [False, True])
def test_a_branch_keeps_its_work_also_when_it_is_traced_again(again: bool) -> None:
    """Nodes are shared by everything that computes the same; who asks for them in a branch asks for them there."""
    w, p, x = Variable(np.ones((4, 4)), name="w"), ops.placeholder("bool[]"), ops.placeholder("f32[4]")
    outside = ops.matmul(Tensor(w.node), Tensor(w.node)) if again else None

    def build() -> Tensor:
        return ops.cond(p, lambda: ops.sum(ops.matmul(Tensor(w.node), Tensor(w.node))) + ops.sum(ops.sin(x)), lambda: ops.sum(x))

    first = build()
    y = build() if again else first
    (cond,) = [n for n in Graph([p.node, x.node], [y.node]).nodes if n.op.name == "cond"]
    assert {i.op.name for i in cond.inputs} == {"placeholder", "variable"}
    assert {"matmul", "sin"} <= {n.op.name for n in cond.attrs["then"].nodes}
    assert outside is None or outside.node.op.name == "matmul"


def test_what_was_computed_before_a_body_stays_before_it() -> None:
    p, x = ops.placeholder("bool[]"), ops.placeholder("f32[4]")
    h = ops.exp(x)
    y = ops.cond(p, lambda: ops.sum(h) * 2.0, lambda: ops.sum(h))
    end, _ = ops.scan(lambda c, v: (c + h * v, None), np.zeros(4, "float32"), np.ones(3, "float32"))
    for n in Graph([p.node, x.node], [y.node, end.node]).nodes:
        if n.op.name in ("cond", "scan"):
            assert h.node in n.inputs and all(m.op.name != "exp" for m in every_node(Graph([p.node, x.node], [y.node])) if m is not h.node)


def test_every_step_of_a_loop_draws_anew_and_the_generator_goes_on(backend: str) -> None:
    eager = random.SeedGenerator(3)
    expected = [random.uniform((2,), seed=eager) for _ in range(7)]
    generator = random.SeedGenerator(3)

    @symkeras.function(backend=backend)
    def draws(x: Any) -> Any:
        return ops.scan(lambda c, v: (c, v + random.uniform((2,), seed=generator)), np.float32(0), x)[1]

    found = [*draws(np.zeros((3, 2), "float32")), *draws(np.zeros((3, 2), "float32")), *draws(np.zeros((1, 2), "float32"))]
    np.testing.assert_array_equal(found, expected)
    assert generator.state.numpy().tolist() == [3, 7]


def test_draws_in_branches_and_while_loops_count_where_they_are_made(backend: str) -> None:
    generator = random.SeedGenerator(4)

    @symkeras.function(backend=backend)
    def chosen(p: Any) -> Any:
        return ops.cond(p, lambda: random.uniform((), seed=generator) + random.uniform((), seed=generator), lambda: np.float32(0) * 1.0)

    chosen(np.bool_(False))
    assert generator.state.numpy()[1] == 0
    chosen(np.bool_(True))
    assert generator.state.numpy()[1] == 2

    @symkeras.function(backend=backend)
    def until(limit: Any) -> Any:
        return ops.while_loop(lambda s, n: s < limit, lambda s, n: (s + random.uniform((), seed=generator), n + 1), (np.float32(0), np.int32(0)))

    total, count = until(np.float32(3))
    other = random.SeedGenerator(4)
    draws = [random.uniform((), seed=other) for _ in range(2 + int(count))][2:]
    np.testing.assert_allclose(total, np.sum(draws), rtol=1e-6)
    assert generator.state.numpy()[1] == 2 + count


def test_assignments_in_a_body_happen_as_often_as_it_runs(backend: str) -> None:
    skip_without_training(backend)
    v, w = Variable(np.float32(1), name="v"), Variable(np.float32(10), name="w")

    @symkeras.function(backend=backend)
    def run(x: Any, p: Any) -> Any:
        def step(c: Any, e: Any) -> Any:
            v.assign(v * 2 + e)
            return c + v, v

        def yes() -> Any:
            w.assign_add(v)
            return w * 1.0

        end, each = ops.scan(step, np.float32(0), x)
        chosen = ops.cond(p, yes, lambda: w * 2.0)
        rounds = ops.while_loop(lambda k: w < 100, lambda k: (w.assign(w * 3), k + 1)[1], np.int32(0))
        return end, each, chosen, rounds, v, w

    found = run(np.ones(3, "float32"), np.bool_(True))
    assert [np.asarray(a).tolist() for a in found] == [25, [3, 7, 15], 25, 2, 15, 225]
    assert (v.numpy(), w.numpy()) == (15, 225)
    found = run(np.ones(2, "float32"), np.bool_(False))
    assert [np.asarray(a).tolist() for a in found] == [94, [31, 63], 450, 0, 63, 225]
    assert (v.numpy(), w.numpy()) == (63, 225)


def test_the_condition_of_a_loop_can_assign_nothing() -> None:
    generator = random.SeedGenerator(1)
    with pytest.raises(GraphError, match="the condition assigns variable"):
        symkeras.function(lambda x: ops.while_loop(lambda v: v < random.uniform((), seed=generator), lambda v: v + 1, x))(np.float32(0))


def test_gradients_go_through_what_a_body_reads_and_through_what_it_makes_of_that() -> None:
    """Captured tensors, slices and products of them made in the body and outside, several times over."""
    rng = np.random.default_rng(2)
    arrays = [rng.normal(size=(3, 4)), rng.normal(size=(4, 4)), rng.normal(size=4)]
    x, w, b = inputs = placeholders(arrays)
    outer = ops.sin(w)

    def step(c: Any, v: Any) -> Any:
        inside = ops.exp(b) * ops.sum(w[:2]) + outer[0]
        c = ops.tanh(c + ops.matmul(v, ops.transpose(w) * 0.5) + inside * outer[1])
        return c, ops.cond(ops.sum(c) > 0, lambda: ops.matmul(c, outer) * inside, lambda: c * ops.cos(b))

    end, ys = ops.scan(step, ops.cos(b), x)
    loss = ops.sum(end * end) + ops.sum(ys * np.arange(12.0).reshape(3, 4))
    first = check_gradient_of(inputs, loss, arrays, rtol=1e-5, atol=1e-6)
    check_gradient_of(inputs, ops.sum(ops.square(first[1])), arrays, rtol=1e-4, atol=1e-3)  # type: ignore[arg-type]


def test_a_gradient_taken_in_a_body_with_respect_to_a_variable(backend: str) -> None:
    v = Variable(np.float32([1, 2]), name="v", trainable=False)  # a state, which ONNX Runtime writes, too

    @symkeras.function(backend=backend)
    def descend(x: Any) -> Any:
        def step(c: Any, e: Any) -> Any:
            v.assign(v - 0.1 * gradients(ops.sum(v * v) * e, v))
            return c, ops.sum(v)

        return ops.scan(step, np.float32(0), x)[1]

    np.testing.assert_allclose(descend(np.ones(2, "float32")), [3 * 0.8, 3 * 0.64], rtol=1e-6)
    np.testing.assert_allclose(v.numpy(), np.float32([1, 2]) * 0.64, rtol=1e-6)
