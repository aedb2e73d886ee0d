"""Adam, and with its own weight decay AdamW."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from symkeras import ops
from symkeras.arguments import boolean, checked, non_negative, number, optional
from symkeras.graph.variable import Variable
from symkeras.optimizers.averages import approach, standardized_epsilon
from symkeras.optimizers.optimizer import Optimizer


class Adam(Optimizer):
    """Moving averages of gradients (m) and of their squares (v), corrected for their start at zero.

    One step: `m += (1 - beta_1) * (g - m)`, `v += (1 - beta_2) * (g * g - v)`,
    `w -= rate * sqrt(1 - beta_2 ** n) / (1 - beta_1 ** n) * m / (sqrt(v) + epsilon)`.

    Args:
        learning_rate: as in `Optimizer`, like everything that is not named here.
        beta_1: share of the average of gradients that is kept per step.
        beta_2: share of the average of squares that is kept per step.
        epsilon: added to the root (the "epsilon hat" of the paper); `config.epsilon()` when None.
        amsgrad: whether the largest average of squares so far is used.

    Reference: Kingma and Ba, Adam: A Method for Stochastic Optimization, 2014.

    Example:
        >>> v = Variable([1.0], name="v")
        >>> Adam(0.1).apply_gradients([(ops.full((1,), 3.0), v)])
        >>> round(float(v.numpy()[0]), 4)
        0.9
    """

    hyperparameters = ("beta_1", "beta_2", "epsilon", "amsgrad")

    @checked(beta_1=number(least=0, below=1), beta_2=number(least=0, below=1), epsilon=optional(non_negative), amsgrad=boolean)
    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float | None = 1e-7, amsgrad: bool = False,
                 weight_decay: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None,
                 global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
                 ema_overwrite_frequency: int | None = None, loss_scale_factor: float | None = None,
                 gradient_accumulation_steps: int | None = None, name: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
                         loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = standardized_epsilon(epsilon)
        self.amsgrad = amsgrad

    @property
    def slot_groups(self) -> Sequence[Mapping[str, Any]]:  # type: ignore[override]
        return [{"momentum": 0, "velocity": 0}, *([{"velocity_hat": 0}] if self.amsgrad else [])]

    def step_scalars(self, learning_rate: Any, dtype: str) -> Any:
        n = self.local_step(dtype)
        rate = ops.multiply(learning_rate, ops.sqrt(ops.subtract(1, ops.power(self.beta_2, n))))
        return ops.divide(rate, ops.subtract(1, ops.power(self.beta_1, n)))

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        alpha = self.scalars(learning_rate, variable)
        m = approach(self.slot("momentum", variable), gradient, self.beta_1)
        v = approach(self.slot("velocity", variable), ops.square(gradient), self.beta_2)
        if self.amsgrad:
            slot = self.slot("velocity_hat", variable)
            v = ops.maximum(slot.value, v)
            slot.assign(v)
        step = ops.divide(ops.multiply(m, alpha), ops.add(ops.sqrt(v), self.epsilon))
        variable.assign(ops.subtract(variable.value, step))


class AdamW(Adam):
    """Adam with weight decay beside the gradient: `w -= rate * weight_decay * w` first.

    Args:
        learning_rate: as in `Optimizer`, like everything that is not named here.
        weight_decay: must be given.
        beta_1, beta_2, epsilon, amsgrad: as in `Adam`.

    Reference: Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2017.

    Example:
        >>> import numpy as np
        >>> from symkeras import Variable
        >>> w = Variable(np.array([2.0], "float32"))
        >>> AdamW(learning_rate=0.5, weight_decay=0.5).apply([np.zeros(1, "float32")], [w])
        >>> np.asarray(w).tolist()
        [1.5]
    """

    @checked(weight_decay=non_negative)
    def __init__(self, learning_rate: Any = 0.001, weight_decay: float | None = 0.004, beta_1: float = 0.9, beta_2: float = 0.999,
                 epsilon: float | None = 1e-7, amsgrad: bool = False, clipnorm: float | None = None, clipvalue: float | None = None,
                 global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
                 ema_overwrite_frequency: int | None = None, loss_scale_factor: float | None = None,
                 gradient_accumulation_steps: int | None = None, name: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
                         ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
