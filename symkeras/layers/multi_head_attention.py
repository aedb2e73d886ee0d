"""`MultiHeadAttention`: attention of several heads side by side."""

from __future__ import annotations

import math
from typing import Any

from symkeras import ops
from symkeras.arguments import axis_numbers, axis_sizes, boolean, checked, fraction, integer, optional
from symkeras.layers.headed_attention import HeadedAttention, positive


class MultiHeadAttention(HeadedAttention):
    """Several attentions side by side, each on its own projections of query, key and value (Vaswani et al. 2017).

    Args:
        num_heads: how many.
        key_dim: size of one head's query and key.
        value_dim: size of one head's value; `key_dim` when None.
        dropout: share of attention weights set to zero while training.
        use_bias: whether the projections add biases.
        output_shape: last axes of the output, an int or a tuple; the last axis of the query when None.
        attention_axes: axes over which to attend; all between batch and last axis when None.
        sliding_window: a step sees only steps less than this far away.
        flash_attention: accepted for Keras' signature; True is refused.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties on weights and on projections.
        kernel_constraint, bias_constraint: applied to the weights after each step.
        use_gate: multiply what the heads give by a sigmoid projection of the query.
        seed: of the dropout.
        **kwargs: those of `Layer`.

    Input shape:
        query (B, T, I), value (B, S, V), key (B, S, K) or the value when None; call keywords `query_mask` (B, T), `value_mask` and
        `key_mask` (B, S), `attention_mask` (B, T, S), `use_causal_mask`, `return_attention_scores`

    Output shape:
        (B, T, I), or (B, T, *output_shape); with `return_attention_scores` a tuple with the weights (B, heads, T, S) second

    Raises:
        ConfigError: a size is no positive integer.
        ShapeError: value and key differ in an axis other than the last one.

    Example:
        >>> import numpy as np
        >>> query, value = np.ones((2, 3, 8), "float32"), np.ones((2, 5, 6), "float32")
        >>> output, weights = MultiHeadAttention(2, 4)(query, value, return_attention_scores=True)
        >>> output.shape, weights.shape
        ((2, 3, 8), (2, 2, 3, 5))
    """

    @checked(
        dropout=fraction, use_bias=boolean, output_shape=optional(axis_sizes), attention_axes=optional(axis_numbers), use_gate=boolean,
        seed=optional(integer()),
    )  # fmt: skip
    def __init__(self, num_heads: int, key_dim: int, value_dim: int | None = None, dropout: float = 0.0, use_bias: bool = True,
                 output_shape: Any = None, attention_axes: Any = None, sliding_window: int | None = None, flash_attention: Any = None,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
                 bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None,
                 use_gate: bool = False, seed: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(**kwargs)
        positive("MultiHeadAttention", num_heads=num_heads, key_dim=key_dim, value_dim=1 if value_dim is None else value_dim)
        self._set_options(dropout, use_bias, use_gate, sliding_window, seed, locals())
        self.num_heads = num_heads
        self.key_dim = self._head_size = key_dim
        self.value_dim = value_dim or key_dim
        self._output_sizes = None if not output_shape else (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self.attention_axes: Any = None if attention_axes is None else (attention_axes,) if isinstance(attention_axes, int) else tuple(attention_axes)

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        self._check_key(value_shape, key_shape)
        key_shape = value_shape if key_shape is None else key_shape
        heads = self.num_heads
        self._query_dense = self._project(query_shape, (heads, self.key_dim), "query")
        self._key_dense = self._project(key_shape, (heads, self.key_dim), "key")
        if self.use_gate:
            self._gate_dense = self._project(query_shape, (heads, self.value_dim), "gate", activation="sigmoid")
        self._value_dense = self._project(value_shape, (heads, self.value_dim), "value")
        rank = len(query_shape)
        self.attention_axes = tuple(sorted(a % rank for a in self.attention_axes or range(1, rank - 1)))
        output = self._output_sizes or (query_shape[-1],)
        self._output_dense = self._project((*query_shape[:-1], heads, self.value_dim), output, "attention_output", bound=2)

    def _compute_attention(self, query: Any, key: Any, value: Any, attention_mask: Any = None, training: Any = None,
                           return_attention_scores: bool = False) -> tuple[Any, Any]:  # fmt: skip
        """What the heads give, (B, T, heads, value_dim), and the weights, from scaled queries, keys and values with a heads axis."""
        rank, axes = len(ops.shape(query)) - 1, self.attention_axes
        rest = tuple(a for a in range(1, rank - 1) if a not in axes)
        order = (0, *rest, rank - 1, *axes, rank)  # batch, axes without attention, heads, axes of attention, features
        q, k, v = (ops.transpose(x, order) for x in (query, key, value))
        lead, shape_q, shape_k = ops.shape(q)[: 2 + len(rest)], ops.shape(q)[2 + len(rest) : -1], ops.shape(k)[2 + len(rest) : -1]
        q, k, v = (_one_axis(x, len(lead)) for x in (q, k, v))
        mask = None if attention_mask is None else _scores_mask(attention_mask, len(lead), shape_q, shape_k)
        weights, kept = self._weights(ops.matmul(q, ops.swapaxes(k, -1, -2)), mask, training, return_attention_scores or rank != 3)
        output = ops.reshape(ops.matmul(kept, v), (*lead, *shape_q, self.value_dim))
        back = [order.index(a) for a in range(rank + 1)]
        return ops.transpose(output, back), ops.reshape(weights, (*lead, *shape_q, *shape_k))

    def compute_output_shape(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> tuple[int | None, ...]:
        shape = super().compute_output_shape(query_shape, value_shape, key_shape)
        return (*shape[:-1], *self._output_sizes) if self._output_sizes else shape

    def get_config(self) -> dict[str, Any]:
        own = {
            "num_heads": self.num_heads, "key_dim": self.key_dim, "value_dim": self.value_dim, "dropout": self.dropout,
            "use_bias": self.use_bias, "use_gate": self.use_gate, "output_shape": self._output_sizes, "attention_axes": self.attention_axes,
            "sliding_window": self.sliding_window, "seed": self.seed,
        }  # fmt: skip
        return {**super().get_config(), **own, **self._options_config()}


def _one_axis(x: Any, lead: int) -> Any:
    """`x` with all axes between the leading ones and the last one as one."""
    sizes = ops.shape(x)
    return x if len(sizes) == lead + 2 else ops.reshape(x, (*sizes[:lead], math.prod(sizes[lead:-1]), sizes[-1]))


def _scores_mask(mask: Any, lead: int, shape_q: Any, shape_k: Any) -> Any:
    """A mask (B, T, S) with axes of size 1 for heads and other axes, and one axis each for queries and keys."""
    sizes, tail = ops.shape(mask), len(shape_q) + len(shape_k)
    missing = lead + tail - len(sizes)
    if missing > 0:
        mask = ops.reshape(mask, (*sizes[: len(sizes) - tail], *(1,) * missing, *sizes[len(sizes) - tail :]))
    if tail == 2:
        return mask
    first = ops.shape(mask)[:lead]
    mask = ops.broadcast_to(mask, (*first, *shape_q, *shape_k))
    return ops.reshape(mask, (*first, math.prod(shape_q), math.prod(shape_k)))
