"""`multiply-tables`: products of rows of a known table become rows of its product, and the values stay what they were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.compiler.passes.base import Context
from symkeras.compiler.passes.multiply_tables import MultiplyTables
from symkeras.graph import Graph, Tensor
from symkeras.graph.variable import Variable
from symkeras.ops.evaluation import evaluate

ROWS, WIDTH, OUT = 7, 16, 5
INDICES = np.array([[3, -1, 0], [6, 3, -7]], "int32")


def variable(*shape: int, seed: int = 0) -> Variable:
    return Variable(np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32"))


def run(graph: Graph, **options: int) -> tuple[Graph, Counter[str], list[str]]:
    context = Context(lambda op: True)
    after = MultiplyTables(**options).run(graph, context)
    return after, context.fired, [reason for _, reason in context.refused]


def indices() -> Tensor:
    return ops.placeholder("i32[batch, 3]", name="indices")


def graph_of(build: Callable[[Tensor], Tensor]) -> Graph:
    i = indices()
    return Graph([i.node], [build(i).node])


def gathered_from(graph: Graph) -> list[str]:
    return [n.inputs[0].op.name for n in graph.nodes if n.op.name == "gather"]


def plain(i: Tensor) -> Tensor:
    return ops.matmul(ops.take(variable(ROWS, WIDTH), i, 0), variable(WIDTH, OUT, seed=1))


def flat(i: Tensor) -> Tensor:
    """As `hoist-from-scans` leaves an input projection."""
    x = ops.reshape(ops.take(variable(ROWS, WIDTH), ops.transpose(i), 0), (-1, WIDTH))
    return ops.reshape(ops.matmul(x, variable(WIDTH, OUT, seed=1)), (3, -1, OUT)) + variable(OUT, seed=2)


def bias_first(i: Tensor) -> Tensor:
    return variable(OUT, seed=2) + plain(i)


def of_a_computed_table(i: Tensor) -> Tensor:
    both = ops.concatenate([variable(3, WIDTH), ops.tanh(variable(ROWS - 3, WIDTH, seed=3))], 0)
    return ops.matmul(ops.take(both, i, 0), ops.transpose(variable(OUT, WIDTH, seed=1)) * 2.0)


@pytest.mark.parametrize("build", [plain, flat, bias_first, of_a_computed_table])
def test_rows_are_taken_from_the_product(build: Callable[[Tensor], Tensor]) -> None:
    graph = graph_of(build)
    after, fired, _ = run(graph)
    has_bias = build in (flat, bias_first)
    assert fired == {"multiply-table": 1} | ({"add-to-table": 1} if has_bias else {})
    assert gathered_from(after) == ["add" if has_bias else "matmul"]
    assert after.outputs[0].type == graph.outputs[0].type
    np.testing.assert_allclose(evaluate(after, [INDICES])[0][0], evaluate(graph, [INDICES])[0][0], rtol=1e-6)
    assert run(after)[1] == {}


def test_two_products_of_the_same_rows_are_two_lookups() -> None:
    i = indices()
    x = ops.take(variable(ROWS, WIDTH), i, 0)
    graph = Graph([i.node], [ops.matmul(x, variable(WIDTH, n, seed=n)).node for n in (2, 3)])
    after, fired, _ = run(graph)
    assert fired == {"multiply-table": 2} and gathered_from(after) == ["matmul", "matmul"]


def test_indices_that_rest_on_a_product_of_rows_are_looked_up_too() -> None:
    graph = graph_of(lambda i: plain(ops.argmax(plain(i), -1)))
    after, fired, _ = run(graph)
    assert fired == {"multiply-table": 2} and gathered_from(after) == ["matmul", "matmul"]
    np.testing.assert_allclose(evaluate(after, [INDICES])[0][0], evaluate(graph, [INDICES])[0][0], rtol=1e-6)


def test_only_the_sum_is_left_out_where_the_product_is_read_twice() -> None:
    def build(i: Tensor) -> Tensor:
        y = plain(i)
        return (y + variable(OUT, seed=2)) * y

    after, fired, _ = run(graph_of(build))
    assert fired == {"multiply-table": 1} and gathered_from(after) == ["matmul"]


def read_elsewhere(i: Tensor) -> Tensor:
    x = ops.take(variable(ROWS, WIDTH), i, 0)
    return ops.matmul(x, variable(WIDTH, OUT)) + ops.sum(x)


def joined(i: Tensor) -> Tensor:
    """Several rows side by side in one row of the product."""
    return ops.matmul(ops.reshape(ops.take(variable(ROWS, WIDTH), i, 0), (-1, 3 * WIDTH)), variable(3 * WIDTH, OUT))


def narrow(i: Tensor) -> Tensor:
    return ops.matmul(ops.take(variable(ROWS, 4), i, 0), variable(4, OUT))


def with_an_activation(i: Tensor) -> Tensor:
    return ops.matmul(ops.take(variable(ROWS, WIDTH), i, 0), ops.cast(ops.transpose(ops.one_hot(ops.sum(i, 1), WIDTH)), "float32"))


@pytest.mark.parametrize(
    ("build", "options", "reason"),
    [
        (read_elsewhere, {}, "the rows are read by others, too"),
        (joined, {}, ""),
        (narrow, {}, "the rows are narrow"),
        (plain, {"most": 100}, "the product takes too much memory"),
        (with_an_activation, {}, ""),
    ],
)
def test_what_stays_a_product(build: Callable[[Tensor], Tensor], options: dict[str, int], reason: str) -> None:
    graph = graph_of(build)
    after, fired, refused = run(graph, **options)
    assert after is graph and not fired and refused == ([reason] if reason else [])


def test_a_graph_that_writes_variables_and_one_that_differentiates_stay_as_they_are() -> None:
    i, kernel = indices(), variable(WIDTH, OUT)
    y = ops.matmul(ops.take(variable(ROWS, WIDTH), i, 0), kernel)
    step = Graph([i.node], [y.node], [(kernel.node, (ops.as_tensor(kernel) * 0.5).node)])
    assert run(step)[0] is step
    (gradient,) = gradients(ops.sum(y), [ops.as_tensor(kernel)])
    assert gradient is not None
    backward = Graph([i.node], [y.node, gradient.node])
    after, _, refused = run(backward)
    assert after is backward and refused == ["the rows are read by others, too"]
