"""The harmonic mean of precision and recall."""

from __future__ import annotations

from typing import Any

from symkeras import config, ops
from symkeras.arguments import checked, number, one_of, optional, positive
from symkeras.errors import ShapeError
from symkeras.metrics.metric import Metric

_AVERAGES = (None, "micro", "macro", "weighted")


class FBetaScore(Metric):
    """(1 + beta²) precision · recall / (beta² precision + recall).

    Args:
        average: None for one score per class; "micro" counts all classes together; "macro" averages the classes' scores;
            "weighted" averages them by how often each class is true.
        beta: how many times more recall counts than precision.
        threshold: above it a prediction is positive; when None the largest of the last axis is.
        name, dtype: as for `Metric`.

    Input shape: targets and predictions (B, V), weights (B,).

    Raises:
        ConfigError: another average, or a beta or threshold that is not a float in its range.

    Example:
        >>> import numpy as np
        >>> metric = FBetaScore(beta=2.0, threshold=0.5)
        >>> metric.update_state(np.array([[1, 1], [1, 0]]), np.array([[0.2, 0.6], [0.6, 0.4]]))
        >>> [round(float(score), 4) for score in metric.result()]
        [0.5556, 1.0]
    """

    _direction = "up"

    @checked(average=one_of(*_AVERAGES), beta=positive, threshold=optional(number(above=0, most=1)))
    def __init__(self, average: str | None = None, beta: float = 1.0, threshold: float | None = None, name: str | None = "fbeta_score",
                 dtype: Any = None):  # fmt: skip
        super().__init__(name=name, dtype=dtype)
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self._built = False

    def _build(self, y_true: Any, y_pred: Any) -> None:
        if len(y_pred.shape) != 2 or len(y_true.shape) != 2 or y_pred.shape[-1] is None:
            raise ShapeError(
                f"{type(self).__name__} expects targets and predictions of shape (batch, classes) with a known number of classes, "
                f"received {tuple(y_true.shape)} and {tuple(y_pred.shape)}"
            )
        shape = () if self.average == "micro" else (y_pred.shape[-1],)
        self.true_positives = self.add_variable(shape, dtype=self._floating_dtype, name="true_positives")
        self.false_positives = self.add_variable(shape, dtype=self._floating_dtype, name="false_positives")
        self.false_negatives = self.add_variable(shape, dtype=self._floating_dtype, name="false_negatives")
        self.intermediate_weights = self.add_variable(shape, dtype=self._floating_dtype, name="intermediate_weights")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = (ops.cast(ops.convert_to_tensor(y), self.dtype) for y in (y_true, y_pred))
        if not self._built:
            self._build(y_true, y_pred)
        weights = None if sample_weight is None else ops.reshape(ops.cast(ops.convert_to_tensor(sample_weight), self.dtype), (-1, 1))
        positive = ops.cast(self._is_positive(y_pred), self.dtype)

        def add(variable: Any, values: Any) -> None:
            values = values if weights is None else ops.multiply(values, weights)
            variable.assign(variable + ops.sum(values, axis=None if self.average == "micro" else 0))

        add(self.true_positives, ops.multiply(positive, y_true))
        add(self.false_positives, ops.multiply(positive, ops.subtract(1.0, y_true)))
        add(self.false_negatives, ops.multiply(ops.subtract(1.0, positive), y_true))
        add(self.intermediate_weights, y_true)

    def _is_positive(self, y_pred: Any) -> Any:
        if self.threshold is not None:
            return ops.greater(y_pred, self.threshold)
        is_largest = ops.greater_equal(y_pred, ops.max(y_pred, axis=-1, keepdims=True))
        return ops.logical_and(is_largest, ops.greater(ops.absolute(y_pred), 1e-9))

    def result(self) -> Any:
        if not self._built:
            return ops.cast(0.0, self.dtype)
        tp, epsilon = self.true_positives.value, config.epsilon()
        precision = ops.divide(tp, ops.add(ops.add(tp, self.false_positives.value), epsilon))
        recall = ops.divide(tp, ops.add(ops.add(tp, self.false_negatives.value), epsilon))
        joint = ops.add(ops.multiply(precision, self.beta**2), recall)
        score = ops.multiply(ops.divide(ops.multiply(precision, recall), ops.add(joint, epsilon)), 1 + self.beta**2)
        if self.average is None:
            return score
        if self.average == "weighted":
            truths = self.intermediate_weights.value
            return ops.sum(ops.multiply(score, ops.divide(truths, ops.add(ops.sum(truths), epsilon))))
        return ops.mean(score)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "average": self.average, "beta": self.beta, "threshold": self.threshold}


class F1Score(FBetaScore):
    """2 precision · recall / (precision + recall): `FBetaScore` with beta 1.

    Args:
        average, threshold: as for `FBetaScore`.
        name, dtype: as for `Metric`.

    Example:
        >>> scores = F1Score(threshold=0.5)([[1, 1], [1, 0]], [[0.2, 0.6], [0.6, 0.4]])
        >>> [round(float(score), 4) for score in scores]
        [0.6667, 1.0]
    """

    def __init__(self, average: str | None = None, threshold: float | None = None, name: str | None = "f1_score", dtype: Any = None):
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["beta"]
        return config
