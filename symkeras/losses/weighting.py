"""From a loss per position to one number: ranks made equal, masks and sample weights applied, the reduction.

Metrics use the same functions, so that a weighted loss and a weighted metric of the same formula agree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symkeras import ops
from symkeras.errors import ConfigError, nearest
from symkeras.graph import dims
from symkeras.layers.calls import mask_of
from symkeras.ops.recipes import remembered

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none")


def check_reduction(reduction: str | None, name: str) -> str | None:
    """`reduction` itself where it is one of `REDUCTIONS` or None; "auto" is the default's old name.

    Raises:
        ConfigError: another value.
    """
    if reduction == "auto":
        return "sum_over_batch_size"
    if reduction is not None and reduction not in REDUCTIONS:
        expected = f"one of {', '.join(REDUCTIONS)} or None"
        raise ConfigError(f"loss {name!r}: reduction must be {expected}, received {reduction!r}.{nearest(str(reduction), REDUCTIONS)}")
    return reduction


@remembered(2)
def divide_no_nan(x1: Any, x2: Any) -> Any:
    """x1 / x2, and 0 where x2 is 0, in the value and in the gradient."""
    is_zero = ops.equal(x2, 0)
    return ops.where(is_zero, 0.0, ops.divide(x1, ops.where(is_zero, 1, x2)))


def same_rank(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Both, with a last axis of size 1 added to or taken from the one that is one axis off.

    >>> import numpy as np
    >>> [x.shape for x in same_rank(np.zeros(4), np.zeros((4, 1)))]
    [(4, 1), (4, 1)]
    """
    n1, n2 = len(x1.shape), len(x2.shape)
    if n1 == n2 + 1:
        return _fit(x1, x2)
    if n2 == n1 + 1:
        x2, x1 = _fit(x2, x1)
    return x1, x2


def _fit(larger: Any, smaller: Any) -> tuple[Any, Any]:
    if larger.shape[-1] != 1:
        return larger, smaller
    if len(smaller.shape) == 1:
        return larger, ops.expand_dims(smaller, -1)
    return ops.squeeze(larger, -1), smaller


def align_weights(values: Any, weights: Any) -> tuple[Any, Any]:
    """Values and weights that multiply position by position; one weight per row counts for all of the row.

    Where the leading axes do not agree the weights broadcast by NumPy's rule.
    """
    values, weights = same_rank(values, weights)
    missing = len(values.shape) - len(weights.shape)
    if missing > 0 and len(weights.shape) > 0:
        lead = zip(ops.shape(values), ops.shape(weights), strict=False)
        if all(dims.same(a, b) for a, b in lead):
            weights = ops.reshape(weights, (*ops.shape(weights), *(1,) * missing))
    return values, weights


def size_of(x: Any, dtype: str) -> Any:
    """The number of elements of `x`, as a number of `dtype`."""
    return ops.cast(dims.product(ops.shape(x)), dtype)


def weights_with_mask(sample_weight: Any, mask: Any, dtype: str, is_mean: bool) -> Any:
    """Sample weights that are 0 where `mask` is false; None without weights and mask.

    With `is_mean` the weights of the rest grow so that a mean over all positions is one over those the mask keeps.
    """
    weights = None if sample_weight is None else ops.cast(sample_weight, dtype)
    if mask is None:
        return weights
    keep = ops.cast(mask, dtype)
    if is_mean:
        keep = ops.where(ops.cast(mask, "bool"), divide_no_nan(size_of(keep, dtype), ops.sum(keep)), 0)
    if weights is None:
        return keep
    if len(weights.shape) > len(keep.shape):
        weights, keep = align_weights(weights, keep)
    else:
        keep, weights = align_weights(keep, weights)
    return ops.multiply(keep, weights)


def reduce_weighted(values: Any, sample_weight: Any, mask: Any, reduction: str | None, dtype: str) -> Any:
    """One loss from the losses of all positions, by `reduction` (see `REDUCTIONS`)."""
    values = ops.cast(values, dtype)
    weights = weights_with_mask(sample_weight, mask, dtype, reduction in ("mean", "sum_over_batch_size"))
    if weights is not None:
        values, weights = align_weights(values, weights)
        values = ops.multiply(values, weights)
    if reduction in (None, "none") or tuple(values.shape) in ((), (0,)):
        return values
    if reduction == "sum" or 0 in tuple(values.shape):
        return ops.sum(values)
    if reduction == "mean_with_sample_weight" and weights is not None:
        return divide_no_nan(ops.sum(values), ops.sum(weights))
    return ops.mean(values)


def masks_values(rule: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare which values of a loss function count at all: `rule(y_true, values, **kwargs)` is a mask, or None."""

    def decorate(fn: Callable[..., Any]) -> Callable[..., Any]:
        fn.value_mask = rule  # type: ignore[attr-defined]
        return fn

    return decorate


def value_mask(fn: Any, y_true: Any, values: Any, kwargs: dict[str, Any]) -> Any:
    """The mask that comes with the values of loss function `fn`, or None."""
    rule = getattr(fn, "value_mask", None)
    return mask_of(values) if rule is None else rule(y_true, values, **kwargs)
