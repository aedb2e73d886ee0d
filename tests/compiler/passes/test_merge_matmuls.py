"""Products that share an input, and batch norm folded into weights."""

from __future__ import annotations

import numpy as np

from symkeras import ops
from symkeras.compiler.passes.base import Context
from symkeras.compiler.passes.fold_batch_norm import FoldBatchNorm
from symkeras.compiler.passes.merge_matmuls import MergeMatmuls
from symkeras.graph import Graph
from symkeras.graph.variable import Variable
from symkeras.ops.evaluation import evaluate


def run(one: MergeMatmuls | FoldBatchNorm, graph: Graph) -> tuple[Graph, Context]:
    context = Context(lambda op: True)
    return one.run(graph, context), context


def variable(*shape: int, seed: int = 0) -> Variable:
    return Variable(np.random.default_rng(seed).uniform(0.5, 1.5, shape))


def test_products_of_one_input_with_weights_become_one() -> None:
    x = ops.placeholder("f32[batch, 4]")
    outs = [ops.matmul(x, variable(4, n, seed=n)) for n in (2, 3, 5)]
    before = Graph([x.node], [t.node for t in outs])
    after, context = run(MergeMatmuls(), before)
    assert sum(n.op.name == "matmul" for n in after.nodes) == 1
    assert context.fired["merge-matmuls"] == 3
    array = np.random.default_rng(1).standard_normal((6, 4)).astype("float32")
    for a, b in zip(evaluate(before, [array])[0], evaluate(after, [array])[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_products_with_activations_stay_apart() -> None:
    x, y, z = (ops.placeholder(f"f32[{s}]") for s in ("batch, 4", "4, time", "4, time"))
    graph = Graph([x.node, y.node, z.node], [ops.matmul(x, y).node, ops.matmul(x, z).node])
    assert run(MergeMatmuls(), graph)[0] is graph


def normalised(y: object, channels: int) -> object:
    mean, var, gamma, beta = (variable(channels, seed=k) for k in range(4))
    return ops.batch_normalization(y, mean, var, len(y.shape) - 1, beta, gamma)  # type: ignore[attr-defined]


def test_batch_norm_goes_into_the_convolution_before_it() -> None:
    x = ops.placeholder("f32[batch, 5, 5, 2]")
    y = ops.conv(x, variable(3, 3, 2, 4)) + variable(4, seed=9)
    graph = Graph([x.node], [normalised(y, 4).node])  # type: ignore[attr-defined]
    after, context = run(FoldBatchNorm(), graph)
    assert context.fired["fold-batch-norm"] == 1
    assert not any(n.op.name == "batch_normalization" for n in after.nodes)
    array = np.random.default_rng(2).standard_normal((2, 5, 5, 2)).astype("float32")
    np.testing.assert_allclose(evaluate(graph, [array])[0][0], evaluate(after, [array])[0][0], rtol=1e-5, atol=1e-5)


def test_batch_norm_with_a_second_reader_before_it_is_refused_with_the_reason() -> None:
    x = ops.placeholder("f32[batch, 4]")
    y = ops.matmul(x, variable(4, 3))
    graph = Graph([x.node], [normalised(y, 3).node, y.node])  # type: ignore[attr-defined]
    after, context = run(FoldBatchNorm(), graph)
    assert after is graph or after.outputs == graph.outputs
    assert ("fold-batch-norm", "the result before normalisation is read elsewhere") in context.refused
