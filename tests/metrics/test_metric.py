from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import Sequential, errors, layers, metrics, ops
from tests.metrics.check_metric import check_metric

ARGUMENTS = {
    "IoU": {"num_classes": 3, "target_class_ids": [0, 2]}, "MeanIoU": {"num_classes": 3}, "OneHotMeanIoU": {"num_classes": 3},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [1]}, "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5}, "PrecisionAtRecall": {"recall": 0.5}, "RecallAtPrecision": {"precision": 0.5},
    "AUC": {"thresholds": [0.2, 0.4], "curve": "PR"}, "SparseTopKCategoricalAccuracy": {"k": 3, "from_sorted_ids": True},
}  # fmt: skip
CLASSES = sorted(n for n in metrics.NAMES if n[0].isupper() and n not in ("Metric", "MeanMetricWrapper"))


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_comes_back_from_its_config(name):
    metric = getattr(metrics, name)(**ARGUMENTS.get(name, {}))
    again = metrics.deserialize(metrics.serialize(metric))
    assert type(again) is type(metric) and again.get_config() == metric.get_config()
    assert [v.shape for v in again.variables] == [v.shape for v in metric.variables]


@pytest.mark.parametrize(("spelling", "name"), [
    ("mse", "MeanSquaredError"), ("MAE", "MeanAbsoluteError"), ("mape", "MeanAbsolutePercentageError"), ("bce", "BinaryCrossentropy"),
    ("auc", "AUC"), ("precision", "Precision"), ("f1_score", "F1Score"), ("root_mean_squared_error", "RootMeanSquaredError"),
    ("r2_score", "R2Score"), ("top_k_categorical_accuracy", "TopKCategoricalAccuracy"), ("kl_divergence", "KLDivergence"),
    ("categorical_accuracy", "CategoricalAccuracy"), ("BinaryAccuracy", "BinaryAccuracy"), ("cosine_similarity", "CosineSimilarity"),
])  # fmt: skip
def test_names_give_objects_of_their_class(spelling, name):
    assert type(metrics.get(spelling)) is getattr(metrics, name)


def test_get_takes_classes_objects_functions_and_none():
    metric = metrics.Mean()
    assert metrics.get(None) is None and metrics.get(metric) is metric
    assert isinstance(metrics.get(metrics.Mean), metrics.Mean)
    assert metrics.get(metrics.binary_accuracy) is metrics.binary_accuracy
    with pytest.raises(errors.ConfigError, match="binary_accuracy"):
        metrics.get("binari_accuracy")


def test_loss_functions_are_metrics_by_their_names():
    assert metrics.mse(np.zeros((1, 2)), np.ones((1, 2))).tolist() == [1.0]
    assert all(callable(getattr(metrics, name)) for name in (*metrics.FUNCTIONS, *metrics.ALIASES))


class Largest(metrics.Metric):
    def __init__(self, name="largest"):
        super().__init__(name=name)
        self.top = self.add_weight(name="top")
        self.seen = metrics.Mean()

    def update_state(self, y_true, y_pred):
        self.top.assign(ops.maximum(self.top, ops.max(y_pred)))
        self.seen.update_state(y_pred)

    def result(self):
        return ops.stack([self.top.value, self.seen.result()])


def test_custom_metrics_own_variables_and_the_metrics_among_their_attributes():
    metric = Largest()
    assert [v.name for v in metric.variables] == ["top", "total", "count"]
    check_metric(metric, [4.0, 2.5], np.zeros(4), np.array([1.0, 4.0, 2.0, 3.0]))
    assert metric(np.zeros(1), np.array([7.0])).tolist() == [7.0, 7.0]


def test_forgetting_to_call_the_base_is_explained():
    class Forgetful(metrics.Metric):
        def __init__(self):
            self.total = self.add_weight(name="total")

    with pytest.raises(errors.SymkerasError, match=r"super\(\).__init__\(\)"):
        Forgetful()


def test_state_of_the_wrong_length_is_refused():
    with pytest.raises(errors.ShapeError, match="2 variables"):
        metrics.Mean().stateless_result([np.zeros(())])


def test_a_result_may_be_a_variable() -> None:
    class Seen(metrics.Metric):
        def __init__(self) -> None:
            super().__init__(name="seen")
            self.count = self.add_weight(name="count")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.count.assign_add(1.0)

        def result(self) -> Any:
            return self.count

    model = Sequential([layers.Dense(1, input_dim=2)])
    model.compile("sgd", "mse", metrics=[Seen()])
    assert model.fit(np.ones((4, 2)), np.ones(4), batch_size=2, verbose=0).history["seen"] == [2.0]
    assert float(model.metrics[1].result()) == 2.0 and int(model.metrics[1].result()) == 2


def test_counts_are_kept_in_floatx_whatever_the_dtype_of_a_metric() -> None:
    counted = metrics.TrueNegatives(dtype="float16")
    counted.update_state(np.zeros(3000), np.zeros(3000))
    counted.update_state(np.zeros(1), np.zeros(1))
    assert (counted.variables[0].dtype, float(counted.result())) == ("float32", 3001.0)
    assert metrics.Mean(dtype="float16").variables[0].dtype == "float16"


def test_intersection_over_union_is_of_float32_whatever_its_counts_are_of() -> None:
    met = metrics.BinaryIoU(dtype="float16")
    met.update_state([0, 0, 1, 1], [0.1, 0.7, 0.2, 0.8])
    assert str(met.result().dtype) == "float32"


def test_top_k_of_integers_in_a_column_is_a_column() -> None:
    scores = np.array([[0.1, 0.6, 0.3], [0.1, 0.6, 0.3]])
    assert metrics.sparse_top_k_categorical_accuracy(np.array([[2], [0]]), scores, k=2).tolist() == [[1.0], [0.0]]
    assert metrics.sparse_top_k_categorical_accuracy(np.array([2, 0]), scores, k=2).tolist() == [1.0, 0.0]
