"""Layers that rearrange the axes behind the batch axis: Flatten, Reshape, Permute, RepeatVector."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.arguments import checked, integer, integers, optional, positive_int, several
from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import dims
from symkeras.layers.input_spec import InputSpec
from symkeras.layers.layer import Layer
from symkeras.layers.spatial import data_format_of


class Flatten(Layer):
    """All axes behind the batch axis as one.

    Args:
        data_format: "channels_first" puts the channels last before flattening, so that both formats give the same order.

    Input shape:
        (B, ...)

    Output shape:
        (B, product of the other sizes)

    Example:
        >>> import numpy as np
        >>> Flatten()(np.zeros((2, 3, 4))).shape
        (2, 12)
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = data_format_of(data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Any) -> Any:
        sizes = ops.shape(inputs)
        if self.data_format == "channels_first" and len(sizes) > 2:
            inputs = ops.transpose(inputs, (0, *range(2, len(sizes)), 1))
        return ops.reshape(inputs, (*sizes[:1], dims.product(sizes[1:])))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}


class Reshape(Layer):
    """The axes behind the batch axis in another shape.

    Args:
        target_shape: the sizes without the batch axis; one may be -1.

    Input shape:
        (B, ...)

    Output shape:
        (B, *target_shape)

    Raises:
        ConfigError: more than one -1, or a size that is no integer.
        ShapeError: the number of elements does not fit.

    Example:
        >>> import numpy as np
        >>> Reshape((2, -1))(np.zeros((5, 6))).shape
        (5, 2, 3)
    """

    @checked(target_shape=several(optional(integer(least=-1))))
    def __init__(self, target_shape: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.target_shape = tuple(-1 if d is None else d for d in target_shape)
        if self.target_shape.count(-1) > 1:
            raise ConfigError(f"Reshape expects target_shape to hold sizes and at most one -1, received {target_shape!r}")

    def call(self, inputs: Any) -> Any:
        sizes = ops.shape(inputs)
        known = dims.product(d for d in self.target_shape if d != -1)
        total = dims.product(sizes[1:])
        free = dims.floor_divide(total, known) if known else 0
        if isinstance(total, int) and (free if -1 in self.target_shape else 1) * known != total:
            raise ShapeError(f"Reshape {self.name!r}: the {total} elements of {tuple(inputs.shape)} do not divide into {self.target_shape}")
        return ops.reshape(inputs, (sizes[0], *(free if d == -1 else d for d in self.target_shape)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "target_shape": self.target_shape}


class Permute(Layer):
    """The axes behind the batch axis in another order.

    Args:
        dims: the input's axis for each axis of the output, counted from 1.

    Input shape:
        (B, ...)

    Output shape:
        (B, ...), permuted

    Raises:
        ConfigError: `dims` is no permutation of 1, 2, ...

    Example:
        >>> import numpy as np
        >>> Permute((2, 1))(np.zeros((5, 3, 4))).shape
        (5, 4, 3)
    """

    @checked(dims=several(positive_int))
    def __init__(self, dims: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ConfigError(f"Permute expects a permutation of 1 to {len(self.dims)}, received {dims!r}")
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Any) -> Any:
        return ops.transpose(inputs, (0, *self.dims))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (input_shape[0], *(input_shape[d] for d in self.dims))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dims": self.dims}


class RepeatVector(Layer):
    """Each vector `n` times, along a new time axis.

    Args:
        n: the number of repetitions.

    Input shape:
        (B, I)

    Output shape:
        (B, n, I)

    Raises:
        ConfigError: `n` is no positive integer.

    Example:
        >>> import numpy as np
        >>> RepeatVector(2)(np.array([[1.0, 2.0]])).tolist()
        [[[1.0, 2.0], [1.0, 2.0]]]
    """

    def __init__(self, n: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.n = integers(n, 1, "RepeatVector: n")[0]
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Any:
        batch, width = ops.shape(inputs)
        return ops.broadcast_to(ops.expand_dims(inputs, 1), (batch, self.n, width))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (input_shape[0], self.n, input_shape[1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "n": self.n}
