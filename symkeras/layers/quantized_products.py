"""Products of inputs with a main weight, quantized or not: what Dense and EinsumDense share."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.layers.quantized import Quantized


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
