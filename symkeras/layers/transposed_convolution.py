"""Transposed convolutions: the gradient of a convolution as a layer, which makes space larger."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.arguments import integers
from symkeras.errors import ConfigError
from symkeras.layers.convolution import Convolutional
from symkeras.layers.keras_1 import old_name


class _ConvTranspose(Convolutional):
    settings = ("filters", "kernel_size", "strides", "padding", "output_padding", "data_format", "dilation_rate")

    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", output_padding: Any = None,
                 data_format: str | None = None, dilation_rate: Any = 1, activation: Any = None, use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
                 bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
                 bias_constraint: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer, kernel_regularizer=kernel_regularizer, bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer, kernel_constraint=kernel_constraint, bias_constraint=bias_constraint, **kwargs,
        )  # fmt: skip
        kind = type(self).__name__
        self.filters = integers(filters, 1, f"{kind}: filters")[0]
        self.output_padding = None if output_padding is None else integers(output_padding, self.rank, f"{kind}: output_padding", 0)
        if self.output_padding is not None and any(p >= s for p, s in zip(self.output_padding, self.strides, strict=True)):
            raise ConfigError(f"{kind}: output_padding {self.output_padding} must be below strides {self.strides}")

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        self.kernel = self._weight("kernel", (*self.kernel_size, self.filters, channels))
        self.bias = self._weight("bias", (self.filters,)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        return self._finish(
            ops.conv_transpose(inputs, self.kernel, self.strides, self.padding, self.output_padding, self.data_format, self.dilation_rate)
        )


_DOC = """The transpose of a convolution of {things}: each element spreads a kernel over the output.

    Args:
        filters: number of output channels, O.
        kernel_size: size of a kernel, one number or one per spatial dim, K.
        strides: distance between the places of neighbouring elements in the output.
        padding: "valid" (all that kernels reach) or "same" (strides times as large as the input).
        output_padding: elements added at the end of each spatial dim, below the strides; worked out when None.
        data_format: where the channels are.
        dilation_rate: distance between the elements of a kernel; not together with strides above 1.
        activation: name or function; none when None.
        use_bias: whether a bias per filter is added.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: penalty on the output.
        kernel_constraint, bias_constraint: applied to the weights after each step.
        **kwargs: those of `Layer`.

    Input shape:
        {shape}; the channels second for "channels_first"

    Output shape:
        the same with O channels, and each spatial size n as (n - 1) * strides + K, or n * strides for "same"

    Raises:
        ConfigError: an argument that is no positive integer, an unknown padding, or too large an output_padding.
        ShapeError: unknown channels.

    Example:
        >>> import numpy as np
        >>> {example}
    """


class Conv1DTranspose(_ConvTranspose):
    __doc__ = _DOC.format(
        things="sequences", shape="(B, T, C)",
        example='Conv1DTranspose(1, 2, strides=2, kernel_initializer="ones")(np.array([[[3.0]]])).tolist()\n        [[[3.0], [3.0]]]',
    )  # fmt: skip
    rank = 1


class Conv2DTranspose(_ConvTranspose):
    __doc__ = _DOC.format(
        things="images", shape="(B, H, W, C)",
        example='Conv2DTranspose(4, 3, strides=2, padding="same")(np.zeros((1, 7, 8, 3))).shape\n        (1, 14, 16, 4)',
    )  # fmt: skip
    rank = 2


class Conv3DTranspose(_ConvTranspose):
    __doc__ = _DOC.format(
        things="volumes", shape="(B, D, H, W, C)",
        example="Conv3DTranspose(2, 2)(np.zeros((1, 2, 3, 4, 1))).shape\n        (1, 3, 4, 5, 2)",
    )  # fmt: skip
    rank = 3


Convolution1DTranspose, Convolution2DTranspose, Convolution3DTranspose = Conv1DTranspose, Conv2DTranspose, Conv3DTranspose
Deconvolution2D, Deconvolution3D = old_name("Deconvolution2D", Conv2DTranspose), old_name("Deconvolution3D", Conv3DTranspose)
