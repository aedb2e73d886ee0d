"""`Lambda`: a function as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from symkeras.arguments import anything, axis_sizes, checked, either, function, optional, table_of, text
from symkeras.layers.layer import Layer, map_shapes


def _mask(value: Any, where: str) -> Any:
    return value if hasattr(value, "shape") else function(value, where)


class Lambda(Layer):
    """A function of tensors as a layer; it has no weights.

    Args:
        function: takes the inputs, and `mask` or `training` where it names them.
        output_shape: the output's shape without the batch axis, or a function of the input shape; found by calling when None.
        mask: the output's mask, or a function of inputs and mask; masks end here when None.
        arguments: further keyword arguments of the function.

    Input shape:
        any

    Output shape:
        what the function gives

    Example:
        >>> import numpy as np
        >>> Lambda(lambda x: x**2)(np.array([3.0])).tolist()
        [9.0]
    """

    @checked(
        function=function, output_shape=optional(either(function, axis_sizes)), mask=optional(_mask), arguments=optional(table_of(text, anything)),
    )  # fmt: skip
    def __init__(self, function: Callable[..., Any], output_shape: Any = None, mask: Any = None,
                 arguments: dict[str, Any] | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(**kwargs)
        self.function = function
        self.arguments = dict(arguments or {})
        self.mask = mask
        self._output_shape = tuple(output_shape) if isinstance(output_shape, list) else output_shape
        self.supports_masking = mask is not None
        try:
            names = inspect.signature(function).parameters
        except (TypeError, ValueError):  # builtins and NumPy functions may have no signature
            names = {}
        self._wants = tuple(name for name in ("mask", "training") if name in names)

    def call(self, inputs: Any, mask: Any = None, training: Any = None) -> Any:
        offered = {"mask": mask, "training": training}
        return self.function(inputs, **{**self.arguments, **{name: offered[name] for name in self._wants if name not in self.arguments}})

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return self.mask(inputs, previous_mask) if callable(self.mask) else self.mask

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self._output_shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self._output_shape):
            return self._output_shape(input_shape)
        batch: list[Any] = []
        map_shapes(lambda s: batch.append(s[0] if s else None), input_shape)
        return (batch[0], *((self._output_shape,) if isinstance(self._output_shape, int) else self._output_shape))

    def get_config(self) -> dict[str, Any]:
        from symkeras.saving.serialization import serialize_keras_object

        own: dict[str, Any] = {"function": serialize_keras_object(self.function), "arguments": serialize_keras_object(self.arguments)}
        if self._output_shape is not None:
            own["output_shape"] = serialize_keras_object(self._output_shape) if callable(self._output_shape) else self._output_shape
        if self.mask is not None:
            own["mask"] = serialize_keras_object(self.mask)
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        from symkeras.saving.serialization import deserialize_keras_object

        config = dict(config)
        for key in ("function", "output_shape", "mask", "arguments"):
            if isinstance(config.get(key), dict):
                config[key] = deserialize_keras_object(config[key])
        return super().from_config(config)
