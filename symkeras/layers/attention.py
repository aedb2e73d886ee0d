"""`Attention`: dot-product attention (Luong et al. 2015)."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.arguments import boolean, checked, fraction, integer, optional
from symkeras.errors import ConfigError, ShapeError
from symkeras.layers.attention_scores import causal_mask, dropped
from symkeras.layers.layer import Layer
from symkeras.ops.op import dtype_of


class Attention(Layer):
    """softmax(query @ transposed key) @ value, for inputs [query, value] or [query, value, key].

    Args:
        use_scale: multiply the scores by a learned scalar.
        score_mode: "dot", or "concat": a learned scalar times the sum of tanh(query + key) (Bahdanau et al. 2015).
        dropout: share of attention weights set to zero while training.
        seed: of the dropout.
        **kwargs: those of `Layer`.

    Input shape:
        [(B, T, I), (B, S, O)] or with the key (B, S, I) third; call keywords `mask` (a list: (B, T), and (B, S) or (B, T, S)),
        `use_causal_mask`, `return_attention_scores`

    Output shape:
        (B, T, O); with `return_attention_scores` a tuple with the weights (B, T, S) second

    Raises:
        ConfigError: an unknown `score_mode`.
        ShapeError: not two or three inputs in a list.

    Example:
        >>> import numpy as np
        >>> query, value = np.ones((2, 3, 4), "float32"), np.ones((2, 5, 4), "float32")
        >>> Attention()([query, value]).shape
        (2, 3, 4)
    """

    @checked(use_scale=boolean, dropout=fraction, seed=optional(integer()))
    def __init__(self, use_scale: bool = False, score_mode: str = "dot", dropout: float = 0.0, seed: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        if score_mode not in ("dot", "concat"):
            raise ConfigError(f'{type(self).__name__} expects score_mode "dot" or "concat", received {score_mode!r}')
        self.use_scale = use_scale
        self.score_mode = score_mode
        self.dropout = dropout
        self.seed = seed
        self.supports_masking = True
        if dropout > 0:
            from symkeras.random import SeedGenerator

            self.seed_generator = SeedGenerator(seed)

    def build(self, input_shape: Any) -> None:
        self._check(input_shape, "shapes")
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale") if self.use_scale else None
        self.concat_score_weight = None
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight(shape=(), initializer="ones", name="concat_score_weight")

    def call(self, inputs: Any, mask: Any = None, training: Any = False, return_attention_scores: bool = False, use_causal_mask: bool = False) -> Any:
        self._check(inputs, "inputs")
        if mask is not None:
            self._check(mask, "masks")
        query, value, key = (*inputs, inputs[1])[:3]
        query_mask, value_mask = (None, None) if mask is None else mask[:2]
        scores = self._calculate_scores(query, key)
        weights = ops.softmax(self._masked(scores, value_mask, use_causal_mask), axis=-1)
        weights = dropped(weights, self.dropout, training, getattr(self, "seed_generator", None))
        output = ops.matmul(weights, value)
        if query_mask is not None:
            output = ops.where(ops.expand_dims(ops.cast(query_mask, "bool"), -1), output, ops.cast(0, dtype_of(output)))
        return (output, weights) if return_attention_scores else output

    def _calculate_scores(self, query: Any, key: Any) -> Any:
        """Scores (B, T, S) of every query for every key."""
        if self.score_mode == "dot":
            scores = ops.matmul(query, ops.swapaxes(key, -2, -1))
            return scores if self.scale is None else ops.multiply(scores, self.scale)
        both = ops.add(ops.expand_dims(query, -2), ops.expand_dims(key, -3))
        if self.scale is not None:
            both = ops.multiply(both, self.scale)
        return ops.multiply(ops.sum(ops.tanh(both), axis=-1), self.concat_score_weight)

    def _masked(self, scores: Any, value_mask: Any, use_causal_mask: bool) -> Any:
        mask = None if value_mask is None else ops.cast(value_mask, "bool")
        if mask is not None and len(ops.shape(mask)) == 2:
            mask = ops.expand_dims(mask, -2)
        if use_causal_mask:
            causal = causal_mask(*ops.shape(scores)[-2:])
            mask = causal if mask is None else ops.logical_and(mask, causal)
        if mask is None:
            return scores
        far = 65504.0 if dtype_of(scores) == "float16" else 1e9
        return ops.where(mask, scores, ops.subtract(scores, far))

    def _check(self, values: Any, what: str) -> None:
        is_list = isinstance(values, (list, tuple)) and len(values) in (2, 3)
        if not is_list or (what == "shapes" and not all(isinstance(shape, (list, tuple)) for shape in values)):
            name = f"{type(self).__name__} {self.name!r}"
            raise ShapeError(f"{name} must be called on a list of {what} for [query, value] or [query, value, key], received {values!r}")

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None if mask is None else mask[0]

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (*input_shape[0][:-1], input_shape[1][-1])

    def get_config(self) -> dict[str, Any]:
        own = {"use_scale": self.use_scale, "score_mode": self.score_mode, "dropout": self.dropout, "seed": self.seed}
        return {**super().get_config(), **own}
