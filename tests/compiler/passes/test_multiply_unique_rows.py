"""`multiply-unique-rows`: rows that a step looks up several times are multiplied once, and every variable ends up where it did."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.compiler.passes.base import Context
from symkeras.compiler.passes.multiply_unique_rows import MultiplyUniqueRows
from symkeras.compiler.pipeline import Pipeline
from symkeras.graph import Graph, tracing
from symkeras.graph.compilation import Compilation
from symkeras.graph.variable import Variable
from tests.compiler.passes.check_pass import everything, same_results

ROWS, WIDTH, OUT = 9, 4, 5
INDICES = np.array([[3, -1, 0], [8, 3, -9], [0, 0, 3]], "int32")


def variable(*shape: int, seed: int = 0) -> Variable:
    return Variable(np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32"))


def run(graph: Graph, least: int = 1) -> tuple[Graph, Counter[str]]:
    context = Context(everything)
    with Compilation(graph.names):
        after = MultiplyUniqueRows(least).run(graph, context)
    return after, context.fired


def step(decay: float = 0.0, embed: Any = lambda table, i: ops.take(table, i, 0)) -> Graph:
    """A training step of a projection of rows, with a table whose update is sparse, or dense."""
    table, matrix, slot = variable(ROWS, WIDTH), variable(WIDTH, OUT, seed=1), Variable(np.ones((ROWS, WIDTH), "float32"))
    i = ops.placeholder("i32[batch, 3]", name="i")
    y = ops.matmul(ops.reshape(embed(ops.as_tensor(table), i), (-1, WIDTH)), ops.as_tensor(matrix))
    loss = ops.sum(ops.square(ops.tanh(y)))
    with tracing.Trace() as trace:
        for v, g in zip((table, matrix), gradients(loss, [ops.as_tensor(table), ops.as_tensor(matrix)]), strict=True):
            if v is table and decay:
                slot.assign(slot * decay + ops.square(g))
                g = g / (ops.sqrt(slot) + 1.0)
            v.assign(v - 0.1 * g)
    return Graph([i.node], [loss.node], trace.updates())


def counts(graph: Graph) -> Counter[str]:
    return Counter(n.op.name for n in graph.nodes)


@pytest.mark.parametrize("decay", [0.0, 0.9])
@pytest.mark.parametrize("level", ["O1", "O2"])
def test_products_and_gradients_go_over_unique_rows(level: str, decay: float) -> None:
    before, _ = Pipeline.level(level).run(step(decay), everything)
    after, fired = run(before)
    is_sparse = counts(before)["combine_rows"] == 1
    assert is_sparse == (level == "O2")
    assert fired == {"matmul": 2, "combine_rows" if is_sparse else "scatter_add": 1}
    left = counts(after)
    assert (left["unique_indices"], left["gather_unique"], left["matmul_unique"], left["matmul"], left["combine_rows"]) == (1, 1, 3, 0, 0)
    for indices in (INDICES, INDICES[:1], np.zeros((0, 3), "int32"), np.full((2, 3), 4, "int32")):
        same_results(before, after, [indices], exact=False)
    assert run(after)[1] == {}


def test_an_evaluation_looks_products_up_as_well() -> None:
    total = Variable(np.zeros((), "float32"))
    i = ops.placeholder("i32[batch, 3]", name="i")
    y = ops.matmul(ops.take(variable(ROWS, WIDTH), i, 0), variable(WIDTH, OUT, seed=1))
    graph = Graph([i.node], [y.node], [(total.node, (ops.as_tensor(total) + ops.sum(y)).node)])
    after, fired = run(graph)
    assert fired == {"matmul": 1}
    same_results(graph, after, [INDICES], exact=False)


def test_narrow_rows_known_counts_and_functions_that_write_nothing_stay_as_they_are() -> None:
    graph, _ = Pipeline.level("O2").run(step(), everything)
    assert run(graph, least=5)[0] is graph
    i = ops.placeholder("i32[4, 3]", name="i")
    y = ops.matmul(ops.reshape(ops.take(variable(ROWS, WIDTH), i, 0), (-1, WIDTH)), variable(WIDTH, OUT))
    total = Variable(np.zeros((), "float32"))
    known = Graph([i.node], [y.node], [(total.node, ops.sum(y).node)])
    assert run(known)[0] is known
    plain = Graph(graph.inputs, graph.outputs)
    assert run(plain)[0] is plain


def test_a_gradient_that_others_read_is_not_computed_twice() -> None:
    table, matrix = variable(ROWS, WIDTH), variable(WIDTH, OUT, seed=1)
    i = ops.placeholder("i32[batch]", name="i")
    x = ops.take(ops.as_tensor(table), i, 0)
    d = ops.matmul(ops.tanh(ops.matmul(x, ops.as_tensor(matrix))), ops.transpose(ops.as_tensor(matrix)))
    added = ops.scatter(ops.expand_dims(i, 1), d, (ROWS, WIDTH))
    graph, _ = Pipeline.level("O2").run(Graph([i.node], [ops.sum(d).node], [(table.node, added.node)]), everything)
    after, fired = run(graph)
    assert fired == {"matmul": 1}
    same_results(graph, after, [INDICES[0]], exact=False)
