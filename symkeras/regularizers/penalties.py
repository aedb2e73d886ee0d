"""Penalties on weights and outputs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symkeras import ops
from symkeras.errors import ConfigError, ShapeError
from symkeras.ops.op import dtype_of


class Regularizer:
    """A penalty; subclasses define `__call__` and, if they take arguments, `get_config`.

    >>> class Sum(Regularizer):
    ...     def __call__(self, x):
    ...         return ops.sum(x)
    >>> float(Sum()(np.ones(3)))
    3.0
    """

    def __call__(self, x: Any) -> Any:
        """The penalty of `x`, a scalar."""
        return 0.0

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this regularizer again."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A regularizer from its config."""
        return cls(**config)


class L1L2(Regularizer):
    """l1 * sum(|x|) + l2 * sum(x**2).

    Args:
        l1, l2: factors, not negative; None counts as 0.

    >>> float(L1L2(l1=0.5, l2=2.0)(np.array([1.0, -2.0])))
    11.5
    """

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0):
        self.l1 = _factor(0.0 if l1 is None else l1, "l1")
        self.l2 = _factor(0.0 if l2 is None else l2, "l2")

    def __call__(self, x: Any) -> Any:
        """The penalty of `x`."""
        terms = [ops.multiply(ops.sum(norm(x)), k) for norm, k in ((ops.absolute, self.l1), (ops.square, self.l2)) if k]
        return ops.add(*terms) if len(terms) == 2 else terms[0] if terms else np.zeros((), dtype_of(x))

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1, "l2": self.l2}


class L1(Regularizer):
    """l1 * sum(|x|).

    Args:
        l1: factor, not negative; None is the default.

    >>> float(L1(0.5)(np.array([1.0, -2.0])))
    1.5
    """

    def __init__(self, l1: float | None = 0.01):
        self.l1 = _factor(0.01 if l1 is None else l1, "l1")

    def __call__(self, x: Any) -> Any:
        """The penalty of `x`."""
        return ops.multiply(ops.sum(ops.absolute(x)), self.l1)

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1}


class L2(Regularizer):
    """l2 * sum(x**2).

    Args:
        l2: factor, not negative; None is the default.

    >>> float(L2(2.0)(np.array([1.0, -2.0])))
    10.0
    """

    def __init__(self, l2: float | None = 0.01):
        self.l2 = _factor(0.01 if l2 is None else l2, "l2")

    def __call__(self, x: Any) -> Any:
        """The penalty of `x`."""
        return ops.multiply(ops.sum(ops.square(x)), self.l2)

    def get_config(self) -> dict[str, Any]:
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """factor times the mean |cosine| between different rows (or columns) of a matrix.

    Args:
        factor: not negative.
        mode: "rows" or "columns": which vectors should become orthogonal.

    Raises:
        ConfigError: another mode than "rows" and "columns".

    >>> float(OrthogonalRegularizer(1.0)(np.array([[1.0, 0.0], [0.0, 2.0]])))
    0.0
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows"):
        if mode not in ("rows", "columns"):
            raise ConfigError(f'OrthogonalRegularizer expects mode "rows" or "columns", received {mode!r}')
        self.factor = _factor(factor, "factor")
        self.mode = mode

    def __call__(self, x: Any) -> Any:
        """The penalty of `x`.

        Raises:
            ShapeError: not a matrix.
        """
        sizes = ops.shape(x)
        if len(sizes) != 2:
            raise ShapeError(f"OrthogonalRegularizer expects a matrix, received shape {tuple(sizes)}")
        axis = 1 if self.mode == "rows" else 0
        unit = ops.multiply(x, ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), 1e-14)))
        cosines = ops.matmul(unit, ops.transpose(unit)) if axis == 1 else ops.matmul(ops.transpose(unit), unit)
        index = ops.arange(sizes[1 - axis])
        others = ops.where(ops.not_equal(ops.expand_dims(index, 0), ops.expand_dims(index, 1)), ops.absolute(cosines), 0)
        count = ops.cast(sizes[1 - axis], dtype_of(x))
        return ops.divide(ops.multiply(ops.sum(others), self.factor), ops.multiply(count, ops.subtract(count, 1)))

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor, "mode": self.mode}


def _factor(value: Any, name: str) -> float:
    if not isinstance(value, (int, float, np.number)) or not math.isfinite(value) or value < 0:
        raise ConfigError(f"{name} must be a number that is not negative, received {value!r}")
    return float(value)
