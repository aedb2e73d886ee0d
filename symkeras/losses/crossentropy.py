"""Cross-entropies: of independent probabilities, of a distribution over classes, and of integer labels."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

from symkeras import config, ops
from symkeras.arguments import axis_number, boolean, checked, fraction, integer, optional
from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import dims
from symkeras.losses.logits import as_logits
from symkeras.losses.regression import operands
from symkeras.losses.weighting import masks_values
from symkeras.losses.wrapper import NamedLoss
from symkeras.ops.shaping import canonical_axis


def clip_probability(p: Any) -> Any:
    """`p` at a distance of at least epsilon from 0 and 1."""
    return ops.clip(p, config.epsilon(), 1.0 - config.epsilon())


def check_same_shape(y_true: Any, y_pred: Any, loss: str, hint: str = "") -> None:
    """Raise ShapeError where targets and predictions cannot have one shape."""
    a, b = ops.shape(y_true), ops.shape(y_pred)
    if len(a) != len(b) or not all(dims.same(m, n) for m, n in zip(a, b, strict=True)):
        raise ShapeError(f"{loss}: targets and predictions must have the same shape, received y_true {tuple(a)} and y_pred {tuple(b)}{hint}")


def binary_terms(y_true: Any, y_pred: Any, from_logits: bool) -> Any:
    """-(y log p + (1 - y) log(1 - p)) element by element."""
    logits = as_logits(y_pred, from_logits, "sigmoid", "binary_crossentropy")
    if logits is not None:
        return ops.subtract(ops.softplus(logits), ops.multiply(logits, y_true))
    p = clip_probability(y_pred)
    likelihood = ops.add(ops.multiply(y_true, ops.log(p)), ops.multiply(ops.subtract(1.0, y_true), ops.log(ops.subtract(1.0, p))))
    return ops.negative(likelihood)


def smooth_binary(y_true: Any, label_smoothing: float) -> Any:
    """Targets drawn towards 1/2."""
    return ops.add(ops.multiply(y_true, 1.0 - label_smoothing), 0.5 * label_smoothing) if label_smoothing else y_true


def smooth_classes(y_true: Any, label_smoothing: float) -> Any:
    """Targets drawn towards the uniform distribution."""
    if not label_smoothing:
        return y_true
    classes = ops.cast(ops.shape(y_true)[-1], y_true.dtype)
    return ops.add(ops.multiply(y_true, 1.0 - label_smoothing), ops.divide(label_smoothing, classes))


def class_operands(y_true: Any, y_pred: Any, axis: int, loss: str) -> tuple[Any, Any, int]:
    """Targets and predictions over classes, checked, and the axis of the classes counted from the front."""
    if isinstance(axis, bool):
        raise ConfigError(f"{loss}: axis must be an int, received {axis}")
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.cast(ops.convert_to_tensor(y_true), y_pred.dtype)
    check_same_shape(y_true, y_pred, loss, "; for integer labels use sparse_categorical_crossentropy")
    axis = canonical_axis(axis, len(y_pred.shape))
    if y_pred.shape[-1] == 1:
        warnings.warn(
            f"{loss} over a single class is always 0: y_pred has shape {y_pred.shape}. Use binary_crossentropy for one probability.", SyntaxWarning
        )
    return y_true, y_pred, axis


def binary_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1) -> Any:
    """The mean over `axis` of -(y log p + (1 - y) log(1 - p)).

    Args:
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: in [0, 1]; targets are drawn towards 1/2 by this much.
        axis: over which the mean is taken.

    >>> import numpy as np
    >>> binary_crossentropy(np.array([[0.0, 1.0]]), np.array([[0.5, 0.5]])).round(4).tolist()
    [0.6931]
    """
    y_true, y_pred = operands(y_true, y_pred)
    check_same_shape(y_true, y_pred, "binary_crossentropy")
    return ops.mean(binary_terms(smooth_binary(y_true, label_smoothing), y_pred, from_logits), axis=axis)


def categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1) -> Any:
    """-sum(y log p) over the classes; probabilities are first divided by their sum.

    Args:
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: in [0, 1]; this share of each target is spread over all classes.
        axis: of the classes.

    >>> import numpy as np
    >>> categorical_crossentropy(np.array([[0.0, 1.0]]), np.array([[0.5, 0.5]])).round(4).tolist()
    [0.6931]
    """
    y_true, y_pred, axis = class_operands(y_true, y_pred, axis, "categorical_crossentropy")
    y_true = smooth_classes(y_true, label_smoothing)
    is_last = axis == len(y_pred.shape) - 1
    logits = as_logits(y_pred, from_logits, "softmax", "categorical_crossentropy") if is_last else y_pred if from_logits else None
    if logits is not None:
        log_p = ops.log_softmax(logits, axis=axis)
    else:
        log_p = ops.log(clip_probability(ops.divide(y_pred, ops.sum(y_pred, axis=axis, keepdims=True))))
    return ops.negative(ops.sum(ops.multiply(y_true, log_p), axis=axis))


def _labelled(y_true: Any, values: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1) -> Any:
    if ignore_class is None:
        return None
    labels = ops.convert_to_tensor(y_true)
    return ops.reshape(ops.not_equal(labels, ignore_class), ops.shape(values))


@masks_values(_labelled)
def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Any:
    """-log of the probability of the class that each integer names; probabilities are first divided by their sum.

    Args:
        y_true: integers in [0, V), of the shape of `y_pred` without its last axis, or with 1 there. A negative label that is
            not `ignore_class` gives NaN; one above V - 1 is an IndexError when the loss is computed.
        y_pred: probabilities or logits, (B, ..., V).
        ignore_class: labels with this value give a loss of 0.
        axis: the axis of the classes: the last one, as on TensorFlow.
        from_logits: whether predictions are logits rather than probabilities.

    Raises:
        ConfigError: another axis than the last.

    >>> import numpy as np
    >>> sparse_categorical_crossentropy(np.array([1]), np.array([[0.75, 0.25]])).round(4).tolist()
    [1.3863]
    """
    y_pred = ops.convert_to_tensor(y_pred)
    ndim = len(y_pred.shape)
    if axis not in (-1, ndim - 1):
        raise ConfigError(f"sparse_categorical_crossentropy: the classes must lie along the last axis, received axis={axis}")
    labels = ops.cast(ops.convert_to_tensor(y_true), "int32")
    if len(labels.shape) == ndim and labels.shape[-1] == 1:
        labels = ops.squeeze(labels, -1)
    _check_labels(labels, y_pred)
    is_kept = None if ignore_class is None else ops.not_equal(labels, int(ignore_class))
    if is_kept is not None:
        labels = ops.where(is_kept, labels, 0)
    is_negative = ops.less(labels, 0)
    values = _negative_log_likelihood(ops.where(is_negative, 0, labels), y_pred, from_logits)
    values = ops.where(is_negative, float("nan"), values)
    return values if is_kept is None else ops.where(is_kept, values, 0.0)


def _check_labels(labels: Any, y_pred: Any) -> None:
    a, b = ops.shape(labels), ops.shape(y_pred)[:-1]
    if len(a) != len(b) or not all(dims.same(m, n) for m, n in zip(a, b, strict=True)):
        raise ShapeError(
            f"sparse_categorical_crossentropy expects integer labels of shape {tuple(b)} for y_pred {tuple(ops.shape(y_pred))}, received {tuple(a)}; "
            "for one-hot targets use categorical_crossentropy"
        )


def _negative_log_likelihood(labels: Any, y_pred: Any, from_logits: bool) -> Any:
    index = ops.expand_dims(labels, -1)
    logits = as_logits(y_pred, from_logits, "softmax", "sparse_categorical_crossentropy")
    if logits is not None:
        return ops.negative(ops.squeeze(ops.take_along_axis(ops.log_softmax(logits, axis=-1), index, axis=-1), -1))
    p = clip_probability(y_pred)
    chosen = ops.squeeze(ops.take_along_axis(p, index, axis=-1), -1)
    return ops.subtract(ops.log(ops.sum(p, axis=-1)), ops.log(chosen))


class BinaryCrossentropy(NamedLoss):
    """The cross-entropy of independent yes-or-no targets.

    Predictions that are a sigmoid in the graph are replaced by its input; other probabilities are clipped by `epsilon`.

    Args:
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: in [0, 1]; targets are drawn towards 1/2 by this much.
        axis: the axis over which the mean is taken.
        reduction, name, dtype: as for `Loss`.

    Example:
        >>> import numpy as np
        >>> round(float(BinaryCrossentropy(from_logits=True)(np.array([[1.0]]), np.array([[0.0]]))), 4)
        0.6931
    """

    @checked(from_logits=boolean, label_smoothing=fraction, axis=axis_number)
    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1, reduction: str | None = "sum_over_batch_size",
                 name: str | None = "binary_crossentropy", dtype: Any = None):  # fmt: skip
        super().__init__(binary_crossentropy, reduction, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


class CategoricalCrossentropy(NamedLoss):
    """The cross-entropy of distributions over classes.

    Predictions that are a softmax in the graph are replaced by its input; other probabilities are clipped by `epsilon`.

    Args:
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: in [0, 1]; targets are drawn towards the uniform distribution by this much.
        axis: the axis of the classes.
        reduction, name, dtype: as for `Loss`.

    Example:
        >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
        0.6931
    """

    @checked(from_logits=boolean, label_smoothing=fraction, axis=axis_number)
    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1, reduction: str | None = "sum_over_batch_size",
                 name: str | None = "categorical_crossentropy", dtype: Any = None):  # fmt: skip
        super().__init__(categorical_crossentropy, reduction, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


class SparseCategoricalCrossentropy(NamedLoss):
    """The cross-entropy of integer labels.

    Predictions that are a softmax in the graph are replaced by its input; other probabilities are clipped by `epsilon`.

    Args:
        from_logits: whether predictions are logits rather than probabilities.
        ignore_class: positions with this label do not count, in the mean neither.
        axis: the axis of the classes: the last one.
        reduction, name, dtype: as for `Loss`.

    Example:
        >>> import numpy as np
        >>> loss = SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
        >>> round(float(loss(np.array([0, -1]), np.zeros((2, 4)))), 4)
        1.3863
    """

    casts_targets: ClassVar[bool] = False

    @checked(from_logits=boolean, ignore_class=optional(integer()), axis=axis_number)
    def __init__(self, from_logits: bool = False, ignore_class: int | None = None, reduction: str | None = "sum_over_batch_size", axis: int = -1,
                 name: str | None = "sparse_categorical_crossentropy", dtype: Any = None):  # fmt: skip
        super().__init__(sparse_categorical_crossentropy, reduction, name, dtype, from_logits=from_logits, ignore_class=ignore_class, axis=axis)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["axis"]
        return config
