"""Projections of weights onto the sets they shall stay in."""

from __future__ import annotations

from typing import Any

from symkeras import config, ops
from symkeras.arguments import axis_numbers, checked, fraction, non_negative


class Constraint:
    """A projection; subclasses define `__call__` and, if they take arguments, `get_config`.

    >>> import numpy as np
    >>> class AtMostOne(Constraint):
    ...     def __call__(self, w):
    ...         return ops.minimum(w, 1)
    >>> AtMostOne()(np.array([0.5, 3.0])).tolist()
    [0.5, 1.0]
    """

    def __call__(self, w: Any) -> Any:
        """The weight `w` as it may be."""
        return w

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this constraint again."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A constraint from its config."""
        return cls(**config)


class MaxNorm(Constraint):
    """Scales vectors longer than `max_value` down to it (Srivastava et al. 2014).

    Args:
        max_value: the greatest norm.
        axis: along which a vector lies: 0 for the inputs of a unit in a Dense kernel (I, O), (0, 1, 2) in a Conv2D kernel (H, W, I, O).

    >>> import numpy as np
    >>> MaxNorm(1.0)(np.array([[3.0, 0.3], [4.0, 0.4]])).round(3).tolist()
    [[0.6, 0.3], [0.8, 0.4]]
    """

    @checked(max_value=non_negative, axis=axis_numbers)
    def __init__(self, max_value: float = 2, axis: Any = 0):
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        """`w` with its vectors shortened."""
        norms = _norms(w, self.axis)
        return _with_norms(w, norms, ops.clip(norms, 0, self.max_value))

    def get_config(self) -> dict[str, Any]:
        return {"max_value": self.max_value, "axis": self.axis}


class MinMaxNorm(Constraint):
    """Brings the norms of vectors into [min_value, max_value], by the share `rate` of the way at each update.

    Args:
        min_value, max_value: the least and greatest norm.
        rate: from 0 to 1.
        axis: along which a vector lies, see `MaxNorm`.

    >>> import numpy as np
    >>> MinMaxNorm(1.0, 2.0)(np.array([[0.3], [0.4]])).round(3).tolist()
    [[0.6], [0.8]]
    """

    @checked(min_value=non_negative, max_value=non_negative, rate=fraction, axis=axis_numbers)
    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0):
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        """`w` with its vectors scaled."""
        norms = _norms(w, self.axis)
        wanted = ops.add(ops.multiply(ops.clip(norms, self.min_value, self.max_value), self.rate), ops.multiply(norms, 1 - self.rate))
        return _with_norms(w, norms, wanted)

    def get_config(self) -> dict[str, Any]:
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}


class NonNeg(Constraint):
    """Sets negative weights to 0.

    >>> import numpy as np
    >>> NonNeg()(np.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def __call__(self, w: Any) -> Any:
        """`w` without what is below 0."""
        return ops.maximum(w, 0)


class UnitNorm(Constraint):
    """Scales vectors to length 1.

    Args:
        axis: along which a vector lies, see `MaxNorm`.

    >>> import numpy as np
    >>> UnitNorm()(np.array([[3.0], [4.0]])).round(3).tolist()
    [[0.6], [0.8]]
    """

    @checked(axis=axis_numbers)
    def __init__(self, axis: Any = 0):
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        """`w` with vectors of length 1."""
        return _with_norms(w, _norms(w, self.axis), 1.0)

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis}


def _norms(w: Any, axis: Any) -> Any:
    axis = tuple(axis) if isinstance(axis, list) else axis
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))


def _with_norms(w: Any, norms: Any, wanted: Any) -> Any:
    return ops.multiply(w, ops.divide(wanted, ops.add(norms, config.epsilon())))
