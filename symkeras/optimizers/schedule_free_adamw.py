"""Schedule-free AdamW: an average of iterates in the place of a falling learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symkeras import ops
from symkeras.arguments import checked, non_negative, non_negative_int, number
from symkeras.graph.variable import Variable
from symkeras.optimizers.averages import approach
from symkeras.optimizers.optimizer import Optimizer


class ScheduleFreeAdamW(Optimizer):
    """Adam's steps on a sequence z; weights that are a mix of z and of the average x of all z so far.

    One step: `v += (1 - beta_2) * (g * g - v)`, `z -= rate * g / (sqrt(v / (1 - beta_2 ** n)) + epsilon)`,
    `x = (1 - 1 / n) * x + z / n`, `w = (1 - beta_1) * z + beta_1 * x`. x is not kept: w and z say what it was.

    Args:
        learning_rate: as in `Optimizer`, like everything that is not named here.
        beta_1: share of the average in the weights; more than 0.
        beta_2: share of the average of squares that is kept per step.
        epsilon: added to the root.
        warmup_steps: steps in which the rate grows from 0 to `learning_rate`.

    Reference: Defazio et al., The Road Less Scheduled, 2024.

    Example:
        >>> import numpy as np
        >>> v = Variable([1.0], name="v")
        >>> ScheduleFreeAdamW(0.1).apply([np.float32([3.0])], [v])
        >>> round(float(v.numpy()[0]), 4)
        0.9
    """

    hyperparameters = ("beta_1", "beta_2", "epsilon", "warmup_steps")
    slot_groups = ({"momentum": 0, "velocity": 0},)

    @checked(beta_1=number(above=0, below=1), beta_2=number(least=0, below=1), epsilon=non_negative, warmup_steps=non_negative_int)
    def __init__(self, learning_rate: Any = 0.0025, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8, warmup_steps: int = 0,
                 weight_decay: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None,
                 global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
                 ema_overwrite_frequency: int | None = None, loss_scale_factor: float | None = None,
                 gradient_accumulation_steps: int | None = None, name: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
                         loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.warmup_steps = warmup_steps

    def _add_slots(self, variables: Sequence[Variable]) -> None:
        super()._add_slots(variables)
        for v in variables:
            self.slot("momentum", v).set(v.array)

    def step_scalars(self, learning_rate: Any, dtype: str) -> Any:
        n = self.local_step(dtype)
        rate = ops.multiply(learning_rate, ops.minimum(ops.divide(n, self.warmup_steps), 1.0)) if self.warmup_steps else learning_rate
        return rate, ops.subtract(1, ops.power(self.beta_2, n)), ops.divide(1.0, n)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        rate, correction, weight = self.scalars(learning_rate, variable)
        slot = self.slot("momentum", variable)
        before = slot.value
        v = approach(self.slot("velocity", variable), ops.square(gradient), self.beta_2)
        root = ops.add(ops.sqrt(ops.divide(v, correction)), self.epsilon)
        z = ops.subtract(before, ops.divide(ops.multiply(rate, gradient), root))
        slot.assign(z)
        average = ops.divide(ops.subtract(variable.value, ops.multiply(before, 1 - self.beta_1)), self.beta_1)
        average = ops.add(ops.multiply(average, ops.subtract(1, weight)), ops.multiply(z, weight))
        variable.assign(ops.add(ops.multiply(z, 1 - self.beta_1), ops.multiply(average, self.beta_1)))
