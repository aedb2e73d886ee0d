"""Adagrad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from symkeras import ops
from symkeras.arguments import checked, non_negative, optional
from symkeras.graph.variable import Variable
from symkeras.optimizers.averages import standardized_epsilon
from symkeras.optimizers.optimizer import Optimizer


class Adagrad(Optimizer):
    """Gradients divided by the root of the sum of all their squares so far.

    Args:
        learning_rate: as in `Optimizer`, like everything that is not named here.
        initial_accumulator_value: what the sum begins with.
        epsilon: added to the sum; `config.epsilon()` when None.

    Reference: Duchi et al., Adaptive Subgradient Methods for Online Learning and Stochastic Optimization, 2011.

    Example:
        >>> v = Variable([1.0], name="v")
        >>> Adagrad(0.1).apply_gradients([(ops.full((1,), 3.0), v)])
        >>> round(float(v.numpy()[0]), 4)
        0.9006
    """

    hyperparameters = ("initial_accumulator_value", "epsilon")

    @checked(initial_accumulator_value=non_negative, epsilon=optional(non_negative))
    def __init__(self, learning_rate: Any = 0.001, initial_accumulator_value: float = 0.1, epsilon: float | None = 1e-7,
                 weight_decay: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None,
                 global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
                 ema_overwrite_frequency: int | None = None, loss_scale_factor: float | None = None,
                 gradient_accumulation_steps: int | None = None, name: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
                         loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = standardized_epsilon(epsilon)

    @property
    def slot_groups(self) -> Sequence[Mapping[str, Any]]:  # type: ignore[override]
        return [{"accumulator": self.initial_accumulator_value}]

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        rate = self.scalars(learning_rate, variable)
        slot = self.slot("accumulator", variable)
        total = ops.add(slot.value, ops.square(gradient))
        slot.assign(total)
        step = ops.divide(ops.multiply(gradient, rate), ops.sqrt(ops.add(total, self.epsilon)))
        variable.assign(ops.subtract(variable.value, step))
