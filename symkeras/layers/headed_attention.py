"""What multi-head and grouped-query attention share."""

from __future__ import annotations

import math
from typing import Any

from symkeras import ops
from symkeras.errors import ConfigError, ShapeError
from symkeras.layers.attention_scores import attention_mask_of, dropped, masked_softmax
from symkeras.layers.einsum_dense import EinsumDense
from symkeras.layers.layer import Layer
from symkeras.layers.projections import PROJECTION_OPTIONS, projection
from symkeras.layers.shapes import shape_of
from symkeras.layers.weight_options import refuse, weight_options_config


class HeadedAttention(Layer):
    """What multi-head and grouped-query attention share: projections, masks, config of the weights, building by name.

    Subclasses build `_query_dense`, `_key_dense`, `_value_dense`, `_output_dense` (and `_gate_dense` where there is a gate), set
    `_head_size` and define `_compute_attention`.
    """

    _head_size: int
    _query_dense: EinsumDense
    _key_dense: EinsumDense
    _value_dense: EinsumDense
    _output_dense: EinsumDense
    _gate_dense: EinsumDense

    def _set_options(self, dropout: float, use_bias: bool, use_gate: bool, sliding_window: int | None, seed: Any, options: dict[str, Any]) -> None:
        from symkeras import constraints, initializers, regularizers

        families = {"initializer": initializers, "regularizer": regularizers, "constraint": constraints}
        refuse(type(self).__name__, flash_attention=options["flash_attention"])
        if sliding_window is not None:
            positive(type(self).__name__, sliding_window=sliding_window)
        self.supports_masking = True
        self.dropout = dropout
        self.use_bias = use_bias
        self.use_gate = use_gate
        self.sliding_window = sliding_window
        self.seed = seed
        self._options = {name: families[name.rpartition("_")[2]].get(options[name]) for name in PROJECTION_OPTIONS}
        if dropout > 0:
            from symkeras.random import SeedGenerator

            self.seed_generator = SeedGenerator(seed)

    def _project(self, shape: Any, output: Any, name: str, bound: int = 1, activation: Any = None) -> Any:
        options = {**self._options, "dtype": self.dtype_policy}
        return projection(shape, bound, output, name, self.use_bias, activation, options)

    def _build_shapes(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        given = self._call_signature.bind(*args, **kwargs).arguments
        return [shape_of(given[name]) for name in ("query", "value", "key") if given.get(name) is not None]

    def _mask(self, query: Any, value: Any, key: Any, query_mask: Any, value_mask: Any, key_mask: Any, attention_mask: Any, causal: bool) -> Any:
        """All masks as one; those of tensors are used where none are given."""
        return attention_mask_of(
            ops.shape(query)[1], ops.shape(value)[1],
            query_mask, value_mask, key_mask, attention_mask, causal, self.sliding_window,
        )  # fmt: skip

    query_dense = property(lambda self: self._query_dense, doc="The projection of the query.")
    key_dense = property(lambda self: self._key_dense, doc="The projection of the key.")
    value_dense = property(lambda self: self._value_dense, doc="The projection of the value.")
    output_dense = property(lambda self: self._output_dense, doc="The projection of what the heads give.")

    def call(self, query: Any, value: Any, key: Any = None, query_mask: Any = None, value_mask: Any = None, key_mask: Any = None,
             attention_mask: Any = None, return_attention_scores: bool = False, training: Any = None,
             use_causal_mask: bool = False) -> Any:  # fmt: skip
        mask = self._mask(query, value, key, query_mask, value_mask, key_mask, attention_mask, use_causal_mask)
        gate = self._gate_dense(query) if self.use_gate else None
        q = ops.multiply(self._query_dense(query), 1.0 / math.sqrt(self._head_size))
        k, v = self._key_dense(value if key is None else key), self._value_dense(value)
        output, weights = self._compute_attention(q, k, v, mask, training, return_attention_scores)
        output = self._output_dense(output if gate is None else ops.multiply(output, gate))
        return (output, weights) if return_attention_scores else output

    def _compute_attention(self, query: Any, key: Any, value: Any, attention_mask: Any = None, training: Any = None,
                           return_attention_scores: bool = False) -> tuple[Any, Any]:  # fmt: skip
        """What the heads give, (B, T, heads, size), and the weights, from scaled queries, keys and values with an axis of heads."""
        raise NotImplementedError(type(self).__name__)

    def _weights(self, scores: Any, mask: Any, training: Any, are_seen: bool) -> tuple[Any, Any]:
        """Attention weights before and after dropout.

        A row that is masked throughout is uniform, as in `dot_product_attention`, and zeros where the weights are seen or dropped, as in `Softmax`.
        """
        weights = masked_softmax(scores, mask)
        if mask is not None and (are_seen or self.dropout > 0):
            weights = ops.where(mask, weights, 0)
        return weights, dropped(weights, self.dropout, training, getattr(self, "seed_generator", None))

    def compute_output_shape(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> tuple[int | None, ...]:
        self._check_key(value_shape, key_shape)
        return tuple(query_shape)

    def _check_key(self, value_shape: Any, key_shape: Any) -> None:
        if key_shape is not None and tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
            raise ShapeError(f"{self.name!r}: all axes of value {tuple(value_shape)} and key {tuple(key_shape)} must be equal but the last one")

    def get_build_config(self) -> dict[str, Any] | None:
        if not self._input_shapes:
            return None
        return {"shapes_dict": dict(zip(("query_shape", "value_shape", "key_shape"), self._input_shapes, strict=False))}

    def build_from_config(self, config: dict[str, Any]) -> None:
        shapes = config.get("shapes_dict")
        if shapes and not self.built:
            self._input_shapes = [tuple(shape) for shape in shapes.values()]
            self._build_as_named(*self._input_shapes)

    def _build_as_named(self, *shapes: Any) -> None:
        from symkeras.graph import tracing

        with tracing.suspended():
            self.build(*shapes)
        self.built = True

    def _options_config(self) -> dict[str, Any]:
        from symkeras import regularizers

        named = type("Options", (), self._options)
        weights = [name for name in PROJECTION_OPTIONS if name != "activity_regularizer"]
        return {**weight_options_config(named, *weights), "activity_regularizer": regularizers.serialize(self._options["activity_regularizer"])}


def positive(layer: str, **sizes: Any) -> None:
    """Raise ConfigError unless all sizes are positive integers."""
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ConfigError(f"{layer} expects {name} to be a positive integer, received {size!r}")
