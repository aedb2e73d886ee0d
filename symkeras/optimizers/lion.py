"""Lion."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.arguments import checked, fraction, number
from symkeras.graph.variable import Variable
from symkeras.optimizers.averages import blend
from symkeras.optimizers.optimizer import Optimizer


class Lion(Optimizer):
    """Steps of one size in the direction of a moving average of gradients.

    Args:
        learning_rate: as in `Optimizer`, like everything that is not named here.
        beta_1: share of the average in the direction of a step, above 0.
        beta_2: share of the average that is kept per step.

    Reference: Chen et al., Symbolic Discovery of Optimization Algorithms, 2023.

    Example:
        >>> v = Variable([1.0], name="v")
        >>> Lion(0.1).apply_gradients([(ops.full((1,), 3.0), v)])
        >>> round(float(v.numpy()[0]), 4)
        0.9
    """

    hyperparameters = ("beta_1", "beta_2")
    slot_groups = ({"momentum": 0},)

    @checked(beta_1=number(above=0, most=1), beta_2=fraction)
    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.99,
                 weight_decay: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None,
                 global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
                 ema_overwrite_frequency: int | None = None, loss_scale_factor: float | None = None,
                 gradient_accumulation_steps: int | None = None, name: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
                         loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        rate = self.scalars(learning_rate, variable)
        slot = self.slot("momentum", variable)
        direction = ops.add(ops.multiply(slot.value, self.beta_1), ops.multiply(gradient, 1 - self.beta_1))
        variable.assign(ops.subtract(variable.value, ops.multiply(ops.sign(direction), rate)))
        blend(slot, gradient, self.beta_2)
