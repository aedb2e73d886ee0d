"""Losses of sequences whose labels are not aligned with their steps."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.errors import ShapeError
from symkeras.losses.wrapper import NamedLoss


def ctc(y_true: Any, y_pred: Any) -> Any:
    """-log of the probability that logits spell labels, over all alignments (Graves et al. 2006).

    Args:
        y_true: (B, L) labels from 1 on; a 0 is none.
        y_pred: (B, T, V) logits, whose class 0 stands for none.

    Returns:
        (B,) costs; 1e30 where the labels do not fit into the steps.

    Raises:
        ShapeError: other shapes, or an unknown number of classes.

    >>> import numpy as np
    >>> ctc(np.array([[1, 0]]), np.zeros((1, 1, 2))).round(4).tolist()
    [0.6931]
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    if len(ops.shape(y_true)) != 2 or len(ops.shape(y_pred)) != 3:
        raise ShapeError(f"ctc takes y_true (B, L) and logits y_pred (B, T, V), received {ops.shape(y_true)} and {ops.shape(y_pred)}")
    batch, steps, _ = ops.shape(y_pred)
    counts = ops.sum(ops.cast(ops.not_equal(y_true, 0), "int32"), axis=-1)
    return ops.ctc_loss(y_true, y_pred, counts, ops.broadcast_to(ops.cast(steps, "int32"), (batch,)))


class CTC(NamedLoss):
    """-log of the probability that logits spell labels, over all alignments (Graves et al. 2006); see `ctc`.

    Args:
        reduction, name, dtype: as for `Loss`.

    Example:
        >>> import numpy as np
        >>> round(float(CTC()(np.array([[1, 0]]), np.zeros((1, 1, 2)))), 4)
        0.6931
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "ctc", dtype: Any = None):
        super().__init__(ctc, reduction, name, dtype)
