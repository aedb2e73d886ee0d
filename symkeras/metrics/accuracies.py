"""How often predictions are right: for numbers, for probabilities, for classes given one-hot or as integers."""

from __future__ import annotations

from typing import Any

from symkeras import config, ops
from symkeras.arguments import boolean, checked, number, positive_int
from symkeras.graph import dtypes
from symkeras.losses.regression import operands
from symkeras.losses.weighting import same_rank
from symkeras.metrics.reduction import NamedMean
from symkeras.ops.op import dtype_of


def _as_number(matches: Any) -> Any:
    return ops.cast(matches, config.floatx())


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where targets and predictions are equal, else 0."""
    return _as_number(ops.equal(*operands(y_true, y_pred)))


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """1 where the target is 1 and the prediction above `threshold`, or the target 0 and the prediction not; else 0.

    >>> import numpy as np
    >>> binary_accuracy(np.array([[1, 0]]), np.array([[0.6, 0.7]])).tolist()
    [[1.0, 0.0]]
    """
    y_true, y_pred = same_rank(ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred))
    return _as_number(ops.equal(y_true, ops.cast(ops.greater(y_pred, threshold), y_true.dtype)))


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest of the targets and of the predictions stand at the same place of the last axis, else 0.

    >>> categorical_accuracy([[0, 1], [1, 0]], [[0.25, 0.75], [0.25, 0.75]]).tolist()
    [1.0, 0.0]
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    return _as_number(ops.equal(ops.argmax(y_true, axis=-1), ops.argmax(y_pred, axis=-1)))


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest prediction of the last axis stands at the place that the integer target names, else 0.

    >>> sparse_categorical_accuracy([1, 0], [[0.25, 0.75], [0.25, 0.75]]).tolist()
    [1.0, 0.0]
    """
    y_pred = ops.convert_to_tensor(y_pred)
    labels = _labels(y_true, len(y_pred.shape))
    matches = _as_number(ops.equal(labels, ops.cast(ops.argmax(y_pred, axis=-1), labels.dtype)))
    return ops.squeeze(matches, -1) if len(matches.shape) > 1 and matches.shape[-1] == 1 else matches


def _labels(y_true: Any, ndim: int) -> Any:
    """Labels without a last axis of size 1; integers as int32."""
    labels = ops.convert_to_tensor(y_true)
    if len(labels.shape) == ndim and labels.shape[-1] == 1:
        labels = ops.squeeze(labels, -1)
    return ops.cast(labels, "int32") if dtypes.is_int(dtype_of(labels)) else labels


def _is_in_top(labels: Any, y_pred: Any, k: int) -> Any:
    """Whether fewer than `k` classes score above the one that `labels` name; never where that score is not finite."""
    labels = ops.expand_dims(ops.cast(labels, "int32"), -1)
    score = ops.take_along_axis(y_pred, labels, axis=-1)
    above = ops.sum(ops.greater(y_pred, score), axis=-1)
    return ops.logical_and(ops.less(above, k), ops.isfinite(ops.squeeze(score, -1)))


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 where the class of the one-hot target is among the `k` largest predictions, else 0.

    >>> import numpy as np
    >>> top_k_categorical_accuracy(np.array([[0, 0, 1], [0, 1, 0]]), np.array([[0.1, 0.9, 0.8], [0.05, 0.95, 0]]), k=1).tolist()
    [0.0, 1.0]
    """
    return _as_number(_is_in_top(ops.argmax(ops.convert_to_tensor(y_true), axis=-1), ops.convert_to_tensor(y_pred), k))


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> Any:
    """1 where the integer target is among the `k` largest predictions, else 0.

    Args:
        y_true: integers, of the shape of `y_pred` without its last axis, or with 1 there.
        y_pred: scores of all classes or, with `from_sorted_ids`, the classes themselves, best first.
        k: how many count.
        from_sorted_ids: see `y_pred`.

    Returns:
        The shape of `y_true`.

    >>> sparse_top_k_categorical_accuracy([2, 0], [[0.1, 0.6, 0.3], [0.1, 0.6, 0.3]], k=2).tolist()
    [1.0, 0.0]
    """
    y_pred = ops.convert_to_tensor(y_pred)
    labels = _labels(y_true, len(y_pred.shape))
    if from_sorted_ids:
        matches = ops.any(ops.equal(ops.expand_dims(ops.cast(labels, y_pred.dtype), -1), y_pred[..., :k]), axis=-1)
    else:
        matches = _is_in_top(labels, y_pred, k)
    has_column = len(ops.convert_to_tensor(y_true).shape) == len(y_pred.shape)
    return _as_number(ops.expand_dims(matches, -1) if has_column else matches)


class Accuracy(NamedMean):
    """How often predictions equal targets.

    Args:
        name, dtype: as for `Metric`.

    Example:
        >>> float(Accuracy()([[1], [2]], [[1], [3]]))
        0.5
    """

    _direction = "up"

    def __init__(self, name: str | None = "accuracy", dtype: Any = None):
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(NamedMean):
    """How often probabilities stand on the right side of a threshold.

    Args:
        name, dtype: as for `Metric`.
        threshold: above it a prediction means 1.

    Example:
        >>> import numpy as np
        >>> metric = BinaryAccuracy()
        >>> metric.update_state(np.array([[1], [1]]), np.array([[0.9], [0.2]])); float(metric.result())
        0.5
    """

    _direction = "up"

    @checked(threshold=number())
    def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5):
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(NamedMean):
    """How often the most probable class is that of the one-hot target.

    Args:
        name, dtype: as for `Metric`.

    Example:
        >>> float(CategoricalAccuracy()([[0, 1], [1, 0]], [[0.25, 0.75], [0.25, 0.75]]))
        0.5
    """

    _direction = "up"

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None):
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(NamedMean):
    """How often the most probable class is the integer target.

    Args:
        name, dtype: as for `Metric`.

    Example:
        >>> float(SparseCategoricalAccuracy()([1, 0], [[0.25, 0.75], [0.25, 0.75]]))
        0.5
    """

    _direction = "up"

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None):
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(NamedMean):
    """How often the class of the one-hot target is among the `k` most probable.

    Args:
        k: how many classes count.
        name, dtype: as for `Metric`.

    Example:
        >>> float(TopKCategoricalAccuracy(k=2)([[0, 0, 1], [1, 0, 0]], [[0.1, 0.6, 0.3], [0.1, 0.6, 0.3]]))
        0.5
    """

    _direction = "up"

    @checked(k=positive_int)
    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None):
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


class SparseTopKCategoricalAccuracy(NamedMean):
    """How often the integer target is among the `k` most probable classes.

    Args:
        k: how many classes count.
        name, dtype: as for `Metric`.
        from_sorted_ids: whether predictions are classes, best first, rather than scores.

    Example:
        >>> float(SparseTopKCategoricalAccuracy(k=2)([2, 0], [[0.1, 0.6, 0.3], [0.1, 0.6, 0.3]]))
        0.5
    """

    _direction = "up"

    @checked(k=positive_int, from_sorted_ids=boolean)
    def __init__(self, k: int = 5, name: str | None = "sparse_top_k_categorical_accuracy", dtype: Any = None, from_sorted_ids: bool = False):
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if not config["from_sorted_ids"]:
            del config["from_sorted_ids"]
        return config
