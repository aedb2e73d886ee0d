"""PyTorch's own gradients stand where autodiff wrote them in parts, in models as they are trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

from symkeras import Input, Model, Sequential, layers, ops
from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph
from tests.tolerances import assert_alike


def attention() -> Any:
    x = Input((5, 8))
    y = layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True)
    return Model(x, layers.Dense(3)(layers.Dense(6, activation="gelu")(y)))


MODELS = {
    "attention": (attention, (5, 8), (5, 3), {"gradient-of-softmax": 1}),
    "exact gelu": (lambda: Sequential([Input((7,)), layers.Dense(6), layers.Activation(exact_gelu), layers.Dense(2)]), (7,), (2,),
                   {"gradient-of-gelu": 1}),
    "relu": (lambda: Sequential([Input((7,)), layers.Dense(6, activation="relu"), layers.Dense(2)]), (7,), (2,), {"gradient-of-relu": 1}),
    "both": (lambda: Sequential([Input((7,)), layers.Dense(6, activation=exact_gelu), layers.Dense(2, activation="softmax")]), (7,), (2,),
             {"gradient-of-softmax": 1, "gradient-of-gelu": 1}),
}  # fmt: skip


def exact_gelu(x: Any) -> Any:
    from symkeras import activations

    return activations.gelu(x, approximate=False)


@pytest.mark.parametrize("kind", MODELS)
def test_gradients_are_taken_whole_and_are_those_of_the_reference(kind: str) -> None:
    make, shape, target, fired = MODELS[kind]
    model = make()
    model.compile("sgd", "mse", backend="interpreter")
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((4, *shape)).astype("float32"), rng.standard_normal((4, *target)).astype("float32")
    model.train_on_batch(x, y)
    graph = model.executable("train").source_graph
    step = compile_graph(graph, "torch")
    done = next(s for s in step.history.steps if s.name == "whole-gradients")
    assert {name: sum(r.rule == name for r in done.rewrites) for name in fired} == fired
    start = [v.numpy().copy() for v in model.trainable_variables]
    found = []
    for backend in ("interpreter", "torch"):
        for v, value in zip(model.trainable_variables, start, strict=True):
            v.assign(value)
        compile_graph(graph, backend)(*[x, y])
        found.append([v.numpy().copy() for v in model.trainable_variables])
    for theirs, own in zip(*found, strict=True):
        assert_alike(own, theirs, "layer", "torch")


def test_a_gradient_of_relu_is_zero_where_the_value_is_nan_or_not_above_zero() -> None:
    dy, y = ops.placeholder("f32[8]", "dy"), ops.placeholder("f32[8]", "y")
    given = [np.array([1, 2, 3, np.nan, np.inf, 6, -np.inf, 8], "float32"), np.array([np.nan, 0, -0.0, 1e-30, -1, np.inf, 2, -np.inf], "float32")]
    step = compile_graph(Graph([dy.node, y.node], [ops.where(y > 0, dy, 0.0).node]), "torch")
    assert "relu_gradient" in step.source
    np.testing.assert_array_equal(step(*given)[0], np.array([0, 0, 0, np.nan, 0, 6, -np.inf, 0], "float32"))


def test_another_choice_by_what_is_greater_stays() -> None:
    dy, y = ops.placeholder("f32[8]", "dy"), ops.placeholder("f32[8]", "y")
    for other in (ops.where(y > 0, dy, -0.0), ops.where(y > 1, dy, 0.0), ops.where(y > 0, dy, 1.0)):
        assert "relu_gradient" not in compile_graph(Graph([dy.node, y.node], [other.node]), "torch").source
