from __future__ import annotations

import numpy as np
import pytest

from symkeras import errors, metrics
from tests.metrics.check_metric import check_metric

rng = np.random.default_rng(11)
TRUE = rng.integers(0, 2, (12, 3)).astype("float32")
SCORE = rng.random((12, 3)).astype("float32")
WEIGHTS = rng.random(12).astype("float32")


def counts(t, p, threshold, w=None):
    w = np.ones_like(t) if w is None else np.broadcast_to(w[:, None], t.shape)
    positive = p > threshold
    return {k: (w * ((t == a) & (positive == b))).sum() for k, a, b in (("tp", 1, True), ("fp", 0, True), ("fn", 1, False), ("tn", 0, False))}


CELLS = {"TruePositives": "tp", "FalsePositives": "fp", "TrueNegatives": "tn", "FalseNegatives": "fn"}


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("thresholds", [[0.5], [0.2, 0.7], [0.0, 0.5, 1.0], [0.0, 0.25, 0.5, 0.75, 1.0]])
def test_counts_at_thresholds(name, thresholds):
    for w in (None, WEIGHTS):
        expected = [counts(TRUE, SCORE, t, w)[CELLS[name]] for t in thresholds]
        arrays = (TRUE, SCORE) if w is None else (TRUE, SCORE, w)
        check_metric(getattr(metrics, name)(thresholds), expected[0] if len(expected) == 1 else expected, *arrays, batch=4)


def test_scores_on_a_threshold_are_not_above_it():
    ends = np.array([0.0, 0.5, 1.0], "float32")
    check_metric(metrics.TruePositives([0.0, 0.5, 1.0]), [2, 1, 0], np.ones(3), ends, batch=3)
    check_metric(metrics.TruePositives([0.0, 0.5]), [2, 1], np.ones(3), ends, batch=3)


@pytest.mark.parametrize(("name", "rest"), [("Precision", "fp"), ("Recall", "fn")])
def test_precision_and_recall(name, rest):
    metric = getattr(metrics, name)
    c = counts(TRUE, SCORE, 0.5)
    check_metric(metric(), c["tp"] / (c["tp"] + c[rest]), TRUE, SCORE, batch=4)
    c = counts(TRUE[:, 1:2], SCORE[:, 1:2], 0.3)
    check_metric(metric(0.3, class_id=1), c["tp"] / (c["tp"] + c[rest]), TRUE, SCORE, batch=4)
    check_metric(metric(0.3, class_id=-2), c["tp"] / (c["tp"] + c[rest]), TRUE, SCORE, batch=4)
    top = np.where(np.greater_equal(SCORE, np.sort(SCORE)[:, -2:-1]), SCORE, -1)
    c = counts(TRUE, top, 0)
    check_metric(metric(top_k=2), c["tp"] / (c["tp"] + c[rest]), TRUE, SCORE, batch=4)
    assert float(metric().result()) == 0.0


def test_weights_may_be_given_for_each_step_of_a_sequence():
    t, p, w = rng.integers(0, 2, (4, 5)), rng.random((4, 5, 1)).astype("float32"), rng.random((4, 5)).astype("float32")
    expected = (w * ((p[..., 0] > 0.5) & (t == 1))).sum()
    check_metric(metrics.TruePositives(), expected, t[..., None], p, w)
    check_metric(metrics.TruePositives(), (w[:, :1] * ((p[..., 0] > 0.5) & (t == 1))).sum(), t[..., None], p, w[:, 0])


def test_thresholds_outside_of_0_and_1_are_refused():
    with pytest.raises(errors.ConfigError, match=r"1\.5"):
        metrics.Precision([0.5, 1.5])


def exact_roc_area(t, p):
    better = (p[t == 1][:, None] > p[t == 0][None]).mean()
    return better + 0.5 * (p[t == 1][:, None] == p[t == 0][None]).mean()


def test_auc_of_scores_on_a_grid_is_the_chance_to_rank_a_pair_right():
    t, p = TRUE.ravel(), np.round(SCORE.ravel() * 10) / 10 + np.float32(0.03)
    check_metric(metrics.AUC(), exact_roc_area(t, p), t, p, batch=12)
    check_metric(metrics.AUC(from_logits=True), exact_roc_area(t, p), t, np.log(p / (1 - p + 0.05)).astype("float32"), batch=12)


CURVE = (np.array([0, 0, 1, 1]), np.array([0.0, 0.5, 0.3, 0.9], "float32"))
# At thresholds below 0, at 0.5 and above 1: tp 2, 1, 0; fp 2, 0, 0; fn 0, 1, 2; tn 0, 2, 2.
# Hence recall gain 1, 0, 0 and precision gain 0, 1, 1.


@pytest.mark.parametrize(("curve", "method", "expected"), [
    ("ROC", "interpolation", 0.75), ("ROC", "minoring", 0.5), ("ROC", "majoring", 1.0),
    ("PR", "interpolation", (1 / 3 * (1 + 2 / 3 * np.log(4)) + 1) / 2),
    ("PR", "minoring", 0.25), ("PR", "majoring", 1.0),
    ("PRGAIN", "interpolation", 0.5), ("PRGAIN", "minoring", 0.0), ("PRGAIN", "majoring", 1.0),
])  # fmt: skip
def test_auc_by_hand(curve, method, expected):
    metric = metrics.AUC(num_thresholds=3, curve=curve, summation_method=method)
    check_metric(metric, expected, *CURVE)


def test_auc_for_each_label_is_averaged_by_label_weights():
    per_label = []
    for k in range(3):
        metric = metrics.AUC()
        metric.update_state(TRUE[:, k], SCORE[:, k])
        per_label.append(float(metric.result()))
    check_metric(metrics.AUC(multi_label=True), np.mean(per_label), TRUE, SCORE, batch=4)
    check_metric(metrics.AUC(multi_label=True, num_labels=3, label_weights=[1, 0, 3]), np.dot(per_label, [1, 0, 3]) / 4, TRUE, SCORE, batch=4)
    uneven, single = metrics.AUC(multi_label=True, thresholds=[0.1, 0.35, 0.8]), metrics.AUC(thresholds=[0.1, 0.35, 0.8])
    single.update_state(TRUE[:, :1], SCORE[:, :1])
    check_metric(uneven, single.result(), TRUE[:, :1], SCORE[:, :1], batch=4)
    assert uneven.true_positives.shape == (5, 1)


def test_auc_does_not_break_on_nan():
    metric = metrics.AUC()
    metric.update_state(np.array([0, 1]), np.array([np.nan, 0.7], "float32"))
    assert np.isfinite(metric.result())


@pytest.mark.parametrize("arguments", [
    {"curve": "RAC"}, {"summation_method": "mean"}, {"num_thresholds": 1}, {"num_thresholds": None}, {"num_labels": 2},
])  # fmt: skip
def test_auc_refuses_what_it_does_not_know(arguments):
    with pytest.raises(errors.ConfigError):
        metrics.AUC(**arguments)


RATES = {"sensitivity": ("tp", "fn"), "recall": ("tp", "fn"), "specificity": ("tn", "fp"), "precision": ("tp", "fp")}


@pytest.mark.parametrize(("name", "constrained", "sought"), [
    ("SensitivityAtSpecificity", "specificity", "sensitivity"), ("SpecificityAtSensitivity", "sensitivity", "specificity"),
    ("PrecisionAtRecall", "recall", "precision"), ("RecallAtPrecision", "precision", "recall"),
])  # fmt: skip
def test_operating_points_are_the_best_among_the_thresholds(name, constrained, sought):
    def rate(c, which):
        part, rest = RATES[which]
        return c[part] / max(c[part] + c[rest], 1e-9)

    tables = [counts(TRUE, SCORE, k / 9) for k in range(10)]
    expected = max([rate(c, sought) for c in tables if rate(c, constrained) >= 0.55] or [0.0])
    check_metric(getattr(metrics, name)(0.55, num_thresholds=10), expected, TRUE, SCORE, batch=4)
    with pytest.raises(errors.ConfigError, match=constrained):
        getattr(metrics, name)(1.2)


def test_a_number_of_thresholds_may_be_none_where_thresholds_are_given() -> None:
    metric = metrics.AUC(num_thresholds=None, thresholds=[0.3, 0.5])
    assert metric.num_thresholds == 4 and metrics.AUC.from_config(metric.get_config()).get_config() == metric.get_config()
