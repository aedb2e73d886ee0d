"""Initializers that draw from one distribution whatever the shape, and orthogonal matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symkeras.arguments import checked, non_negative, number
from symkeras.errors import ShapeError
from symkeras.graph import dtypes
from symkeras.initializers.initializer import RandomInitializer
from symkeras.random import draws


class RandomNormal(RandomInitializer):
    """Normally distributed numbers.

    Args:
        mean, stddev: of the distribution.
        seed: an int, a `SeedGenerator`, or None.

    >>> RandomNormal(seed=1)((2, 3)).shape
    (2, 3)
    """

    @checked(mean=number(), stddev=non_negative)
    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None):
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """Numbers of `shape`."""
        return draws.normal(shape, self.mean, self.stddev, dtype, self.seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class TruncatedNormal(RandomNormal):
    """Normally distributed numbers at most two standard deviations from the mean.

    Args:
        mean, stddev: of the normal distribution before it is cut off.
        seed: an int, a `SeedGenerator`, or None.

    >>> bool(np.abs(TruncatedNormal(stddev=1.0, seed=1)((100,))).max() <= 2)
    True
    """

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """Numbers of `shape`."""
        return draws.truncated_normal(shape, self.mean, self.stddev, dtype, self.seed)


class RandomUniform(RandomInitializer):
    """Numbers spread evenly from `minval` to `maxval`.

    Args:
        minval, maxval: the range.
        seed: an int, a `SeedGenerator`, or None.

    >>> bool(np.abs(RandomUniform(seed=1)((100,))).max() <= 0.05)
    True
    """

    @checked(minval=number(), maxval=number())
    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None):
        super().__init__(seed)
        self.minval = minval
        self.maxval = maxval

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """Numbers of `shape`; whole ones for an integer dtype."""
        if dtypes.is_int(dtypes.standardize(dtype)):
            return draws.randint(shape, int(self.minval), int(self.maxval), dtype, self.seed)
        return draws.uniform(shape, self.minval, self.maxval, dtype, self.seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}


class Orthogonal(RandomInitializer):
    """A random orthogonal matrix times `gain`; further leading axes count as rows (Saxe et al. 2014, arXiv:1312.6120).

    Args:
        gain: factor on the matrix.
        seed: an int, a `SeedGenerator`, or None.

    >>> q = Orthogonal(seed=1)((4, 2), "float64")
    >>> np.allclose(q.T @ q, np.eye(2))
    True
    """

    @checked(gain=number())
    def __init__(self, gain: float = 1.0, seed: Any = None):
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """A matrix of `shape`, orthogonal when all axes but the last are taken as one.

        Raises:
            ShapeError: fewer than two axes.
        """
        if len(shape) < 2:
            raise ShapeError(f"Orthogonal needs at least two axes, received shape {tuple(shape)}")
        dtype = dtypes.standardize(dtype)
        rows, columns = math.prod(shape[:-1]), shape[-1]
        working = "float32" if dtype in dtypes.NARROW else dtype  # LAPACK has no half precision
        a = draws.normal((max(rows, columns), min(rows, columns)), dtype=working, seed=self.seed)
        q, r = np.linalg.qr(a)
        q = q * np.where(np.diag(r) < 0, -1, 1).astype(working)  # without it the matrices are not uniform over the group
        return (np.asarray(self.gain, working) * (q.T if rows < columns else q).reshape(shape)).astype(dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gain": self.gain}
