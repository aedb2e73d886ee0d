"""Hinge losses: zero once the prediction is on the right side by a margin of 1."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.losses.regression import operands
from symkeras.losses.wrapper import NamedLoss


def _signs(y_true: Any) -> Any:
    """Targets in {-1, 1}; those in {0, 1} are mapped there."""
    is_binary = ops.all(ops.logical_or(ops.equal(y_true, 0), ops.equal(y_true, 1)))
    return ops.where(is_binary, ops.subtract(ops.multiply(y_true, 2), 1), y_true)


def _shortfall(y_true: Any, y_pred: Any) -> Any:
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = _signs(ops.cast(ops.convert_to_tensor(y_true), y_pred.dtype))
    return ops.maximum(ops.subtract(1.0, ops.multiply(y_true, y_pred)), 0.0)


def hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 - y p, 0)) over the last axis; targets in {0, 1} are taken for {-1, 1}.

    >>> import numpy as np
    >>> hinge(np.array([[-1.0, 1.0]]), np.array([[0.5, 0.5]])).tolist()
    [1.0]
    """
    return ops.mean(_shortfall(y_true, y_pred), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 - y p, 0)²) over the last axis; targets in {0, 1} are taken for {-1, 1}.

    >>> squared_hinge([[-1.0, 1.0]], [[0.5, 0.5]]).tolist()
    [1.25]
    """
    return ops.mean(ops.square(_shortfall(y_true, y_pred)), axis=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """max(1 + the best score of a wrong class - the score of the right one, 0), for one-hot targets.

    >>> categorical_hinge([[0.0, 1.0]], [[0.5, 0.75]]).tolist()
    [0.75]
    """
    y_true, y_pred = operands(y_true, y_pred)
    right = ops.sum(ops.multiply(y_true, y_pred), axis=-1)
    wrong = ops.max(ops.multiply(ops.subtract(1.0, y_true), y_pred), axis=-1)
    return ops.maximum(ops.add(ops.subtract(wrong, right), 1.0), 0.0)


class Hinge(NamedLoss):
    """The hinge loss of targets -1 and 1 (or 0 and 1).

    Args:
        reduction, name, dtype: as for `Loss`.

    Example:
        >>> float(Hinge()([[-1.0, 1.0]], [[0.5, 0.5]]))
        1.0
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "hinge", dtype: Any = None):
        super().__init__(hinge, reduction, name, dtype)


class SquaredHinge(NamedLoss):
    """The squared hinge loss of targets -1 and 1 (or 0 and 1).

    Args:
        reduction, name, dtype: as for `Loss`.

    Example:
        >>> float(SquaredHinge()([[-1.0, 1.0]], [[0.5, 0.5]]))
        1.25
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "squared_hinge", dtype: Any = None):
        super().__init__(squared_hinge, reduction, name, dtype)


class CategoricalHinge(NamedLoss):
    """The hinge loss between the score of the right class and the best of the others.

    Args:
        reduction, name, dtype: as for `Loss`.

    Example:
        >>> float(CategoricalHinge()([[0.0, 1.0]], [[0.5, 0.75]]))
        0.75
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "categorical_hinge", dtype: Any = None):
        super().__init__(categorical_hinge, reduction, name, dtype)
