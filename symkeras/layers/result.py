"""`Result`: what a layer called on arrays gives."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.graph.recording import Recorded


class Result(np.ndarray):
    """An array that came out of a layer: it carries the layer's mask, and has `numpy()` as Keras' tensors do.

    >>> result = Result.of(np.array([1.0, 2.0]), np.array([True, False]))
    >>> result, result._keras_mask, type(result.numpy()).__name__
    (array([1., 2.]), array([ True, False]), 'ndarray')
    """

    _keras_mask: Any = None

    @classmethod
    def of(cls, array: np.ndarray, mask: Any = None) -> Result:
        """`array` itself, seen as a result; what a tape recorded stays recorded."""
        recorded = isinstance(array, Recorded)
        result: Any = Recorded.of(array, array.node) if recorded else array.view(cls)
        result._keras_mask = mask
        return result

    def numpy(self) -> np.ndarray:
        """A copy as a plain array."""
        return np.array(self)

    def __repr__(self) -> str:
        return repr(np.asarray(self))
