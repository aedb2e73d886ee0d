"""Learning rates that fall along half a cosine, once or again and again."""

from __future__ import annotations

import math
from typing import Any

from symkeras import ops
from symkeras.arguments import checked, non_negative, number, optional, positive, text
from symkeras.optimizers.schedules.learning_rate_schedule import LearningRateSchedule, as_float


class CosineDecay(LearningRateSchedule):
    """Half a cosine from the initial rate to its share `alpha`, behind an optional straight warm-up.

    Args:
        initial_learning_rate: at step 0.
        decay_steps: steps of the fall.
        alpha: share of the rate that is left at the end.
        name: shown in configs.
        warmup_target: the rate that the warm-up reaches and the fall begins with; None: no warm-up.
        warmup_steps: steps of the warm-up.

    Reference: Loshchilov and Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, 2016.

    Example:
        >>> schedule = CosineDecay(1.0, decay_steps=10)
        >>> [round(float(schedule(n)), 3) for n in (0, 5, 10, 99)]
        [1.0, 0.5, 0.0, 0.0]
    """

    arguments = ("initial_learning_rate", "decay_steps", "alpha", "name", "warmup_target", "warmup_steps")

    @checked(
        initial_learning_rate=number(), decay_steps=positive, alpha=number(), name=optional(text), warmup_target=optional(number()),
        warmup_steps=non_negative,
    )  # fmt: skip
    def __init__(self, initial_learning_rate: float, decay_steps: float, alpha: float = 0.0, name: str = "CosineDecay",
                 warmup_target: float | None = None, warmup_steps: float = 0):  # fmt: skip
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def __call__(self, step: Any) -> Any:
        step = as_float(step)
        if self.warmup_target is None:
            return self._fall(ops.minimum(step, self.decay_steps), self.initial_learning_rate)
        step = ops.minimum(step, self.decay_steps + self.warmup_steps)
        fall = self._fall(ops.subtract(step, self.warmup_steps), self.warmup_target)
        if not self.warmup_steps:
            return fall
        rise = ops.multiply(ops.divide(step, self.warmup_steps), self.warmup_target - self.initial_learning_rate)
        return ops.where(ops.less(step, self.warmup_steps), ops.add(rise, self.initial_learning_rate), fall)

    def _fall(self, step: Any, rate: float) -> Any:
        return ops.multiply(_cosine(ops.divide(step, self.decay_steps), 1.0, self.alpha), rate)


class CosineDecayRestarts(LearningRateSchedule):
    """Half a cosine that starts anew when it is done.

    Args:
        initial_learning_rate: at step 0.
        first_decay_steps: steps of the first fall.
        t_mul: how many times longer each fall is than the one before.
        m_mul: how many times higher each fall begins than the one before.
        alpha: share of the initial rate below which no fall goes.
        name: shown in configs.

    Reference: Loshchilov and Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, 2016.

    Example:
        >>> schedule = CosineDecayRestarts(1.0, first_decay_steps=10, m_mul=0.5)
        >>> [round(float(schedule(n)), 3) for n in (0, 5, 10, 20)]
        [1.0, 0.5, 0.5, 0.25]
    """

    arguments = ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha", "name")

    @checked(initial_learning_rate=number(), first_decay_steps=positive, t_mul=positive, m_mul=number(), alpha=number(), name=optional(text))
    def __init__(self, initial_learning_rate: float, first_decay_steps: float, t_mul: float = 2.0, m_mul: float = 1.0, alpha: float = 0.0,
                 name: str = "SGDRDecay"):  # fmt: skip
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step: Any) -> Any:
        falls = ops.divide(as_float(step), self.first_decay_steps)
        if self.t_mul == 1:
            restarts = ops.floor(falls)
            done = ops.subtract(falls, restarts)
        else:
            grown = ops.log(ops.subtract(1.0, ops.multiply(falls, 1.0 - self.t_mul)))
            restarts = ops.floor(ops.divide(grown, math.log(self.t_mul)))
            length = ops.power(self.t_mul, restarts)
            before = ops.divide(ops.subtract(1.0, length), 1.0 - self.t_mul)
            done = ops.divide(ops.subtract(falls, before), length)
        return ops.multiply(_cosine(done, ops.power(self.m_mul, restarts), self.alpha), self.initial_learning_rate)


def _cosine(done: Any, height: Any, alpha: float) -> Any:
    """From `height` to `alpha` while `done` goes from 0 to 1."""
    cosine = ops.multiply(ops.add(ops.cos(ops.multiply(done, math.pi)), 1.0), ops.multiply(height, 0.5))
    return ops.add(ops.multiply(cosine, 1 - alpha), alpha)
