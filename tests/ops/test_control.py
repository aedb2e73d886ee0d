"""scan, cond, while_loop and fori_loop: values against plain Python loops, gradients against finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.backend.interface import compile_graph
from symkeras.errors import GradientError, ShapeError
from symkeras.graph import Graph, Tensor
from symkeras.ops.evaluation import evaluate
from tests.tolerances import assert_alike

from .check_op import check_gradient_of, placeholders, run, weighted_sum

RNG = np.random.default_rng(11)
XS = RNG.normal(size=(4, 3))
START = RNG.normal(size=3)
W = RNG.normal(size=(3, 3)) * 0.5


def running_sum(c: Any, xs: Any, w: Any, reverse: bool) -> tuple[Any, Any]:
    return ops.scan(lambda c, x: (c + x, c * x), c, xs, reverse=reverse)


def recurrent(c: Any, xs: Any, w: Any, reverse: bool) -> tuple[Any, Any]:
    def step(h: Any, x: Any) -> tuple[Any, Any]:
        h = ops.tanh(ops.matmul(ops.reshape(h, (1, 3)), w) + x)
        return ops.reshape(h, (3,)), ops.square(h)

    return ops.scan(step, c, xs, reverse=reverse)


def two_carries(c: Any, xs: Any, w: Any, reverse: bool) -> tuple[Any, Any]:
    def step(state: dict[str, Any], x: Any) -> tuple[dict[str, Any], tuple[Any, Any]]:
        h = ops.sigmoid(x + state["c"])
        return {"c": state["c"] * 0.5 + h, "h": h * state["h"]}, (h, ops.exp(state["h"]) * ops.sum(w))

    end, ys = ops.scan(step, {"c": c, "h": c * 2.0}, xs, reverse=reverse)
    return (end["c"], end["h"]), ys


def nested(c: Any, xs: Any, w: Any, reverse: bool) -> tuple[Any, Any]:
    def outer(h: Any, x: Any) -> tuple[Any, Any]:
        inner, _ = ops.scan(lambda g, row: (ops.sin(g * row + x), None), h, w)
        return inner, ops.sum(inner) * x

    return ops.scan(outer, c, xs, reverse=reverse)


def without_sequences(c: Any, xs: Any, w: Any, reverse: bool) -> tuple[Any, Any]:
    return ops.scan(lambda h, _: (ops.cos(h) + xs[0], h * h), c, None, length=3, reverse=reverse)


def unused_parts(c: Any, xs: Any, w: Any, reverse: bool) -> tuple[Any, Any]:
    end, _ = ops.scan(lambda h, x: (h * ops.exp(x), w * 2.0), c, xs, reverse=reverse)
    return end, end


def branch_inside(c: Any, xs: Any, w: Any, reverse: bool) -> tuple[Any, Any]:
    def step(h: Any, x: Any) -> tuple[Any, Any]:
        return ops.cond(ops.sum(x) > 0, lambda: h * x, lambda: ops.sin(h) + ops.sum(w)), h

    return ops.scan(step, c, xs, reverse=reverse)


SCANS: list[Callable[..., Any]] = [running_sum, recurrent, two_carries, nested, without_sequences, unused_parts, branch_inside]


def flat(structure: Any) -> list[Any]:
    if isinstance(structure, (tuple, list)):
        return [leaf for s in structure for leaf in flat(s)]
    return [] if structure is None else [structure]


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("loop", SCANS)
def test_scan_is_its_python_loop(loop: Callable[..., Any], reverse: bool, backend: str) -> None:
    arrays = [START, XS, W]
    inputs = placeholders(arrays)
    outputs = flat(loop(*inputs, reverse))
    eager = flat(loop(*arrays, reverse))
    found = run(inputs, outputs, arrays)
    for a, b in zip(found, eager, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)
    graph = Graph([t.node for t in inputs], [t.node for t in outputs])
    for a, b in zip(compile_graph(graph, backend=backend, level="O2")(*arrays), found, strict=True):
        assert_alike(a, b, "op", backend)


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("loop", SCANS)
def test_gradients_of_a_scan_are_those_of_finite_differences(loop: Callable[..., Any], reverse: bool, backend: str) -> None:
    arrays = [START, XS, W]
    inputs = placeholders(arrays)
    loss = weighted_sum(flat(loop(*inputs, reverse)), 3)
    assert loss is not None
    first = [g for g in check_gradient_of(inputs, loss, arrays) if g is not None]
    again = weighted_sum(first, 4)
    assert again is not None
    second = [g for g in check_gradient_of(inputs, again, arrays, rtol=1e-5, atol=1e-7) if g is not None]
    graph = Graph([t.node for t in inputs], [t.node for t in (loss, *first, *second)])
    expected = evaluate(graph, arrays)[0]
    for a, b in zip(compile_graph(graph, backend=backend, level="O2")(*arrays), expected, strict=True):
        assert_alike(a, b, "graph", backend)


def test_scan_over_a_symbolic_length_runs_for_every_length(backend: str) -> None:
    x = ops.placeholder("f64[time, batch, 2]", name="x")
    zero = ops.zeros((ops.shape(x)[1], 2), "float64")
    end, ys = ops.scan(lambda h, v: (h * 0.5 + v, ops.tanh(h)), zero, x)
    loss = ops.sum(end * end) + ops.sum(ys)
    graph = Graph([x.node], [loss.node, gradients(loss, x).node])
    executable = compile_graph(graph, backend=backend, level="O2")
    for shape in ((1, 2, 2), (5, 1, 2), (3, 3, 2), (5, 1, 2)):
        value = np.random.default_rng(1).normal(size=shape)
        for a, b in zip(executable(value), evaluate(graph, [value])[0], strict=True):
            assert_alike(a, b, "layer", backend)


@pytest.mark.parametrize("length", ["0", "time"])
@pytest.mark.parametrize("reverse", [False, True])
def test_scan_of_no_steps_gives_the_first_carry(length: str, reverse: bool, backend: str) -> None:
    c, x = ops.placeholder("f64[2]"), ops.placeholder(f"f64[{length}, 2]")
    end, ys = ops.scan(lambda h, v: (h + v, h), c, x, reverse=reverse)
    executable = compile_graph(Graph([c.node, x.node], [end.node, ys.node]), backend)
    for steps in (0, 2, 0) if length == "time" else (0,):
        values = executable(np.ones(2), np.ones((steps, 2)))
        assert values[0].tolist() == [1.0 + steps] * 2 and values[1].shape == (steps, 2)


def test_scan_keeps_the_dtype_of_the_carry() -> None:
    end, _ = ops.scan(lambda h, v: (h + ops.cast(v, "float64"), None), ops.placeholder("f32[]"), ops.placeholder("i32[3]"))
    assert end.dtype == "float32"


def test_scan_refuses_what_does_not_fit() -> None:
    with pytest.raises(ShapeError, match="first axes of 3 and 4"):
        ops.scan(lambda c, x: (c, None), np.float32(0), (np.zeros(3), np.zeros(4)))
    with pytest.raises(ShapeError, match="needs xs, or length"):
        ops.scan(lambda c, x: (c, None), np.float32(0))
    with pytest.raises(ShapeError, match=r"carry 0 begins as f32\[2\] and comes back as f32\[1, 2\]"):
        ops.scan(lambda c, x: (ops.reshape(c, (1, 2)), None), ops.placeholder("f32[2]"), ops.placeholder("f32[3]"))


@pytest.mark.parametrize("chosen", [True, False])
def test_cond_computes_the_branch_that_is_chosen(chosen: bool, backend: str) -> None:
    p, x, y = ops.placeholder("bool[]"), ops.placeholder("f64[3]"), ops.placeholder("f64[3]")
    a, b = ops.cond(p, lambda: (x * y, x), lambda: (ops.exp(x), y))
    loss = ops.sum(a * a) + ops.sum(b)
    dx, dy = gradients(loss, [x, y])
    graph = Graph([p.node, x.node, y.node], [a.node, b.node, dx.node, dy.node])
    values = [np.bool_(chosen), START, XS[0]]
    u, v = START, XS[0]
    expected = [u * v, u, 2 * u * v * v + 1, 2 * u * u * v] if chosen else [np.exp(u), v, 2 * np.exp(2 * u), np.ones(3)]
    for found, e in zip(compile_graph(graph, backend=backend, level="O2")(*values), expected, strict=True):
        np.testing.assert_allclose(found, e, rtol=1e-12)


def test_second_gradient_of_cond_is_that_of_finite_differences() -> None:
    arrays = [START, XS[0]]
    inputs = placeholders(arrays)
    loss = ops.cond(ops.sum(inputs[0]) > 1e9, lambda: ops.sum(inputs[1]), lambda: ops.sum(ops.exp(inputs[0]) * inputs[1] ** 2))
    first = [g for g in check_gradient_of(inputs, loss, arrays) if g is not None]
    again = weighted_sum(first, 5)
    assert again is not None
    check_gradient_of(inputs, again, arrays)


def test_cond_on_an_array_calls_one_function_only() -> None:
    def fail() -> Any:
        raise AssertionError("called")

    assert ops.cond(np.bool_(True), lambda: 1.0, fail) == 1.0
    assert ops.cond(np.bool_(False), fail, lambda: 2.0) == 2.0


def test_cond_refuses_branches_of_different_types() -> None:
    p, x = ops.placeholder("bool[]"), ops.placeholder("f32[3]")
    with pytest.raises(ShapeError, match=r"both must give the same types"):
        ops.cond(p, lambda: x, lambda: ops.sum(x))


@pytest.mark.parametrize("most", [None, 3])
def test_while_loop_repeats_until_the_condition_fails(most: int | None, backend: str) -> None:
    def loop(i: Any, limit: Any) -> Any:
        return ops.while_loop(lambda a, b: a < limit, lambda a, b: (a * 2, b + 0.5), (i, np.float32(0)), maximum_iterations=most)

    i, limit = ops.placeholder("i32[]"), ops.placeholder("i32[]")
    results = loop(i, limit)
    graph = Graph([i.node, limit.node], [t.node for t in results])
    executable = compile_graph(graph, backend=backend, level="O2")
    for start, stop in ((1, 10), (5, 5), (3, 1000)):
        expected = loop(np.int32(start), np.int32(stop))
        assert [float(v) for v in executable(np.int32(start), np.int32(stop))] == [float(v) for v in expected]


def test_while_loop_takes_a_dict_as_one_argument() -> None:
    def run(count: Any) -> Any:
        return ops.while_loop(lambda s: s["i"] < 3, lambda s: {"i": s["i"] + 1, "v": s["v"] * 2}, {"i": count, "v": np.int32(1)})

    assert run(np.int32(0))["v"] == 8
    i = ops.placeholder("i32[]")
    assert evaluate(Graph([i.node], [run(i)["v"].node]), [np.int32(1)])[0][0] == 4


def test_while_loop_of_one_tensor_gives_one_tensor() -> None:
    i = ops.placeholder("i32[]")
    out = ops.while_loop(lambda v: v < 10, lambda v: v * 2, i)
    assert isinstance(out, Tensor)
    assert run([i], [out], [np.int32(3)])[0] == 12


def test_while_loop_has_no_gradient_and_says_what_has() -> None:
    x = ops.placeholder("f32[]")
    out = ops.while_loop(lambda v: v < 10, lambda v: v * 2, x)
    with pytest.raises(GradientError, match="Use scan or fori_loop"):
        gradients(out, x)


def test_fori_loop_counts_from_lower_to_upper(backend: str) -> None:
    x = ops.placeholder("f64[3]")
    out = ops.fori_loop(1, 4, lambda i, v: v * ops.cast(i, "float64") + 1.0, x)
    loss = ops.sum(out * out)
    graph = Graph([x.node], [out.node, gradients(loss, x).node])
    expected = ((START * 1 + 1) * 2 + 1) * 3 + 1
    value, gradient = compile_graph(graph, backend=backend, level="O2")(START)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(gradient, 2 * expected * 6, rtol=1e-12)
    np.testing.assert_allclose(ops.fori_loop(1, 4, lambda i, v: v * i + 1.0, START), expected, rtol=1e-14)


def test_fori_loop_takes_a_symbolic_bound() -> None:
    n, x = ops.placeholder("i32[]"), ops.placeholder("f32[]")
    out = ops.fori_loop(0, n, lambda i, v: v + 2.0, x)
    assert run([n, x], [out], [np.int32(4), np.float32(1)])[0] == 9.0


BOUNDS = [(0, 3), (2, 2), (3, 0), (-2, 1)]


@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
@pytest.mark.parametrize("kind", ["i8", "u8", "i32", "i64"])
def test_bounds_of_a_loop_have_any_integer_dtype(bounds: tuple[int, int], kind: str, backend: str) -> None:
    lower, upper = bounds
    if kind[0] == "u" and lower < 0:
        return
    a, b, x = ops.placeholder(f"{kind}[]"), ops.placeholder(f"{kind}[]"), ops.placeholder("f32[]")
    dtype = np.dtype(a.dtype).type
    outs = [ops.fori_loop(p, q, lambda i, v: v * 2.0 + 1.0, x) for p in (a, lower, dtype(lower)) for q in (b, upper, dtype(upper))]
    expected = np.float32(1)
    for _ in range(lower, upper):
        expected = expected * 2 + 1
    graph = Graph([a.node, b.node, x.node], [t.node for t in outs])
    assert {float(v) for v in compile_graph(graph, backend=backend)(dtype(lower), dtype(upper), np.float32(1))} == {float(expected)}


def test_a_loop_over_a_symbolic_size_is_differentiable(backend: str) -> None:
    x = ops.placeholder("f32[batch, 2]")
    out = ops.fori_loop(np.int64(1), ops.shape(x)[0], lambda i, v: v * 2.0, ops.sum(x))
    executable = compile_graph(Graph([x.node], [out.node, gradients(out, x).node]), backend=backend)
    for n in (0, 1, 4):
        value, gradient = executable(np.ones((n, 2), "float32"))
        assert value == 2.0 * n * 2 ** max(n - 1, 0) and (gradient == 2 ** max(n - 1, 0)).all()


def test_types_of_loops_and_branches_may_name_one_size_in_two_ways(backend: str) -> None:
    x, y, p = ops.placeholder("f32[a]"), ops.placeholder("f32[b]"), ops.placeholder("bool[]")
    end, ys = ops.scan(lambda c, _: (y + c, c), x, None, length=2)
    chosen = ops.cond(p, lambda: x * 2.0, lambda: y * 3.0)
    going = ops.while_loop(lambda v: ops.sum(v) < 10, lambda v: y + v, x)
    graph = Graph([x.node, y.node, p.node], [t.node for t in (end, ys, chosen, going)])
    one = np.ones(2, "float32")
    found = compile_graph(graph, backend=backend)(one, one, np.bool_(False))
    assert [v.tolist() for v in found] == [[3, 3], [[1, 1], [2, 2]], [3, 3], [5, 5]]
