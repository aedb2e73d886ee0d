"""The weights at the end of a block of ConvNeXt."""

from __future__ import annotations

from typing import Any

from symkeras import initializers, layers, ops
from symkeras.arguments import checked, number, positive_int


class LayerScale(layers.Layer):
    """Each channel times a learned weight that begins small (Touvron et al. 2021).

    Args:
        init_values: what the weights begin with.
        projection_dim: number of channels, C.
        **kwargs: those of `Layer`.

    Input shape:
        (B, ..., C)

    Output shape:
        that of the input

    Example:
        >>> import numpy as np
        >>> LayerScale(0.5, 2)(np.array([[2.0, 4.0]])).tolist()
        [[1.0, 2.0]]
    """

    @checked(init_values=number(), projection_dim=positive_int)
    def __init__(self, init_values: float, projection_dim: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.init_values = init_values
        self.projection_dim = projection_dim

    def build(self, input_shape: Any) -> None:
        self.gamma = self.add_weight(shape=(self.projection_dim,), initializer=initializers.Constant(self.init_values), name="variable")

    def call(self, inputs: Any) -> Any:
        return ops.multiply(inputs, self.gamma)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "init_values": self.init_values, "projection_dim": self.projection_dim}
