"""`ReversibleEmbedding`: a table of vectors that also gives scores for its rows."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.arguments import boolean, checked, optional, positive
from symkeras.graph import dtypes
from symkeras.layers.calls import set_mask
from symkeras.layers.embedding import Embedding


class ReversibleEmbedding(Embedding):
    """An embedding that, called with `reverse=True`, gives the products of vectors with all rows: the logits of a language model.

    Args:
        input_dim: number of rows, V.
        output_dim: size of a row, E.
        tie_weights: whether the scores are taken with the table itself; else with a table of their own (E, V).
        embeddings_initializer: how the tables begin.
        embeddings_regularizer: penalty on the table.
        embeddings_constraint: applied to the table after each step.
        mask_zero: whether 0 is padding, which masks its places downstream.
        reverse_dtype: the dtype in which scores are computed; that of the layer when None.
        logit_soft_cap: c for scores c * tanh(score / c), which lie between -c and c; None for scores as they are.
        **kwargs: those of `Embedding`.

    Input shape:
        (B, ...) integers; with `reverse=True` (B, ..., E)

    Output shape:
        (B, ..., E); with `reverse=True` (B, ..., V)

    Raises:
        ConfigError: `input_dim` or `output_dim` is no positive integer, or `logit_soft_cap` is not positive.

    Example:
        >>> import numpy as np
        >>> layer = ReversibleEmbedding(2, 2, weights=np.array([[0.0, 1.0], [2.0, 3.0]]))
        >>> layer(layer(np.array([[1]])), reverse=True).tolist()
        [[[3.0, 13.0]]]
    """

    _quantized_modes = ("int8",)

    @checked(tie_weights=boolean, logit_soft_cap=optional(positive))
    def __init__(self, input_dim: int, output_dim: int, tie_weights: bool = True, embeddings_initializer: Any = "uniform",
                 embeddings_regularizer: Any = None, embeddings_constraint: Any = None, mask_zero: bool = False, reverse_dtype: Any = None,
                 logit_soft_cap: float | None = None, **kwargs: Any):  # fmt: skip
        self.tie_weights = tie_weights  # before the base, which builds at once where weights are given
        self.reverse_dtype = None if reverse_dtype is None else dtypes.standardize(reverse_dtype)
        self.logit_soft_cap = logit_soft_cap
        super().__init__(input_dim, output_dim, embeddings_initializer, embeddings_regularizer, embeddings_constraint, mask_zero, **kwargs)

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        if not self.tie_weights and not self._is_quantized:
            shape = (self.output_dim, self.input_dim)
            self.reverse_embeddings = self.add_weight(shape=shape, initializer=self.embeddings_initializer, name="reverse_embeddings")

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        if not reverse:
            rows = super().call(inputs)
            mask = super().compute_mask(inputs)
            if mask is not None:
                set_mask(rows, mask)
            return rows
        scores = self._integer_scores(inputs) if self._is_quantized else self._scores(inputs)
        if self.logit_soft_cap is None:
            return scores
        return ops.multiply(ops.tanh(ops.divide(scores, self.logit_soft_cap)), self.logit_soft_cap)

    def _scores(self, x: Any) -> Any:
        table = ops.transpose(self.embeddings) if self.tie_weights else self.reverse_embeddings
        dtype = self.reverse_dtype or self.compute_dtype
        return ops.matmul(ops.cast(x, dtype), ops.cast(table, dtype))

    def _integer_scores(self, x: Any) -> Any:
        """With integers; a difference of low rank counts where rows are looked up alone."""
        table, scale = (ops.transpose(self._embeddings), self.embeddings_scale) if self.tie_weights else (
            self.reverse_embeddings, self.reverse_embeddings_scale)  # fmt: skip
        if self.inputs_quantizer is not None:
            x, input_scale = self.inputs_quantizer(x)
            scale = ops.multiply(input_scale, scale)
        return ops.cast(ops.divide(ops.matmul(x, table), scale), self.compute_dtype)

    def _int8_build(self, shape: tuple[int, ...], config: Any) -> None:
        super()._int8_build(shape, config)
        if not self.tie_weights:
            self._add_integers("reverse_embeddings", shape[::-1], shape[:1])

    def _quantize_int8(self, config: Any) -> None:
        if self.tie_weights:
            return super()._quantize_int8(config)
        integers, scale = self._integers_of(self.reverse_embeddings, config, 0)
        del self.reverse_embeddings
        super()._quantize_int8(config)
        self.reverse_embeddings.set(integers)
        self.reverse_embeddings_scale.set(ops.squeeze(scale, 0))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """None: the mask is set where rows are looked up."""
        return None

    def compute_output_shape(self, input_shape: Any, reverse: bool = False) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.input_dim) if reverse else super().compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        own = {"tie_weights": self.tie_weights, "reverse_dtype": self.reverse_dtype, "logit_soft_cap": self.logit_soft_cap}
        return {**super().get_config(), **own}
