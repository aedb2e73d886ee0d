"""Gradient descent with momentum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from symkeras import ops
from symkeras.arguments import boolean, checked, fraction
from symkeras.graph.variable import Variable
from symkeras.optimizers.optimizer import Optimizer


class SGD(Optimizer):
    """Gradient descent: `w -= rate * g`, or with momentum `m = momentum * m - rate * g; w += m`.

    Args:
        learning_rate: as in `Optimizer`, like everything that is not named here.
        momentum: share of the last step that is kept, from 0 to 1.
        nesterov: whether the step looks ahead: `w += momentum * m - rate * g`.

    Example:
        >>> v = Variable([1.0], name="v")
        >>> optimizer = SGD(0.5, momentum=0.5)
        >>> for _ in range(2): optimizer.apply_gradients([(ops.ones(1), v)])
        >>> v.numpy().tolist()
        [-0.25]
    """

    hyperparameters = ("momentum", "nesterov")

    @checked(momentum=fraction, nesterov=boolean)
    def __init__(self, learning_rate: Any = 0.01, momentum: float = 0.0, nesterov: bool = False, weight_decay: float | None = None,
                 clipnorm: float | None = None, clipvalue: float | None = None, global_clipnorm: float | None = None, use_ema: bool = False,
                 ema_momentum: float = 0.99, ema_overwrite_frequency: int | None = None, loss_scale_factor: float | None = None,
                 gradient_accumulation_steps: int | None = None, name: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
                         loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        self.momentum = momentum
        self.nesterov = nesterov

    @property
    def slot_groups(self) -> Sequence[Mapping[str, Any]]:  # type: ignore[override]
        return [{"momentum": 0}] if self.momentum else []

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        rate = self.scalars(learning_rate, variable)
        step = ops.multiply(gradient, rate)
        if not self.momentum:
            variable.assign(ops.subtract(variable.value, step))
            return
        slot = self.slot("momentum", variable)
        m = ops.subtract(ops.multiply(slot.value, self.momentum), step)
        slot.assign(m)
        variable.assign(ops.add(variable.value, ops.subtract(ops.multiply(m, self.momentum), step) if self.nesterov else m))
