"""R²: the share of the variance of the targets that predictions explain."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.arguments import checked, non_negative_int, one_of
from symkeras.errors import ShapeError
from symkeras.losses.regression import operands
from symkeras.losses.weighting import align_weights, size_of
from symkeras.metrics.metric import Metric

_AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")


class R2Score(Metric):
    """1 - residual sum of squares / total sum of squares, for each output; 1 is best.

    Args:
        class_aggregation: "uniform_average" or "variance_weighted_average" of the outputs, or None for one score each.
        num_regressors: with a positive number the adjusted score, which pays for independent variables.
        name, dtype: as for `Metric`.

    Input shape: targets and predictions (B, O), weights (B,).

    Raises:
        ConfigError: another aggregation, or a negative number.

    Example:
        >>> import numpy as np
        >>> metric = R2Score()
        >>> metric.update_state(np.array([[1.0], [4.0], [3.0]]), np.array([[2.0], [4.0], [4.0]])); round(float(metric.result()), 4)
        0.5714
    """

    _direction = "up"

    @checked(class_aggregation=one_of(*_AGGREGATIONS), num_regressors=non_negative_int)
    def __init__(self, class_aggregation: str | None = "uniform_average", num_regressors: int = 0, name: str | None = "r2_score", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable(shape=(), name="num_samples")
        self._built = False

    def _build(self, shape: tuple[int | None, ...]) -> None:
        if len(shape) != 2 or shape[-1] is None:
            raise ShapeError(f"R2Score expects targets and predictions of shape (batch, outputs) with a known number of outputs, received {shape}")
        size = (shape[-1],)
        self.squared_sum = self.add_variable(size, name="squared_sum")
        self.sum = self.add_variable(size, name="sum")
        self.total_mse = self.add_variable(size, name="residual")
        self.count = self.add_variable(size, name="count")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = operands(y_true, ops.cast(ops.convert_to_tensor(y_pred), self.dtype))
        if not self._built:
            self._build(tuple(y_pred.shape))
        weights = ops.cast(1.0 if sample_weight is None else ops.convert_to_tensor(sample_weight), self.dtype)
        y_true, weights = align_weights(y_true, weights)
        weights = ops.broadcast_to(weights, ops.shape(y_true))
        weighted = ops.multiply(y_true, weights)
        residual = ops.multiply(ops.square(ops.subtract(y_true, y_pred)), weights)
        self.sum.assign(self.sum + ops.sum(weighted, axis=0))
        self.squared_sum.assign(self.squared_sum + ops.sum(ops.multiply(y_true, weighted), axis=0))
        self.total_mse.assign(self.total_mse + ops.sum(residual, axis=0))
        self.count.assign(self.count + ops.sum(weights, axis=0))
        self.num_samples.assign(self.num_samples + size_of(y_true, self.dtype))

    def result(self) -> Any:
        if not self._built:
            return ops.cast(0.0, self.dtype)
        total = ops.subtract(self.squared_sum.value, ops.divide(ops.square(self.sum.value), self.count.value))
        scores = ops.subtract(1.0, ops.divide(self.total_mse.value, total))
        scores = ops.where(ops.isinf(scores), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = ops.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = ops.divide(ops.sum(ops.multiply(total, scores)), ops.sum(total))
        return self._adjusted(scores) if self.num_regressors else scores

    def _adjusted(self, score: Any) -> Any:
        """The score with its price for regressors; the plain one where there are too few samples for it."""
        n = self.num_samples.value
        freedom = ops.subtract(n, self.num_regressors + 1.0)
        is_enough = ops.greater(freedom, 0)
        unexplained = ops.multiply(ops.subtract(1.0, score), ops.subtract(n, 1.0))
        return ops.where(is_enough, ops.subtract(1.0, ops.divide(unexplained, ops.where(is_enough, freedom, 1.0))), score)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}
