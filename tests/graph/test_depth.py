"""Very deep and very wide graphs: nothing recurses over a graph, and the work grows with the number of nodes, no faster."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.autodiff import gradients, reverse
from symkeras.compiler.pipeline import Pipeline
from symkeras.graph import Graph, Tensor
from symkeras.graph.graph import substitute
from symkeras.graph.variable import Pack, Variable
from symkeras.ops.evaluation import evaluate

DEPTH = 50_000


def chain(depth: int) -> tuple[Tensor, Tensor]:
    """x, and a scalar at the end of `depth` operations on it."""
    x = ops.placeholder("f32[]", name="x")
    y = x
    for _ in range(depth // 2):
        y = ops.sin(y) + x
    return x, y


def takes(name: str) -> bool:
    return True


def work(function: Callable[[], Any]) -> int:
    """How many calls of Python functions `function` makes: what grows with the work, and is the same in every run."""
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(before)
    return calls


def test_a_chain_of_fifty_thousand_nodes_is_built_differentiated_printed_parsed_and_evaluated() -> None:
    x, y = chain(DEPTH)
    before = reverse.visited
    dx = gradients(y, x)
    assert reverse.visited - before == DEPTH + 1
    graph = Graph([x.node], [y.node, dx.node])
    assert DEPTH < len(graph.nodes) < 5 * DEPTH
    assert graph.count() == len(graph.nodes) - 2  # x and one constant compute nothing
    forward = Graph([x.node], [y.node])
    text = forward.to_text()
    assert text.count("\n") == DEPTH + 2
    back = Graph.parse(text)
    assert len(back.nodes) == DEPTH + 1
    value = np.float32(0.01)
    assert evaluate(back, [value])[0][0] == evaluate(forward, [value])[0][0]
    z = ops.placeholder("f32[]")
    assert len(substitute([y.node], {x.node: z.node})) == DEPTH + 1


def test_a_chain_of_fifty_thousand_nodes_is_optimised() -> None:
    x, y = chain(DEPTH)
    graph, history = Pipeline.level("O2").run(Graph([x.node], [y.node]), takes)
    assert len(graph.nodes) == DEPTH + 1 and len(history) == len(Pipeline.level("O2").passes) + 1


def test_a_chain_that_simplifies_away_leaves_nothing() -> None:
    x = y = ops.placeholder("f32[3]", name="x")
    for k in range(5_000):
        y = [-y, y * 1.0, ops.reshape(ops.reshape(y, (3, 1)), (3,)), ops.stop_gradient(y)][k % 4]
    graph, history = Pipeline.level("O2").run(Graph([x.node], [(y + 0.5).node]), takes)
    assert graph.count() <= 2 and sum(history.fired.values()) >= 3_000


def deep_scan(n: int) -> Graph:
    x = ops.placeholder("f32[4, 3]", name="x")
    y = x
    for _ in range(n):
        _, y = ops.scan(lambda c, v: (c * 0.5 + ops.tanh(v), c), np.zeros(3, "float32"), y)
    return Graph([x.node], [ops.sum(y).node, gradients(ops.sum(y), x).node])


def wide_training_step(n: int) -> Graph:
    x, variables = ops.placeholder("f32[batch, 3]", name="x"), []
    y = x
    for k in range(n):
        w, b = Variable(np.eye(3, dtype="float32"), name=f"w{k}"), Variable(np.zeros(3, "float32"), name=f"b{k}")
        variables += [w, b]
        y = ops.relu(ops.matmul(y, Tensor(w.node)) + Tensor(b.node))
    Pack(variables, "parameters")
    loss = ops.mean(y)
    updates = [(v.node, (Tensor(v.node) - g * 0.1).node) for v, g in zip(variables, gradients(loss, variables), strict=True)]
    return Graph([x.node], [loss.node], updates)


def exponentials(n: int) -> Graph:
    x, y = chain(n)
    return Graph([x.node], [y.node, gradients(y, x).node])


def many_constants(n: int) -> Graph:
    x = y = ops.placeholder("f32[]", name="x")
    for k in range(n):
        y = ops.exp(y * 1.0 + float(k) * 2.0 - 0.0) / 2.0
    return Graph([x.node], [y.node])


@pytest.mark.parametrize(
    ("build", "size"),
    [(exponentials, 150), (many_constants, 100), (wide_training_step, 12), (deep_scan, 6)],
    ids=lambda v: getattr(v, "__name__", ""),
)
def test_twice_the_graph_is_twice_the_work(build: Callable[[int], Graph], size: int) -> None:
    def everything(n: int) -> None:
        graph = build(n)
        optimised, _ = Pipeline.level("O2").run(graph, takes)
        optimised.to_text()

    everything(size)  # caches are warm afterwards
    once, twice, four = (work(lambda k=k: everything(size * k)) for k in (1, 2, 4))
    assert twice < 2.3 * once and four < 2.3 * twice, (once, twice, four)
