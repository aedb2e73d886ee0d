"""`GRUCell`: one time step of a gated recurrent unit."""

from __future__ import annotations

from typing import Any

from symkeras import activations, ops, tree
from symkeras.arguments import boolean, checked
from symkeras.layers.recurrent_cell import RecurrentCell, activate, gate_products


class GRUCell(RecurrentCell):
    """One step of a gated recurrent unit: gates update, reset, candidate (z, r, h), in this order in the weights.

    The new state is z * h + (1 - z) * candidate (Cho et al. 2014). The reset gate multiplies the state after the
    recurrent product, whose bias it then covers (`reset_after`, with two rows of bias), or before it (one row).

    Args:
        units: size of output and state.
        activation: for the candidate.
        recurrent_activation: for the gates.
        use_bias: whether biases are added.
        kernel_initializer, recurrent_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on the weights.
        kernel_constraint, recurrent_constraint, bias_constraint: applied to the weights after each step.
        dropout, recurrent_dropout: share of inputs and of states set to zero while training.
        reset_after: where the reset gate multiplies.
        seed: of the dropout.
        **kwargs: those of `Layer`, and `implementation` (1: every gate draws its own mask; so with `recurrent_dropout`).

    Input shape:
        (B, I) and a list of one state (B, units)

    Output shape:
        (B, units) and a list of one state (B, units)

    Raises:
        ConfigError: `units` is no positive integer.

    Example:
        >>> import numpy as np
        >>> cell = GRUCell(4)
        >>> output, states = cell(np.ones((2, 3), "float32"), cell.get_initial_state(2))
        >>> output.shape, cell.bias.shape
        ((2, 4), (2, 12))
    """

    gates = 3

    @checked(reset_after=boolean)
    def __init__(self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, recurrent_regularizer: Any = None, bias_regularizer: Any = None,
                 kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0,
                 recurrent_dropout: float = 0.0, reset_after: bool = True, seed: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(units, activation, use_bias, dropout, recurrent_dropout, seed, locals(), kwargs)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.reset_after = reset_after

    def _bias_shape(self) -> tuple[int, ...]:
        columns = self.gates * self.units
        return (2, columns) if self.reset_after else (columns,)

    def call(self, inputs: Any, states: Any, training: Any = False) -> tuple[Any, Any]:
        previous = states[0] if tree.is_nested(states) else states
        x, h = self._dropped(inputs, previous, training)
        bias, recurrent_bias = self._biases()
        x_z, x_r, x_h = gate_products(x, self.kernel, bias, 3)
        if self.reset_after:
            h_z, h_r, h_h = gate_products(h, self.recurrent_kernel, recurrent_bias, 3)
            z, r = self._gate(x_z, h_z), self._gate(x_r, h_r)
            recurrent = ops.multiply(r, h_h)
        else:
            gates, candidate = ops.split(self.recurrent_kernel, [2 * self.units], axis=-1)
            h_z, h_r = gate_products(h[:2] if isinstance(h, list) else h, gates, None, 2)
            z, r = self._gate(x_z, h_z), self._gate(x_r, h_r)
            recurrent = ops.matmul(ops.multiply(r, h[2] if isinstance(h, list) else h), candidate)
        new = activate(self.activation, ops.add(x_h, recurrent))
        h = ops.add(ops.multiply(z, previous), ops.multiply(ops.subtract(1, z), new))
        return h, [h] if tree.is_nested(states) else h

    def _biases(self) -> tuple[Any, Any]:
        if self.bias is None or not self.reset_after:
            return self.bias, None
        return tuple(ops.squeeze(row, 0) for row in ops.split(self.bias, 2, axis=0))

    def _gate(self, x: Any, h: Any) -> Any:
        return activate(self.recurrent_activation, ops.add(x, h))

    def get_config(self) -> dict[str, Any]:
        own = {"recurrent_activation": activations.serialize(self.recurrent_activation), "reset_after": self.reset_after}
        return {**super().get_config(), **own}
