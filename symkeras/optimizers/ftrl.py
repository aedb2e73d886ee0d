"""Follow the regularized leader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from symkeras import ops
from symkeras.arguments import checked, non_negative, number
from symkeras.errors import ConfigError
from symkeras.graph.variable import Variable
from symkeras.optimizers.optimizer import Optimizer


class Ftrl(Optimizer):
    """Follow the regularized leader: sparse weights for large linear models.

    Args:
        learning_rate: as in `Optimizer`, like everything that is not named here.
        learning_rate_power: how the rate falls with the sum of squares; at most 0, which is a fixed rate.
        initial_accumulator_value: what the sum of squares begins with; at least 0.
        l1_regularization_strength, l2_regularization_strength: penalties; at least 0.
        l2_shrinkage_regularization_strength: a penalty on the weights through the gradient; at least 0.
        beta: added to the root of the sum of squares, as in the paper.

    Reference:
        McMahan et al., Ad Click Prediction: a View from the Trenches, 2013.

    Raises:
        ConfigError: numbers out of their range.

    Example:
        >>> v = Variable([1.0], name="v")
        >>> Ftrl(0.1).apply_gradients([(ops.full((1,), 3.0), v)])
        >>> round(float(v.numpy()[0]), 4)
        0.7957
    """

    hyperparameters = (
        "learning_rate_power", "initial_accumulator_value", "l1_regularization_strength", "l2_regularization_strength",
        "l2_shrinkage_regularization_strength", "beta",
    )  # fmt: skip

    @checked(
        learning_rate_power=number(most=0), initial_accumulator_value=non_negative, l1_regularization_strength=non_negative,
        l2_regularization_strength=non_negative, l2_shrinkage_regularization_strength=non_negative, beta=non_negative,
    )  # fmt: skip
    def __init__(self, learning_rate: Any = 0.001, learning_rate_power: float = -0.5, initial_accumulator_value: float = 0.1,
                 l1_regularization_strength: float = 0.0, l2_regularization_strength: float = 0.0,
                 l2_shrinkage_regularization_strength: float = 0.0, beta: float = 0.0,
                 weight_decay: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None,
                 global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
                 ema_overwrite_frequency: int | None = None, loss_scale_factor: float | None = None,
                 gradient_accumulation_steps: int | None = None, name: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
                         loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        if learning_rate_power > 0:
            raise ConfigError(f"Ftrl: learning_rate_power must not be positive, received {learning_rate_power}")
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta
        for argument in self.hyperparameters[1:5]:
            if getattr(self, argument) < 0:
                raise ConfigError(f"Ftrl: {argument} must not be negative, received {getattr(self, argument)}")

    @property
    def slot_groups(self) -> Sequence[Mapping[str, Any]]:  # type: ignore[override]
        return [{"accumulator": self.initial_accumulator_value, "linear": 0}]

    def step_scalars(self, learning_rate: Any, dtype: str) -> Any:
        l2 = ops.add(ops.divide(self.beta, ops.multiply(learning_rate, 2.0)), self.l2_regularization_strength)
        return learning_rate, ops.multiply(l2, 2)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        rate, l2 = self.scalars(learning_rate, variable)
        accumulator, linear = self.slot("accumulator", variable), self.slot("linear", variable)
        w, old = variable.value, accumulator.value
        new = ops.add(old, ops.square(gradient))
        power, l1 = -self.learning_rate_power, self.l1_regularization_strength
        shrunk = ops.add(gradient, ops.multiply(w, 2 * self.l2_shrinkage_regularization_strength))
        slope = ops.divide(ops.subtract(ops.power(new, power), ops.power(old, power)), rate)
        z = ops.add(linear.value, ops.subtract(shrunk, ops.multiply(slope, w)))
        inside = ops.minimum(ops.maximum(z, -l1), l1)
        linear.assign(z)
        variable.assign(ops.divide(ops.subtract(inside, z), ops.add(ops.divide(ops.power(new, power), rate), l2)))
        accumulator.assign(new)
