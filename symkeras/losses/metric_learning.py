"""Losses of embeddings: like with like, apart from the rest."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.arguments import boolean, checked, number, positive
from symkeras.losses.weighting import masks_values
from symkeras.losses.wrapper import NamedLoss


def _positive(y_true: Any, values: Any, **_: Any) -> Any:
    return ops.greater(values, 0)


def _pairs(labels: Any, ref_labels: Any, remove_diagonal: bool) -> tuple[Any, Any]:
    """Which pairs share a label (not an embedding with itself, if `remove_diagonal`), and which do not."""
    rows, columns = ops.reshape(labels, (-1, 1)), ops.reshape(ref_labels, (1, -1))
    is_same = ops.equal(rows, columns)
    is_other = ops.logical_not(is_same)
    if remove_diagonal:
        at_row = ops.subtract(ops.cumsum(ops.ones_like(rows), axis=0), 1)
        at_column = ops.subtract(ops.cumsum(ops.ones_like(columns), axis=1), 1)
        is_same = ops.logical_and(is_same, ops.not_equal(at_row, at_column))
    return is_same, is_other


@masks_values(_positive)
def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Any:
    """softplus(logsumexp over like pairs + logsumexp over unlike pairs), per embedding (Sun et al. 2020).

    Args:
        y_true: integer labels, (B,) or (B, 1).
        y_pred: embeddings of length 1, (B, E).
        ref_labels, ref_embeddings: what to compare with; the batch itself when None.
        remove_diagonal: whether an embedding is not compared with itself.
        gamma: the scale of the loss.
        margin: how far unlike pairs must stay apart.

    >>> import numpy as np
    >>> circle(np.array([0, 1]), np.array([[1.0, 0.0], [0.0, 1.0]]), remove_diagonal=False, gamma=2, margin=0.5).round(4).tolist()
    [0.3133, 0.3133]
    """
    y_pred = ops.convert_to_tensor(y_pred)
    labels = ops.cast(ops.convert_to_tensor(y_true), "int32")
    others = y_pred if ref_embeddings is None else ops.convert_to_tensor(ref_embeddings)
    is_same, is_other = _pairs(labels, labels if ref_labels is None else ops.cast(ops.convert_to_tensor(ref_labels), "int32"), remove_diagonal)
    distance = ops.maximum(ops.subtract(1.0, ops.matmul(y_pred, ops.transpose(others))), 0.0)
    pull = ops.multiply(ops.multiply(ops.maximum(ops.add(distance, margin), 0.0), ops.subtract(margin, distance)), -gamma)
    push = ops.multiply(ops.multiply(ops.maximum(ops.subtract(1.0 + margin, distance), 0.0), ops.subtract(1.0 - margin, distance)), gamma)
    near = ops.logsumexp(ops.where(is_same, pull, float("-inf")), axis=1)
    far = ops.logsumexp(ops.where(is_other, push, float("-inf")), axis=1)
    return ops.softplus(ops.add(near, far))


class Circle(NamedLoss):
    """The circle loss of embeddings with class labels (Sun et al. 2020, "Circle Loss").

    Positions whose loss is 0 do not count in the mean.

    Args:
        gamma: the scale of the loss.
        margin: how far unlike pairs must stay apart.
        remove_diagonal: whether an embedding is not compared with itself.
        reduction, name, dtype: as for `Loss`.

    Example:
        >>> round(float(Circle(gamma=2, margin=0.5, remove_diagonal=False)([0, 1], [[1.0, 0.0], [0.0, 1.0]])), 4)
        0.3133
    """

    @checked(gamma=positive, margin=number(), remove_diagonal=boolean)
    def __init__(self, gamma: float = 80.0, margin: float = 0.4, remove_diagonal: bool = True, reduction: str | None = "sum_over_batch_size",
                 name: str | None = "circle", dtype: Any = None):  # fmt: skip
        super().__init__(circle, reduction, name, dtype, gamma=gamma, margin=margin, remove_diagonal=remove_diagonal)
