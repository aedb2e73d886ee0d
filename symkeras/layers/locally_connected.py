"""Convolutions whose kernel is another one at each place; layers of Keras 2."""

from __future__ import annotations

from typing import Any, ClassVar

from symkeras import activations, ops
from symkeras.arguments import boolean, checked, integers
from symkeras.errors import ConfigError, ShapeError
from symkeras.layers.input_spec import InputSpec
from symkeras.layers.layer import Layer
from symkeras.layers.spatial import channel_axis, data_format_of, known_channels
from symkeras.layers.weight_options import options_of, set_weight_options, weight_options_config

_OPTIONS = options_of("kernel", "bias")


class _LocallyConnected(Layer):
    rank: ClassVar[int]

    @checked(use_bias=boolean)
    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: str | None = None,
                 activation: Any = None, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
                 bias_constraint: Any = None, implementation: int = 1, **kwargs: Any):  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        kind = type(self).__name__
        if str(padding).lower() != "valid" or implementation not in (1, 2, 3):
            raise ConfigError(f"{kind}: padding must be 'valid' and implementation 1, 2 or 3, received {padding!r} and {implementation!r}")
        self.filters = integers(filters, 1, f"{kind}: filters")[0]
        self.kernel_size = integers(kernel_size, self.rank, f"{kind}: kernel_size")
        self.strides = integers(strides, self.rank, f"{kind}: strides")
        self.padding, self.implementation = "valid", implementation
        self.data_format = data_format_of(data_format)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        set_weight_options(
            self, kernel_initializer=kernel_initializer, bias_initializer=bias_initializer, kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer, kernel_constraint=kernel_constraint, bias_constraint=bias_constraint,
        )  # fmt: skip
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def build(self, input_shape: Any) -> None:
        kind = f"{type(self).__name__} {self.name!r}"
        channels = known_channels(kind, input_shape, self.data_format)
        is_last = self.data_format == "channels_last"
        sizes = input_shape[1:-1] if is_last else input_shape[2:]
        if None in sizes:
            raise ShapeError(f"{kind} has a kernel for each place and needs an input of known size, received shape {tuple(input_shape)}")
        self._places = tuple((n - k) // s + 1 for n, k, s in zip(sizes, self.kernel_size, self.strides, strict=True))
        if min(self._places) < 1:
            raise ShapeError(f"{kind}: a kernel of {self.kernel_size} does not fit an input of shape {tuple(input_shape)}")
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={channel_axis(self.data_format): channels})
        places, window = 1, channels
        for n, k in zip(self._places, self.kernel_size, strict=True):
            places, window = places * n, window * k
        self.kernel = self._weight("kernel", (places, window, self.filters))
        shape = (*self._places, self.filters) if is_last else (self.filters, *self._places)
        self.bias = self._weight("bias", shape) if self.use_bias else None

    def _weight(self, name: str, shape: tuple[int, ...]) -> Any:
        return self.add_weight(
            shape=shape, name=name, initializer=getattr(self, f"{name}_initializer"), regularizer=getattr(self, f"{name}_regularizer"),
            constraint=getattr(self, f"{name}_constraint"),
        )  # fmt: skip

    def call(self, inputs: Any) -> Any:
        is_last, rank = self.data_format == "channels_last", self.rank
        x = inputs if is_last else ops.transpose(inputs, (0, *range(2, rank + 2), 1))
        windows = ops.reshape(self._windows(x), (-1, *self.kernel.shape[:2]))
        y = ops.transpose(ops.matmul(ops.transpose(windows, (1, 0, 2)), self.kernel), (1, 0, 2))
        y = ops.reshape(y, (-1, *self._places, self.filters))
        y = y if is_last else ops.transpose(y, (0, rank + 1, *range(1, rank + 1)))
        y = y if self.bias is None else ops.add(y, self.bias)
        return y if self.activation is None else self.activation(y)

    def _windows(self, x: Any) -> Any:
        """(B, *places, *kernel, C): strided slices of the input side by side, one for each element of the kernel."""
        for axis in range(self.rank):
            n, k, s = self._places[axis], self.kernel_size[axis], self.strides[axis]
            before = (slice(None),) * (1 + axis)
            pieces = [x[(*before, slice(j, j + (n - 1) * s + 1, s))] for j in range(k)]
            x = ops.stack(pieces, axis=1 + self.rank + axis)
        return x

    def get_config(self) -> dict[str, Any]:
        names = ("filters", "kernel_size", "strides", "padding", "data_format", "use_bias", "implementation")
        own = {**{name: getattr(self, name) for name in names}, "activation": activations.serialize(self.activation)}
        return {**super().get_config(), **own, **weight_options_config(self, *_OPTIONS)}


_DOC = """A convolution of {things} whose kernel is another one at each place; a layer of Keras 2.

    Args:
        filters: number of kernels at a place, O.
        kernel_size: size of a kernel, one number or one per spatial dim, K.
        strides: steps of the kernel.
        padding: "valid", as in Keras.
        data_format: where the channels are.
        activation: name or function; none when None.
        use_bias: whether a bias per place and filter is added.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: penalty on the output.
        kernel_constraint, bias_constraint: applied to the weights after each step.
        implementation: 1, 2 or 3, for Keras' signature: the weights are those of 1, whichever is given.
        **kwargs: those of `Layer`.

    Input shape:
        {shape}; the channels second for "channels_first"

    Output shape:
        {result}

    Raises:
        ConfigError: an argument that is no positive integer, or another padding.
        ShapeError: an input of unknown size, or a kernel that does not fit.

    Example:
        >>> import numpy as np
        >>> {example}
    """


class LocallyConnected1D(_LocallyConnected):
    __doc__ = _DOC.format(
        things="sequences", shape="(B, T, C)", result="(B, T', O)",
        example="LocallyConnected1D(4, 3)(np.ones((2, 6, 5), 'float32')).shape\n        (2, 4, 4)",
    )  # fmt: skip
    rank = 1


class LocallyConnected2D(_LocallyConnected):
    __doc__ = _DOC.format(
        things="images", shape="(B, H, W, C)", result="(B, H', W', O)",
        example="LocallyConnected2D(4, (2, 3))(np.ones((2, 5, 6, 3), 'float32')).shape\n        (2, 4, 4, 4)",
    )  # fmt: skip
    rank = 2
