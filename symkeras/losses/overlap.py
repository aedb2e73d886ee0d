"""Losses of segmentation: how much of the predicted and the true region coincides."""

from __future__ import annotations

from typing import Any

from symkeras import config, ops
from symkeras.arguments import axis_numbers, checked, non_negative, optional
from symkeras.losses.wrapper import NamedLoss


def _regions(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    y_pred = ops.convert_to_tensor(y_pred)
    return ops.cast(ops.convert_to_tensor(y_true), y_pred.dtype), y_pred


def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Any:
    """1 - 2 |A ∩ B| / (|A| + |B|) over `axis`, over everything when None.

    >>> round(float(dice([[1.0, 1.0]], [[1.0, 0.0]])), 4)
    0.3333
    """
    y_true, y_pred = _regions(y_true, y_pred)
    common = ops.sum(ops.multiply(y_true, y_pred), axis=axis)
    total = ops.add(ops.sum(y_true, axis=axis), ops.sum(y_pred, axis=axis))
    return ops.subtract(1.0, ops.divide(ops.multiply(common, 2.0), ops.add(total, config.epsilon())))


def tversky(y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None) -> Any:
    """1 - |A ∩ B| / (|A ∩ B| + alpha |A \\ B| + beta |B \\ A|), A true and B predicted (Salehi et al. 2017).

    Args:
        y_true, y_pred: the regions, as numbers in [0, 1].
        alpha: weight of what is missed.
        beta: weight of what is invented.
        axis: axes over which regions extend; all when None.

    >>> round(float(tversky([[1.0, 1.0]], [[1.0, 0.0]], alpha=1.0, beta=0.0)), 4)
    0.5
    """
    y_true, y_pred = _regions(y_true, y_pred)
    common = ops.sum(ops.multiply(y_true, y_pred), axis=axis)
    missed = ops.sum(ops.multiply(ops.subtract(1.0, y_pred), y_true), axis=axis)
    invented = ops.sum(ops.multiply(y_pred, ops.subtract(1.0, y_true)), axis=axis)
    rest = ops.add(ops.multiply(missed, alpha), ops.multiply(invented, beta))
    return ops.subtract(1.0, ops.divide(common, ops.add(ops.add(common, rest), config.epsilon())))


class Dice(NamedLoss):
    """One minus the Dice coefficient of two regions.

    Args:
        reduction, name, dtype: as for `Loss`.
        axis: axes over which regions extend; all, the batch too, when None.

    Example:
        >>> import numpy as np
        >>> round(float(Dice()(np.array([[1.0, 0.0]]), np.array([[1.0, 0.0]]))), 4)
        0.0
    """

    @checked(axis=optional(axis_numbers))
    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "dice", axis: Any = None, dtype: Any = None):
        super().__init__(dice, reduction, name, dtype, axis=axis)


class Tversky(NamedLoss):
    """One minus the Tversky index: a Dice that weighs the two kinds of error separately.

    Args:
        alpha: weight of what is true and not predicted.
        beta: weight of what is predicted and not true.
        reduction, name, dtype: as for `Loss`.
        axis: axes over which regions extend; all, the batch too, when None.

    Example:
        >>> round(float(Tversky(alpha=1.0, beta=0.0)([[1.0, 1.0]], [[1.0, 0.0]])), 4)
        0.5
    """

    @checked(alpha=non_negative, beta=non_negative, axis=optional(axis_numbers))
    def __init__(self, alpha: float = 0.5, beta: float = 0.5, reduction: str | None = "sum_over_batch_size", name: str | None = "tversky",
                 axis: Any = None, dtype: Any = None):  # fmt: skip
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)
