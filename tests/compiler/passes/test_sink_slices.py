"""`sink-slices`: elementwise work goes to the pieces that are read, each node once."""

import numpy as np

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.compiler.passes.base import Context
from symkeras.compiler.passes.simplify import Simplify
from symkeras.compiler.passes.sink_slices import SinkSlices
from symkeras.graph import Graph
from symkeras.ops.evaluation import evaluate


def sunk(graph: Graph) -> Graph:
    return SinkSlices().run(graph, Context(lambda name: True))


def simplified(graph: Graph) -> Graph:
    return Simplify().run(graph, Context(lambda name: True))


def dense_block(layers: int) -> Graph:
    """The gradient of a block in which every layer reads what all before it gave (Huang et al. 2017)."""
    x = h = ops.placeholder("f32[3, 4]", name="x")
    weights = [ops.placeholder(f"f32[{4 + 2 * k}, 2]", name=f"w{k}") for k in range(layers)]
    for w in weights:
        h = ops.concatenate([h, ops.matmul(ops.tanh(h), w)], axis=1)
    found = gradients(ops.sum(ops.square(h)), [x, *weights])
    return simplified(Graph([t.node for t in (x, *weights)], [g.node for g in found]))


def test_sums_that_are_read_in_slices_become_sums_of_slices_through_several_of_them() -> None:
    x, y, b = (ops.placeholder(t, name=n) for n, t in (("x", "f32[3, 8]"), ("y", "f32[3, 8]"), ("b", "f32[8]")))
    whole = ops.add(ops.add(ops.exp(x), y), b)
    graph = Graph([t.node for t in (x, y, b)], [ops.tanh(whole[:, :4]).node, ops.sin(whole[:, 4:]).node])
    after = simplified(sunk(graph))
    assert not [n for n in after.nodes if n.op.is_elementwise and n.shape == (3, 8)]
    arrays = [np.random.default_rng(0).normal(size=s).astype("float32") for s in ((3, 8), (3, 8), (8,))]
    for found, expected in zip(evaluate(after, arrays)[0], evaluate(graph, arrays)[0], strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_chain_of_concatenations_takes_work_and_nodes_in_proportion() -> None:
    counts = {}
    for layers in (20, 40):
        graph = dense_block(layers)
        after = sunk(graph)
        counts[layers] = after.count()
        assert after.count() < 2 * graph.count()
        arrays = [np.random.default_rng(k).normal(size=n.shape).astype("float32") for k, n in enumerate(graph.inputs)]
        for found, expected in zip(evaluate(after, arrays)[0], evaluate(graph, arrays)[0], strict=True):
            np.testing.assert_array_equal(found, expected)
    assert counts[40] < 2.2 * counts[20]
