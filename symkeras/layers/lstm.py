"""`LSTM`: long short-term memory over a sequence."""

from __future__ import annotations

from typing import Any

from symkeras.layers.lstm_cell import LSTMCell
from symkeras.layers.rnn import FlatRNN


class LSTM(FlatRNN):
    """Long short-term memory (Hochreiter and Schmidhuber 1997); see `LSTMCell` for one step.

    Args:
        units: size of output and states.
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
        return_sequences, return_state, go_backwards, stateful, unroll: as in `RNN`.
        use_cudnn: accepted for Keras' signature; True is refused.
        **kwargs: those of `RNN` and `Layer`, and `implementation`, as in `LSTMCell`.

    Input shape:
        (B, T, I); call keywords `initial_state` (two tensors (B, units)), `mask` (B, T)

    Output shape:
        (B, units), or (B, T, units) with `return_sequences`; a tuple with the two last states h and c after it with `return_state`

    Raises:
        ConfigError: `units` is no positive integer; a loop to unroll has no known length.
        ShapeError: a stateful layer without a fixed batch size.

    Example:
        >>> import numpy as np
        >>> output, h, c = LSTM(4, return_sequences=True, return_state=True)(np.ones((2, 3, 5), "float32"))
        >>> output.shape, h.shape, c.shape
        ((2, 3, 4), (2, 4), (2, 4))
    """

    cell_class = LSTMCell
    cell_name = "lstm_cell"

    def __init__(self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros",
                 unit_forget_bias: bool = True, kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
                 bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
                 recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
                 seed: Any = None, return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
                 stateful: bool = False, unroll: bool = False, use_cudnn: Any = "auto", **kwargs: Any):  # fmt: skip
        super().__init__(locals(), **kwargs)
