"""`Wrapper`: a layer around a layer."""

from __future__ import annotations

from typing import Any

from symkeras.arguments import checked, settings
from symkeras.errors import ConfigError
from symkeras.layers.building import build_sublayer
from symkeras.layers.layer import Layer


class Wrapper(Layer):
    """The base of layers that hold one other layer and change how it is called.

    Args:
        layer: the layer held.
        **kwargs: those of `Layer`.

    Input shape:
        what the subclass takes

    Output shape:
        what the subclass gives

    Raises:
        ConfigError: `layer` is no layer.

    Example:
        >>> import numpy as np
        >>> from symkeras.layers import Dense
        >>> class Twice(Wrapper):
        ...     def call(self, inputs):
        ...         return self.layer(inputs) * 2
        >>> Twice(Dense(1, kernel_initializer="ones"))(np.array([[1.0, 2.0]])).tolist()
        [[6.0]]
    """

    def __init__(self, layer: Layer, **kwargs: Any):
        if not isinstance(layer, Layer):
            raise ConfigError(f"{type(self).__name__} wraps a layer, received {layer!r}")
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        build_sublayer(self.layer, input_shape)

    def get_config(self) -> dict[str, Any]:
        from symkeras.saving.serialization import serialize_keras_object

        return {**super().get_config(), "layer": serialize_keras_object(self.layer)}

    @classmethod
    @checked(config=settings)
    def from_config(cls, config: dict[str, Any]) -> Any:
        from symkeras.saving.serialization import deserialize_keras_object

        config = dict(config)
        return super().from_config({**config, "layer": deserialize_keras_object(config["layer"])})
