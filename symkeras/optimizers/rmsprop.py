"""RMSprop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from symkeras import ops
from symkeras.arguments import boolean, checked, fraction, non_negative, optional
from symkeras.graph.variable import Variable
from symkeras.optimizers.averages import blend, standardized_epsilon
from symkeras.optimizers.optimizer import Optimizer


class RMSprop(Optimizer):
    """Gradients divided by the root of a moving average of their squares.

    Args:
        learning_rate: as in `Optimizer`, like everything that is not named here.
        rho: share of the average that is kept per step.
        momentum: share of the last step that is kept.
        epsilon: added to the average of squares; `config.epsilon()` when None.
        centered: whether the square of the average gradient is taken off the average of squares.

    Reference: Hinton, Lecture 6e of Neural Networks for Machine Learning, 2012.

    Example:
        >>> v = Variable([1.0], name="v")
        >>> RMSprop(0.1, rho=0.75).apply_gradients([(ops.full((1,), 3.0), v)])
        >>> round(float(v.numpy()[0]), 4)
        0.8
    """

    hyperparameters = ("rho", "momentum", "epsilon", "centered")

    @checked(rho=fraction, momentum=fraction, epsilon=optional(non_negative), centered=boolean)
    def __init__(self, learning_rate: Any = 0.001, rho: float = 0.9, momentum: float = 0.0, epsilon: float | None = 1e-7, centered: bool = False,
                 weight_decay: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None,
                 global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
                 ema_overwrite_frequency: int | None = None, loss_scale_factor: float | None = None,
                 gradient_accumulation_steps: int | None = None, name: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
                         loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        self.rho = rho
        self.momentum = momentum
        self.epsilon = standardized_epsilon(epsilon)
        self.centered = centered

    @property
    def slot_groups(self) -> Sequence[Mapping[str, Any]]:  # type: ignore[override]
        kinds = {"velocity": True, "momentum": self.momentum > 0, "average_gradient": self.centered}
        return [{kind: 0} for kind, is_used in kinds.items() if is_used]

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        rate = self.scalars(learning_rate, variable)
        squares = blend(self.slot("velocity", variable), ops.square(gradient), self.rho)
        denominator = ops.add(squares, self.epsilon)
        if self.centered:
            mean = blend(self.slot("average_gradient", variable), gradient, self.rho)
            denominator = ops.add(ops.subtract(squares, ops.square(mean)), self.epsilon)
        step = ops.divide(ops.multiply(gradient, rate), ops.sqrt(denominator))
        if self.momentum:
            slot = self.slot("momentum", variable)
            step = ops.add(ops.multiply(slot.value, self.momentum), step)
            slot.assign(step)
        variable.assign(ops.subtract(variable.value, step))
