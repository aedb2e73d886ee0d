"""`freeze-variables`: what weights alone decide is a constant; what is only read or seen through a view stays a variable."""

from __future__ import annotations

from collections import Counter

import numpy as np

from symkeras import ops
from symkeras.compiler.passes.base import Context
from symkeras.compiler.passes.freeze_variables import FreezeVariables
from symkeras.graph import Graph, tracing
from symkeras.graph.variable import Variable
from symkeras.ops.evaluation import evaluate


def frozen(graph: Graph) -> tuple[Graph, Counter[str]]:
    context = Context(lambda op: True)
    return FreezeVariables().run(graph, context), context.fired


def test_a_kernel_times_a_scale_is_computed_once_and_nothing_twice() -> None:
    x = ops.placeholder("f32[batch, 3]", name="x")
    rng = np.random.default_rng(0)
    kernel, scale, bias = (Variable(rng.normal(size=s).astype("float32"), name=n) for s, n in (((3, 4), "kernel"), ((4,), "scale"), ((4,), "bias")))
    with tracing.Trace():
        scaled = ops.reshape(kernel * ops.sqrt(ops.exp(scale)), (4, 3))
        y = ops.matmul(x, ops.transpose(scaled)) + ops.reshape(bias, (1, 4))
    graph = Graph([x.node], [y.node, scaled.node])
    after, fired = frozen(graph)
    assert fired == {"reshape": 1, "transpose": 1}
    assert [n.attrs["name"] for n in after.nodes if n.op.name == "variable"] == ["bias"]
    assert not {"multiply", "sqrt", "exp"} & {n.op.name for n in after.nodes}
    given = [rng.normal(size=(2, 3)).astype("float32")]
    for found, expected in zip(evaluate(after, given)[0], evaluate(graph, given)[0], strict=True):
        np.testing.assert_array_equal(found, expected)
    again, fired = frozen(after)
    assert not fired and again.count() == after.count()


def test_what_would_be_larger_than_its_weights_stays_a_computation() -> None:
    row, column = Variable(np.ones((1, 50), "float32"), name="row"), Variable(np.ones((50, 1), "float32"), name="column")
    x = ops.placeholder("f32[batch, 50]", name="x")
    with tracing.Trace():
        y = ops.matmul(x, row * column)
    graph = Graph([x.node], [y.node])
    after, fired = frozen(graph)
    assert not fired and after.nodes == graph.nodes


def test_a_graph_that_changes_variables_is_left_alone() -> None:
    v = Variable(np.ones(3, "float32"), name="v")
    with tracing.Trace() as trace:
        y = ops.exp(v)
        v.assign(y)
    graph = Graph([], [y.node], trace.updates())
    after, fired = frozen(graph)
    assert after is graph and not fired
