"""`WithWeight`: an operation of two tensors of which one is a weight."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.arguments import axis_sizes, boolean, checked, one_of
from symkeras.layers.layer import Layer

OPERATIONS = ("add", "subtract", "multiply", "divide", "matmul", "maximum", "minimum", "power")


class WithWeight(Layer):
    """Adds, multiplies, ... a weight, which broadcasts.

    Args:
        operation: the name of a function of `symkeras.ops`.
        shape: that of the weight.
        is_first: whether the weight is the first of both operands.
        **kwargs: those of `Layer`.

    Input shape:
        (B, ...)

    Output shape:
        that of the operation

    Example:
        >>> import numpy as np
        >>> layer = WithWeight("add", (2,))
        >>> layer(np.ones((1, 2), "float32")).tolist()
        [[1.0, 1.0]]
    """

    @checked(operation=one_of(*OPERATIONS), shape=axis_sizes, is_first=boolean)
    def __init__(self, operation: str, shape: Any, is_first: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.operation, self.shape, self.is_first = operation, tuple(shape), is_first

    def build(self, input_shape: Any) -> None:
        self.weight = self.add_weight(shape=self.shape, initializer="zeros", name="weight")

    def call(self, inputs: Any) -> Any:
        operands = (self.weight, inputs) if self.is_first else (inputs, self.weight)
        return getattr(ops, self.operation)(*operands)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "operation": self.operation, "shape": list(self.shape), "is_first": self.is_first}
