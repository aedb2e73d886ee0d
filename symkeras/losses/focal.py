"""Cross-entropies that weigh examples by how badly they are predicted."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.arguments import axis_number, boolean, checked, fraction, non_negative, number, real_numbers
from symkeras.losses.crossentropy import binary_terms, check_same_shape, class_operands, clip_probability, smooth_binary, smooth_classes
from symkeras.losses.regression import operands
from symkeras.losses.wrapper import NamedLoss


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """The binary cross-entropy times (1 - p of the truth)^gamma, averaged over `axis` (Lin et al. 2017).

    Args:
        apply_class_balancing: whether the classes are weighed by `alpha`.
        alpha: weight of class 1; class 0 has 1 - alpha.
        gamma: how much what is predicted well counts less.
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: in [0, 1]; targets are drawn towards 1/2 by this much.
        axis: over which the mean is taken.

    >>> import numpy as np
    >>> binary_focal_crossentropy(np.array([[1.0]]), np.array([[0.5]])).round(4).tolist()
    [0.1733]
    """
    y_true, y_pred = operands(y_true, y_pred)
    check_same_shape(y_true, y_pred, "binary_focal_crossentropy")
    y_true = smooth_binary(y_true, label_smoothing)
    p = ops.sigmoid(y_pred) if from_logits else y_pred
    terms = binary_terms(y_true, y_pred, from_logits)
    is_false = ops.subtract(1.0, y_true)
    p_of_truth = ops.add(ops.multiply(y_true, p), ops.multiply(is_false, ops.subtract(1.0, p)))
    terms = ops.multiply(ops.power(ops.subtract(1.0, p_of_truth), gamma), terms)
    if apply_class_balancing:
        terms = ops.multiply(ops.add(ops.multiply(y_true, alpha), ops.multiply(is_false, 1.0 - alpha)), terms)
    return ops.mean(terms, axis=axis)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """-sum(alpha (1 - p)^gamma y log p) over the classes; probabilities are divided by their sum and clipped.

    Args:
        alpha: weight of the classes, a number or one per class.
        gamma: how much what is predicted well counts less.
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: in [0, 1]; this share of each target is spread over all classes.
        axis: of the classes.

    >>> import numpy as np
    >>> categorical_focal_crossentropy(np.array([[0.0, 1.0]]), np.array([[0.5, 0.5]])).round(4).tolist()
    [0.0433]
    """
    y_true, y_pred, axis = class_operands(y_true, y_pred, axis, "categorical_focal_crossentropy")
    y_true = smooth_classes(y_true, label_smoothing)
    p = ops.softmax(y_pred, axis=axis) if from_logits else y_pred
    p = clip_probability(ops.divide(p, ops.sum(p, axis=axis, keepdims=True)))
    focus = ops.multiply(ops.power(ops.subtract(1.0, p), gamma), alpha)
    return ops.negative(ops.sum(ops.multiply(focus, ops.multiply(y_true, ops.log(p))), axis=axis))


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """(1 - p^q) / q for the probability p of the class each integer names (Zhang and Sabuncu 2018).

    Between cross-entropy (q towards 0) and absolute error (q = 1): labels that are noise weigh less.

    >>> import numpy as np
    >>> categorical_generalized_cross_entropy(np.array([1]), np.array([[0.75, 0.25]]), q=0.5).round(4).tolist()
    [1.0]
    """
    y_pred = ops.convert_to_tensor(y_pred)
    hot = ops.one_hot(ops.cast(ops.convert_to_tensor(y_true), "int32"), y_pred.shape[-1], dtype=y_pred.dtype)
    p = ops.sum(ops.multiply(y_pred, hot), axis=-1)
    return ops.divide(ops.subtract(1.0, ops.power(p, q)), q)


class BinaryFocalCrossentropy(NamedLoss):
    """A binary cross-entropy that counts easy examples less (Lin et al. 2017, "Focal Loss for Dense Object Detection").

    Args:
        apply_class_balancing: whether class 1 is weighted by `alpha` and class 0 by 1 - alpha.
        alpha: the weight of class 1.
        gamma: how fast easy examples fade; 0 gives the plain cross-entropy.
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: in [0, 1]; targets are drawn towards 1/2 by this much.
        axis: the axis over which the mean is taken.
        reduction, name, dtype: as for `Loss`.

    Example:
        >>> round(float(BinaryFocalCrossentropy()([[1.0]], [[0.5]])), 4)
        0.1733
    """

    @checked(apply_class_balancing=boolean, alpha=fraction, gamma=non_negative, from_logits=boolean, label_smoothing=fraction, axis=axis_number)
    def __init__(self, apply_class_balancing: bool = False, alpha: float = 0.25, gamma: float = 2.0, from_logits: bool = False,
                 label_smoothing: float = 0.0, axis: int = -1, reduction: str | None = "sum_over_batch_size",
                 name: str | None = "binary_focal_crossentropy", dtype: Any = None):  # fmt: skip
        super().__init__(
            binary_focal_crossentropy, reduction, name, dtype, apply_class_balancing=apply_class_balancing, alpha=alpha, gamma=gamma,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class CategoricalFocalCrossentropy(NamedLoss):
    """A categorical cross-entropy that counts easy examples less (Lin et al. 2017).

    Args:
        alpha: a factor for all classes, or one per class.
        gamma: how fast easy examples fade.
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: in [0, 1]; targets are drawn towards the uniform distribution by this much.
        axis: the axis of the classes.
        reduction, name, dtype: as for `Loss`.

    Example:
        >>> round(float(CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
        0.0433
    """

    @checked(alpha=real_numbers, gamma=non_negative, from_logits=boolean, label_smoothing=fraction, axis=axis_number)
    def __init__(self, alpha: Any = 0.25, gamma: float = 2.0, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
                 reduction: str | None = "sum_over_batch_size", name: str | None = "categorical_focal_crossentropy", dtype: Any = None):  # fmt: skip
        super().__init__(
            categorical_focal_crossentropy, reduction, name, dtype, alpha=alpha, gamma=gamma, from_logits=from_logits,
            label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class CategoricalGeneralizedCrossEntropy(NamedLoss):
    """A loss for noisy integer labels (Zhang and Sabuncu 2018, "Generalized Cross Entropy Loss").

    Args:
        q: in (0, 1); the larger, the less a label that disagrees with the prediction weighs.
        reduction, name, dtype: as for `Loss`.

    Raises:
        ConfigError: q outside (0, 1).

    Example:
        >>> round(float(CategoricalGeneralizedCrossEntropy(q=0.5)([1], [[0.75, 0.25]])), 4)
        1.0
    """

    @checked(q=number(above=0, below=1))
    def __init__(self, q: float = 0.5, reduction: str | None = "sum_over_batch_size",
                 name: str | None = "categorical_generalized_cross_entropy", dtype: Any = None):  # fmt: skip
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
            y_true = ops.squeeze(y_true, -1)
        return self.fn(y_true, y_pred, **self._fn_kwargs)
