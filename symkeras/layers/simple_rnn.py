"""`SimpleRNN`: a fully connected recurrent layer."""

from __future__ import annotations

from typing import Any

from symkeras.layers.rnn import FlatRNN
from symkeras.layers.simple_rnn_cell import SimpleRNNCell


class SimpleRNN(FlatRNN):
    """A recurrent layer whose output goes back in as its state (Elman 1990); see `SimpleRNNCell` for one step.

    Args:
        units: size of output and state.
        activation: name or function; none when None.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: penalty on the output.
        kernel_constraint, recurrent_constraint, bias_constraint: applied to the weights after each step.
        dropout, recurrent_dropout: share of inputs and of states set to zero while training, the same at every time step.
        return_sequences, return_state, go_backwards, stateful, unroll: as in `RNN`.
        seed: of the dropout.
        **kwargs: those of `RNN` and `Layer`.

    Input shape:
        (B, T, I); call keywords `initial_state` (a tensor (B, units)), `mask` (B, T)

    Output shape:
        (B, units), or (B, T, units) with `return_sequences`; a tuple with the last state after it with `return_state`

    Raises:
        ConfigError: `units` is no positive integer; a loop to unroll has no known length.
        ShapeError: a stateful layer without a fixed batch size.

    Example:
        >>> import numpy as np
        >>> output, state = SimpleRNN(4, return_sequences=True, return_state=True)(np.ones((2, 3, 5), "float32"))
        >>> output.shape, state.shape
        ((2, 3, 4), (2, 4))
    """

    cell_class = SimpleRNNCell
    cell_name = "simple_rnn_cell"

    def __init__(self, units: int, activation: Any = "tanh", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
                 recurrent_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0,
                 recurrent_dropout: float = 0.0, return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
                 stateful: bool = False, unroll: bool = False, seed: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(locals(), **kwargs)
