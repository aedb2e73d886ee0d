"""Depthwise convolutions, where each channel has kernels of its own, and separable ones, which mix the channels afterwards."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.arguments import integers
from symkeras.layers.convolution import Convolutional
from symkeras.layers.keras_1 import old_name


def depthwise(layer: Convolutional, inputs: Any, kernel: Any) -> Any:
    """The convolution of every channel with its own kernels (*K, C, M), as (B, *S', C * M)."""
    return ops.depthwise_conv(inputs, kernel, layer.strides, layer.padding, layer.data_format, layer.dilation_rate)


class _Depthwise(Convolutional):
    weights_of = ("depthwise", "bias")
    settings = ("depth_multiplier", "kernel_size", "strides", "padding", "data_format", "dilation_rate")

    def __init__(self, kernel_size: Any, strides: Any = 1, padding: str = "valid", depth_multiplier: int = 1, data_format: str | None = None,
                 dilation_rate: Any = 1, activation: Any = None, use_bias: bool = True, depthwise_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros", depthwise_regularizer: Any = None, bias_regularizer: Any = None,
                 activity_regularizer: Any = None, depthwise_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, depthwise_initializer=depthwise_initializer,
            bias_initializer=bias_initializer, depthwise_regularizer=depthwise_regularizer, bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer, depthwise_constraint=depthwise_constraint, bias_constraint=bias_constraint, **kwargs,
        )  # fmt: skip
        self.depth_multiplier = integers(depth_multiplier, 1, f"{type(self).__name__}: depth_multiplier")[0]

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        self.kernel = self._weight("kernel", (*self.kernel_size, channels, self.depth_multiplier), "depthwise")
        self.bias = self._weight("bias", (channels * self.depth_multiplier,)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        return self._finish(depthwise(self, inputs, self.kernel))


class _Separable(Convolutional):
    weights_of = ("depthwise", "pointwise", "bias")
    settings = ("depth_multiplier", "filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate")

    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: str | None = None,
                 dilation_rate: Any = 1, depth_multiplier: int = 1, activation: Any = None, use_bias: bool = True,
                 depthwise_initializer: Any = "glorot_uniform", pointwise_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros", depthwise_regularizer: Any = None, pointwise_regularizer: Any = None,
                 bias_regularizer: Any = None, activity_regularizer: Any = None, depthwise_constraint: Any = None,
                 pointwise_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, depthwise_initializer=depthwise_initializer,
            pointwise_initializer=pointwise_initializer, bias_initializer=bias_initializer, depthwise_regularizer=depthwise_regularizer,
            pointwise_regularizer=pointwise_regularizer, bias_regularizer=bias_regularizer, activity_regularizer=activity_regularizer,
            depthwise_constraint=depthwise_constraint, pointwise_constraint=pointwise_constraint, bias_constraint=bias_constraint, **kwargs,
        )  # fmt: skip
        kind = type(self).__name__
        self.filters = integers(filters, 1, f"{kind}: filters")[0]
        self.depth_multiplier = integers(depth_multiplier, 1, f"{kind}: depth_multiplier")[0]

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        self.depthwise_kernel = self._weight("depthwise_kernel", (*self.kernel_size, channels, self.depth_multiplier), "depthwise")
        width = channels * self.depth_multiplier
        self.pointwise_kernel = self._weight("pointwise_kernel", ((1,) * self.rank) + (width, self.filters), "pointwise")
        self.bias = self._weight("bias", (self.filters,)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        x = depthwise(self, inputs, self.depthwise_kernel)
        return self._finish(ops.conv(x, self.pointwise_kernel, 1, "valid", self.data_format))


_ARGS = """kernel_size: size of a kernel, one number or one per spatial dim, K.
        strides: steps of the kernel.
        padding: "valid" (none) or "same" (the output is as large as the input where strides are 1).
        data_format: where the channels are.
        dilation_rate: distance between the elements a kernel sees; not together with strides above 1.
        depth_multiplier: number of kernels per channel, M.
        activation: name or function; none when None.
        use_bias: whether a bias per output channel is added."""
_DEPTHWISE_DOC = """Convolution of every channel of {things} with kernels of its own.

    Args:
        {args}
        depthwise_initializer, bias_initializer: how the weights begin.
        depthwise_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: penalty on the output.
        depthwise_constraint, bias_constraint: applied to the weights after each step.
        **kwargs: those of `Layer`.

    Input shape:
        {shape}; the channels second for "channels_first"

    Output shape:
        the same with C * M channels (those of one input channel side by side) and the spatial sizes of a convolution

    Raises:
        ConfigError: an argument that is no positive integer, or an unknown padding.
        ShapeError: unknown channels, or a kernel that does not fit.

    Example:
        >>> import numpy as np
        >>> {example}
    """
_SEPARABLE_DOC = """Convolution of {things} in two steps: every channel by itself, then all channels of each place (Chollet 2017).

    Args:
        filters: number of output channels, O.
        {args}
        depthwise_initializer, pointwise_initializer, bias_initializer: how the weights begin.
        depthwise_regularizer, pointwise_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: penalty on the output.
        depthwise_constraint, pointwise_constraint, bias_constraint: applied to the weights after each step.
        **kwargs: those of `Layer`.

    Input shape:
        {shape}; the channels second for "channels_first"

    Output shape:
        the same with O channels and the spatial sizes of a convolution

    Raises:
        ConfigError: an argument that is no positive integer, or an unknown padding.
        ShapeError: unknown channels, or a kernel that does not fit.

    Example:
        >>> import numpy as np
        >>> {example}
    """


class DepthwiseConv1D(_Depthwise):
    __doc__ = _DEPTHWISE_DOC.format(
        things="sequences", shape="(B, T, C)", args=_ARGS,
        example='DepthwiseConv1D(2, depthwise_initializer="ones")(np.array([[[1.0, 5.0], [2.0, 6.0]]])).tolist()\n        [[[3.0, 11.0]]]',
    )  # fmt: skip
    rank = 1


class DepthwiseConv2D(_Depthwise):
    __doc__ = _DEPTHWISE_DOC.format(
        things="images", shape="(B, H, W, C)", args=_ARGS,
        example="DepthwiseConv2D(3, depth_multiplier=2)(np.zeros((1, 7, 8, 3))).shape\n        (1, 5, 6, 6)",
    )  # fmt: skip
    rank = 2


class SeparableConv1D(_Separable):
    __doc__ = _SEPARABLE_DOC.format(
        things="sequences", shape="(B, T, C)", args=_ARGS,
        example="SeparableConv1D(4, 3)(np.zeros((1, 7, 3))).shape\n        (1, 5, 4)",
    )  # fmt: skip
    rank = 1


class SeparableConv2D(_Separable):
    __doc__ = _SEPARABLE_DOC.format(
        things="images", shape="(B, H, W, C)", args=_ARGS,
        example='SeparableConv2D(4, 3, padding="same")(np.zeros((1, 7, 8, 3))).shape\n        (1, 7, 8, 4)',
    )  # fmt: skip
    rank = 2


SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, old_name("SeparableConvolution2D", SeparableConv2D)
