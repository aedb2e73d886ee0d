"""Connectionist temporal classification (Graves et al. 2006): the negative log-likelihood of label sequences, and likely sequences."""

from __future__ import annotations

from typing import Any

from symkeras import config, ops
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


def ctc_decode(y_pred: Any, input_length: Any, greedy: bool = True, beam_width: int = 100, top_paths: int = 1) -> tuple[list[Any], Any]:
    """Likely label sequences of probabilities.

    Args:
        y_pred: (B, T, V) probabilities (a softmax) whose last class is the blank.
        input_length: (B,) how many steps of each row count.
        greedy: whether the likeliest class of each step is taken; else the likeliest sequences are searched for, of which equal neighbours are
            one label, as in Keras on TensorFlow.
        beam_width: how many prefixes the search follows.
        top_paths: how many sequences it gives.

    Returns:
        One, or `top_paths`, int64 arrays (B, T) of labels, -1 behind the last; and (B, 1) minus the sum of the largest log-probabilities, or
        (B, `top_paths`) log-probabilities of the sequences.

    Raises:
        ShapeError: other shapes.
        ConfigError: `top_paths` beyond `beam_width`.

    >>> import numpy as np
    >>> p = np.array([[[0.1, 0.9], [0.9, 0.1], [0.9, 0.1]]])
    >>> ctc_decode(p, np.array([3]))[0][0].tolist()
    [[0, -1, -1]]
    """
    if len(ops.shape(y_pred)) != 3 or not isinstance(ops.shape(y_pred)[-1], int):
        raise ShapeError(f"ctc_decode takes (B, T, V) probabilities of a known number of classes, received {ops.shape(y_pred)}")
    log_p = ops.log(ops.add(y_pred, config.epsilon()))
    labels, scores = ops.ctc_decode(log_p, input_length, "greedy" if greedy else "beam_search", beam_width, top_paths, mask_index=-1)
    if not greedy:
        before = ops.concatenate([ops.full_like(labels[:, :, :1], -1), labels[:, :, :-1]], -1)
        labels = ops.where(ops.equal(labels, before), -1, labels)
        order = ops.argsort(ops.cast(ops.equal(labels, -1), "int32"), -1)
        labels = ops.take_along_axis(labels, order, -1)
    return [ops.cast(labels[k], "int64") for k in range(1 if greedy else top_paths)], scores
