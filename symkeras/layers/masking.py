"""`Identity` and `Masking`: layers that pass their input on."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.arguments import checked, number
from symkeras.layers.layer import Layer


class Identity(Layer):
    """The input as it is; it may be a nesting of tensors.

    Input shape:
        any

    Output shape:
        that of the input

    Example:
        >>> import numpy as np
        >>> Identity()(np.array([1.0, 2.0])).tolist()
        [1.0, 2.0]
    """

    _needs_no_build = True

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config()


class Masking(Layer):
    """Masks the time steps whose features all equal a value, and sets them to 0.

    Args:
        mask_value: what a masked step is filled with.

    Input shape:
        (B, T, ...)

    Output shape:
        (B, T, ...)

    Example:
        >>> import numpy as np
        >>> Masking(-1.0)(np.array([[[1.0, -1.0], [-1.0, -1.0]]])).tolist()
        [[[1.0, -1.0], [0.0, 0.0]]]
    """

    _needs_no_build = True

    @checked(mask_value=number())
    def __init__(self, mask_value: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        if isinstance(mask_value, dict):
            from symkeras.saving.serialization import deserialize_keras_object

            mask_value = deserialize_keras_object(mask_value)
        self.mask_value = mask_value
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return ops.where(ops.any(ops.not_equal(inputs, self.mask_value), axis=-1, keepdims=True), inputs, 0)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mask_value": self.mask_value}
