"""Counting true and false positives and negatives at one or many thresholds.

A prediction is positive above a threshold. With thresholds that lie evenly in [0, 1] every prediction falls into one
bucket and the counts are running sums over buckets: time and memory grow with predictions plus thresholds, not times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symkeras import config, ops
from symkeras.errors import ConfigError, ShapeError
from symkeras.graph.variable import Variable
from symkeras.losses.weighting import same_rank

LEAST = -1e10
"""What a score outside the top k becomes, and the threshold below all others."""


def thresholds_of(thresholds: Any, default: float = 0.5) -> list[float]:
    """A list of thresholds from one, several, or None.

    Raises:
        ConfigError: one outside [0, 1].
    """
    if thresholds is None:
        return [default]
    listed = list(thresholds) if isinstance(thresholds, (list, tuple, np.ndarray)) else [thresholds]
    bad = [t for t in listed if t is None or not 0 <= t <= 1]
    if bad:
        raise ConfigError(f"thresholds must lie in [0, 1], received {bad}")
    return listed


def is_even(thresholds: Sequence[float]) -> bool:
    """Whether at least three thresholds divide [0, 1] evenly, the ends included."""
    n = len(thresholds)
    return n >= 3 and bool(np.allclose(thresholds, np.arange(n, dtype=np.float32) / (n - 1), atol=config.epsilon()))


def count_into(
    variables: Mapping[str, Variable],
    y_true: Any,
    y_pred: Any,
    thresholds: Sequence[float],
    *,
    evenly: bool,
    sample_weight: Any = None,
    top_k: int | None = None,
    class_id: int | None = None,
    multi_label: bool = False,
    label_weights: Any = None,
) -> None:
    """Add the weighted counts of a batch to `variables`.

    Args:
        variables: by "tp", "fp", "tn", "fn"; of shape (thresholds,), or (thresholds, labels) with `multi_label`.
        y_true, y_pred: targets, which count as true unless they are 0, and scores in [0, 1]; (B, ..., L).
        thresholds: rising.
        evenly: whether they divide [0, 1] evenly; then those below 0 and above 1 may lie outside by an epsilon.
        sample_weight: one per sample, or per position.
        top_k: only the k best scores of the last axis can be positive.
        class_id: only this entry of the last axis counts.
        multi_label: whether labels are counted apart rather than together.
        label_weights: one per label, where they are counted together.
    """
    dtype = next(iter(variables.values())).dtype
    y_pred, y_true = (ops.cast(ops.convert_to_tensor(y), dtype) for y in (y_pred, y_true))
    y_pred, y_true = same_rank(y_pred, y_true)
    weights = None if sample_weight is None else _position_weights(y_pred, ops.cast(ops.convert_to_tensor(sample_weight), dtype))
    if top_k is not None:
        y_pred = keep_top(y_pred, top_k)
    if class_id is not None:
        if len(y_pred.shape) < 2:
            raise ShapeError(f"class_id={class_id} needs predictions of shape (batch, classes), received {tuple(y_pred.shape)}")
        y_true, y_pred = (y[..., class_id, None] for y in (y_true, y_pred))
        weights = weights if weights is None or weights.shape[-1] == 1 else weights[..., class_id, None]
    if label_weights is not None:
        weights = label_weights if weights is None else ops.multiply(weights, label_weights)
    is_true = ops.cast(ops.not_equal(y_true, 0), dtype)
    sides = [is_true, ops.subtract(1.0, is_true)]
    if weights is not None:
        sides = [ops.multiply(side, weights) for side in sides]
    if not multi_label:
        y_pred, sides = ops.reshape(y_pred, (-1, 1)), [ops.reshape(ops.broadcast_to(s, ops.shape(y_true)), (-1, 1)) for s in sides]
    count = _count_evenly if evenly else _count_each
    for key, counts in count(y_pred, sides, thresholds, set(variables)).items():
        variables[key].assign(variables[key] + (counts if multi_label else ops.squeeze(counts, -1)))


def _position_weights(y_pred: Any, weights: Any) -> Any:
    """Weights with as many axes as predictions: leading axes are samples, missing ones count as 1."""
    if len(weights.shape) == len(y_pred.shape) + 1 and weights.shape[-1] == 1:
        weights = ops.squeeze(weights, -1)
    missing = len(y_pred.shape) - len(weights.shape)
    return ops.reshape(weights, (*ops.shape(weights), *(1,) * missing)) if missing > 0 else weights


def keep_top(x: Any, k: int) -> Any:
    """`x` where it is among the `k` largest of the last axis, `LEAST` elsewhere."""
    _, best = ops.top_k(x, k)
    is_best = ops.any(ops.cast(ops.one_hot(best, x.shape[-1]), "bool"), axis=-2)
    return ops.where(is_best, x, LEAST)


def _count_each(y_pred: Any, sides: list[Any], thresholds: Sequence[float], wanted: set[str]) -> dict[str, Any]:
    """Counts (T, L) for scores and sides (N, L), comparing every score with every threshold."""
    edges = np.asarray(thresholds, dtype=np.dtype(str(y_pred.dtype))).reshape(-1, 1, 1)
    is_positive = ops.cast(ops.greater(ops.expand_dims(y_pred, 0), edges), y_pred.dtype)
    out = {}
    for key in sorted(wanted):
        chosen = is_positive if key[1] == "p" else ops.subtract(1.0, is_positive)
        out[key] = ops.sum(ops.multiply(chosen, ops.expand_dims(sides[0] if key in ("tp", "fn") else sides[1], 0)), axis=1)
    return out


def _count_evenly(y_pred: Any, sides: list[Any], thresholds: Sequence[float], wanted: set[str]) -> dict[str, Any]:
    """Counts (T, L) for scores and sides (N, L), by buckets between thresholds."""
    n = len(thresholds)
    rows, labels = ops.shape(y_pred)[0], int(ops.shape(y_pred)[1])
    score = ops.minimum(ops.where(ops.greater(y_pred, 0), y_pred, 0), 1)
    bucket = ops.ceil(ops.multiply(score, float(n - 1)))
    if thresholds[0] < 0 or thresholds[-1] > 1:
        bucket = ops.maximum(bucket, 1)
    bucket = ops.add(ops.cast(bucket, "int32"), np.arange(labels, dtype="int32") * n)
    values = ops.stack([ops.reshape(ops.broadcast_to(s, (rows, labels)), (-1,)) for s in sides], axis=-1)
    filled = ops.scatter(ops.reshape(bucket, (-1, 1)), values, (labels * n, 2))
    per_label = ops.reshape(filled, (labels, n, 2))
    above = ops.flip(ops.cumsum(ops.flip(per_label, 1), axis=1), 1)
    positive = ops.concatenate([above[:, 1:], ops.zeros((labels, 1, 2), dtype=y_pred.dtype)], axis=1)
    negative = ops.subtract(above[:, :1], positive) if wanted & {"tn", "fn"} else positive
    picked = {"tp": (positive, 0), "fp": (positive, 1), "fn": (negative, 0), "tn": (negative, 1)}
    return {key: ops.transpose(picked[key][0][:, :, picked[key][1]]) for key in sorted(wanted)}


