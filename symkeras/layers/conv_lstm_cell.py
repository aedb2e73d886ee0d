"""One time step of a convolutional long short-term memory."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from symkeras import activations, ops
from symkeras.arguments import boolean, checked, fraction, integers
from symkeras.errors import ConfigError, ShapeError
from symkeras.layers.dropout_rnn_cell import DropoutRNNCell
from symkeras.layers.layer import Layer
from symkeras.layers.recurrent_cell import OPTIONS, activate
from symkeras.layers.spatial import channel_axis, data_format_of, known_channels, padding_of
from symkeras.layers.weight_options import set_weight_options, weight_options_config


class ConvLSTMCell(DropoutRNNCell, Layer):
    """The step of an LSTM in which convolutions stand in the place of matrix products (Shi et al. 2015).

    The kernels hold the gates input, forget, candidate, output side by side along their last axis. The state is as large as what the
    convolution of an input gives, and is convolved without changing its size.
    """

    rank: ClassVar[int]
    dropout_mask_count = 4

    @checked(use_bias=boolean, unit_forget_bias=boolean, dropout=fraction, recurrent_dropout=fraction)
    def __init__(self, filters: int, kernel_size: Any, strides: Any, padding: str, data_format: str | None, dilation_rate: Any, activation: Any,
                 recurrent_activation: Any, use_bias: bool, unit_forget_bias: bool, dropout: float, recurrent_dropout: float, seed: Any,
                 **kwargs: Any):  # fmt: skip
        from symkeras.random import SeedGenerator

        options = {name: kwargs.pop(name) for name in OPTIONS}
        super().__init__(**kwargs)
        kind = f"ConvLSTM{self.rank}D"
        self.filters = integers(filters, 1, f"{kind}: filters")[0]
        self.kernel_size = integers(kernel_size, self.rank, f"{kind}: kernel_size")
        self.strides = integers(strides, self.rank, f"{kind}: strides")
        self.padding = padding_of(kind, padding)
        self.data_format = data_format_of(data_format)
        self.dilation_rate = integers(dilation_rate, self.rank, f"{kind}: dilation_rate")
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ConfigError(f"{kind}: strides {self.strides} and dilation_rate {self.dilation_rate} cannot both be above 1")
        self.activation, self.recurrent_activation = activations.get(activation), activations.get(recurrent_activation)
        self.use_bias, self.unit_forget_bias = use_bias, unit_forget_bias
        set_weight_options(self, **options)
        self.dropout, self.recurrent_dropout = dropout, recurrent_dropout
        self.seed, self.seed_generator = seed, SeedGenerator(seed)
        self.state_size = [self.filters, self.filters]

    def build(self, input_shape: Any) -> None:
        kind = f"ConvLSTM{self.rank}D"
        channels = known_channels(kind, input_shape, self.data_format)
        if any(d is None for d in input_shape[1:]):
            raise ShapeError(f"{kind} needs images of known size, since its first states have theirs, received shape {tuple(input_shape)} of a step")
        gates = 4 * self.filters
        kernel, recurrent = (*self.kernel_size, channels, gates), (*self.kernel_size, self.filters, gates)
        self.kernel = self._weight("kernel", kernel, "kernel", self.kernel_initializer)
        self.recurrent_kernel = self._weight("recurrent_kernel", recurrent, "recurrent", self.recurrent_initializer)
        initializer = self._forgetful if self.unit_forget_bias else self.bias_initializer
        self.bias = self._weight("bias", (gates,), "bias", initializer) if self.use_bias else None
        self._state_shape = self.output_shape(input_shape[1:])

    def output_shape(self, image: Any) -> tuple[int, ...]:
        """The shape of a state for one of an image, both without the batch."""
        channels = known_channels(f"ConvLSTM{self.rank}D", (None, *image), self.data_format)
        kernel = np.zeros((*self.kernel_size, channels, self.filters), "float32")
        return tuple(self._conv(np.zeros((0, *image), "float32"), kernel, None).shape[1:])

    def _weight(self, name: str, shape: tuple[int, ...], option: str, initializer: Any) -> Any:
        return self.add_weight(
            shape=shape, name=name, initializer=initializer, regularizer=getattr(self, f"{option}_regularizer"),
            constraint=getattr(self, f"{option}_constraint"),
        )  # fmt: skip

    def _forgetful(self, shape: Any, dtype: Any = None) -> Any:
        n = self.filters
        parts = [self.bias_initializer((n,), dtype=dtype), np.ones(n, dtype), self.bias_initializer((2 * n,), dtype=dtype)]
        return np.concatenate(parts).astype(dtype, copy=False)

    def call(self, inputs: Any, states: Any, training: Any = False) -> tuple[Any, list[Any]]:
        h, carry = states
        x = inputs
        if training:
            x = x if isinstance(x, list) else self.apply_mask(x, self.get_dropout_mask(x))
            h = self.apply_mask(h, self.get_recurrent_dropout_mask(h))
        pairs = zip(self._gates(x, self.kernel, self.bias), self._gates(h, self.recurrent_kernel, None, is_state=True), strict=True)
        i, f, c, o = (ops.add(a, b) for a, b in pairs)
        i, f, o = (activate(self.recurrent_activation, gate) for gate in (i, f, o))
        carry = ops.add(ops.multiply(f, carry), ops.multiply(i, activate(self.activation, c)))
        h = ops.multiply(o, activate(self.activation, carry))
        return h, [h, carry]

    def _gates(self, x: Any, kernel: Any, bias: Any, is_state: bool = False) -> list[Any]:
        """The convolution for each gate; `x` may be a list of one tensor per gate."""
        if not isinstance(x, list):
            return ops.split(self._conv(x, kernel, bias, is_state), 4, axis=channel_axis(self.data_format))
        biases = [None] * 4 if bias is None else ops.split(bias, 4)
        return [self._conv(*row, is_state) for row in zip(x, ops.split(kernel, 4, axis=-1), biases, strict=True)]

    def _conv(self, x: Any, kernel: Any, bias: Any, is_state: bool = False) -> Any:
        if is_state:
            return ops.conv(x, kernel, 1, "same", self.data_format)
        y = ops.conv(x, kernel, self.strides, self.padding, self.data_format, self.dilation_rate)
        if bias is None:
            return y
        return ops.add(y, bias if self.data_format == "channels_last" else ops.reshape(bias, (1, -1, *(1,) * self.rank)))

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Zeros of the size of an output, for both states."""
        return [ops.zeros((batch_size, *self._state_shape), self.compute_dtype) for _ in range(2)]

    def get_config(self) -> dict[str, Any]:
        names = ("filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate", "use_bias", "unit_forget_bias", "dropout",
                 "recurrent_dropout", "seed")  # fmt: skip
        own = {name: getattr(self, name) for name in names}
        own |= {name: activations.serialize(getattr(self, name)) for name in ("activation", "recurrent_activation")}
        return {**super().get_config(), **own, **weight_options_config(self, *OPTIONS)}


class ConvLSTM1DCell(ConvLSTMCell):
    rank = 1


class ConvLSTM2DCell(ConvLSTMCell):
    rank = 2


class ConvLSTM3DCell(ConvLSTMCell):
    rank = 3
