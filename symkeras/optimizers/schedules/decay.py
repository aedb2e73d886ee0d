"""Learning rates that fall by a power law, a geometric law, or in steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symkeras import ops
from symkeras.arguments import boolean, checked, number, optional, positive, several, text
from symkeras.errors import ConfigError
from symkeras.optimizers.schedules.learning_rate_schedule import LearningRateSchedule, as_float


class ExponentialDecay(LearningRateSchedule):
    """`initial_learning_rate * decay_rate ** (step / decay_steps)`.

    Args:
        initial_learning_rate: at step 0.
        decay_steps: steps in which the rate falls by the factor `decay_rate`.
        decay_rate: that factor.
        staircase: whether the exponent is rounded down.
        name: shown in configs.

    Example:
        >>> float(ExponentialDecay(1.0, decay_steps=10, decay_rate=0.5)(20))
        0.25
    """

    arguments = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")

    @checked(initial_learning_rate=number(), decay_steps=positive, decay_rate=number(), staircase=boolean, name=optional(text))
    def __init__(self, initial_learning_rate: float, decay_steps: float, decay_rate: float, staircase: bool = False,
                 name: str = "ExponentialDecay"):  # fmt: skip
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Any) -> Any:
        return ops.multiply(ops.power(self.decay_rate, _periods(step, self.decay_steps, self.staircase)), self.initial_learning_rate)


class InverseTimeDecay(LearningRateSchedule):
    """`initial_learning_rate / (1 + decay_rate * step / decay_steps)`.

    Args:
        initial_learning_rate: at step 0.
        decay_steps: steps after which the rate is divided by `1 + decay_rate`.
        decay_rate: how fast it falls.
        staircase: whether `step / decay_steps` is rounded down.
        name: shown in configs.

    Example:
        >>> float(InverseTimeDecay(1.0, decay_steps=1, decay_rate=0.5)(2))
        0.5
    """

    arguments = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")

    @checked(initial_learning_rate=number(), decay_steps=positive, decay_rate=number(), staircase=boolean, name=optional(text))
    def __init__(self, initial_learning_rate: float, decay_steps: float, decay_rate: float, staircase: bool = False,
                 name: str = "InverseTimeDecay"):  # fmt: skip
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Any) -> Any:
        periods = _periods(step, self.decay_steps, self.staircase)
        return ops.divide(self.initial_learning_rate, ops.add(ops.multiply(periods, self.decay_rate), 1))


class PolynomialDecay(LearningRateSchedule):
    """From the initial to the end rate by `(1 - step / decay_steps) ** power`.

    Args:
        initial_learning_rate: at step 0.
        decay_steps: steps until the end rate.
        end_learning_rate: from there on.
        power: of the polynomial; 1 is a straight line.
        cycle: whether the rate jumps up at every multiple of `decay_steps` and falls again, ever more slowly.
        name: shown in configs.

    Example:
        >>> float(PolynomialDecay(1.0, decay_steps=4, end_learning_rate=0.0)(3))
        0.25
    """

    arguments = ("initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle", "name")

    @checked(initial_learning_rate=number(), decay_steps=positive, end_learning_rate=number(), power=number(), cycle=boolean, name=optional(text))
    def __init__(self, initial_learning_rate: float, decay_steps: float, end_learning_rate: float = 0.0001, power: float = 1.0,
                 cycle: bool = False, name: str = "PolynomialDecay"):  # fmt: skip
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: Any) -> Any:
        step = as_float(step)
        if self.cycle:
            cycles = ops.maximum(ops.ceil(ops.divide(step, self.decay_steps)), 1)
            done = ops.divide(step, ops.multiply(cycles, self.decay_steps))
        else:
            done = ops.divide(ops.minimum(step, self.decay_steps), self.decay_steps)
        fall = ops.power(ops.subtract(1, done), self.power)
        return ops.add(ops.multiply(fall, self.initial_learning_rate - self.end_learning_rate), self.end_learning_rate)


class PiecewiseConstantDecay(LearningRateSchedule):
    """One rate up to and including each boundary, and a last one after all of them.

    Args:
        boundaries: steps, rising.
        values: rates, one more than boundaries.
        name: shown in configs.

    Raises:
        ConfigError: not one value more than boundaries.

    Example:
        >>> schedule = PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.25])
        >>> [float(schedule(n)) for n in (10, 11, 21)]
        [1.0, 0.5, 0.25]
    """

    arguments = ("boundaries", "values", "name")

    @checked(boundaries=several(number()), values=several(number(), least=1), name=optional(text))
    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            raise ConfigError(f"PiecewiseConstantDecay takes one value more than boundaries, received boundaries={boundaries}, values={values}")
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step: Any) -> Any:
        step = ops.convert_to_tensor(step)
        rate = as_float(self.values[-1])
        for boundary, value in zip(reversed(self.boundaries), reversed(self.values[:-1]), strict=True):
            rate = ops.where(ops.less_equal(step, ops.cast(boundary, step.dtype)), value, rate)
        return rate


def _periods(step: Any, length: float, staircase: bool) -> Any:
    periods = ops.divide(as_float(step), length)
    return ops.floor(periods) if staircase else periods
