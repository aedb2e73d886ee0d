"""Adamax."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.arguments import checked, non_negative, number, optional
from symkeras.graph.variable import Variable
from symkeras.optimizers.averages import approach, standardized_epsilon
from symkeras.optimizers.optimizer import Optimizer


class Adamax(Optimizer):
    """Adam with the largest recent gradient in place of the average of squares.

    Args:
        learning_rate: as in `Optimizer`, like everything that is not named here.
        beta_1: share of the average of gradients that is kept per step.
        beta_2: share of the largest gradient that is kept per step.
        epsilon: added to the largest gradient; `config.epsilon()` when None.

    Reference: Kingma and Ba, Adam: A Method for Stochastic Optimization, section 7, 2014.

    Example:
        >>> v = Variable([1.0], name="v")
        >>> Adamax(0.1).apply_gradients([(ops.full((1,), 3.0), v)])
        >>> round(float(v.numpy()[0]), 4)
        0.9
    """

    hyperparameters = ("beta_1", "beta_2", "epsilon")
    slot_groups = ({"momentum": 0, "norm": 0},)

    @checked(beta_1=number(least=0, below=1), beta_2=number(least=0, below=1), epsilon=optional(non_negative))
    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float | None = 1e-7,
                 weight_decay: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None,
                 global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
                 ema_overwrite_frequency: int | None = None, loss_scale_factor: float | None = None,
                 gradient_accumulation_steps: int | None = None, name: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
                         loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = standardized_epsilon(epsilon)

    def step_scalars(self, learning_rate: Any, dtype: str) -> Any:
        return learning_rate, ops.subtract(1, ops.power(self.beta_1, self.local_step(dtype)))

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        rate, correction = self.scalars(learning_rate, variable)
        m = approach(self.slot("momentum", variable), gradient, self.beta_1)
        norm = self.slot("norm", variable)
        largest = ops.maximum(ops.multiply(norm.value, self.beta_2), ops.abs(gradient))
        norm.assign(largest)
        step = ops.divide(ops.multiply(m, rate), ops.multiply(ops.add(largest, self.epsilon), correction))
        variable.assign(ops.subtract(variable.value, step))
