"""Counts of the confusion matrix, and precision and recall, at one or several thresholds."""

from __future__ import annotations

from typing import Any, ClassVar

from symkeras import ops
from symkeras.arguments import checked, either, fraction, integer, optional, positive_int, several
from symkeras.graph.variable import Variable
from symkeras.losses.weighting import divide_no_nan
from symkeras.metrics.counting import LEAST, count_into, is_even, thresholds_of
from symkeras.metrics.metric import Metric


def share(part: Variable, rest: Variable) -> Any:
    """part / (part + rest), 0 where both are 0."""
    return divide_no_nan(part.value, ops.add(part.value, rest.value))


def _single(values: Any, thresholds: list[float]) -> Any:
    return values[0] if len(thresholds) == 1 else values


class _Count(Metric):
    """How many predictions fall into one cell of the confusion matrix, for each threshold."""

    _cell: ClassVar[str]

    @checked(thresholds=optional(either(fraction, several(fraction, least=1))))
    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.thresholds = thresholds_of(thresholds)
        self.accumulator = self.add_variable(shape=(len(self.thresholds),), name="accumulator")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        count_into(
            {self._cell: self.accumulator}, y_true, y_pred, self.thresholds, evenly=is_even(self.thresholds), sample_weight=sample_weight
        )

    def result(self) -> Any:
        return _single(self.accumulator.value, self.thresholds)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": self.init_thresholds}


class TruePositives(_Count):
    """The number of positive predictions that are right, weighted.

    Args:
        thresholds: above one a prediction is positive; 0.5 when None. With several the result has one count for each.
        name, dtype: as for `Metric`.

    Example:
        >>> import numpy as np
        >>> metric = TruePositives()
        >>> metric.update_state(np.array([0, 1, 1, 1]), np.array([1.0, 0.0, 1.0, 1.0])); float(metric.result())
        2.0
    """

    _cell = "tp"


class TrueNegatives(_Count):
    """The number of negative predictions that are right, weighted.

    Args:
        thresholds: above one a prediction is positive; 0.5 when None. With several the result has one count for each.
        name, dtype: as for `Metric`.

    Example:
        >>> float(TrueNegatives()([0, 0, 0, 1], [0.1, 0.2, 0.9, 0.8]))
        2.0
    """

    _cell = "tn"


class FalsePositives(_Count):
    """The number of positive predictions that are wrong, weighted.

    Args:
        thresholds: above one a prediction is positive; 0.5 when None. With several the result has one count for each.
        name, dtype: as for `Metric`.

    Example:
        >>> float(FalsePositives()([0, 0, 0, 1], [0.1, 0.2, 0.9, 0.8]))
        1.0
    """

    _cell = "fp"


class FalseNegatives(_Count):
    """The number of negative predictions that are wrong, weighted.

    Args:
        thresholds: above one a prediction is positive; 0.5 when None. With several the result has one count for each.
        name, dtype: as for `Metric`.

    Example:
        >>> float(FalseNegatives()([0, 1, 1, 1], [0.1, 0.2, 0.3, 0.8]))
        2.0
    """

    _cell = "fn"


class _Share(Metric):
    """True positives as a share of all that are predicted, or all that are true."""

    _direction = "up"
    _error: ClassVar[tuple[str, str]]

    @checked(thresholds=optional(either(fraction, several(fraction, least=1))), top_k=optional(positive_int), class_id=optional(integer()))
    def __init__(self, thresholds: Any = None, top_k: int | None = None, class_id: int | None = None, name: str | None = None, dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id
        self.thresholds = thresholds_of(thresholds, 0.5 if top_k is None else LEAST)
        size = (len(self.thresholds),)
        self.true_positives = self.add_variable(size, name="true_positives")
        cell, attribute = self._error
        self._cells = {"tp": self.true_positives, cell: self.add_variable(size, name=attribute)}
        setattr(self, attribute, self._cells[cell])

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        count_into(
            self._cells, y_true, y_pred, self.thresholds, evenly=is_even(self.thresholds), sample_weight=sample_weight,
            top_k=self.top_k, class_id=self.class_id,
        )  # fmt: skip

    def result(self) -> Any:
        return _single(share(self.true_positives, self._cells[self._error[0]]), self.thresholds)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": self.init_thresholds, "top_k": self.top_k, "class_id": self.class_id}


class Precision(_Share):
    """The share of positive predictions that are right: TP / (TP + FP).

    Args:
        thresholds: above one a prediction is positive; 0.5 when None. With several the result has one value for each.
        top_k: only the k best scores of the last axis can be positive; the threshold is then below all scores when None.
        class_id: only this entry of the last axis counts.
        name, dtype: as for `Metric`.

    Example:
        >>> import numpy as np
        >>> metric = Precision()
        >>> metric.update_state(np.array([0, 1, 1, 1]), np.array([1.0, 0.0, 1.0, 1.0])); round(float(metric.result()), 4)
        0.6667
    """

    _error = ("fp", "false_positives")


class Recall(_Share):
    """The share of what is true that is predicted: TP / (TP + FN).

    Args:
        thresholds: above one a prediction is positive; 0.5 when None. With several the result has one value for each.
        top_k: only the k best scores of the last axis can be positive; the threshold is then below all scores when None.
        class_id: only this entry of the last axis counts.
        name, dtype: as for `Metric`.

    Example:
        >>> round(float(Recall()([0, 1, 1, 1], [0.1, 0.2, 0.3, 0.8])), 4)
        0.3333
    """

    _error = ("fn", "false_negatives")
