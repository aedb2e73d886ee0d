"""Convolutional long short-term memory over sequences of images."""

from __future__ import annotations

from typing import Any

from symkeras import tree
from symkeras.layers.conv_lstm_cell import ConvLSTM1DCell, ConvLSTM2DCell, ConvLSTM3DCell
from symkeras.layers.input_spec import InputSpec
from symkeras.layers.rnn import FlatRNN


class _ConvLSTM(FlatRNN):
    cell_name = "conv_lstm_cell"

    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: str | None = None,
                 dilation_rate: Any = 1, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros",
                 unit_forget_bias: bool = True, kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
                 bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
                 recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
                 seed: Any = None, return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
                 stateful: bool = False, **kwargs: Any):  # fmt: skip
        super().__init__(locals(), **kwargs)
        self.input_spec = InputSpec(ndim=self.cell_class.rank + 3)

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        batch, length, *inner = sequences_shape
        state = (batch, *self.cell.output_shape(inner))
        output = (batch, length, *state[1:]) if self.return_sequences else state
        return (output, *tree.map_structure(lambda _: state, self.state_size)) if self.return_state else output


_DOC = """An LSTM over {things} in which convolutions stand in the place of matrix products (Shi et al. 2015).

    Args:
        filters: channels of output and states, O.
        kernel_size: size of the kernels, one number or one per spatial dim, K.
        strides: steps of the kernel over an input.
        padding: "valid" or "same", of the convolution of an input; that of the state keeps its size.
        data_format: where the channels are.
        dilation_rate: distance between the elements that the kernel of the input sees; not together with strides above 1.
        activation: for the candidate and the carry.
        recurrent_activation: for the gates.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: how the weights begin.
        unit_forget_bias: the forget gate's bias begins with ones.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: penalty on the output.
        kernel_constraint, recurrent_constraint, bias_constraint: applied to the weights after each step.
        dropout, recurrent_dropout: share of inputs and of states set to zero while training, the same at every time step.
        seed: of the dropout.
        return_sequences, return_state, go_backwards, stateful: as in `RNN`.
        **kwargs: those of `RNN` and `Layer`.

    Input shape:
        {shape}; the channels before the space for "channels_first"; call keywords `initial_state` (two states), `mask` (B, T)

    Output shape:
        {result}, with T behind B for `return_sequences`; a tuple with the two last states after it with `return_state`

    Raises:
        ConfigError: an argument that is no positive integer, or an unknown padding.
        ShapeError: an input whose space or channels are of unknown size; a stateful layer without a fixed batch size.

    Example:
        >>> import numpy as np
        >>> {example}
    """


class ConvLSTM1D(_ConvLSTM):
    __doc__ = _DOC.format(
        things="sequences of rows", shape="(B, T, W, C)", result="(B, W', O)",
        example="ConvLSTM1D(2, 3)(np.ones((1, 4, 5, 3), 'float32')).shape\n        (1, 3, 2)",
    )  # fmt: skip
    cell_class = ConvLSTM1DCell


class ConvLSTM2D(_ConvLSTM):
    __doc__ = _DOC.format(
        things="sequences of images", shape="(B, T, H, W, C)", result="(B, H', W', O)",
        example='ConvLSTM2D(2, 3, padding="same", return_sequences=True)(np.ones((1, 4, 5, 5, 3), "float32")).shape\n        (1, 4, 5, 5, 2)',
    )  # fmt: skip
    cell_class = ConvLSTM2DCell


class ConvLSTM3D(_ConvLSTM):
    __doc__ = _DOC.format(
        things="sequences of volumes", shape="(B, T, D, H, W, C)", result="(B, D', H', W', O)",
        example="ConvLSTM3D(2, 2)(np.ones((1, 2, 3, 3, 3, 1), 'float32')).shape\n        (1, 2, 2, 2, 2)",
    )  # fmt: skip
    cell_class = ConvLSTM3DCell
