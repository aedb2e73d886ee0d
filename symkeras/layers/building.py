"""Building a layer that another layer holds, under its own name."""

from __future__ import annotations

from typing import Any

from symkeras.layers.layer import Layer


def build_sublayer(layer: Layer, input_shape: Any) -> None:
    """Make the weights of a layer held by the one that is being built; nothing where it has them."""
    if layer.built:
        return
    layer.build(input_shape)
    layer._input_shapes = [input_shape]
    layer.built = True
