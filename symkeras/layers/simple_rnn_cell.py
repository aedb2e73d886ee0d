"""`SimpleRNNCell`: one time step of a fully connected recurrent layer."""

from __future__ import annotations

from typing import Any

from symkeras import ops, tree
from symkeras.layers.recurrent_cell import RecurrentCell, activate, affine


class SimpleRNNCell(RecurrentCell):
    """activation(inputs @ kernel + bias + state @ recurrent_kernel), which is output and new state at once (Elman 1990).

    Args:
        units: size of output and state.
        activation: name or function; none when None.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on the weights.
        kernel_constraint, recurrent_constraint, bias_constraint: applied to the weights after each step.
        dropout, recurrent_dropout: share of inputs and of states set to zero while training.
        seed: of the dropout.
        **kwargs: those of `Layer`.

    Input shape:
        (B, I) and a list of one state (B, units)

    Output shape:
        (B, units) and a list of one state (B, units)

    Raises:
        ConfigError: `units` is no positive integer.

    Example:
        >>> import numpy as np
        >>> cell = SimpleRNNCell(2, activation=None, kernel_initializer="ones", recurrent_initializer="zeros")
        >>> output, states = cell(np.array([[1.0, 2.0]]), [np.zeros((1, 2))])
        >>> output.tolist()
        [[3.0, 3.0]]
    """

    def __init__(self, units: int, activation: Any = "tanh", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
                 recurrent_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
                 recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
                 seed: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(units, activation, use_bias, dropout, recurrent_dropout, seed, locals(), kwargs)

    def call(self, sequence: Any, states: Any, training: Any = False) -> tuple[Any, Any]:
        previous = states[0] if tree.is_nested(states) else states
        x, h = self._dropped(sequence, previous, training)
        output = activate(self.activation, ops.add(affine(x, self.kernel, self.bias), ops.matmul(h, self.recurrent_kernel)))
        return output, [output] if tree.is_nested(states) else output
