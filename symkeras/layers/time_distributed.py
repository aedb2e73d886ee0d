"""`TimeDistributed`: a layer applied to every time step on its own."""

from __future__ import annotations

from typing import Any

from symkeras import ops, tree
from symkeras.errors import ShapeError
from symkeras.graph import dims
from symkeras.layers.building import build_sublayer
from symkeras.layers.layer import Layer
from symkeras.layers.shapes import map_shapes
from symkeras.layers.wrapper import Wrapper


class TimeDistributed(Wrapper):
    """The same layer, with the same weights, on each slice of the time axis.

    All slices are handed to the layer at once, as one batch of B * T.

    Args:
        layer: the layer for one time step.
        **kwargs: those of `Layer`.

    Input shape:
        (B, T, ...); call keyword `mask` (B, T, ...)

    Output shape:
        (B, T, ...) with what the layer gives for (B, ...)

    Raises:
        ConfigError: `layer` is no layer.
        ShapeError: the input has fewer than three axes, or the mask does not begin with its first two.

    Example:
        >>> import numpy as np
        >>> from symkeras.layers import Dense
        >>> TimeDistributed(Dense(2))(np.ones((4, 3, 5), "float32")).shape
        (4, 3, 2)
    """

    def __init__(self, layer: Layer, **kwargs: Any):
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        build_sublayer(self.layer, map_shapes(self._step_shape, input_shape))

    def _step_shape(self, shape: Any) -> tuple[Any, ...]:
        if len(shape) < 3:
            raise ShapeError(f"TimeDistributed {self.name!r} expects inputs (B, T, ...) of at least three axes, received shape {tuple(shape)}")
        return (shape[0], *shape[2:])

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        kwargs: dict[str, Any] = {}
        if self.layer._takes_training:
            kwargs["training"] = training
        batch, length = ops.shape(tree.flatten(inputs)[0])[:2]
        if mask is not None and any(m is not None for m in tree.flatten(mask)):
            self._check_mask(tree.flatten(mask)[0], batch, length)
            if self.layer._takes_mask:
                kwargs["mask"] = tree.map_structure(lambda m: None if m is None else _folded(m), mask)
        outputs = self.layer(tree.map_structure(_folded, inputs), **kwargs)
        return tree.map_structure(lambda y: ops.reshape(y, (batch, length, *ops.shape(y)[1:])), outputs)

    def _check_mask(self, mask: Any, batch: Any, length: Any) -> None:
        sizes = ops.shape(mask)
        if len(sizes) < 2 or not dims.same(sizes[0], batch) or not dims.same(sizes[1], length):
            raise ShapeError(f"TimeDistributed {self.name!r} expects a mask that begins with the axes ({batch}, {length}), received shape {sizes}")

    def compute_output_shape(self, input_shape: Any) -> Any:
        length = tree.flatten(input_shape)[1]
        output = self.layer.compute_output_shape(map_shapes(self._step_shape, input_shape))
        return map_shapes(lambda s: (s[0], length, *s[1:]), output)


def _folded(x: Any) -> Any:
    """(B, T, ...) as (B * T, ...)."""
    sizes = ops.shape(x)
    return ops.reshape(x, (sizes[0] * sizes[1], *sizes[2:]))
