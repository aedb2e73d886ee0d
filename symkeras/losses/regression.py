"""Distances between numbers: squared, absolute, relative, logarithmic and robust errors, and the angle between vectors."""

from __future__ import annotations

import math
from typing import Any

from symkeras import config, ops
from symkeras.arguments import axis_numbers, checked, positive
from symkeras.losses.weighting import same_rank
from symkeras.losses.wrapper import NamedLoss


def operands(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Targets in the dtype of the predictions, and both with the same number of axes."""
    y_pred = ops.convert_to_tensor(y_pred)
    return same_rank(ops.cast(ops.convert_to_tensor(y_true), y_pred.dtype), y_pred)


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """mean((y_true - y_pred)²) over the last axis.

    >>> import numpy as np
    >>> mean_squared_error(np.zeros((1, 2)), np.array([[1.0, 3.0]])).tolist()
    [5.0]
    """
    y_true, y_pred = operands(y_true, y_pred)
    return ops.mean(ops.square(ops.subtract(y_pred, y_true)), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """mean(|y_true - y_pred|) over the last axis.

    >>> mean_absolute_error([[0.0, 0.0]], [[1.0, -3.0]]).tolist()
    [2.0]
    """
    y_true, y_pred = operands(y_true, y_pred)
    return ops.mean(ops.absolute(ops.subtract(y_pred, y_true)), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """100 · mean(|y_true - y_pred| / |y_true|) over the last axis, |y_true| at least epsilon.

    >>> mean_absolute_percentage_error([[2.0, 4.0]], [[1.0, 4.0]]).tolist()
    [25.0]
    """
    y_true, y_pred = operands(y_true, y_pred)
    relative = ops.divide(ops.subtract(y_true, y_pred), ops.maximum(ops.absolute(y_true), config.epsilon()))
    return ops.multiply(ops.mean(ops.absolute(relative), axis=-1), 100.0)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """mean((log(1 + y_true) - log(1 + y_pred))²) over the last axis, both at least epsilon.

    >>> import numpy as np
    >>> mean_squared_logarithmic_error(np.array([[1.0]]), np.array([[3.0]])).round(4).tolist()
    [0.4805]
    """
    y_true, y_pred = operands(y_true, y_pred)
    logs = [ops.log(ops.add(ops.maximum(y, config.epsilon()), 1.0)) for y in (y_pred, y_true)]
    return ops.mean(ops.square(ops.subtract(*logs)), axis=-1)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Half the squared error up to `delta`, linear beyond; the mean over the last axis (Huber 1964).

    >>> huber([[0.0, 0.0]], [[1.0, 3.0]]).tolist()
    [1.5]
    """
    y_true, y_pred = operands(y_true, y_pred)
    error = ops.subtract(y_pred, y_true)
    distance = ops.absolute(error)
    quadratic = ops.multiply(ops.square(error), 0.5)
    linear = ops.subtract(ops.multiply(distance, float(delta)), 0.5 * float(delta) ** 2)
    return ops.mean(ops.where(ops.less_equal(distance, float(delta)), quadratic, linear), axis=-1)


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """mean(log(cosh(y_pred - y_true))) over the last axis, without overflow.

    >>> import numpy as np
    >>> log_cosh(np.array([[0.0]]), np.array([[1.0]])).round(4).tolist()
    [0.4338]
    """
    y_true, y_pred = operands(y_true, y_pred)
    error = ops.subtract(y_pred, y_true)
    tail = ops.softplus(ops.multiply(error, -2.0))
    return ops.mean(ops.subtract(ops.add(error, tail), math.log(2.0)), axis=-1)


def unit_vectors(x: Any, axis: int) -> Any:
    """`x` over its Euclidean length along `axis`, the length at least epsilon: zeros stay zeros."""
    length = ops.sqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), config.epsilon() ** 2))
    return ops.divide(x, length)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Minus the cosine of the angle between the vectors along `axis`: -1 for equal directions, 0 for orthogonal ones.

    >>> cosine_similarity([[1.0, 0.0], [1.0, 0.0]], [[2.0, 0.0], [-3.0, 0.0]]).tolist()
    [-1.0, 1.0]
    """
    y_true, y_pred = operands(y_true, y_pred)
    return ops.negative(ops.sum(ops.multiply(unit_vectors(y_true, axis), unit_vectors(y_pred, axis)), axis=axis))


class MeanSquaredError(NamedLoss):
    """The mean of squared errors.

    Args:
        reduction, name, dtype: as for `Loss`.

    Example:
        >>> import numpy as np
        >>> float(MeanSquaredError()(np.zeros((2, 1)), np.array([[1.0], [3.0]])))
        5.0
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "mean_squared_error", dtype: Any = None):
        super().__init__(mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(NamedLoss):
    """The mean of absolute errors.

    Args:
        reduction, name, dtype: as for `Loss`.

    Example:
        >>> float(MeanAbsoluteError()([[0.0, 0.0]], [[1.0, -3.0]]))
        2.0
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "mean_absolute_error", dtype: Any = None):
        super().__init__(mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(NamedLoss):
    """The mean of absolute errors relative to the target, in percent.

    Args:
        reduction, name, dtype: as for `Loss`.

    Example:
        >>> float(MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 4.0]]))
        25.0
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "mean_absolute_percentage_error", dtype: Any = None):
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(NamedLoss):
    """The mean of squared differences of log(1 + x).

    Args:
        reduction, name, dtype: as for `Loss`.

    Example:
        >>> round(float(MeanSquaredLogarithmicError()([[1.0]], [[3.0]])), 4)
        0.4805
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "mean_squared_logarithmic_error", dtype: Any = None):
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


class Huber(NamedLoss):
    """Squared near the target, absolute far from it (Huber 1964, "Robust Estimation of a Location Parameter").

    Args:
        delta: the distance at which the one becomes the other.
        reduction, name, dtype: as for `Loss`.

    Example:
        >>> float(Huber()([[0.0, 0.0]], [[1.0, 3.0]]))
        1.5
    """

    @checked(delta=positive)
    def __init__(self, delta: float = 1.0, reduction: str | None = "sum_over_batch_size", name: str | None = "huber_loss", dtype: Any = None):
        super().__init__(huber, reduction, name, dtype, delta=delta)


class LogCosh(NamedLoss):
    """log(cosh(error)): about half the square of a small error, |error| - log 2 for a large one.

    Args:
        reduction, name, dtype: as for `Loss`.

    Example:
        >>> round(float(LogCosh()([[0.0]], [[1.0]])), 4)
        0.4338
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "log_cosh", dtype: Any = None):
        super().__init__(log_cosh, reduction, name, dtype)


class CosineSimilarity(NamedLoss):
    """Minus the cosine between target and prediction.

    Args:
        axis: the axis along which the vectors lie.
        reduction, name, dtype: as for `Loss`.

    Example:
        >>> round(float(CosineSimilarity()([[1.0, 0.0]], [[3.0, 4.0]])), 4)
        -0.6
    """

    @checked(axis=axis_numbers)
    def __init__(self, axis: int = -1, reduction: str | None = "sum_over_batch_size", name: str | None = "cosine_similarity", dtype: Any = None):
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)
