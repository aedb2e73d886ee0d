"""Nadam."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symkeras import ops
from symkeras.arguments import checked, non_negative, number, optional
from symkeras.graph.variable import Variable
from symkeras.optimizers.averages import approach, standardized_epsilon
from symkeras.optimizers.optimizer import Optimizer


class Nadam(Optimizer):
    """Adam with Nesterov's look ahead, by a momentum that grows with the steps.

    Args:
        learning_rate: as in `Optimizer`, like everything that is not named here.
        beta_1: share of the average of gradients that is kept per step.
        beta_2: share of the average of squares that is kept per step.
        epsilon: added to the root; `config.epsilon()` when None.

    Reference: Dozat, Incorporating Nesterov Momentum into Adam, 2016.

    Example:
        >>> v = Variable([1.0], name="v")
        >>> Nadam(0.1).apply_gradients([(ops.full((1,), 3.0), v)])
        >>> round(float(v.numpy()[0]), 4)
        0.8937
    """

    hyperparameters = ("beta_1", "beta_2", "epsilon")
    slot_groups = ({"momentum": 0, "velocity": 0},)

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

    def build(self, variables: Sequence[Variable]) -> None:
        is_first = not self.built
        super().build(variables)
        if is_first:
            self._u_product = self.add_variable((), "ones", variables[0].dtype if variables else None, "u_product")

    def begin_step(self, learning_rate: Any) -> None:
        product = self._u_product
        product.assign(ops.multiply(product.value, self._momentum(self.local_step(product.dtype))))

    def _momentum(self, step: Any) -> Any:
        return ops.multiply(ops.subtract(1, ops.multiply(ops.power(0.96, step), 0.5)), self.beta_1)

    def step_scalars(self, learning_rate: Any, dtype: str) -> Any:
        n = self.local_step(dtype)
        now, ahead = self._momentum(n), self._momentum(self.local_step(dtype, 2))
        product = ops.cast(self._u_product.value, dtype)
        of_m = ops.divide(ahead, ops.subtract(1, ops.multiply(product, ahead)))
        of_gradient = ops.divide(ops.subtract(1, now), ops.subtract(1, product))
        return learning_rate, of_m, of_gradient, ops.subtract(1, ops.power(self.beta_2, n))

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        rate, of_m, of_gradient, correction = self.scalars(learning_rate, variable)
        m = approach(self.slot("momentum", variable), gradient, self.beta_1)
        v = approach(self.slot("velocity", variable), ops.square(gradient), self.beta_2)
        m = ops.add(ops.multiply(m, of_m), ops.multiply(gradient, of_gradient))
        v = ops.divide(v, correction)
        variable.assign(ops.subtract(variable.value, ops.divide(ops.multiply(m, rate), ops.add(ops.sqrt(v), self.epsilon))))
