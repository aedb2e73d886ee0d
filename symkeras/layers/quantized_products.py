"""Products of inputs with a main weight, quantized or not: what Dense and EinsumDense share."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.dtype_policies.quantized_policy import QuantizedFloat8DTypePolicy
from symkeras.errors import NotOfferedError
from symkeras.graph import dtypes
from symkeras.layers.quantized import Quantized
from symkeras.quantizers.float8 import compute_float8_amax_history, compute_float8_scale, quantize_and_dequantize

_STORED = {"inputs": "float8_e4m3fn", "kernel": "float8_e4m3fn", "outputs_grad": "float8_e5m2"}
"""What a product in float8 stores, and as what."""


class QuantizedProducts(Quantized):
    """A layer that multiplies its inputs with a kernel: a subclass says how by `_contract`, and what the gradient of its inputs is."""

    def _contract(self, x: Any, kernel: Any) -> Any:
        """The product itself."""
        raise NotImplementedError

    def _gradient_of_inputs(self, upstream: Any, kernel: Any, x: Any) -> Any:
        """The gradient of `_contract` for its first argument."""
        raise NotImplementedError

    _input_axes: Any = -1
    """The axes of the inputs that are summed over, and so share a scale."""

    def _input_scale(self, scale: Any) -> Any:
        """The scale of inputs, with their axes, laid out beside the product."""
        return scale

    def _product(self, x: Any, training: Any) -> Any:
        """The product of inputs and kernel, as the mode has it."""
        if not self._is_quantized:
            return self._contract(x, self._adapted())
        return getattr(self, f"_{self.quantization_mode}_product")(x, training)

    def _int8_product(self, x: Any, training: Any) -> Any:
        y = self._integer_product()(x, self._frozen, self._scale_variable)
        if self.lora_enabled:
            a, b = self._factors
            y = ops.cast(ops.add(y, ops.multiply(self._scale, ops.matmul(self._contract(x, a), b))), self.compute_dtype)
        return y

    def _integer_product(self) -> Any:
        """Of inputs, integers and their scale; the gradient for the inputs is that of the product with the floating kernel."""

        @ops.custom_gradient
        def product(x: Any, kernel: Any, scale: Any) -> Any:
            dtype, both = self.compute_dtype, scale

            def gradient(upstream: Any) -> Any:
                floating = ops.divide(ops.cast(kernel, dtype), self._scale_beside_weight(scale))
                return self._gradient_of_inputs(upstream, floating, x), None, None

            small = x
            if self.inputs_quantizer is not None:
                small, input_scale = self.inputs_quantizer(x, axis=self._input_axes)
                both = ops.multiply(scale, self._input_scale(input_scale))
            return ops.divide(ops.cast(self._contract(small, kernel), dtype), both), gradient

        return product

    # ---- float8: a product of numbers that were stored in 8 bits, whose scales are trained by what they see -------------------

    def _float8_build(self, shape: tuple[int, ...], config: Any) -> None:
        length = getattr(self._policy(), "amax_history_length", QuantizedFloat8DTypePolicy.default_amax_history_length)
        for what in _STORED:
            for part, sizes, initial in (("scale", (), "ones"), ("amax_history", (length,), "zeros")):
                name = f"{what}_{part}"
                weight = self.add_weight(sizes, initial, "float32", autocast=False, overwrite_with_gradient=True, name=name)
                setattr(self, name, weight)

    def _quantize_float8(self, config: Any) -> None:
        self.quantized_build(self._frozen.shape, "float8", config)

    def _float8_product(self, x: Any, training: Any) -> Any:
        if self.lora_enabled:
            raise NotOfferedError(f"{type(self).__name__} {self.name!r}: a product in float8 has no difference of low rank")
        return self._with_stored_gradient(self._contract(self._stored("inputs", x, training), self._stored("kernel", self._frozen, training)))

    def _stored(self, what: str, x: Any, training: Any) -> Any:
        """What is left of numbers stored in 8 bits; the gradient passes, and those of scale and history are their next values."""
        dtype = _STORED[what]
        scale, history = self._float8_state(what)
        if not training:
            passing = ops.custom_gradient(lambda x: (quantize_and_dequantize(x, scale, dtype, self.compute_dtype), lambda upstream: upstream))
            return passing(x)

        @ops.custom_gradient
        def stored(x: Any, scale: Any, history: Any) -> Any:
            following = _following(x, scale, history, dtype)
            return quantize_and_dequantize(x, scale, dtype, self.compute_dtype), lambda upstream: (upstream, *following)

        return stored(x, scale, history)

    def _with_stored_gradient(self, y: Any) -> Any:
        """A product whose gradient is stored in 8 bits."""

        @ops.custom_gradient
        def same(y: Any, scale: Any, history: Any) -> Any:
            def gradient(upstream: Any) -> Any:
                dtype = _STORED["outputs_grad"]
                left = quantize_and_dequantize(upstream, scale, dtype, self.compute_dtype)
                return left, *_following(upstream, scale, history, dtype)

            return y, gradient

        return same(y, *self._float8_state("outputs_grad"))

    def _float8_state(self, what: str) -> tuple[Any, Any]:
        return getattr(self, f"{what}_scale"), getattr(self, f"{what}_amax_history")

    def _added(self, x: Any, bias: Any) -> Any:
        """The product and a bias, which a product in float8 of float32 takes in bfloat16."""
        if self._is_quantized and self.quantization_mode == "float8" and self.compute_dtype == "float32":
            bias = ops.cast(ops.cast(bias, "bfloat16"), "float32")
        return ops.add(x, bias)


def _following(x: Any, scale: Any, history: Any, dtype: str) -> tuple[Any, Any]:
    """The scale that a history asks for, and the history with what is seen now."""
    return compute_float8_scale(ops.max(history), scale, float(dtypes.limits(dtype).max)), compute_float8_amax_history(x, history)
