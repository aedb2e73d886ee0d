"""Connectionist temporal classification (Graves et al. 2006): the negative log-likelihood of label sequences."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import ops
from symkeras.errors import ShapeError

_NEVER = -1e30
"""The logarithm of a probability that is zero; finite, so that gradients are."""


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
    if len(ops.shape(y_pred)) != 3 or len(ops.shape(y_true)) != 2:
        raise ShapeError(f"ctc_batch_cost takes (B, L) labels and (B, T, V) probabilities, received {ops.shape(y_true)} and {ops.shape(y_pred)}")
    batch, steps, classes = ops.shape(y_pred)
    count = ops.shape(y_true)[1]
    if not isinstance(count, int) or not isinstance(classes, int):
        raise ShapeError(f"ctc_batch_cost needs a known number of labels and classes, received {ops.shape(y_true)} and {ops.shape(y_pred)}")
    labels, lengths = ops.cast(y_true, "int32"), ops.cast(ops.reshape(label_length, (batch, 1)), "int32")
    lengths_t = ops.cast(ops.reshape(input_length, (batch, 1)), "int32")
    places, size = np.arange(2 * count + 1), 2 * count + 1
    is_label = places % 2 == 1
    spelled = ops.repeat(ops.minimum(ops.maximum(labels, 0), classes - 1), 2, 1) if count else ops.zeros((batch, 0), "int32")
    path = ops.where(is_label, ops.pad(spelled, ((0, 0), (0, 1))), classes - 1)  # blank, label, blank, label, ..., blank
    before = ops.pad(path[:, :-2], ((0, 0), (2, 0)), constant_values=-1) if count else path
    may_skip = ops.logical_and(is_label & (places > 1), ops.not_equal(path, before))
    log_p = ops.log_softmax(ops.log(ops.add(y_pred, 1e-7)), axis=-1)
    emitted = ops.take_along_axis(log_p, ops.broadcast_to(ops.expand_dims(path, 1), (batch, steps, size)), axis=-1)
    emitted = ops.swapaxes(emitted, 0, 1)  # (T, B, S)

    def shifted(alpha: Any, n: int) -> Any:
        return ops.pad(alpha, ((0, 0), (n, 0)), constant_values=_NEVER)[:, :size]

    def step(alpha: Any, x: Any) -> tuple[Any, None]:
        t, row = x
        come = ops.stack([alpha, shifted(alpha, 1), ops.where(may_skip, shifted(alpha, 2), _NEVER)])
        return ops.where(ops.less(t, lengths_t), ops.add(ops.logsumexp(come, axis=0), row), alpha), None

    first = ops.where(places < 2, emitted[0], _NEVER)
    times = ops.arange(steps, dtype="int32")
    alpha, _ = ops.scan(step, first, (times[1:], emitted[1:]))
    ends = ops.concatenate([2 * lengths, ops.maximum(2 * lengths - 1, 0)], axis=1)
    last = ops.take_along_axis(alpha, ends, axis=1)
    last = ops.where(ops.logical_and(np.array([[False, True]]), ops.equal(lengths, 0)), _NEVER, last)
    return ops.negative(ops.logsumexp(last, axis=1, keepdims=True))
