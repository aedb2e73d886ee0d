"""What the attention layers share: masks that are combined, and the softmax that obeys them."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.ops.attention import causal_mask, masked_softmax, positions


def attention_mask_of(length: Any, source: Any, query_mask: Any = None, value_mask: Any = None, key_mask: Any = None, attention_mask: Any = None,
                      causal: bool = False, window: int | None = None) -> Any:  # fmt: skip
    """All that restricts attention as one boolean mask that broadcasts to (B, T, S), or None.

    Args:
        length, source: T and S.
        query_mask: (B, T). value_mask, key_mask: (B, S). attention_mask: (B, T, S), or with axes more.
        causal: step t sees the steps up to t.
        window: step t sees steps less than this away.
    """
    parts = [] if attention_mask is None else [ops.cast(attention_mask, "bool")]
    if query_mask is not None:
        parts.append(ops.expand_dims(ops.cast(query_mask, "bool"), -1))
    parts += [ops.expand_dims(ops.cast(m, "bool"), -2) for m in (value_mask, key_mask) if m is not None]
    if causal:
        parts.append(causal_mask(length, source))
    if window is not None:
        rows, columns = positions(length, source)
        parts.append(ops.less(ops.absolute(ops.subtract(rows, columns)), window))
    mask = None
    for part in parts:
        mask = part if mask is None else ops.logical_and(mask, part)
    return mask


def dropped(weights: Any, rate: float, training: Any, seed_generator: Any) -> Any:
    """The attention weights after dropout, which acts only in training."""
    if not training or rate <= 0:
        return weights
    from symkeras import random

    return random.dropout(weights, rate, seed=seed_generator)


__all__ = ["attention_mask_of", "causal_mask", "dropped", "masked_softmax"]
