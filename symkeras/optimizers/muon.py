"""Muon: momentum whose matrices are made nearly orthogonal."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from symkeras import ops
from symkeras.arguments import boolean, checked, non_negative, number, optional, positive, positive_int, several, text
from symkeras.errors import ConfigError
from symkeras.graph.variable import Variable
from symkeras.optimizers.averages import approach
from symkeras.optimizers.optimizer import Optimizer

_SHARE = number(least=0, below=1)


class Muon(Optimizer):
    """Matrices move along a momentum whose singular values are all brought near 1; everything else as in Adam.

    One step of a matrix: `m = momentum * m + g`, `u = orthogonal(g + momentum * m)` (without nesterov `orthogonal(m)`),
    `w -= rate * sqrt(max(rows, columns)) * rms_rate * u`, where `orthogonal` is `ns_steps` times
    `x = a * x + (b * x x' + c * (x x')^2) x`, from `x` of norm 1. Variables that are no matrices, embeddings and those of
    `exclude_layers` take steps of Adam with the rate `rate * adam_lr_ratio`.

    Args:
        learning_rate: as in `Optimizer`, like everything that is not named here.
        adam_beta_1, adam_beta_2, epsilon: as in `Adam`, for its steps.
        adam_weight_decay: weight decay of the variables that take steps of Adam.
        weight_decay: that of the others.
        exclude_layers: texts (regular expressions) found in the paths of variables that take steps of Adam.
        exclude_embeddings: whether variables with "embedding" in their path take steps of Adam.
        muon_a, muon_b, muon_c: the coefficients above.
        adam_lr_ratio: the learning rate of steps of Adam, as a share.
        momentum: share of the momentum that is kept per step.
        ns_steps: how often the iteration is done.
        nesterov: whether the momentum looks ahead.
        rms_rate: the root of the mean square of an update per unit of learning rate; None leaves the update as it is.

    Reference:
        Jordan et al., Muon: An optimizer for hidden layers in neural networks, 2024; Liu et al., Muon is Scalable for LLM Training, 2025.

    Raises:
        ConfigError: `exclude_layers` holds what is no regular expression.

    Example:
        >>> import numpy as np
        >>> v = Variable(np.zeros((2, 2)), name="v")
        >>> Muon(0.1, rms_rate=None).apply([np.eye(2, dtype="float32")], [v])
        >>> bool(v.numpy()[0, 0] < -0.06 and v.numpy()[0, 1] == 0)
        True
    """

    hyperparameters = (
        "adam_beta_1", "adam_beta_2", "epsilon", "exclude_layers", "muon_a", "muon_b", "muon_c", "adam_lr_ratio", "momentum", "ns_steps",
        "nesterov", "exclude_embeddings", "adam_weight_decay", "rms_rate",
    )  # fmt: skip

    @checked(
        adam_beta_1=_SHARE, adam_beta_2=_SHARE, adam_weight_decay=optional(non_negative), epsilon=non_negative,
        exclude_layers=optional(several(text)), exclude_embeddings=boolean,
        muon_a=number(), muon_b=number(), muon_c=number(), adam_lr_ratio=non_negative, momentum=_SHARE,
        ns_steps=positive_int, nesterov=boolean, rms_rate=optional(positive),
    )  # fmt: skip
    def __init__(self, learning_rate: Any = 0.001, adam_beta_1: float = 0.9, adam_beta_2: float = 0.999, adam_weight_decay: float | None = 0.004,
                 epsilon: float = 1e-7, weight_decay: float | None = 0.004, clipnorm: float | None = None, clipvalue: float | None = None,
                 global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
                 ema_overwrite_frequency: int | None = None, loss_scale_factor: float | None = None,
                 gradient_accumulation_steps: int | None = None, name: str | None = None, exclude_layers: Any = None,
                 exclude_embeddings: bool = True, muon_a: float = 3.4445, muon_b: float = -4.7750, muon_c: float = 2.0315,
                 adam_lr_ratio: float = 1, momentum: float = 0.95, ns_steps: int = 5, nesterov: bool = True, rms_rate: float | None = 0.2,
                 **kwargs: Any):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
                         loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        self.adam_beta_1, self.adam_beta_2, self.epsilon = adam_beta_1, adam_beta_2, epsilon
        self.adam_weight_decay = adam_weight_decay
        self.exclude_layers = list(exclude_layers or ())
        self.exclude_embeddings = exclude_embeddings
        self.muon_a, self.muon_b, self.muon_c = muon_a, muon_b, muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum, self.nesterov = momentum, nesterov
        self.ns_steps = ns_steps
        self.rms_rate = rms_rate
        self._velocities: dict[Variable, Variable] = {}
        for pattern in self.exclude_layers:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ConfigError(f"Muon: exclude_layers holds {pattern!r}, which is no regular expression: {error}") from error

    def _should_use_adamw(self, variable: Variable) -> bool:
        if len(variable.shape) != 2 or (self.exclude_embeddings and "embedding" in variable.path.lower()):
            return True
        return any(re.search(pattern, variable.path) for pattern in self.exclude_layers)

    def _add_slots(self, variables: Sequence[Variable]) -> None:
        for v in variables:
            self.add_variable_from_reference(v, "momentum")
            if self._should_use_adamw(v):
                self._velocities[v] = self.add_variable_from_reference(v, "velocity")

    def _weight_decay_of(self, variable: Variable) -> float | None:
        return self.adam_weight_decay if self._should_use_adamw(variable) else self.weight_decay

    def step_scalars(self, learning_rate: Any, dtype: str) -> Any:
        n = self.local_step(dtype)
        rate = ops.multiply(ops.multiply(learning_rate, self.adam_lr_ratio), ops.sqrt(ops.subtract(1, ops.power(self.adam_beta_2, n))))
        return learning_rate, ops.divide(rate, ops.subtract(1, ops.power(self.adam_beta_1, n)))

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        rate, alpha = self.scalars(learning_rate, variable)
        slot = self.slot("momentum", variable)
        if variable in self._velocities:
            m = approach(slot, gradient, self.adam_beta_1)
            v = approach(self._velocities[variable], ops.square(gradient), self.adam_beta_2)
            step = ops.divide(ops.multiply(m, alpha), ops.add(ops.sqrt(v), self.epsilon))
        else:
            m = ops.add(ops.multiply(slot.value, self.momentum), gradient)
            slot.assign(m)
            update = self._orthogonal(ops.add(gradient, ops.multiply(m, self.momentum)) if self.nesterov else m)
            step = ops.multiply(update, rate)
            if self.rms_rate is not None:
                step = ops.multiply(step, math.sqrt(max(variable.shape)) * self.rms_rate)
        variable.assign(ops.subtract(variable.value, step))

    def _orthogonal(self, x: Any) -> Any:
        """A matrix with the singular vectors of `x` and singular values near 1, by a quintic Newton-Schulz iteration."""
        is_tall = x.shape[0] > x.shape[1]
        x = ops.transpose(x) if is_tall else x
        x = ops.divide(x, ops.add(ops.sqrt(ops.sum(ops.square(x))), 1e-7))
        for _ in range(self.ns_steps):
            square = ops.matmul(x, ops.transpose(x))
            factor = ops.add(ops.multiply(square, self.muon_b), ops.matmul(ops.multiply(square, self.muon_c), square))
            x = ops.add(ops.multiply(x, self.muon_a), ops.matmul(factor, x))
        return ops.transpose(x) if is_tall else x
