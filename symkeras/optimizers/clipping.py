"""Bounds on gradients: by value, by the norm of each, by the norm of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symkeras import ops
from symkeras.ops.op import dtype_of


def clip_gradients(grads: Sequence[Any], clipnorm: float | None, clipvalue: float | None, global_clipnorm: float | None) -> list[Any]:
    """The gradients within the one bound that is set (and positive), or as they are."""
    if clipnorm is not None and clipnorm > 0:
        return [clip_by_norm(g, clipnorm) for g in grads]
    if global_clipnorm is not None and global_clipnorm > 0:
        return clip_by_global_norm(grads, global_clipnorm)
    if clipvalue is not None and clipvalue > 0:
        return [ops.minimum(ops.maximum(g, -clipvalue), clipvalue) for g in grads]
    return list(grads)


def clip_by_norm(gradient: Any, bound: float) -> Any:
    """`gradient` shrunk to a norm of `bound` where its norm is larger.

    >>> clip_by_norm(ops.convert_to_tensor([6.0, 8.0]), 5.0).tolist()
    [3.0, 4.0]
    """
    norm = ops.sqrt(ops.sum(ops.square(gradient)))
    return ops.divide(ops.multiply(gradient, bound), ops.maximum(norm, bound))


def clip_by_global_norm(grads: Sequence[Any], bound: float) -> list[Any]:
    """All gradients times one factor that brings their common norm to `bound` where it is larger; NaN for an infinite norm."""
    norm = global_norm(grads)
    factor = ops.multiply(ops.minimum(ops.divide(1.0, norm), 1.0 / bound), bound)
    factor = ops.add(factor, ops.subtract(norm, norm))
    return [ops.multiply(g, ops.cast(factor, dtype_of(g))) for g in grads]


def global_norm(grads: Sequence[Any]) -> Any:
    """The norm of all gradients as one vector.

    >>> float(global_norm([ops.full((1,), 3.0), ops.full((2, 2), 2.0)]))
    5.0
    """
    total: Any = None
    for g in grads:
        square = ops.sum(ops.square(g))
        total = square if total is None else ops.add(total, square)
    return ops.sqrt(total)
