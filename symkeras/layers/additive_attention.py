"""`AdditiveAttention`: attention by a sum of query and key (Bahdanau et al. 2015)."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.arguments import boolean, checked, fraction
from symkeras.layers.attention import Attention


class AdditiveAttention(Attention):
    """softmax of the scores sum(scale * tanh(query + key)), times value, for inputs [query, value] or [query, value, key].

    Args:
        use_scale: weigh the terms of the sum with a learned vector.
        dropout: share of attention weights set to zero while training.
        **kwargs: `seed`, and those of `Layer`.

    Input shape:
        [(B, T, I), (B, S, I)] or with the key (B, S, I) third; call keywords as in `Attention`

    Output shape:
        (B, T, I); with `return_attention_scores` a tuple with the weights (B, T, S) second

    Raises:
        ShapeError: not two or three inputs in a list.

    Example:
        >>> import numpy as np
        >>> query, value = np.ones((2, 3, 4), "float32"), np.ones((2, 5, 4), "float32")
        >>> AdditiveAttention()([query, value]).shape
        (2, 3, 4)
    """

    @checked(use_scale=boolean, dropout=fraction)
    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any):
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: Any) -> None:
        self._check(input_shape, "shapes")
        self.scale = None
        if self.use_scale:
            self.scale = self.add_weight(shape=(input_shape[0][-1],), initializer="glorot_uniform", name="scale")

    def _calculate_scores(self, query: Any, key: Any) -> Any:
        terms = ops.tanh(ops.add(ops.expand_dims(query, -2), ops.expand_dims(key, -3)))
        return ops.sum(terms if self.scale is None else ops.multiply(terms, self.scale), axis=-1)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["score_mode"]
        return config
