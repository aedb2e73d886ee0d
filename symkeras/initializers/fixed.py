"""Initializers without chance: constants and the identity."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.arguments import checked, number, real_numbers
from symkeras.errors import ShapeError
from symkeras.graph import dtypes
from symkeras.initializers.initializer import Initializer


class Constant(Initializer):
    """One value everywhere, or an array that is broadcast to the shape.

    Args:
        value: a number or an array.

    >>> Constant(3)((2,)).tolist()
    [3.0, 3.0]
    """

    @checked(value=real_numbers)
    def __init__(self, value: Any = 0.0):
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """`value` as an array of `shape`.

        Raises:
            ShapeError: an array that does not broadcast to `shape`.
        """
        try:
            return np.broadcast_to(np.asarray(self.value), shape).astype(dtypes.standardize(dtype))
        except ValueError as error:
            raise ShapeError(f"Constant: a value of shape {np.shape(self.value)} does not broadcast to {shape}") from error

    def get_config(self) -> dict[str, Any]:
        from symkeras.saving.serialization import serialize_keras_object

        return {"value": serialize_keras_object(self.value)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Constant:
        """A constant from its config."""
        from symkeras.saving.serialization import deserialize_keras_object

        return cls(deserialize_keras_object(config["value"]))


class Zeros(Initializer):
    """Zeros.

    >>> Zeros()((2,), "int32").tolist()
    [0, 0]
    """

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """Zeros of `shape`."""
        return np.zeros(shape, dtypes.standardize(dtype))


class Ones(Initializer):
    """Ones.

    >>> Ones()((2,)).tolist()
    [1.0, 1.0]
    """

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """Ones of `shape`."""
        return np.ones(shape, dtypes.standardize(dtype))


class Identity(Initializer):
    """The identity matrix times `gain`; zeros beside it where the matrix is not square.

    Args:
        gain: the value on the diagonal.

    >>> Identity(2.0)((2, 3)).tolist()
    [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]
    """

    @checked(gain=number())
    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """A matrix of `shape`.

        Raises:
            ShapeError: not two axes.
        """
        if len(shape) != 2:
            raise ShapeError(f"Identity makes matrices, received shape {tuple(shape)}")
        dtype = dtypes.standardize(dtype)
        return np.eye(*shape, dtype=dtype) * np.asarray(self.gain, dtype)

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain}
