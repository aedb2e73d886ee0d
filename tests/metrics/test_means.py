from __future__ import annotations

import numpy as np
import pytest

from symkeras import losses, metrics
from symkeras.layers.calls import call_context, set_mask
from tests.metrics.check_metric import check_metric

rng = np.random.default_rng(5)
REAL = (rng.normal(size=(6, 3)).astype("float32"), rng.normal(size=(6, 3)).astype("float32"))
POSITIVE = (rng.random((6, 3)).astype("float32"), rng.random((6, 3)).astype("float32"))
CLASSES = (np.eye(3, dtype="float32")[rng.integers(0, 3, 6)], rng.dirichlet(np.ones(3), 6).astype("float32"))
SPARSE = (rng.integers(0, 3, 6), CLASSES[1])
WEIGHTS = np.array([1, 0.5, 0, 2, 1, 0.25], "float32")

OF_LOSSES = [
    ("MeanSquaredError", "mean_squared_error", REAL, 1), ("MeanAbsoluteError", "mean_absolute_error", REAL, 1),
    ("MeanAbsolutePercentageError", "mean_absolute_percentage_error", REAL, 1), ("LogCoshError", "log_cosh", REAL, 1),
    ("MeanSquaredLogarithmicError", "mean_squared_logarithmic_error", POSITIVE, 1), ("CosineSimilarity", "cosine_similarity", REAL, -1),
    ("BinaryCrossentropy", "binary_crossentropy", (CLASSES[0], POSITIVE[1]), 1),
    ("CategoricalCrossentropy", "categorical_crossentropy", CLASSES, 1),
    ("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy", SPARSE, 1),
    ("KLDivergence", "kl_divergence", CLASSES, 1), ("Poisson", "poisson", POSITIVE, 1), ("Hinge", "hinge", REAL, 1),
    ("SquaredHinge", "squared_hinge", REAL, 1), ("CategoricalHinge", "categorical_hinge", (CLASSES[0], REAL[1]), 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "function", "pair", "sign"), OF_LOSSES, ids=[c[0] for c in OF_LOSSES])
def test_metrics_of_losses_are_their_means_over_all_batches(name, function, pair, sign):
    values = sign * getattr(losses, function)(*pair)
    check_metric(getattr(metrics, name)(), values.mean(), *pair)
    check_metric(getattr(metrics, name)(), (values * WEIGHTS).sum() / WEIGHTS.sum(), *pair, WEIGHTS)


def test_root_mean_squared_error_takes_the_root_last():
    check_metric(metrics.RootMeanSquaredError(), np.sqrt(((REAL[0] - REAL[1]) ** 2).mean()), *REAL)


def test_mean_and_sum_weigh_samples_and_positions():
    values = np.arange(6.0).reshape(3, 2)
    check_metric(metrics.Sum(), 15.0, values)
    check_metric(metrics.Sum(), 1.0 + 2 * 5.0, values, np.array([1.0, 1.0 * 2, 0.0]))
    check_metric(metrics.Mean(), (0.5 + 2 * 2.5) / 3, values, np.array([1.0, 2.0, 0.0]))
    assert float(metrics.Mean().result()) == 0.0
    mean = metrics.Mean()
    mean.update_state(3.0)
    assert float(mean.result()) == 3.0


def test_the_variables_of_a_mean_are_its_total_and_its_count():
    mean = metrics.Mean(name="loss")
    mean.update_state(np.array([1.0, 2.0]))
    assert [(v.name, float(v.numpy()), v.trainable) for v in mean.variables] == [("total", 3.0, False), ("count", 2.0, False)]


def test_masked_predictions_do_not_count():
    y_pred = np.ones((2, 2, 1), "float32")
    metric = metrics.MeanSquaredError()
    with call_context():
        set_mask(y_pred, np.array([[True, False], [True, True]]))
        metric.update_state(np.array([[[0.0], [9.0]], [[1.0], [1.0]]]), y_pred)
    assert float(metric.result()) == pytest.approx((0.5 + 0) / 1.5)


def test_ignored_labels_do_not_count_beside_weights():
    metric = metrics.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    check_metric(metric, np.log(3), np.array([0, -1, 1, -1]), np.zeros((4, 3), "float32"), np.ones(4, "float32"))


def test_a_function_becomes_a_metric():
    metric = metrics.MeanMetricWrapper(lambda t, p, k: k * (p - t), name="signed", k=2.0)
    check_metric(metric, 2 * (REAL[1] - REAL[0]).mean(), *REAL)


def test_r2_score_is_the_share_of_explained_variance():
    t, p = (a.astype(float) for a in REAL)
    scores = 1 - ((t - p) ** 2).sum(0) / ((t - t.mean(0)) ** 2).sum(0)
    check_metric(metrics.R2Score(class_aggregation=None), scores, *REAL, rtol=1e-4)
    check_metric(metrics.R2Score(), scores.mean(), *REAL, rtol=1e-4)
    spread = ((t - t.mean(0)) ** 2).sum(0)
    check_metric(metrics.R2Score("variance_weighted_average"), (scores * spread).sum() / spread.sum(), *REAL, rtol=1e-4)
    check_metric(metrics.R2Score(num_regressors=2), 1 - (1 - scores.mean()) * 17 / 15, *REAL, rtol=1e-4)
    check_metric(metrics.R2Score(num_regressors=40), scores.mean(), *REAL, rtol=1e-4)


def test_correlations_have_the_values_of_numpy():
    t, p = (a.astype(float) for a in REAL)
    check_metric(metrics.PearsonCorrelation(), np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(t, p, strict=True)]), *REAL, rtol=1e-4)
    middle, other = t.mean(-1), p.mean(-1)
    covariance = ((t - middle[:, None]) * (p - other[:, None])).mean(-1)
    concordance = 2 * covariance / (t.var(-1) + p.var(-1) + (middle - other) ** 2)
    check_metric(metrics.ConcordanceCorrelation(), concordance.mean(), *REAL, rtol=1e-4)
