from __future__ import annotations

import numpy as np
import pytest

from symkeras import errors, losses, ops
from symkeras.graph import Graph
from symkeras.layers.calls import call_context, set_mask
from symkeras.losses.weighting import align_weights, same_rank
from tests.backends import evaluate_on_all
from tests.losses.symbolic import both

TRUE = np.zeros((3, 1), "float32")
PRED = np.array([[1.0], [2.0], [3.0]], "float32")
WEIGHTS = np.array([1.0, 0.5, 0.0], "float32")


@pytest.mark.parametrize(("reduction", "plain", "weighted"), [
    ("sum_over_batch_size", 14 / 3, 1.0), ("mean", 14 / 3, 1.0), ("sum", 14.0, 3.0), ("mean_with_sample_weight", 14 / 3, 2.0),
    ("none", [1.0, 4.0, 9.0], [1.0, 2.0, 0.0]), (None, [1.0, 4.0, 9.0], [1.0, 2.0, 0.0]),
])  # fmt: skip
def test_reductions(reduction, plain, weighted):
    loss = losses.MeanSquaredError(reduction=reduction)
    np.testing.assert_allclose(both(loss, TRUE, PRED), plain, rtol=1e-6)
    np.testing.assert_allclose(both(loss, TRUE, PRED, WEIGHTS), weighted, rtol=1e-6)


def test_unknown_reductions_and_weights_that_are_all_zero():
    with pytest.raises(errors.ConfigError, match="sum_over_batch_size"):
        losses.MeanSquaredError(reduction="sum_over_batch")
    assert float(losses.MeanSquaredError(reduction="mean_with_sample_weight")(TRUE, PRED, np.zeros(3))) == 0.0


@pytest.mark.parametrize(("reduction", "expected"), [("sum_over_batch_size", 5 / 2), ("sum", 5.0), ("none", [[1, 4], [0, 0]])])
def test_masked_positions_do_not_count(reduction, expected):
    true, pred = np.zeros((2, 2, 1), "float32"), np.array([[[1.0], [2.0]], [[3.0], [4.0]]], "float32")
    mask = np.array([[True, True], [False, False]])
    loss = losses.MeanSquaredError(reduction=reduction)
    with call_context():
        set_mask(pred, mask)
        np.testing.assert_allclose(loss(true, pred), expected)
    t, p, m = (ops.placeholder(text) for text in ("f32[batch, 2, 1]", "f32[batch, 2, 1]", "bool[batch, 2]"))
    p._keras_mask = m
    value = evaluate_on_all(Graph([t.node, p.node, m.node], [loss(t, p).node]), [true, pred, mask])[0][0]
    np.testing.assert_allclose(value, expected)


def test_a_mask_of_nothing_gives_zero():
    pred = np.ones((2, 1), "float32")
    with call_context():
        set_mask(pred, np.zeros(2, bool))
        assert float(losses.MeanSquaredError()(np.zeros((2, 1)), pred)) == 0.0


def test_masks_and_weights_per_sample_multiply():
    pred = np.ones((2, 3, 1), "float32")
    with call_context():
        set_mask(pred, np.array([[True, False, False], [True, True, True]]))
        value = losses.MeanSquaredError()(np.zeros((2, 3, 1)), pred, np.array([2.0, 1.0]))
    assert float(value) == pytest.approx((2 + 3) / 4)


def test_one_weight_per_sample_counts_for_all_of_its_positions():
    values, weights = align_weights(np.ones((2, 3)), np.array([1.0, 2.0]))
    assert weights.shape == (2, 1) and (values * weights).sum() == 9
    assert align_weights(np.ones((2, 3)), np.ones(3))[1].shape == (3,)
    assert align_weights(np.ones((2, 3)), np.ones((2, 1)))[1].shape == (2, 1)


def test_ignored_labels_count_neither_in_the_sum_nor_in_the_mean():
    logits, labels = np.zeros((4, 3), "float32"), np.array([0, -1, 2, -1])
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    assert float(both(loss, labels, logits)) == pytest.approx(np.log(3), rel=1e-6)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1, reduction="none")
    np.testing.assert_allclose(both(loss, labels, logits), [np.log(3), 0, np.log(3), 0], rtol=1e-6)


@pytest.mark.parametrize(("first", "second", "expected"), [
    ((4,), (4, 1), ((4, 1), (4, 1))), ((4, 1), (4,), ((4, 1), (4, 1))), ((4, 3, 1), (4, 3), ((4, 3), (4, 3))), ((4,), (4, 3), ((4,), (4, 3))),
])  # fmt: skip
def test_ranks_are_made_equal(first, second, expected):
    assert tuple(x.shape for x in same_rank(np.zeros(first), np.zeros(second))) == expected


def test_large_integer_labels_are_not_rounded():
    seen = []

    class Spy(losses.SparseCategoricalCrossentropy):
        def call(self, y_true, y_pred):
            seen.append(y_true)
            return ops.sum(y_pred, axis=-1)

    Spy()(np.array([2**24 + 1]), np.zeros((1, 2)))
    assert int(seen[0][0]) == 2**24 + 1


def test_custom_losses_from_a_class_and_from_a_function():
    class Signed(losses.Loss):
        def call(self, y_true, y_pred):
            return y_pred - y_true

    assert float(both(Signed(), TRUE, PRED)) == 2.0
    assert float(both(losses.LossFunctionWrapper(lambda t, p, k: k * (p - t), k=2.0), TRUE, PRED)) == 4.0
