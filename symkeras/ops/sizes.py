"""Tensors as sizes: what is computed from shapes alone, such as `ops.shape(x)[0] * 2` in a stack, may stand wherever a size can."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from symkeras.errors import ShapeError
from symkeras.graph import dims, dtypes
from symkeras.graph.dims import Size
from symkeras.graph.node import Node, reachable
from symkeras.graph.tensor import Tensor


def whole(value: Any, what: str) -> int:
    """An int from a number that is one.

    Raises:
        ShapeError: it is none; `what` says what it was for.
    """
    if type(value) is int:
        return value
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = None
    if number is None or isinstance(value, str) or number != value:
        raise ShapeError(f"{what} must be a whole number, received {reprlib.repr(value)}")
    return number


def listed(value: Any, what: str) -> list[Any]:
    """One number as a list of it, several as a list.

    Raises:
        ShapeError: it is neither; `what` says what it was for.
    """
    if isinstance(value, (int, np.integer)):
        return [whole(value, what)]
    if isinstance(value, Iterable) and not isinstance(value, str) and not (isinstance(value, np.ndarray) and not value.ndim):
        return list(value)
    return [whole(value, what)]


def as_size(value: Any) -> Size:
    """A size from an int, a dim, or a scalar computed from shapes.

    Raises:
        ShapeError: a tensor whose value does not follow from shapes alone, or no number at all.
    """
    if type(value) is int:
        return value
    if isinstance(value, (int, np.integer, dims.Dim)):
        return value if isinstance(value, dims.Dim) else int(value)
    sizes = as_shape(value) if isinstance(value, Tensor) and value.ndim else (_known(value) if isinstance(value, Tensor) else whole(value, "a size"),)
    if len(sizes) != 1:
        raise ShapeError(f"expected one size, received {sizes}")
    return sizes[0]


def as_shape(value: Any) -> tuple[Size, ...]:
    """A shape from a tuple or list of sizes, or from a vector such as `K.shape(x)`."""
    if isinstance(value, Tensor):
        return tuple(_known(value).ravel()) if value.ndim else (as_size(value),)
    if isinstance(value, (int, np.integer, dims.Dim)):
        return (as_size(value),)
    if not isinstance(value, Iterable):
        raise ShapeError(f"a shape is a list of sizes, received {reprlib.repr(value)}")
    return tuple(-1 if d is None else as_size(d) for d in value)


_ON_SIZES: dict[str, Callable[..., Any]] = {
    "constant": lambda value: value.array.astype(object),
    "dim": lambda size: size,
    "cast": lambda x, dtype: x,
    "stop_gradient": lambda x: x,
    "reshape": lambda x, shape: x.reshape(shape),
    "transpose": lambda x, axes: x.transpose(axes),
    "broadcast_to": lambda x, shape: np.broadcast_to(x, shape),
    "slice": lambda x, starts, stops, strides: x[tuple(map(slice, starts, stops, strides))],
    "concatenate": lambda *xs, axis: np.concatenate(xs, axis),
    "flip": lambda x, axes: np.flip(x, axes),
    "gather": lambda x, indices: x[indices.astype(int)],
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "negative": np.negative,
    "floor_divide": np.floor_divide,
    "sum": lambda x, axes: np.sum(x, axis=axes),
    "prod": lambda x, axes: np.prod(x, axis=axes),
}


def _known(x: Tensor) -> Any:
    """The value of an integer tensor that follows from shapes alone: an object array of ints and dims, or one of them."""
    values: dict[Node, np.ndarray] = {}
    for node in reachable([x.node]):
        rule = _ON_SIZES.get(node.op.name)
        if rule is None or dtypes.is_inexact(node.dtype):
            raise ShapeError(f"a size must be an int or follow from shapes (ops.shape, K.shape); this one is computed by {node}")
        values[node] = np.asarray(rule(*(values[i] for i in node.inputs), **node.attrs), dtype=object)
    found = values[x.node]
    return found if found.ndim else found.item()
