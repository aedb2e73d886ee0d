"""`Embedding`: a vector for every integer."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import ops, regularizers
from symkeras.arguments import boolean, checked, integers, optional, real_numbers
from symkeras.graph import dtypes, tracing
from symkeras.layers.quantized import Quantized
from symkeras.layers.weight_options import options_of, set_weight_options, weight_options_config

_OPTIONS = options_of("embeddings")


class Embedding(Quantized):
    """Rows of a table, chosen by integers.

    Args:
        input_dim: number of rows, V; integers run from 0 to V - 1.
        output_dim: size of a row, E.
        embeddings_initializer: how the table begins.
        embeddings_regularizer: penalty on the table.
        embeddings_constraint: applied to the table after each step.
        mask_zero: whether 0 is padding, which masks its places downstream.
        weights: an array (V, E) to begin with, alone or in a list; the layer is built at once then.
        lora_rank, lora_alpha: see `enable_lora`, which they ask for.
        quantization_config: see `quantize`; used where `dtype` is a quantized policy.
        **kwargs: those of `Layer`; `input_length` is the T of 2017.

    Input shape:
        (B, ...) integers; floats are truncated.

    Output shape:
        (B, ..., E)

    Raises:
        ConfigError: `input_dim` or `output_dim` is no positive integer.
        ShapeError: `weights` has another shape than (V, E).

    Example:
        >>> table = np.array([[0.0, 1.0], [2.0, 3.0]])
        >>> Embedding(2, 2, weights=[table])(np.array([[1, 0]])).tolist()
        [[[2.0, 3.0], [0.0, 1.0]]]
    """

    adapts = "embeddings"
    _quantized_modes = ("int8",)
    _scaled_axes = -1

    @checked(mask_zero=boolean, weights=optional(real_numbers))
    def __init__(self, input_dim: int, output_dim: int, embeddings_initializer: Any = "uniform", embeddings_regularizer: Any = None,
                 embeddings_constraint: Any = None, mask_zero: bool = False, weights: Any = None, lora_rank: Any = None,
                 lora_alpha: Any = None, quantization_config: Any = None, **kwargs: Any):  # fmt: skip
        length = kwargs.pop("input_length", None)
        if length is not None and not {"input_shape", "batch_input_shape", "batch_shape"} & kwargs.keys():
            kwargs["input_shape"] = tuple(length) if isinstance(length, (tuple, list)) else (length,)
        super().__init__(**kwargs)
        self._set_lora(lora_rank, lora_alpha)
        self._set_quantization(quantization_config)
        self.input_dim = integers(input_dim, 1, "Embedding: input_dim")[0]
        self.output_dim = integers(output_dim, 1, "Embedding: output_dim")[0]
        set_weight_options(
            self, embeddings_initializer=embeddings_initializer, embeddings_regularizer=embeddings_regularizer,
            embeddings_constraint=embeddings_constraint,
        )  # fmt: skip
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        self.autocast = False
        if weights is not None:
            with tracing.suspended():
                self.build()
            self._embeddings.set(weights[0] if isinstance(weights, (list, tuple)) and len(weights) == 1 and np.ndim(weights[0]) == 2 else weights)

    def build(self, input_shape: Any = None) -> None:
        self._build_weight((self.input_dim, self.output_dim), self.embeddings_initializer)
        self._build_lora()

    @property
    def embeddings(self) -> Any:
        """(V, E); with LoRA the frozen table and its difference; quantized to int8 without LoRA, the integers."""
        return self._adapted()

    def call(self, inputs: Any) -> Any:
        indices = inputs if dtypes.is_int(ops.op.dtype_of(inputs)) else ops.cast(inputs, "int32")
        rows = ops.take(self._embeddings, indices, axis=0)
        if self._is_quantized:
            rows = ops.divide(rows, ops.expand_dims(ops.take(self.embeddings_scale, indices, axis=0), -1))
        if self.lora_enabled:
            a, b = self._factors
            rows = ops.add(rows, ops.multiply(self._scale, ops.matmul(ops.take(a, indices, axis=0), b)))
        return ops.cast(rows, self.compute_dtype)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (*input_shape, self.output_dim)

    def get_config(self) -> dict[str, Any]:
        own: dict[str, Any] = {"input_dim": self.input_dim, "output_dim": self.output_dim, "mask_zero": self.mask_zero}
        own["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        return {**super().get_config(), **own, **weight_options_config(self, *_OPTIONS)}
