"""The best value of one rate among the thresholds at which another is high enough."""

from __future__ import annotations

from typing import Any, ClassVar

from symkeras import ops
from symkeras.arguments import checked, fraction, integer, optional, positive_int
from symkeras.graph.variable import Variable
from symkeras.metrics.confusion import share
from symkeras.metrics.counting import count_into
from symkeras.metrics.metric import Metric

# rate -> the count it is a share of, and the rest
_RATES = {
    "sensitivity": ("tp", "fn"), "recall": ("tp", "fn"), "specificity": ("tn", "fp"), "precision": ("tp", "fp"),
}  # fmt: skip


def counts(metric: Metric, shape: tuple[int, ...]) -> dict[str, Variable]:
    """The four counts of the confusion matrix as variables of `metric`."""
    names = {"tp": "true_positives", "fp": "false_positives", "tn": "true_negatives", "fn": "false_negatives"}
    return {cell: metric.add_variable(shape, name=name) for cell, name in names.items()}


class _OperatingPoint(Metric):
    _direction = "up"
    _constrained: ClassVar[str]
    _sought: ClassVar[str]

    @checked(num_thresholds=positive_int, class_id=optional(integer()))
    def __init__(self, value: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None, dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        setattr(self, self._constrained, value)
        self.value = value
        self.num_thresholds = num_thresholds
        self.class_id = class_id
        self.thresholds = [0.5] if num_thresholds == 1 else [k / (num_thresholds - 1) for k in range(num_thresholds)]
        self._cells = counts(self, (len(self.thresholds),))
        self.true_positives, self.false_positives = self._cells["tp"], self._cells["fp"]
        self.true_negatives, self.false_negatives = self._cells["tn"], self._cells["fn"]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        count_into(
            self._cells, y_true, y_pred, self.thresholds, evenly=self.num_thresholds > 1, sample_weight=sample_weight, class_id=self.class_id
        )

    def result(self) -> Any:
        constrained, sought = (share(*(self._cells[c] for c in _RATES[rate])) for rate in (self._constrained, self._sought))
        return ops.max(ops.where(ops.greater_equal(constrained, self.value), sought, 0.0))

    def get_config(self) -> dict[str, Any]:
        own = {"num_thresholds": self.num_thresholds, self._constrained: self.value, "class_id": self.class_id}
        return {**super().get_config(), **own}


class SensitivityAtSpecificity(_OperatingPoint):
    """The best sensitivity TP / (TP + FN) where the specificity TN / (TN + FP) is at least the given one.

    Args:
        specificity: in [0, 1].
        num_thresholds: how many thresholds are tried.
        class_id: only this entry of the last axis counts.
        name, dtype: as for `Metric`.

    Example:
        >>> float(SensitivityAtSpecificity(0.75)([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.8]))
        0.5
    """

    _constrained, _sought = "specificity", "sensitivity"

    @checked(specificity=fraction)
    def __init__(self, specificity: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None, dtype: Any = None):
        super().__init__(specificity, num_thresholds, class_id, name, dtype)


class SpecificityAtSensitivity(_OperatingPoint):
    """The best specificity TN / (TN + FP) where the sensitivity TP / (TP + FN) is at least the given one.

    Args:
        sensitivity: in [0, 1].
        num_thresholds: how many thresholds are tried.
        class_id: only this entry of the last axis counts.
        name, dtype: as for `Metric`.

    Example:
        >>> float(SpecificityAtSensitivity(0.75)([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.8]))
        0.5
    """

    _constrained, _sought = "sensitivity", "specificity"

    @checked(sensitivity=fraction)
    def __init__(self, sensitivity: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None, dtype: Any = None):
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)


class PrecisionAtRecall(_OperatingPoint):
    """The best precision TP / (TP + FP) where the recall TP / (TP + FN) is at least the given one.

    Args:
        recall: in [0, 1].
        num_thresholds: how many thresholds are tried.
        class_id: only this entry of the last axis counts.
        name, dtype: as for `Metric`.

    Example:
        >>> round(float(PrecisionAtRecall(0.75)([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.8])), 4)
        0.6667
    """

    _constrained, _sought = "recall", "precision"

    @checked(recall=fraction)
    def __init__(self, recall: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None, dtype: Any = None):
        super().__init__(recall, num_thresholds, class_id, name, dtype)


class RecallAtPrecision(_OperatingPoint):
    """The best recall TP / (TP + FN) where the precision TP / (TP + FP) is at least the given one.

    Args:
        precision: in [0, 1].
        num_thresholds: how many thresholds are tried.
        class_id: only this entry of the last axis counts.
        name, dtype: as for `Metric`.

    Example:
        >>> float(RecallAtPrecision(0.75)([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.8]))
        0.5
    """

    _constrained, _sought = "precision", "recall"

    @checked(precision=fraction)
    def __init__(self, precision: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None, dtype: Any = None):
        super().__init__(precision, num_thresholds, class_id, name, dtype)
