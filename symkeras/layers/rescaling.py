"""Inputs times a number plus a number."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import config as settings
from symkeras import ops
from symkeras.arguments import as_given, checked, real_numbers
from symkeras.layers.layer import Layer
from symkeras.saving.serialization import deserialize_keras_object


class Rescaling(Layer):
    """x * scale + offset, in training and in use.

    Args:
        scale: a number, or one for each channel.
        offset: a number, or one for each channel.

    Input shape:
        any

    Output shape:
        that of the input

    Raises:
        ConfigError: something that is no number.

    Example:
        >>> import numpy as np
        >>> Rescaling(1 / 127.5, offset=-1)(np.array([0, 255])).tolist()
        [-1.0, 1.0]
    """

    @checked(scale=as_given(real_numbers), offset=as_given(real_numbers))
    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale, self.offset = scale, offset
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        scale, offset = (ops.cast(np.asarray(v), self.compute_dtype) for v in (self.scale, self.offset))
        if scale.ndim and settings.image_data_format() == "channels_first":
            scale = np.reshape(scale, (*scale.shape, *(1,) * (3 - scale.ndim)))
        return ops.add(ops.multiply(ops.cast(inputs, self.compute_dtype), scale), offset)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": _listed(self.scale), "offset": _listed(self.offset)}

    @classmethod
    def from_config(cls, config: Any) -> Any:
        if isinstance(config, dict):  # Keras writes arrays in a form of their own
            config = {k: deserialize_keras_object(v) if k in ("scale", "offset") and isinstance(v, dict) else v for k, v in config.items()}
        return super().from_config(config)


def _listed(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
