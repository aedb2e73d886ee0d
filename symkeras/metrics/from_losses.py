"""Losses as metrics: means over all samples of an epoch of the functions in `symkeras.losses`."""

from __future__ import annotations

from typing import Any

from symkeras import losses, ops
from symkeras.arguments import axis_number, axis_numbers, boolean, checked, fraction, integer, optional
from symkeras.losses.regression import operands
from symkeras.losses.weighting import divide_no_nan
from symkeras.metrics.reduction import Mean, NamedMean


class MeanSquaredError(NamedMean):
    """The mean of squared errors.

    Args:
        name, dtype: as for `Metric`.

    Example:
        >>> import numpy as np
        >>> metric = MeanSquaredError()
        >>> metric.update_state(np.zeros((2, 1)), np.array([[1.0], [3.0]])); float(metric.result())
        5.0
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_squared_error", dtype: Any = None):
        super().__init__(losses.mean_squared_error, name, dtype)


class RootMeanSquaredError(Mean):
    """The square root of the mean of squared errors.

    Args:
        name, dtype: as for `Metric`.

    Example:
        >>> float(RootMeanSquaredError()([[0.0], [0.0]], [[1.0], [7.0]]))
        5.0
    """

    _direction = "down"

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = operands(y_true, ops.cast(ops.convert_to_tensor(y_pred), self.dtype))
        super().update_state(ops.square(ops.subtract(y_pred, y_true)), sample_weight=sample_weight)

    def result(self) -> Any:
        return ops.sqrt(divide_no_nan(self.total.value, self.count.value))


class MeanAbsoluteError(NamedMean):
    """The mean of absolute errors.

    Args:
        name, dtype: as for `Metric`.

    Example:
        >>> float(MeanAbsoluteError()([[0.0, 0.0]], [[1.0, -3.0]]))
        2.0
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_absolute_error", dtype: Any = None):
        super().__init__(losses.mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(NamedMean):
    """The mean of absolute errors relative to the target, in percent.

    Args:
        name, dtype: as for `Metric`.

    Example:
        >>> float(MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 4.0]]))
        25.0
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: Any = None):
        super().__init__(losses.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(NamedMean):
    """The mean of squared differences of log(1 + x).

    Args:
        name, dtype: as for `Metric`.

    Example:
        >>> round(float(MeanSquaredLogarithmicError()([[1.0]], [[3.0]])), 4)
        0.4805
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: Any = None):
        super().__init__(losses.mean_squared_logarithmic_error, name, dtype)


def _cosine(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    return ops.negative(losses.cosine_similarity(y_true, y_pred, axis=axis))


class CosineSimilarity(NamedMean):
    """The cosine between target and prediction: 1 for equal directions (the loss of this name is its negative).

    Args:
        name, dtype: as for `Metric`.
        axis: the axis along which the vectors lie.

    Example:
        >>> round(float(CosineSimilarity()([[1.0, 0.0]], [[3.0, 4.0]])), 4)
        0.6
    """

    _direction = "up"

    @checked(axis=axis_numbers)
    def __init__(self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1):
        super().__init__(_cosine, name, dtype, axis=axis)


class LogCoshError(NamedMean):
    """The mean of log(cosh(error)).

    Args:
        name, dtype: as for `Metric`.

    Example:
        >>> round(float(LogCoshError()([[0.0]], [[1.0]])), 4)
        0.4338
    """

    _direction = "down"

    def __init__(self, name: str | None = "logcosh", dtype: Any = None):
        super().__init__(losses.log_cosh, name, dtype)


class BinaryCrossentropy(NamedMean):
    """The mean cross-entropy of independent yes-or-no targets.

    Args:
        name, dtype: as for `Metric`.
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: targets are drawn towards 1/2 by this much.

    Example:
        >>> round(float(BinaryCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
        0.6931
    """

    _direction = "down"

    @checked(from_logits=boolean, label_smoothing=fraction)
    def __init__(self, name: str | None = "binary_crossentropy", dtype: Any = None, from_logits: bool = False, label_smoothing: float = 0):
        super().__init__(losses.binary_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing)


class CategoricalCrossentropy(NamedMean):
    """The mean cross-entropy of distributions over classes.

    Args:
        name, dtype: as for `Metric`.
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: targets are drawn towards the uniform distribution by this much.
        axis: the axis of the classes.

    Example:
        >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
        0.6931
    """

    _direction = "down"

    @checked(from_logits=boolean, label_smoothing=fraction, axis=axis_number)
    def __init__(self, name: str | None = "categorical_crossentropy", dtype: Any = None, from_logits: bool = False,
                 label_smoothing: float = 0, axis: int = -1):  # fmt: skip
        super().__init__(losses.categorical_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


class SparseCategoricalCrossentropy(NamedMean):
    """The mean cross-entropy of integer labels.

    Args:
        name, dtype: as for `Metric`.
        from_logits: whether predictions are logits rather than probabilities.
        ignore_class: labels with this value give a loss of 0; with sample weights they do not count.
        axis: the axis of the classes: the last one.

    Example:
        >>> round(float(SparseCategoricalCrossentropy()([1], [[0.75, 0.25]])), 4)
        1.3863
    """

    _direction = "down"

    @checked(from_logits=boolean, ignore_class=optional(integer()), axis=axis_number)
    def __init__(self, name: str | None = "sparse_categorical_crossentropy", dtype: Any = None, from_logits: bool = False,
                 ignore_class: int | None = None, axis: int = -1):  # fmt: skip
        super().__init__(
            losses.sparse_categorical_crossentropy, name, dtype, from_logits=from_logits, ignore_class=ignore_class, axis=axis
        )


class KLDivergence(NamedMean):
    """The mean Kullback-Leibler divergence of predicted from true distributions.

    Args:
        name, dtype: as for `Metric`.

    Example:
        >>> round(float(KLDivergence()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
        0.6931
    """

    _direction = "down"

    def __init__(self, name: str | None = "kl_divergence", dtype: Any = None):
        super().__init__(losses.kl_divergence, name, dtype)


class Poisson(NamedMean):
    """The mean negative log-likelihood of counts under predicted rates.

    Args:
        name, dtype: as for `Metric`.

    Example:
        >>> round(float(Poisson()([[2.0, 0.0]], [[1.0, 3.0]])), 4)
        2.0
    """

    _direction = "down"

    def __init__(self, name: str | None = "poisson", dtype: Any = None):
        super().__init__(losses.poisson, name, dtype)


class Hinge(NamedMean):
    """The mean hinge loss of targets -1 and 1 (or 0 and 1).

    Args:
        name, dtype: as for `Metric`.

    Example:
        >>> float(Hinge()([[-1.0, 1.0]], [[0.5, 0.5]]))
        1.0
    """

    _direction = "down"

    def __init__(self, name: str | None = "hinge", dtype: Any = None):
        super().__init__(losses.hinge, name, dtype)


class SquaredHinge(NamedMean):
    """The mean squared hinge loss of targets -1 and 1 (or 0 and 1).

    Args:
        name, dtype: as for `Metric`.

    Example:
        >>> float(SquaredHinge()([[-1.0, 1.0]], [[0.5, 0.5]]))
        1.25
    """

    _direction = "down"

    def __init__(self, name: str | None = "squared_hinge", dtype: Any = None):
        super().__init__(losses.squared_hinge, name, dtype)


class CategoricalHinge(NamedMean):
    """The mean hinge loss between the score of the right class and the best of the others.

    Args:
        name, dtype: as for `Metric`.

    Example:
        >>> float(CategoricalHinge()([[0.0, 1.0]], [[0.5, 0.75]]))
        0.75
    """

    _direction = "down"

    def __init__(self, name: str | None = "categorical_hinge", dtype: Any = None):
        super().__init__(losses.categorical_hinge, name, dtype)


