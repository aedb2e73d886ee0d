"""Pooling: the largest element or the mean of each window, or of all space."""

from __future__ import annotations

from typing import Any, ClassVar

from symkeras import ops
from symkeras.arguments import boolean, checked, integers
from symkeras.layers.input_spec import InputSpec
from symkeras.layers.layer import Layer
from symkeras.layers.spatial import data_format_of, padding_of, spatial_axes


class _Pooling(Layer):
    _needs_no_build = True
    rank: ClassVar[int]
    mode: ClassVar[str]

    def __init__(self, pool_size: Any = 2, strides: Any = None, padding: str = "valid", data_format: str | None = None,
                 name: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(name=name, **kwargs)
        kind = type(self).__name__
        self.pool_size = integers(pool_size, self.rank, f"{kind}: pool_size")
        self.strides = self.pool_size if strides is None else integers(strides, self.rank, f"{kind}: strides")
        self.padding = padding_of(kind, padding)
        self.data_format = data_format_of(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        pool = ops.max_pool if self.mode == "max" else ops.average_pool
        return pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)

    def get_config(self) -> dict[str, Any]:
        names = ("pool_size", "padding", "strides", "data_format")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


class _GlobalPooling(Layer):
    _needs_no_build = True
    rank: ClassVar[int]
    mode: ClassVar[str]

    @checked(keepdims=boolean)
    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = data_format_of(data_format)
        self.keepdims = keepdims
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        reduce = ops.max if self.mode == "max" else ops.mean
        return reduce(inputs, axis=spatial_axes(self.data_format, self.rank), keepdims=self.keepdims)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format, "keepdims": self.keepdims}


_WINDOW_DOC = """The {what} of each window of {things}.

    Args:
        pool_size: the window, one number or one per spatial dim.
        strides: steps of the window; its own size when None.
        padding: "valid", or "same", where places outside do not count.
        data_format: where the channels are.

    Input shape:
        {shape}; the channels second for "channels_first"

    Output shape:
        the same, with each spatial size n as (n - pool_size) // strides + 1, or ceil(n / strides) for "same"

    Raises:
        ConfigError: an unknown padding or data format, or a size that is no positive integer.
        ShapeError: the window does not fit.

    Example:
        >>> import numpy as np
        >>> {example}
    """
_GLOBAL_DOC = """The {what} over all of {things}, channel by channel.

    Args:
        data_format: where the channels are.
        keepdims: whether the spatial dims stay, with size 1.

    Input shape:
        {shape}; the channels second for "channels_first"

    Output shape:
        (B, C)

    Raises:
        ConfigError: an unknown data format.

    Example:
        >>> import numpy as np
        >>> {example}
    """


class MaxPooling1D(_Pooling):
    __doc__ = _WINDOW_DOC.format(
        what="largest element", things="sequences", shape="(B, T, C)",
        example="MaxPooling1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]])).tolist()\n        [[[3.0], [2.0]]]",
    )  # fmt: skip
    rank, mode = 1, "max"


class MaxPooling2D(_Pooling):
    __doc__ = _WINDOW_DOC.format(
        what="largest element", things="images", shape="(B, H, W, C)",
        example="MaxPooling2D()(np.arange(4.0).reshape(1, 2, 2, 1)).tolist()\n        [[[[3.0]]]]",
    )  # fmt: skip
    rank, mode = 2, "max"


class MaxPooling3D(_Pooling):
    __doc__ = _WINDOW_DOC.format(
        what="largest element", things="volumes", shape="(B, D, H, W, C)",
        example="MaxPooling3D()(np.zeros((1, 4, 4, 5, 2))).shape\n        (1, 2, 2, 2, 2)",
    )  # fmt: skip
    rank, mode = 3, "max"


class AveragePooling1D(_Pooling):
    __doc__ = _WINDOW_DOC.format(
        what="mean", things="sequences", shape="(B, T, C)",
        example="AveragePooling1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]])).tolist()\n        [[[2.0], [1.0]]]",
    )  # fmt: skip
    rank, mode = 1, "average"


class AveragePooling2D(_Pooling):
    __doc__ = _WINDOW_DOC.format(
        what="mean", things="images", shape="(B, H, W, C)",
        example="AveragePooling2D()(np.arange(4.0).reshape(1, 2, 2, 1)).tolist()\n        [[[[1.5]]]]",
    )  # fmt: skip
    rank, mode = 2, "average"


class AveragePooling3D(_Pooling):
    __doc__ = _WINDOW_DOC.format(
        what="mean", things="volumes", shape="(B, D, H, W, C)",
        example="AveragePooling3D()(np.zeros((1, 4, 4, 5, 2))).shape\n        (1, 2, 2, 2, 2)",
    )  # fmt: skip
    rank, mode = 3, "average"


class GlobalMaxPooling1D(_GlobalPooling):
    __doc__ = _GLOBAL_DOC.format(
        what="largest element", things="time", shape="(B, T, C)",
        example="GlobalMaxPooling1D()(np.array([[[1.0], [3.0]]])).tolist()\n        [[3.0]]",
    )  # fmt: skip
    rank, mode = 1, "max"


class GlobalMaxPooling2D(_GlobalPooling):
    __doc__ = _GLOBAL_DOC.format(
        what="largest element", things="an image", shape="(B, H, W, C)",
        example="GlobalMaxPooling2D()(np.arange(4.0).reshape(1, 2, 2, 1)).tolist()\n        [[3.0]]",
    )  # fmt: skip
    rank, mode = 2, "max"


class GlobalMaxPooling3D(_GlobalPooling):
    __doc__ = _GLOBAL_DOC.format(
        what="largest element", things="a volume", shape="(B, D, H, W, C)",
        example="GlobalMaxPooling3D(keepdims=True)(np.zeros((1, 2, 2, 2, 3))).shape\n        (1, 1, 1, 1, 3)",
    )  # fmt: skip
    rank, mode = 3, "max"


class GlobalAveragePooling1D(_GlobalPooling):
    __doc__ = _GLOBAL_DOC.format(
        what="mean", things="time", shape="(B, T, C)",
        example="GlobalAveragePooling1D()(np.array([[[1.0], [3.0]]])).tolist()\n        [[2.0]]",
    )  # fmt: skip
    rank, mode = 1, "average"

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return super().call(inputs)
        (time,) = spatial_axes(self.data_format, 1)
        kept = ops.expand_dims(ops.cast(mask, "bool"), 2 if time == 1 else 1)
        total = ops.sum(ops.where(kept, inputs, 0), axis=time, keepdims=self.keepdims)
        return ops.divide(total, ops.sum(ops.cast(kept, total.dtype), axis=time, keepdims=self.keepdims))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None


class GlobalAveragePooling2D(_GlobalPooling):
    __doc__ = _GLOBAL_DOC.format(
        what="mean", things="an image", shape="(B, H, W, C)",
        example="GlobalAveragePooling2D()(np.arange(4.0).reshape(1, 2, 2, 1)).tolist()\n        [[1.5]]",
    )  # fmt: skip
    rank, mode = 2, "average"


class GlobalAveragePooling3D(_GlobalPooling):
    __doc__ = _GLOBAL_DOC.format(
        what="mean", things="a volume", shape="(B, D, H, W, C)",
        example="GlobalAveragePooling3D()(np.ones((1, 2, 2, 2, 3))).tolist()\n        [[1.0, 1.0, 1.0]]",
    )  # fmt: skip
    rank, mode = 3, "average"


MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D
GlobalAvgPool1D, GlobalAvgPool2D, GlobalAvgPool3D = GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D
