"""The sum at the end of a residual branch of Inception-ResNet."""

from __future__ import annotations

from typing import Any

from symkeras import layers, ops
from symkeras.arguments import checked, number
from symkeras.errors import ShapeError


class CustomScaleLayer(layers.Layer):
    """x + scale * y of two tensors: a branch that is scaled down, so that deep networks train (Szegedy et al. 2016).

    Args:
        scale: of the second tensor.
        **kwargs: those of `Layer`.

    Input shape:
        two of (B, ...)

    Output shape:
        (B, ...)

    Raises:
        ShapeError: not two tensors.

    Example:
        >>> import numpy as np
        >>> CustomScaleLayer(0.5)([np.array([1.0]), np.array([4.0])]).tolist()
        [3.0]
    """

    @checked(scale=number())
    def __init__(self, scale: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs: Any) -> Any:
        if not isinstance(inputs, (list, tuple)) or len(inputs) != 2:
            raise ShapeError(f"CustomScaleLayer {self.name!r} expects two tensors, received {inputs!r}")
        return ops.add(inputs[0], ops.multiply(inputs[1], self.scale))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale}
