"""Connectionist temporal classification (Graves et al. 2006): the negative log-likelihood of label sequences."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.errors import ShapeError
from symkeras.ops.ctc import negative_log_likelihood


def ctc_batch_cost(y_true: Any, y_pred: Any, input_length: Any, label_length: Any) -> Any:
    """-log of the probability that each row of `y_pred` spells the labels of that row, over all alignments.

    Args:
        y_true: (B, L) class numbers from 0 to V - 2; what is beyond `label_length` does not count.
        y_pred: (B, T, V) probabilities (a softmax) whose last class is the blank.
        input_length: (B, 1) how many steps of each row count.
        label_length: (B, 1) how many labels each row has.

    Returns:
        (B, 1) costs; 1e30 where the labels do not fit into the steps.
    """
    if len(ops.shape(y_pred)) != 3:
        raise ShapeError(f"ctc_batch_cost takes (B, L) labels and (B, T, V) probabilities, received {ops.shape(y_true)} and {ops.shape(y_pred)}")
    log_p = ops.log_softmax(ops.log(ops.add(y_pred, 1e-7)), axis=-1)
    costs = negative_log_likelihood(y_true, log_p, label_length, input_length, -1, "ctc_batch_cost")
    return ops.expand_dims(costs, 1)
