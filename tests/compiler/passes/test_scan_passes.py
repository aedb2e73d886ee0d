"""merge-scans, hoist-from-scans and prune-scans on loops like those of recurrent layers: less work, the same values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.backend.interface import compile_graph
from symkeras.compiler.pipeline import Pipeline
from symkeras.graph import Graph, Tensor
from symkeras.graph.node import Node
from symkeras.ops.evaluation import evaluate
from tests.compiler.passes.check_pass import check_again, everything, run_pass, same_results, structure

T, B, F, U = "time", "batch", 3, 2
RNG = np.random.default_rng(0)


def inputs() -> dict[str, Tensor]:
    return {
        "x": ops.placeholder(f"f64[{T}, {B}, {F}]", name="x"), "w": ops.placeholder(f"f64[{F}, {4 * U}]", name="w"),
        "u": ops.placeholder(f"f64[{U}, {4 * U}]", name="u"), "b": ops.placeholder(f"f64[{4 * U}]", name="b"),
    }  # fmt: skip


def arrays(time: int = 4, batch: int = 3) -> list[np.ndarray]:
    return [RNG.normal(size=s) for s in ((time, batch, F), (F, 4 * U), (U, 4 * U), (4 * U,))]


def lstm(x: Any, w: Any, u: Any, b: Any, reverse: bool = False) -> tuple[Any, Any]:
    def step(state: tuple[Any, Any], v: Any) -> tuple[Any, Any]:
        h, c = state
        z = ops.matmul(v, w) + ops.matmul(h, u) + b
        i, f, g, o = ops.split(z, 4, axis=1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(c)
        return (h, c), h

    zero = ops.zeros((ops.shape(x)[1], U), "float64")
    return ops.scan(step, (zero, zero), x, reverse=reverse)


def simple(x: Any, w: Any, u: Any, b: Any, reverse: bool = False) -> tuple[Any, Any]:
    zero = ops.zeros((ops.shape(x)[1], U), "float64")

    def step(h: Any, v: Any) -> tuple[Any, Any]:
        h = ops.tanh(ops.matmul(v, w[:, :U] * 2.0) + b[:U] + ops.matmul(h, u[:, :U]))
        return h, ops.matmul(h, u[:, U : 2 * U])

    return ops.scan(step, zero, x, reverse=reverse)


def training(layer: Callable[..., Any], reverse: bool = False, last_only: bool = False) -> Graph:
    """The loss over a layer's outputs and its gradients."""
    given = inputs()
    end, ys = layer(**given, reverse=reverse)
    last = end[0] if isinstance(end, tuple) else end
    loss = ops.sum(last * last) if last_only else ops.sum(ops.square(ys)) + ops.sum(last)
    found = gradients(loss, list(given.values()))
    return Graph([t.node for t in given.values()], [loss.node, *(g.node for g in found)], name="train")


def scans(graph: Graph) -> list[Node]:
    return [n for n in graph.nodes if n.op.name == "scan"]


def ops_of(node: Node) -> list[str]:
    return [n.op.name for n in node.attrs["body"].nodes]


KINDS = [(layer, reverse, last) for layer in (lstm, simple) for reverse in (False, True) for last in (False, True)]


@pytest.mark.parametrize(("layer", "reverse", "last_only"), KINDS)
@pytest.mark.parametrize("name", ["merge-scans", "hoist-from-scans", "prune-scans"])
def test_pass_alone_keeps_values_and_gradients(name: str, layer: Callable[..., Any], reverse: bool, last_only: bool) -> None:
    graph = training(layer, reverse, last_only)
    after, fired, _ = run_pass(name, graph)
    assert fired
    for time in (1, 4):
        same_results(graph, after, arrays(time), exact=False)
    again, _, _ = run_pass(name, after)
    assert structure(again) == structure(after)


@pytest.mark.parametrize(("layer", "reverse", "last_only"), KINDS)
def test_level_two_leaves_two_loops_without_products_that_could_be_outside(layer: Callable[..., Any], reverse: bool, last_only: bool) -> None:
    graph = training(layer, reverse, last_only)
    after, history = Pipeline.level("O2").run(graph, everything)
    forward, backward = scans(after)
    assert forward.attrs["reverse"] is reverse and backward.attrs["reverse"] is not reverse
    assert ops_of(forward).count("matmul") == 1, "only the product with the carry stays in the loop"
    assert ops_of(backward).count("matmul") <= 1, "the gradients of the weights are taken after the loop"
    assert history.fired["hoist-matmul"] >= 1 and history.fired["scan-gemm"] + history.fired["sink-matmul"] >= 1
    for time, batch in ((1, 1), (5, 2)):
        same_results(graph, after, arrays(time, batch), exact=False)


def test_a_loop_of_no_steps_keeps_its_values() -> None:
    graph = training(lstm)
    after, _ = Pipeline.level("O2").run(graph, everything)
    same_results(graph, after, arrays(0, 2), exact=False)


def test_second_gradients_through_an_optimised_loop_keep_their_values() -> None:
    graph = training(simple)
    tensors = [Tensor(n) for n in graph.inputs]
    again = gradients(ops.sum(ops.square(Tensor(graph.outputs[2]))), tensors)
    graph = Graph(graph.inputs, [g.node for g in again], name="second")
    after, _ = Pipeline.level("O2").run(graph, everything)
    same_results(graph, after, arrays(), exact=False)


def test_two_loops_over_one_sequence_stay_two_where_their_bodies_differ() -> None:
    x = ops.placeholder("f64[4, 3]", name="x")
    a, _ = ops.scan(lambda c, v: (c + v, None), np.zeros(3), x)
    b, _ = ops.scan(lambda c, v: (c * v, None), np.ones(3), x)
    graph = Graph([x.node], [a.node, b.node])
    after, fired, _ = run_pass("merge-scans", graph)
    assert not fired and structure(after) == structure(graph)


def test_invariants_leave_the_loop_and_what_changes_stays() -> None:
    graph = Graph.parse("""
        graph main(%x: f64[4, 3], %w: f64[3], %c: f64[3]) {
          %0 = scan(%c, %x, %w, body=step@1, carries=1, sequences=1, length=4, reverse=False): (f64[3])
          %1 = item(%0, index=0): f64[3]
          return %1
        }
        graph step@1(%c: f64[3], %v: f64[3], %w: f64[3]) {
          %0 = sin(%w): f64[3]
          %1 = exp(%0): f64[3]
          %2 = multiply(%c, %1): f64[3]
          %3 = add(%2, %v): f64[3]
          return %3
        }""")
    after, fired, _ = run_pass("hoist-from-scans", graph)
    assert fired["hoist-invariant"] == 1 and sorted(set(ops_of(scans(after)[0]))) == ["add", "multiply", "placeholder"]
    tidy, _, _ = run_pass("prune-scans", after)
    assert len(scans(tidy)[0].inputs) == 3
    check_again("hoist-from-scans", graph, after)


def test_an_outside_value_given_back_as_output_or_carry_is_no_obstacle() -> None:
    x, w = ops.placeholder("f64[4, 3]", name="x"), ops.placeholder("f64[3]", name="w")
    end, ys = ops.scan(lambda c, v: (ops.exp(w), (w, ops.sin(w), v, v, c)), np.zeros(3), x)
    graph = Graph([x.node, w.node], [end.node, *(y.node for y in ys)])
    after, _ = Pipeline.level("O2").run(graph, everything)
    same_results(graph, after, [RNG.normal(size=(4, 3)), RNG.normal(size=3)])


def test_results_and_carries_nobody_reads_go_away() -> None:
    x = ops.placeholder("f64[4, 3]", name="x")
    (a, _), (y, _, z) = ops.scan(lambda s, v: ((s[0] + v, ops.exp(s[1])), (s[0], ops.sin(v), s[0])), (np.zeros(3), np.ones(3)), x)
    graph = Graph([x.node], [a.node, y.node, z.node])
    after, fired, _ = run_pass("prune-scans", graph)
    (scan,) = scans(after)
    assert fired["prune"] == 1 and scan.attrs["carries"] == 1 and len(scan.types) == 2
    assert after.outputs[1] is after.outputs[2]
    check_again("prune-scans", graph, after)


def test_a_sequence_that_only_passes_through_needs_no_loop() -> None:
    x = ops.placeholder("f64[4, 3]", name="x")
    _, y = ops.scan(lambda c, v: (c, v), np.zeros(3), x)
    after, _, _ = run_pass("prune-scans", Graph([x.node], [y.node]))
    assert after.outputs == (x.node,)


@pytest.mark.parametrize("start", [0.0, 1.5])
def test_a_carry_that_only_sums_becomes_one_sum_after_the_loop(start: float) -> None:
    x = ops.placeholder("f64[4, 2, 3]", name="x")
    end, _ = ops.scan(lambda c, v: (c + ops.sum(ops.sin(v), 0), None), np.full(3, start), x)
    graph = Graph([x.node], [end.node])
    after, fired, _ = run_pass("hoist-from-scans", graph)
    assert fired["scan-sum"] == 1
    same_results(graph, after, [RNG.normal(size=(4, 2, 3))], exact=False)


def test_a_running_sum_that_is_read_on_the_way_stays_a_carry() -> None:
    x = ops.placeholder("f64[4, 2, 3]", name="x")
    end, ys = ops.scan(lambda c, v: (c + ops.sum(ops.sin(v), 0), c), np.zeros(3), x)
    graph = Graph([x.node], [end.node, ys.node])
    after, fired, _ = run_pass("hoist-from-scans", graph)
    assert not fired["scan-sum"]
    same_results(graph, after, [RNG.normal(size=(4, 2, 3))])


def test_nested_loops_keep_their_values() -> None:
    given = inputs()

    def outer(c: Any, v: Any) -> tuple[Any, Any]:
        row = ops.matmul(v, given["w"][:, :U])
        inner, ys = ops.scan(lambda h, k: (ops.tanh(h + k * row), h), ops.zeros_like(row), ops.convert_to_tensor(np.arange(3.0)))
        return c + inner, ops.sum(ys, 0)

    end, ys = ops.scan(outer, ops.zeros((ops.shape(given["x"])[1], U), "float64"), given["x"])
    loss = ops.sum(end * end) + ops.sum(ys)
    found = gradients(loss, [given["x"], given["w"]])
    graph = Graph([t.node for t in given.values()], [loss.node, *(g.node for g in found)])
    after, _ = Pipeline.level("O2").run(graph, everything)
    same_results(graph, after, arrays(), exact=False)


def test_no_loop_leaves_the_graph_as_it_is() -> None:
    x = ops.placeholder("f64[4]", name="x")
    graph = Graph([x.node], [ops.exp(x).node])
    for name in ("merge-scans", "hoist-from-scans", "prune-scans"):
        assert run_pass(name, graph)[0] is graph
    assert evaluate(graph, [np.zeros(4)])[0][0].tolist() == [1] * 4


@pytest.mark.parametrize("level", ["O0", "O2"])
def test_what_nobody_reads_of_a_loop_is_an_error_all_the_same(level):
    x, table, i = (ops.placeholder(t, name=n) for n, t in (("x", "f32[n]"), ("table", "f32[4]"), ("i", "i32[3]")))

    def unread_carry():
        return ops.scan(lambda c, s: ((c[0] + s, c[1] * 0.5), c[0]), (ops.sum(table), ops.max(x)), table)[1]

    def unread_output():
        return ops.scan(lambda c, k: (c + 1.0, (c, ops.take(table, k))), ops.sum(table), i)[1][0]

    def unread_input():
        return ops.scan(lambda c, s: (c + s[0], c), ops.sum(table), (table, ops.broadcast_to(ops.max(x), (4,))))[1]

    arrays = {"x": np.empty(0, "float32"), "table": np.ones(4, "float32"), "i": np.int32([0, 9, 1])}
    for build, inputs in ((unread_carry, (x, table)), (unread_output, (table, i)), (unread_input, (x, table))):
        f = compile_graph(Graph([t.node for t in inputs], [build().node]), "numpy", level=level)
        with pytest.raises((IndexError, ValueError)):
            f(*(arrays[t.node.attrs["name"]] for t in inputs))
        fine = {"x": np.ones(2, "float32"), "table": arrays["table"], "i": np.int32([0, 3, -1])}
        assert np.isfinite(f(*(fine[t.node.attrs["name"]] for t in inputs))[0]).all()
