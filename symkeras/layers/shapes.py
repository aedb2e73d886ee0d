"""Shapes of inputs, nested as the inputs are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symkeras.graph.tensor import Tensor


def shape_of(x: Any) -> Any:
    """The shape with None for symbolic sizes, or None for what has no shape."""
    return tuple(x.shape) if isinstance(x, (Tensor, np.ndarray)) else None


def map_shapes(fn: Callable[[Any], Any], shapes: Any) -> Any:
    """`fn` on every shape of a nesting of shapes (tuples or lists of sizes)."""
    if isinstance(shapes, dict):
        return {k: map_shapes(fn, v) for k, v in shapes.items()}
    if isinstance(shapes, (list, tuple)) and any(isinstance(s, (list, tuple, dict)) for s in shapes):
        return [map_shapes(fn, s) for s in shapes]
    return fn(tuple(shapes))


def legacy_input_shape(kwargs: dict[str, Any]) -> tuple[int | None, ...] | None:
    """Take the 2017 spellings of the input's shape out of `kwargs`; the shape with the batch axis, or None."""
    batch = kwargs.pop("batch_size", None)
    batch_shape = kwargs.pop("batch_input_shape", kwargs.pop("batch_shape", None))
    shape = kwargs.pop("input_shape", None)
    width = kwargs.pop("input_dim", None)
    length = kwargs.pop("input_length", None)
    if batch_shape is not None:
        return tuple(batch_shape)
    if shape is not None:
        return (batch, *((shape,) if isinstance(shape, int) else shape))
    if width is not None:
        return (batch, width) if length is None else (batch, length, width)
    return None
