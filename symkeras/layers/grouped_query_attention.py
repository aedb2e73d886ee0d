"""`GroupQueryAttention`: several query heads share one head of keys and values."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.arguments import boolean, checked, fraction, integer, optional
from symkeras.errors import ConfigError
from symkeras.layers.headed_attention import HeadedAttention, positive


class GroupQueryAttention(HeadedAttention):
    """Multi-head attention in which groups of query heads look at the same keys and values (Ainslie et al. 2023).

    Args:
        head_dim: size of one head.
        num_query_heads: heads of the query.
        num_key_value_heads: heads of key and value; divides `num_query_heads`.
        dropout: share of attention weights set to zero while training.
        use_bias: whether the projections add biases.
        sliding_window: a step sees only steps less than this far away.
        flash_attention: accepted for Keras' signature; True is refused.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties on weights and on projections.
        kernel_constraint, bias_constraint: applied to the weights after each step.
        use_gate: multiply what the heads give by a sigmoid projection of the query.
        seed: of the dropout.
        **kwargs: those of `Layer`.

    Input shape:
        query (B, T, I), value (B, S, V), key (B, S, K) or the value when None; call keywords as in `MultiHeadAttention`

    Output shape:
        (B, T, I); with `return_attention_scores` a tuple with the weights (B, query heads, T, S) second

    Raises:
        ConfigError: a size is no positive integer, or the heads do not divide.
        ShapeError: value and key differ in an axis other than the last one.

    Example:
        >>> import numpy as np
        >>> x = np.ones((2, 3, 8), "float32")
        >>> layer = GroupQueryAttention(head_dim=4, num_query_heads=6, num_key_value_heads=2)
        >>> layer(x, x).shape, layer.key_dense.kernel.shape
        ((2, 3, 8), (8, 2, 4))
    """

    @checked(dropout=fraction, use_bias=boolean, use_gate=boolean, seed=optional(integer()))
    def __init__(self, head_dim: int, num_query_heads: int, num_key_value_heads: int, dropout: float = 0.0, use_bias: bool = True,
                 sliding_window: int | None = None, flash_attention: Any = None, kernel_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros", kernel_regularizer: Any = None, bias_regularizer: Any = None,
                 activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None, use_gate: bool = False,
                 seed: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(**kwargs)
        positive("GroupQueryAttention", head_dim=head_dim, num_query_heads=num_query_heads, num_key_value_heads=num_key_value_heads)
        if num_query_heads % num_key_value_heads:
            raise ConfigError(f"GroupQueryAttention: {num_query_heads} query heads do not divide into groups for {num_key_value_heads} key heads")
        self._set_options(dropout, use_bias, use_gate, sliding_window, seed, locals())
        self.head_dim = self._head_size = head_dim
        self.num_query_heads = num_query_heads
        self.num_key_value_heads = num_key_value_heads
        self.num_repeats = num_query_heads // num_key_value_heads

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        self._check_key(value_shape, key_shape)
        key_shape = value_shape if key_shape is None else key_shape
        of_queries, of_values = (self.num_query_heads, self.head_dim), (self.num_key_value_heads, self.head_dim)
        self._query_dense = self._project(query_shape, of_queries, "query")
        self._key_dense = self._project(key_shape, of_values, "key")
        if self.use_gate:
            self._gate_dense = self._project(query_shape, of_queries, "gate", activation="sigmoid")
        self._value_dense = self._project(value_shape, of_values, "value")
        self._output_dense = self._project((*query_shape[:-1], *of_queries), (query_shape[-1],), "attention_output", bound=2)

    def _compute_attention(self, query: Any, key: Any, value: Any, attention_mask: Any = None, training: Any = None,
                           return_attention_scores: bool = False) -> tuple[Any, Any]:  # fmt: skip
        """What the heads give, (B, T, query heads, head_dim), and the weights: the queries of a group are rows of one product."""
        (batch, length, heads, size), source = ops.shape(query), ops.shape(key)[1]
        groups, rows = self.num_key_value_heads, self.num_repeats * length
        q = ops.reshape(ops.transpose(query, (0, 2, 1, 3)), (batch, groups, rows, size))
        scores = ops.matmul(q, ops.transpose(key, (0, 2, 3, 1)))
        scores = ops.reshape(scores, (batch, heads, length, source))
        if attention_mask is not None and len(ops.shape(attention_mask)) == 3:
            attention_mask = ops.expand_dims(attention_mask, 1)
        weights, kept = self._weights(scores, attention_mask, training, return_attention_scores)
        output = ops.matmul(ops.reshape(kept, (batch, groups, rows, source)), ops.transpose(value, (0, 2, 1, 3)))
        return ops.transpose(ops.reshape(output, (batch, heads, length, size)), (0, 2, 1, 3)), weights

    def get_config(self) -> dict[str, Any]:
        own = {
            "head_dim": self.head_dim, "num_query_heads": self.num_query_heads, "num_key_value_heads": self.num_key_value_heads,
            "use_bias": self.use_bias, "use_gate": self.use_gate, "dropout": self.dropout, "sliding_window": self.sliding_window,
            "seed": self.seed,
        }  # fmt: skip
        return {**super().get_config(), **own, **self._options_config()}


GroupedQueryAttention = GroupQueryAttention
