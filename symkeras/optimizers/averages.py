"""Moving averages kept in slots, in the two forms that optimizers use; they differ in rounding."""

from __future__ import annotations

from typing import Any

from symkeras import config, ops
from symkeras.graph.variable import Variable


def approach(slot: Variable, value: Any, share: float) -> Any:
    """Move `slot` towards `value` and return it: `slot += (1 - share) * (value - slot)`."""
    old = slot.value
    new = ops.add(old, ops.multiply(ops.subtract(value, old), 1 - share))
    slot.assign(new)
    return new


def blend(slot: Variable, value: Any, share: float) -> Any:
    """Mix `value` into `slot` and return it: `slot = share * slot + (1 - share) * value`."""
    new = ops.add(ops.multiply(slot.value, share), ops.multiply(value, 1 - share))
    slot.assign(new)
    return new


def standardized_epsilon(epsilon: float | None) -> float:
    """`epsilon`, or the one of the config for the None of 2017."""
    return config.epsilon() if epsilon is None else epsilon
