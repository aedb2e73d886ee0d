from __future__ import annotations

import numpy as np
import pytest

from symkeras import errors, metrics
from tests.metrics.check_metric import check_metric

TRUE = np.array([[1, 1, 1], [1, 0, 0], [1, 1, 0], [0, 1, 1]], "float32")
SCORE = np.array([[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0], [0.1, 0.9, 0.4]], "float32")


def f_scores(beta, threshold):
    p = np.greater(SCORE, threshold) if threshold else np.greater_equal(SCORE, SCORE.max(-1, keepdims=True))
    tp, fp, fn = (p * TRUE).sum(0), (p * (1 - TRUE)).sum(0), ((1 - p) * TRUE).sum(0)
    return (1 + beta**2) * tp / ((1 + beta**2) * tp + beta**2 * fn + fp), tp, fp, fn


@pytest.mark.parametrize("threshold", [None, 0.5])
@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_f_scores_by_average(beta, threshold):
    scores, tp, fp, fn = f_scores(beta, threshold)
    micro = (1 + beta**2) * tp.sum() / ((1 + beta**2) * tp.sum() + beta**2 * fn.sum() + fp.sum())
    weighted = (scores * TRUE.sum(0)).sum() / TRUE.sum()
    for average, expected in ((None, scores), ("macro", scores.mean()), ("micro", micro), ("weighted", weighted)):
        check_metric(metrics.FBetaScore(average, beta, threshold), expected, TRUE, SCORE, rtol=1e-4)
        if beta == 1.0:
            check_metric(metrics.F1Score(average, threshold), expected, TRUE, SCORE, rtol=1e-4)


def test_f_score_of_a_weight_of_zero_forgets_the_sample():
    check_metric(metrics.F1Score(threshold=0.5), [2 / 3, 1.0, 2 / 3], TRUE, SCORE, np.array([1.0, 0.0, 1.0, 1.0]), rtol=1e-4)


@pytest.mark.parametrize("arguments", [{"average": "mean"}, {"beta": -1.0}, {"beta": 0}, {"threshold": 2.0}])
def test_f_score_refuses_what_it_does_not_know(arguments):
    with pytest.raises(errors.ConfigError):
        metrics.FBetaScore(**arguments)


LABELS, FOUND = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 2, 1])
RATIOS = [1 / 3, 1 / 4, 1 / 2]


@pytest.mark.parametrize(("metric", "pair", "expected"), [
    (metrics.IoU(3, [0]), (LABELS, FOUND), RATIOS[0]), (metrics.IoU(3, [0, 2]), (LABELS, FOUND), (RATIOS[0] + RATIOS[2]) / 2),
    (metrics.MeanIoU(3), (LABELS, FOUND), np.mean(RATIOS)), (metrics.MeanIoU(5), (LABELS, FOUND), np.mean(RATIOS)),
    (metrics.MeanIoU(3), (LABELS.reshape(2, 3), FOUND.reshape(2, 3)), np.mean(RATIOS)),
    (metrics.MeanIoU(3, ignore_class=2), (LABELS, FOUND), (1 / 3 + 1 / 3) / 2),
    (metrics.MeanIoU(2), (LABELS, FOUND), (1 / 3 + 1 / 3) / 2),
    (metrics.OneHotIoU(3, [1]), (np.eye(3)[LABELS], np.eye(3)[FOUND] + 0.1), RATIOS[1]),
    (metrics.OneHotMeanIoU(3, sparse_y_pred=True), (np.eye(3)[LABELS], FOUND), np.mean(RATIOS)),
    (metrics.BinaryIoU(), (np.array([0, 1, 0, 1]), np.array([0.1, 0.2, 0.4, 0.7])), (2 / 3 + 1 / 2) / 2),
    (metrics.BinaryIoU(threshold=0.3), (np.array([0, 1, 0, 1]), np.array([0.1, 0.2, 0.4, 0.7])), 1 / 3),
], ids=lambda x: type(x).__name__ if isinstance(x, metrics.Metric) else None)  # fmt: skip
def test_intersection_over_union(metric, pair, expected):
    check_metric(metric, expected, *pair)


def test_intersection_over_union_with_weights():
    weights = np.array([0.3, 0.3, 0.3, 0.1])
    check_metric(metrics.IoU(2, [0], dtype="float32"), 0.3 / 0.9, np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), weights)
    with pytest.raises(errors.ConfigError, match="do not exist"):
        metrics.IoU(2, [2])
