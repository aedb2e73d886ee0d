from __future__ import annotations

import warnings

import numpy as np
import pytest

from symkeras import losses, ops
from symkeras.graph import Graph, reachable
from tests.backends import evaluate_on_all

LOGITS = np.array([[40.0, -40.0], [-30.0, 90.0]], "float32")


def run(fn):
    x = ops.placeholder("f32[batch, 2]", name="x")
    out = fn(x)
    return evaluate_on_all(Graph([x.node], [out.node]), [LOGITS])[0][0], {n.op.name for n in reachable([out.node])}


HOT = np.array([[0.0, 1.0], [1.0, 0.0]], "float32")
CASES = {
    "binary": (lambda p: losses.binary_crossentropy(HOT, p), ops.sigmoid, [40.0, 60.0]),
    "categorical": (lambda p: losses.categorical_crossentropy(HOT, p), ops.softmax, [80.0, 120.0]),
    "sparse": (lambda p: losses.sparse_categorical_crossentropy(np.array([1, 0]), p), ops.softmax, [80.0, 120.0]),
}


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("wrap", [lambda p: p, lambda p: ops.boundary(p, "dense"), ops.stop_gradient], ids=["bare", "boundary", "stopped"])
def test_the_logits_behind_an_activation_are_used(kind, wrap):
    loss, activation, expected = CASES[kind]
    value, names = run(lambda x: loss(wrap(activation(x))))
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    assert not names & {"sigmoid", "softmax"}


def test_a_stopped_activation_still_stops_the_gradient():
    _, names = run(lambda x: losses.binary_crossentropy(HOT, ops.stop_gradient(ops.sigmoid(x))))
    assert "stop_gradient" in names


@pytest.mark.parametrize("kind", CASES)
def test_probabilities_without_a_past_are_clipped(kind):
    loss, activation, _ = CASES[kind]
    value = loss(activation(LOGITS))
    assert np.isfinite(value).all() and (value < 17).all()


def test_a_softmax_along_another_axis_keeps_its_probabilities():
    _, names = run(lambda x: losses.categorical_crossentropy(HOT, ops.softmax(x, axis=0)))
    assert "softmax" in names


def test_logits_that_are_probabilities_are_warned_about():
    with pytest.warns(UserWarning, match="from_logits=True"):
        run(lambda x: losses.sparse_categorical_crossentropy(np.array([1, 0]), ops.softmax(x), from_logits=True))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(lambda x: losses.sparse_categorical_crossentropy(np.array([1, 0]), x, from_logits=True))
