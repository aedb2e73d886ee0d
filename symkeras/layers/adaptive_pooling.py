"""Pooling to a given number of windows: the largest element or the mean of each."""

from __future__ import annotations

from typing import Any, ClassVar

from symkeras import ops
from symkeras.layers.input_spec import InputSpec
from symkeras.layers.layer import Layer
from symkeras.layers.spatial import data_format_of, spatial_axes
from symkeras.ops.adaptive_pooling import window_counts


class _AdaptivePooling(Layer):
    rank: ClassVar[int]
    mode: ClassVar[str]

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.output_size = window_counts(output_size, self.rank, type(self).__name__)
        self.data_format = data_format_of(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        pool = ops.adaptive_max_pool if self.mode == "max" else ops.adaptive_average_pool
        return pool(inputs, self.output_size, self.data_format)

    def compute_output_shape(self, input_shape: Any) -> Any:
        sizes = list(input_shape)
        for axis, count in zip(spatial_axes(self.data_format, self.rank), self.output_size, strict=True):
            sizes[axis] = sizes[axis] if count is None else count
        return tuple(sizes)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "output_size": self.output_size, "data_format": self.data_format}


_DOC = """The {what} of each of a given number of windows of {things}.

    Window i of M over N elements goes from floor(i N / M) to before ceil((i + 1) N / M).

    Args:
        output_size: how many windows along each spatial dim, one number or one per dim; None leaves a dim as it is.
        data_format: where the channels are.
        **kwargs: those of `Layer`.

    Input shape:
        {shape}, of known spatial sizes; the channels second for "channels_first"

    Output shape:
        the same with `output_size` as its spatial sizes

    Raises:
        ConfigError: numbers that are not positive, or an unknown data_format.
        ShapeError: another number of axes, or unknown sizes.

    Example:
        >>> import numpy as np
        >>> {example}
    """


class AdaptiveAveragePooling1D(_AdaptivePooling):
    __doc__ = _DOC.format(
        what="mean", things="sequences", shape="(B, T, C)",
        example="AdaptiveAveragePooling1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]])).tolist()\n        [[[2.0], [1.0]]]",
    )  # fmt: skip
    rank, mode = 1, "average"


class AdaptiveAveragePooling2D(_AdaptivePooling):
    __doc__ = _DOC.format(
        what="mean", things="images", shape="(B, H, W, C)",
        example="AdaptiveAveragePooling2D(1)(np.arange(4.0).reshape(1, 2, 2, 1)).tolist()\n        [[[[1.5]]]]",
    )  # fmt: skip
    rank, mode = 2, "average"


class AdaptiveAveragePooling3D(_AdaptivePooling):
    __doc__ = _DOC.format(
        what="mean", things="volumes", shape="(B, D, H, W, C)",
        example="AdaptiveAveragePooling3D((2, 3, None))(np.zeros((1, 4, 4, 5, 2))).shape\n        (1, 2, 3, 5, 2)",
    )  # fmt: skip
    rank, mode = 3, "average"


class AdaptiveMaxPooling1D(_AdaptivePooling):
    __doc__ = _DOC.format(
        what="largest element", things="sequences", shape="(B, T, C)",
        example="AdaptiveMaxPooling1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]])).tolist()\n        [[[3.0], [2.0]]]",
    )  # fmt: skip
    rank, mode = 1, "max"


class AdaptiveMaxPooling2D(_AdaptivePooling):
    __doc__ = _DOC.format(
        what="largest element", things="images", shape="(B, H, W, C)",
        example="AdaptiveMaxPooling2D(1)(np.arange(4.0).reshape(1, 2, 2, 1)).tolist()\n        [[[[3.0]]]]",
    )  # fmt: skip
    rank, mode = 2, "max"


class AdaptiveMaxPooling3D(_AdaptivePooling):
    __doc__ = _DOC.format(
        what="largest element", things="volumes", shape="(B, D, H, W, C)",
        example="AdaptiveMaxPooling3D((2, 3, None))(np.zeros((1, 4, 4, 5, 2))).shape\n        (1, 2, 3, 5, 2)",
    )  # fmt: skip
    rank, mode = 3, "max"
