"""`Dense`: every output is connected to every input."""

from __future__ import annotations

from typing import Any

from symkeras import activations, ops
from symkeras.arguments import boolean, checked, integers
from symkeras.errors import ShapeError
from symkeras.layers.input_spec import InputSpec
from symkeras.layers.quantized_products import QuantizedProducts
from symkeras.layers.weight_options import options_of, set_weight_options, weight_options_config

_OPTIONS = options_of("kernel", "bias")


class Dense(QuantizedProducts):
    """activation(inputs @ kernel + bias), on the last axis of the inputs.

    Args:
        units: size of the output's last axis.
        activation: name or function; none when None.
        use_bias: whether a bias is added.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: penalty on the output.
        kernel_constraint, bias_constraint: applied to the weights after each step.
        lora_rank, lora_alpha: see `enable_lora`, which they ask for.
        quantization_config: see `quantize`; used where `dtype` is a quantized policy.
        **kwargs: those of `Layer`.

    Input shape:
        (B, ..., I)

    Output shape:
        (B, ..., units)

    Raises:
        ConfigError: `units` is no positive integer.
        ShapeError: the size of the last axis is unknown, or another one than the layer was built for.

    Example:
        >>> import numpy as np
        >>> layer = Dense(2, kernel_initializer="ones")
        >>> layer(np.array([[1.0, 2.0, 3.0]])).tolist()
        [[6.0, 6.0]]
    """

    _quantized_modes = ("int8", "float8")

    @checked(use_bias=boolean)
    def __init__(self, units: int, activation: Any = None, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros", kernel_regularizer: Any = None, bias_regularizer: Any = None,
                 activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None, lora_rank: Any = None,
                 lora_alpha: Any = None, quantization_config: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_quantization(quantization_config)
        self._set_lora(lora_rank, lora_alpha)
        self.units = integers(units, 1, "Dense: units")[0]
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        set_weight_options(
            self, kernel_initializer=kernel_initializer, bias_initializer=bias_initializer, kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer, kernel_constraint=kernel_constraint, bias_constraint=bias_constraint,
        )  # fmt: skip
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        if width is None:
            raise ShapeError(f"Dense {self.name!r} needs a last axis of known size, received {tuple(input_shape)}")
        self._build_weight((width, self.units), self.kernel_initializer)
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(self.units,), initializer=self.bias_initializer, regularizer=self.bias_regularizer,
                constraint=self.bias_constraint, name="bias",
            )  # fmt: skip
        self.input_spec = InputSpec(min_ndim=2, axes={-1: width})
        self._build_lora()

    @property
    def kernel(self) -> Any:
        """(I, units); with LoRA the frozen kernel and its difference; quantized to int8 without LoRA, the integers."""
        return self._adapted()

    def call(self, inputs: Any, training: Any = None) -> Any:
        x = self._product(inputs, training)
        if self.bias is not None:
            x = self._added(x, self.bias)
        return self.activation(x) if self.activation is not None else x

    def _contract(self, x: Any, kernel: Any) -> Any:
        return ops.matmul(x, kernel)

    def _gradient_of_inputs(self, upstream: Any, kernel: Any, x: Any) -> Any:
        return ops.matmul(upstream, ops.transpose(kernel))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        own = {"units": self.units, "activation": activations.serialize(self.activation), "use_bias": self.use_bias}
        return {**super().get_config(), **own, **weight_options_config(self, *_OPTIONS)}
