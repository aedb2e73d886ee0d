from __future__ import annotations

import numpy as np
import pytest

from symkeras import metrics
from symkeras.metrics.by_shape import accuracy_for, crossentropy_for
from tests.losses.symbolic import both
from tests.metrics.check_metric import check_metric

SCORES = np.array([[0.1, 0.9, 0.8, 0.2], [0.05, 0.95, 0.0, 0.3], [0.4, 0.1, 0.2, 0.3], [0.25, 0.25, 0.25, 0.25]], "float32")
LABELS = np.array([2, 1, 3, 0])
HOT = np.eye(4, dtype="float32")[LABELS]
TALL = (np.array([[1], [1], [0], [0]]), np.array([[0.9], [0.2], [0.5], [0.7]], "float32"))


@pytest.mark.parametrize(("metric", "pair", "expected"), [
    (metrics.Accuracy(), (np.array([[1], [2], [3], [4]]), np.array([[0], [2], [3], [4]])), 0.75),
    (metrics.BinaryAccuracy(), TALL, 0.5), (metrics.BinaryAccuracy(threshold=0.1), TALL, 0.5), (metrics.BinaryAccuracy(threshold=0.6), TALL, 0.5),
    (metrics.BinaryAccuracy(), (TALL[0][:, 0], TALL[1]), 0.5),
    (metrics.CategoricalAccuracy(), (HOT, SCORES), 0.5), (metrics.SparseCategoricalAccuracy(), (LABELS, SCORES), 0.5),
    (metrics.SparseCategoricalAccuracy(), (LABELS[:, None].astype("float32"), SCORES), 0.5),
    (metrics.TopKCategoricalAccuracy(k=2), (HOT, SCORES), 1.0), (metrics.SparseTopKCategoricalAccuracy(k=2), (LABELS, SCORES), 1.0),
    (metrics.SparseTopKCategoricalAccuracy(k=1), (LABELS[:, None], SCORES), 0.5),
    (metrics.SparseTopKCategoricalAccuracy(k=2, from_sorted_ids=True), (LABELS, np.array([[1, 2, 0], [0, 2, 1], [3, 0, 1], [0, 1, 2]])), 0.75),
], ids=lambda x: getattr(x, "name", None))  # fmt: skip
def test_accuracies(metric, pair, expected):
    check_metric(metric, expected, *pair)


def test_classes_may_be_predicted_for_every_step_of_a_sequence():
    y_true, y_pred = np.stack([LABELS, LABELS[::-1]]), np.stack([SCORES, SCORES])
    for got in (
        both(metrics.sparse_categorical_accuracy, y_true, y_pred),
        both(metrics.categorical_accuracy, np.eye(4)[y_true], y_pred),
        both(lambda t, p: metrics.sparse_top_k_categorical_accuracy(t, p, k=1), y_true, y_pred)[..., :3],
    ):
        assert got.shape[0] == 2 and got[0, :3].tolist() == [0.0, 1.0, 0.0]
    # The classes found are 1, 1, 0, 0: right for two labels of the first sequence, 2, 1, 3, 0, and for none of the second, 0, 3, 1, 2.
    check_metric(metrics.SparseCategoricalAccuracy(), (0.5 * 1 + 0.0 * 3) / 4, y_true, y_pred, np.array([1.0, 3.0]))


def test_ties_count_for_top_k_and_nan_never_does():
    equal = np.full((1, 4), 0.25, "float32")
    assert both(lambda t, p: metrics.sparse_top_k_categorical_accuracy(t, p, k=1), np.array([3]), equal).tolist() == [1.0]
    assert both(lambda t, p: metrics.sparse_top_k_categorical_accuracy(t, p, k=4), np.array([3]), equal * np.nan).tolist() == [0.0]


@pytest.mark.parametrize(("target", "prediction", "kind"), [
    ((None,), (None, 1), "Binary"), ((None, 1), (None, 1), "Binary"), ((None,), (None, 5), "SparseCategorical"),
    ((None, 1), (None, 5), "SparseCategorical"), ((None, 5), (None, 5), "Categorical"), ((None, 7), (None, 7, 5), "SparseCategorical"),
    ((None, 7, 5), (None, 7, 5), "Categorical"), ((None, 7, 1), (None, 7, 5), "SparseCategorical"),
])  # fmt: skip
def test_accuracy_and_crossentropy_follow_the_shapes(target, prediction, kind):
    class Shaped:
        def __init__(self, shape):
            self.shape = shape

    pair = Shaped(target), Shaped(prediction)
    assert accuracy_for(*pair).__name__ == f"{kind}Accuracy"
    assert crossentropy_for(*pair).__name__ == f"{kind}Crossentropy"
    expected = {"Binary": "binary", "SparseCategorical": "sparse_categorical", "Categorical": "categorical"}[kind]
    assert crossentropy_for(*pair, as_loss=True).__name__ == f"{expected}_crossentropy"
