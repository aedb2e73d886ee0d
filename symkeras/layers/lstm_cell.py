"""`LSTMCell`: one time step of a long short-term memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import activations, ops
from symkeras.arguments import boolean, checked
from symkeras.layers.recurrent_cell import RecurrentCell, activate, affine, gate_products


class LSTMCell(RecurrentCell):
    """One step of a long short-term memory: gates input, forget, candidate, output, in this order in the weights.

    With z = inputs @ kernel + bias + h @ recurrent_kernel cut into i, f, c, o, the new carry is
    sigmoid(f) * carry + sigmoid(i) * tanh(c), the output and new h are sigmoid(o) * tanh(carry)
    (Hochreiter and Schmidhuber 1997; the forget gate is that of Gers et al. 2000).

    Args:
        units: size of output and states.
        activation: for the candidate and the carry.
        recurrent_activation: for the gates.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: how the weights begin.
        unit_forget_bias: the forget gate's bias begins with ones.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on the weights.
        kernel_constraint, recurrent_constraint, bias_constraint: applied to the weights after each step.
        dropout, recurrent_dropout: share of inputs and of states set to zero while training.
        seed: of the dropout.
        **kwargs: those of `Layer`, and `implementation` (1: every gate draws its own mask; so with `recurrent_dropout`).

    Input shape:
        (B, I) and a list of two states (B, units)

    Output shape:
        (B, units) and a list of two states (B, units)

    Raises:
        ConfigError: `units` is no positive integer.

    Example:
        >>> import numpy as np
        >>> cell = LSTMCell(4)
        >>> output, (h, c) = cell(np.ones((2, 3), "float32"), cell.get_initial_state(2))
        >>> output.shape, output is h
        ((2, 4), True)
    """

    gates = 4

    @checked(unit_forget_bias=boolean)
    def __init__(self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros",
                 unit_forget_bias: bool = True, kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
                 bias_regularizer: Any = None, kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None,
                 dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(units, activation, use_bias, dropout, recurrent_dropout, seed, locals(), kwargs)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [self.units, self.units]

    def _initializer(self, option: str) -> Any:
        initializer = super()._initializer(option)
        return self._forgetful(initializer) if option == "bias" and self.unit_forget_bias else initializer

    def _forgetful(self, initializer: Any) -> Any:
        def initial(shape: Any, dtype: Any = None) -> Any:
            n = self.units
            parts = [initializer((n,), dtype=dtype), np.ones(n, dtype), initializer((2 * n,), dtype=dtype)]
            return np.concatenate(parts).astype(dtype, copy=False)

        return initial

    def call(self, inputs: Any, states: Any, training: Any = False) -> tuple[Any, list[Any]]:
        h, carry = states[0], states[1]
        x, h = self._dropped(inputs, h, training)
        if isinstance(x, list) or isinstance(h, list):
            a, b = gate_products(x, self.kernel, self.bias, 4), gate_products(h, self.recurrent_kernel, None, 4)
            i, f, c, o = (ops.add(*pair) for pair in zip(a, b, strict=True))
        else:
            z = ops.add(affine(x, self.kernel, self.bias), ops.matmul(h, self.recurrent_kernel))
            i, f, c, o = ops.split(z, 4, axis=-1)
        i, f, o = (activate(self.recurrent_activation, gate) for gate in (i, f, o))
        carry = ops.add(ops.multiply(f, carry), ops.multiply(i, activate(self.activation, c)))
        h = ops.multiply(o, activate(self.activation, carry))
        return h, [h, carry]

    def get_config(self) -> dict[str, Any]:
        own = {"recurrent_activation": activations.serialize(self.recurrent_activation), "unit_forget_bias": self.unit_forget_bias}
        return {**super().get_config(), **own}
