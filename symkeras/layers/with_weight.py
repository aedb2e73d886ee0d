"""`WithWeight`: an operation of two tensors of which one is a weight."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.arguments import boolean, checked, non_negative_int, one_of, several
from symkeras.layers.layer import Layer

OPERATIONS = ("add", "subtract", "multiply", "divide", "matmul", "maximum", "minimum", "power", "value")


class WithWeight(Layer):
    """Adds, multiplies, ... a weight, which broadcasts; or gives the weight itself, whatever its input is.

    Args:
        operation: "add", "subtract", "multiply", "divide", "matmul", "maximum", "minimum", "power", or "value" for the weight.
        shape: that of the weight.
        is_first: whether the weight is the first of both operands.
        **kwargs: those of `Layer`.

    Input shape:
        (B, ...)

    Output shape:
        that of the operation, and of the weight for "value"

    Raises:
        ConfigError: an operation that is not among those above, or a shape that is none.

    Example:
        >>> import numpy as np
        >>> layer = WithWeight("add", (2,))
        >>> layer(np.ones((1, 2), "float32")).tolist()
        [[1.0, 1.0]]
    """

    @checked(operation=one_of(*OPERATIONS), shape=several(non_negative_int), is_first=boolean)
    def __init__(self, operation: str, shape: Any, is_first: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.operation, self.shape, self.is_first = operation, tuple(shape), is_first

    def build(self, input_shape: Any) -> None:
        self.weight = self.add_weight(shape=self.shape, initializer="zeros", name="weight")

    def call(self, inputs: Any) -> Any:
        if self.operation == "value":
            return ops.convert_to_tensor(self.weight)
        operands = (self.weight, inputs) if self.is_first else (inputs, self.weight)
        return getattr(ops, self.operation)(*operands)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "operation": self.operation, "shape": list(self.shape), "is_first": self.is_first}
