"""`LearningRateSchedule`: the learning rate as a function of the number of steps done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from symkeras import config as settings
from symkeras import ops


class LearningRateSchedule:
    """A learning rate that follows the steps; subclasses define `__call__` with ops, and `get_config`.

    Example:
        >>> class Halving(LearningRateSchedule):
        ...     def __call__(self, step):
        ...         return ops.power(0.5, ops.cast(step, "float32"))
        >>> float(Halving()(2))
        0.25
    """

    arguments: ClassVar[tuple[str, ...]] = ()
    """The attributes that `get_config` returns."""

    def __call__(self, step: Any) -> Any:
        """The learning rate at `step`, a number or a symbolic scalar."""
        raise NotImplementedError(f"{type(self).__name__} does not define __call__(step)")

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make this schedule again."""
        if not self.arguments:
            raise NotImplementedError(f"{type(self).__name__} does not define get_config(): it cannot be saved")
        return {name: getattr(self, name) for name in self.arguments}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """A schedule from its config."""
        return cls(**config)


def as_float(step: Any) -> Any:
    """The step in `floatx`."""
    return ops.cast(step, settings.floatx())
