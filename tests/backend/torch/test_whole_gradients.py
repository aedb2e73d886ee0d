"""PyTorch's own gradients stand where autodiff wrote them in parts, in models as they are trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

from symkeras import Input, Model, Sequential, layers
from symkeras.backend.interface import compile_graph
from tests.tolerances import assert_alike


def attention() -> Any:
    x = Input((5, 8))
    y = layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True)
    return Model(x, layers.Dense(3)(layers.Dense(6, activation="gelu")(y)))


MODELS = {
    "attention": (attention, (5, 8), (5, 3), {"gradient-of-softmax": 1}),
    "exact gelu": (lambda: Sequential([Input((7,)), layers.Dense(6), layers.Activation(exact_gelu), layers.Dense(2)]), (7,), (2,),
                   {"gradient-of-gelu": 1}),
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
