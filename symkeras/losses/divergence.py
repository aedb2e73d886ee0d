"""Divergences: Kullback-Leibler between distributions, and the negative log-likelihood of counts."""

from __future__ import annotations

from typing import Any

from symkeras import config, ops
from symkeras.losses.regression import operands
from symkeras.losses.wrapper import NamedLoss


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """sum(y log(y / p)) over the last axis, both clipped to [epsilon, 1] (Kullback and Leibler 1951).

    >>> import numpy as np
    >>> kl_divergence(np.array([[0.0, 1.0]]), np.array([[0.5, 0.5]])).round(4).tolist()
    [0.6931]
    """
    y_true, y_pred = (ops.clip(y, config.epsilon(), 1.0) for y in operands(y_true, y_pred))
    return ops.sum(ops.multiply(y_true, ops.log(ops.divide(y_true, y_pred))), axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """mean(p - y log(p + epsilon)) over the last axis: counts y of a Poisson process of rate p, up to a constant.

    >>> import numpy as np
    >>> poisson(np.array([[2.0, 0.0]]), np.array([[1.0, 3.0]])).round(4).tolist()
    [2.0]
    """
    y_true, y_pred = operands(y_true, y_pred)
    return ops.mean(ops.subtract(y_pred, ops.multiply(y_true, ops.log(ops.add(y_pred, config.epsilon())))), axis=-1)


class KLDivergence(NamedLoss):
    """How far a predicted distribution is from the true one.

    Args:
        reduction, name, dtype: as for `Loss`.

    Example:
        >>> round(float(KLDivergence()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
        0.6931
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "kl_divergence", dtype: Any = None):
        super().__init__(kl_divergence, reduction, name, dtype)


class Poisson(NamedLoss):
    """The negative log-likelihood of counts under predicted rates.

    Args:
        reduction, name, dtype: as for `Loss`.

    Example:
        >>> round(float(Poisson()([[2.0, 0.0]], [[1.0, 3.0]])), 4)
        2.0
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "poisson", dtype: Any = None):
        super().__init__(poisson, reduction, name, dtype)
