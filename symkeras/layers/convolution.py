"""Convolutions over one, two and three spatial dims."""

from __future__ import annotations

from typing import Any, ClassVar

from symkeras import activations, ops, regularizers
from symkeras.arguments import boolean, checked, integers
from symkeras.errors import ConfigError, ShapeError
from symkeras.layers.input_spec import InputSpec
from symkeras.layers.keras_1 import old_name
from symkeras.layers.layer import Layer
from symkeras.layers.low_rank import LowRank
from symkeras.layers.spatial import channel_axis, data_format_of, known_channels, padding_of
from symkeras.layers.weight_options import options_of, set_weight_options, weight_options_config


class Convolutional(Layer):
    """What all convolutions share: the sizes of the kernel, a bias along the channels, an activation.

    Attributes:
        rank: number of spatial dims.
        weights_of: the names under which initializers, regularizers and constraints are given.
        settings: the arguments that the config holds beside those and the activation.
    """

    rank: ClassVar[int]
    weights_of: ClassVar[tuple[str, ...]] = ("kernel", "bias")
    settings: ClassVar[tuple[str, ...]]

    @checked(use_bias=boolean)
    def __init__(self, kernel_size: Any, strides: Any, padding: str, data_format: str | None, dilation_rate: Any, activation: Any,
                 use_bias: bool, **kwargs: Any):  # fmt: skip
        weights = {name: kwargs.pop(name) for name in options_of(*self.weights_of)}
        super().__init__(**kwargs)
        kind = type(self).__name__
        self.kernel_size = integers(kernel_size, self.rank, f"{kind}: kernel_size")
        self.strides = integers(strides, self.rank, f"{kind}: strides")
        self.padding = padding_of(kind, padding, causal=isinstance(self, Conv1D))
        self.data_format = data_format_of(data_format)
        self.dilation_rate = integers(dilation_rate, self.rank, f"{kind}: dilation_rate")
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ConfigError(f"{kind}: strides {self.strides} and dilation_rate {self.dilation_rate} cannot both be above 1")
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        set_weight_options(self, **weights)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _channels(self, input_shape: Any) -> int:
        """The number of input channels, demanded of every later input too."""
        channels = known_channels(f"{type(self).__name__} {self.name!r}", input_shape, self.data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={channel_axis(self.data_format): channels})
        return channels

    def _weight(self, name: str, shape: tuple[int, ...], option: str = "") -> Any:
        """A weight whose options are called `option`, by default like the weight."""
        option = option or name
        return self.add_weight(
            shape=shape, initializer=getattr(self, f"{option}_initializer"), regularizer=getattr(self, f"{option}_regularizer"),
            constraint=getattr(self, f"{option}_constraint"), name=name,
        )  # fmt: skip

    def _finish(self, x: Any) -> Any:
        """Bias and activation."""
        if self.bias is not None:
            ndim, axis = self.rank + 2, channel_axis(self.data_format) % (self.rank + 2)
            bias = self.bias if axis == ndim - 1 else ops.reshape(self.bias, tuple(-1 if k == axis else 1 for k in range(ndim)))
            x = ops.add(x, bias)
        return self.activation(x) if self.activation is not None else x

    def get_config(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in self.settings}
        own |= {"activation": activations.serialize(self.activation), "use_bias": self.use_bias}
        own["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        return {**super().get_config(), **own, **weight_options_config(self, *options_of(*self.weights_of))}


class _Conv(LowRank, Convolutional):
    settings = ("filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate", "groups")

    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: str | None = None,
                 dilation_rate: Any = 1, groups: int = 1, activation: Any = None, use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
                 bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
                 bias_constraint: Any = None, lora_rank: Any = None, lora_alpha: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer, kernel_regularizer=kernel_regularizer, bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer, kernel_constraint=kernel_constraint, bias_constraint=bias_constraint, **kwargs,
        )  # fmt: skip
        self._set_lora(lora_rank, lora_alpha)
        kind = type(self).__name__
        self.filters = integers(filters, 1, f"{kind}: filters")[0]
        self.groups = integers(groups, 1, f"{kind}: groups")[0]
        if self.filters % self.groups:
            raise ConfigError(f"{kind}: {self.filters} filters do not divide into {self.groups} groups")

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        if channels % self.groups:
            raise ShapeError(f"{type(self).__name__} {self.name!r}: {channels} channels do not divide into {self.groups} groups")
        self._kernel = self._weight("kernel", (*self.kernel_size, channels // self.groups, self.filters))
        self.bias = self._weight("bias", (self.filters,)) if self.use_bias else None
        self._build_lora()

    @property
    def kernel(self) -> Any:
        """(*K, C / groups, O); with LoRA the frozen kernels and their difference."""
        return self._adapted()

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """The convolution alone, of kernels (*K, C / groups, O); a subclass may put something else in its place."""
        return ops.conv(inputs, kernel, self.strides, self.padding, self.data_format, self.dilation_rate)

    def call(self, inputs: Any) -> Any:
        return self._finish(self.convolution_op(inputs, self.kernel))


_DOC = """Cross-correlation of {things} with `filters` learned kernels.

    Args:
        filters: number of kernels, O.
        kernel_size: size of a kernel, one number or one per spatial dim, K.
        strides: steps of the kernel.
        padding: {padding}.
        data_format: where the channels are.
        dilation_rate: distance between the elements a kernel sees; not together with strides above 1.
        groups: number of groups that channels and filters are cut into; each group of filters sees its group of channels.
        activation: name or function; none when None.
        use_bias: whether a bias per filter is added.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: penalty on the output.
        kernel_constraint, bias_constraint: applied to the weights after each step.
        lora_rank, lora_alpha: see `enable_lora`, which they ask for.
        **kwargs: those of `Layer`.

    Input shape:
        {shape}; the channels second for "channels_first"

    Output shape:
        {result}

    Raises:
        ConfigError: an argument that is no positive integer, an unknown padding, or groups that do not divide the filters.
        ShapeError: unknown channels, or groups that do not divide them, or a kernel that does not fit.

    Example:
        >>> import numpy as np
        >>> {example}
    """


class Conv1D(_Conv):
    __doc__ = _DOC.format(
        things="sequences", shape="(B, T, C)", result="(B, T', O)",
        padding='"valid" (none), "same" (as many steps as the input where strides are 1), or "causal" (a step sees only itself and what came before)',
        example='Conv1D(1, 2, padding="causal", kernel_initializer="ones")(np.array([[[1.0], [2.0]]])).tolist()\n        [[[1.0], [3.0]]]',
    )  # fmt: skip
    rank = 1


class Conv2D(_Conv):
    __doc__ = _DOC.format(
        things="images", shape="(B, H, W, C)", result="(B, H', W', O)",
        padding='"valid" (none) or "same" (the output is as large as the input where strides are 1)',
        example='Conv2D(4, 3, strides=2, padding="same")(np.zeros((1, 7, 8, 3))).shape\n        (1, 4, 4, 4)',
    )  # fmt: skip
    rank = 2


class Conv3D(_Conv):
    __doc__ = _DOC.format(
        things="volumes", shape="(B, D, H, W, C)", result="(B, D', H', W', O)",
        padding='"valid" (none) or "same" (the output is as large as the input where strides are 1)',
        example="Conv3D(2, (1, 2, 3))(np.zeros((1, 4, 4, 4, 1))).shape\n        (1, 4, 3, 2, 2)",
    )  # fmt: skip
    rank = 3


Convolution1D = Conv1D
Convolution2D, Convolution3D = old_name("Convolution2D", Conv2D), old_name("Convolution3D", Conv3D)
