"""Correlation of targets and predictions along an axis."""

from __future__ import annotations

from typing import Any

from symkeras import config, ops
from symkeras.arguments import axis_number, checked
from symkeras.losses.regression import operands
from symkeras.metrics.reduction import NamedMean


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The covariance along `axis` over the product of the standard deviations (Pearson 1895).

    >>> import numpy as np
    >>> pearson_correlation(np.array([[1.0, 2.0, 3.0]]), np.array([[2.0, 3.0, 4.0]])).round(4).tolist()
    [1.0]
    """
    pair = operands(y_true, y_pred)
    standard = [ops.divide(ops.subtract(y, ops.mean(y, axis=axis, keepdims=True)), ops.std(y, axis=axis, keepdims=True)) for y in pair]
    return ops.mean(ops.multiply(*standard), axis=axis)


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """A correlation that is 1 only where predictions equal targets, not merely follow them (Lin 1989).

    As in Keras the products are of y_true - mean(y_pred) and y_pred - mean(y_pred).

    Args:
        axis: along which.

    >>> import numpy as np
    >>> concordance_correlation(np.array([[1.0, 2.0, 3.0]]), np.array([[2.0, 3.0, 4.0]])).round(4).tolist()
    [0.5714]
    """
    y_true, y_pred = operands(y_true, y_pred)
    mean_true, mean_pred = (ops.mean(y, axis=axis, keepdims=True) for y in (y_true, y_pred))
    spread = ops.add(ops.var(y_true, axis=axis, keepdims=True), ops.var(y_pred, axis=axis, keepdims=True))
    spread = ops.add(spread, ops.square(ops.subtract(mean_true, mean_pred)))
    products = ops.multiply(ops.subtract(y_true, mean_pred), ops.subtract(y_pred, mean_pred))
    return ops.mean(ops.divide(ops.multiply(products, 2.0), ops.add(spread, config.epsilon())), axis=axis)


class PearsonCorrelation(NamedMean):
    """The mean over samples of the Pearson correlation.

    Args:
        name, dtype: as for `Metric`.
        axis: the axis along which values are correlated.

    Example:
        >>> round(float(PearsonCorrelation()([[1.0, 2.0, 3.0]], [[2.0, 3.0, 4.0]])), 4)
        1.0
    """

    _direction = "up"

    @checked(axis=axis_number)
    def __init__(self, name: str | None = "pearson_correlation", dtype: Any = None, axis: int = -1):
        super().__init__(pearson_correlation, name, dtype, axis=axis)


class ConcordanceCorrelation(NamedMean):
    """The mean over samples of the concordance correlation.

    Args:
        name, dtype: as for `Metric`.
        axis: the axis along which values are correlated.

    Example:
        >>> round(float(ConcordanceCorrelation()([[1.0, 2.0, 3.0]], [[2.0, 3.0, 4.0]])), 4)
        0.5714
    """

    _direction = "up"

    @checked(axis=axis_number)
    def __init__(self, name: str | None = "concordance_correlation", dtype: Any = None, axis: int = -1):
        super().__init__(concordance_correlation, name, dtype, axis=axis)
