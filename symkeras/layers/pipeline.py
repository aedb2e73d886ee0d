"""`Pipeline`: layers one after the other, as one layer."""

from __future__ import annotations

from typing import Any

from symkeras.arguments import checked, instance, settings, several
from symkeras.errors import ConfigError
from symkeras.layers.calls import set_mask
from symkeras.layers.layer import Layer


class Pipeline(Layer):
    """A series of layers as one: for preprocessing and augmentation, where a `Sequential` model would be too much.

    Args:
        layers: the layers, in order.
        name: made from the class name when None.

    Input shape:
        that of the first layer

    Output shape:
        that of the last layer

    Raises:
        ConfigError: something that is no layer.

    Unlike other layers it takes `training` to be True where nobody says otherwise.

    Example:
        >>> from symkeras.layers import CategoryEncoding, StringLookup
        >>> Pipeline([StringLookup(vocabulary=["a", "b"]), CategoryEncoding(3, "one_hot")])(["b", "?"]).tolist()
        [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """

    @checked(layers=several(instance(Layer, "a layer")))
    def __init__(self, layers: Any, name: str | None = None):
        super().__init__(name=name)
        self.layers = list(layers)

    def call(self, inputs: Any, training: Any = True, mask: Any = None) -> Any:
        if mask is not None:
            set_mask(inputs, mask)
        for layer in self.layers:
            inputs = layer(inputs, training=training) if layer._takes_training else layer(inputs)
        return inputs

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return None  # the last layer set that of the output

    def get_config(self) -> dict[str, Any]:
        from symkeras.saving.serialization import serialize_keras_object

        return {"layers": [serialize_keras_object(layer) for layer in self.layers], "name": self.name}

    @classmethod
    @checked(config=settings)
    def from_config(cls, config: dict[str, Any]) -> Any:
        from symkeras.saving.serialization import deserialize_keras_object

        if not isinstance(config.get("layers"), (list, tuple)):
            raise ConfigError(f"Pipeline.from_config: expected a list called 'layers', received {config.get('layers')!r}")
        return cls(**{**config, "layers": [deserialize_keras_object(layer) for layer in config["layers"]]})
