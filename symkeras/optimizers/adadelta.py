"""Adadelta."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.arguments import checked, fraction, non_negative, optional
from symkeras.graph.variable import Variable
from symkeras.optimizers.averages import blend, standardized_epsilon
from symkeras.optimizers.optimizer import Optimizer


class Adadelta(Optimizer):
    """Gradients scaled by the ratio of the average size of past steps to that of past gradients.

    Args:
        learning_rate: as in `Optimizer`, like everything that is not named here.
        rho: share of the averages that is kept per step.
        epsilon: added to the averages of squares; `config.epsilon()` when None.

    Reference: Zeiler, ADADELTA: An Adaptive Learning Rate Method, 2012.

    Example:
        >>> v = Variable([1.0], name="v")
        >>> Adadelta(0.1).apply_gradients([(ops.full((1,), 3.0), v)])
        >>> round(float(v.numpy()[0]), 4)
        0.9999
    """

    hyperparameters = ("rho", "epsilon")
    slot_groups = ({"accumulated_grad": 0, "accumulated_delta_var": 0},)

    @checked(rho=fraction, epsilon=optional(non_negative))
    def __init__(self, learning_rate: Any = 0.001, rho: float = 0.95, epsilon: float | None = 1e-7,
                 weight_decay: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None,
                 global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
                 ema_overwrite_frequency: int | None = None, loss_scale_factor: float | None = None,
                 gradient_accumulation_steps: int | None = None, name: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
                         loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        self.rho = rho
        self.epsilon = standardized_epsilon(epsilon)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        rate = self.scalars(learning_rate, variable)
        squares = blend(self.slot("accumulated_grad", variable), ops.square(gradient), self.rho)
        steps = self.slot("accumulated_delta_var", variable)
        step = ops.divide(ops.multiply(self._root(steps.value), gradient), self._root(squares))
        blend(steps, ops.square(step), self.rho)
        variable.assign(ops.subtract(variable.value, ops.multiply(step, rate)))

    def _root(self, x: Any) -> Any:
        return ops.sqrt(ops.add(x, self.epsilon))
