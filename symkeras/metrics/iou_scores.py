"""Intersection over union of predicted and true classes, from a confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from symkeras import config, ops
from symkeras.arguments import axis_number, boolean, checked, integer, non_negative_int, number, optional, positive_int, several
from symkeras.errors import ConfigError
from symkeras.metrics.metric import Metric


class IoU(Metric):
    """The mean over some classes of TP / (TP + FP + FN); classes that never occur do not count.

    Args:
        num_classes: number of classes V.
        target_class_ids: the classes that count.
        name: shown in logs.
        dtype: dtype in which positions are counted, int32 when None.
        ignore_class: positions with this label do not count.
        sparse_y_true, sparse_y_pred: whether targets and predictions are integers; otherwise the largest along `axis` is taken.
        axis: the axis of the classes.

    Raises:
        ConfigError: a class that does not exist.

    Example:
        >>> import numpy as np
        >>> metric = IoU(num_classes=2, target_class_ids=[0])
        >>> metric.update_state(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])); round(float(metric.result()), 4)
        0.3333
    """

    _direction = "up"
    _config: ClassVar[tuple[str, ...]] = ("num_classes", "target_class_ids", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")

    @checked(
        num_classes=positive_int, target_class_ids=several(non_negative_int, least=1), ignore_class=optional(integer()), sparse_y_true=boolean,
        sparse_y_pred=boolean, axis=axis_number,
    )  # fmt: skip
    def __init__(self, num_classes: int, target_class_ids: Sequence[int], name: str | None = None, dtype: Any = None,
                 ignore_class: int | None = None, sparse_y_true: bool = True, sparse_y_pred: bool = True, axis: int = -1):  # fmt: skip
        super().__init__(name=name, dtype=dtype or "int32")
        bad = [c for c in target_class_ids if not 0 <= c < num_classes]
        if bad:
            raise ConfigError(f"{type(self).__name__}: classes {bad} do not exist, there are {num_classes}")
        self.num_classes = num_classes
        self.target_class_ids = list(target_class_ids)
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self.total_cm = self.add_variable((num_classes, num_classes), dtype=self.dtype, name="total_confusion_matrix")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        labels = y_true if self.sparse_y_true else ops.argmax(y_true, axis=self.axis)
        found = y_pred if self.sparse_y_pred else ops.argmax(y_pred, axis=self.axis)
        labels, found = (ops.reshape(ops.cast(x, "int32"), (-1,)) for x in (labels, found))
        weights = ops.cast(1, self.dtype) if sample_weight is None else ops.cast(ops.convert_to_tensor(sample_weight), self.dtype)
        if len(weights.shape) > 1:
            weights = ops.reshape(weights, (-1,))
        is_inside = ops.logical_and(self._exists(labels), self._exists(found))
        if self.ignore_class is not None:
            is_inside = ops.logical_and(is_inside, ops.not_equal(labels, self.ignore_class))
        cell = ops.where(is_inside, ops.add(ops.multiply(labels, self.num_classes), found), 0)
        counts = ops.where(is_inside, ops.broadcast_to(weights, ops.shape(labels)), 0)
        matrix = ops.scatter(ops.expand_dims(cell, -1), counts, (self.num_classes**2,))
        self.total_cm.assign(self.total_cm + ops.reshape(matrix, (self.num_classes, self.num_classes)))

    def _exists(self, classes: Any) -> Any:
        return ops.logical_and(ops.greater_equal(classes, 0), ops.less(classes, self.num_classes))

    def result(self) -> Any:
        dtype = "float32"
        matrix = self.total_cm.value
        common = ops.sum(ops.multiply(matrix, np.eye(self.num_classes, dtype=self.dtype)), axis=0)
        union = ops.subtract(ops.add(ops.sum(matrix, axis=0), ops.sum(matrix, axis=1)), common)
        chosen = np.asarray(self.target_class_ids, "int32")
        common, union = (ops.cast(ops.take(x, chosen), dtype) for x in (common, union))
        occurs = ops.greater(union, 1e-9)
        ratio = ops.where(occurs, ops.divide(common, ops.add(union, config.epsilon())), 0.0)
        return ops.divide(ops.sum(ratio), ops.add(ops.sum(ops.cast(occurs, dtype)), config.epsilon()))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{k: getattr(self, k) for k in self._config}}


class BinaryIoU(IoU):
    """The mean intersection over union of class 0 and class 1 of thresholded probabilities.

    Args:
        target_class_ids: the classes that count, of 0 and 1.
        threshold: from it on a prediction means class 1.
        name, dtype: as for `IoU`.

    Example:
        >>> round(float(BinaryIoU()([0, 0, 1, 1], [0.1, 0.7, 0.2, 0.8])), 4)
        0.3333
    """

    _config = ("target_class_ids", "threshold")

    @checked(threshold=number())
    def __init__(self, target_class_ids: Sequence[int] = (0, 1), threshold: float = 0.5, name: str | None = None, dtype: Any = None):
        super().__init__(num_classes=2, target_class_ids=target_class_ids, name=name, dtype=dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        score = ops.cast(ops.convert_to_tensor(y_pred), "float32")
        super().update_state(y_true, ops.greater_equal(score, self.threshold), sample_weight)


class MeanIoU(IoU):
    """The mean intersection over union of all classes.

    Args:
        num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis: as for `IoU`.

    Example:
        >>> round(float(MeanIoU(2)([0, 0, 1, 1], [0, 1, 1, 1])), 4)
        0.5833
    """

    _config = ("num_classes", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")

    @checked(num_classes=positive_int)
    def __init__(self, num_classes: int, name: str | None = None, dtype: Any = None, ignore_class: int | None = None,
                 sparse_y_true: bool = True, sparse_y_pred: bool = True, axis: int = -1):  # fmt: skip
        super().__init__(num_classes, list(range(num_classes)), name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)


class OneHotIoU(IoU):
    """The mean intersection over union of some classes, targets one-hot.

    Args:
        num_classes, target_class_ids, name, dtype, ignore_class, sparse_y_pred, axis: as for `IoU`.

    Example:
        >>> round(float(OneHotIoU(2, target_class_ids=[1])([[1, 0], [0, 1], [0, 1]], [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])), 4)
        0.5
    """

    _config = ("num_classes", "target_class_ids", "ignore_class", "sparse_y_pred", "axis")

    def __init__(self, num_classes: int, target_class_ids: Sequence[int], name: str | None = None, dtype: Any = None,
                 ignore_class: int | None = None, sparse_y_pred: bool = False, axis: int = -1):  # fmt: skip
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)


class OneHotMeanIoU(MeanIoU):
    """The mean intersection over union of all classes, targets one-hot.

    Args:
        num_classes, name, dtype, ignore_class, sparse_y_pred, axis: as for `IoU`.

    Example:
        >>> round(float(OneHotMeanIoU(2)([[1, 0], [0, 1], [0, 1]], [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])), 4)
        0.5
    """

    _config = ("num_classes", "ignore_class", "sparse_y_pred", "axis")

    def __init__(self, num_classes: int, name: str | None = None, dtype: Any = None, ignore_class: int | None = None,
                 sparse_y_pred: bool = False, axis: int = -1):  # fmt: skip
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)
