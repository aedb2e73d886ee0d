"""Sizes as tensors, and tensors as sizes: `K.shape(x)[0]` may be a size wherever K takes a shape.

Also `lifted`, which makes the K functions build graphs from variables.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symkeras import config, ops
from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import dims, dtypes, tracing
from symkeras.graph.dims import Size
from symkeras.graph.node import Node, reachable
from symkeras.graph.tensor import Tensor
from symkeras.graph.variable import Variable
from symkeras.ops.op import as_tensor


def shape(x: Any) -> Any:
    """The shape of `x` as an int32 vector: a tensor for a tensor, an array for an array."""
    sizes = ops.shape(x)
    if not isinstance(x, Tensor):
        return np.array(sizes, "int32")
    if not sizes:
        return as_tensor(np.zeros((0,), "int32"))
    return as_tensor(ops.stack([ops.cast(as_tensor(d, "int32"), "int32") for d in sizes]))


def int_shape(x: Any) -> tuple[int | None, ...]:
    """The shape as a tuple, with None for sizes that are not known."""
    return tuple(d if isinstance(d, int) else None for d in ops.shape(x))


def as_size(value: Any) -> Size:
    """A size from an int, a dim, or a scalar computed from shapes.

    Raises:
        ShapeError: a tensor whose value does not follow from shapes alone.
    """
    if isinstance(value, (int, np.integer, dims.Dim)):
        return value if isinstance(value, dims.Dim) else int(value)
    sizes = as_shape(value) if isinstance(value, Tensor) and value.ndim else (_known(value) if isinstance(value, Tensor) else int(value),)
    if len(sizes) != 1:
        raise ShapeError(f"expected one size, received {sizes}")
    return sizes[0]


def as_shape(value: Any) -> tuple[Size, ...]:
    """A shape from a tuple or list of sizes, or from a vector such as `K.shape(x)`."""
    if isinstance(value, Tensor):
        return tuple(_known(value).ravel()) if value.ndim else (as_size(value),)
    if isinstance(value, (int, np.integer, dims.Dim)):
        return (as_size(value),)
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
            raise ShapeError(f"a size must be an int or follow from shapes (K.shape, K.int_shape); this one is computed by {node}")
        values[node] = np.asarray(rule(*(values[i] for i in node.inputs), **node.attrs), dtype=object)
    found = values[x.node]
    return found if found.ndim else found.item()


def channels_first(data_format: str | None) -> bool:
    """Whether `data_format` (that of the configuration when None) puts the channels second.

    Raises:
        ConfigError: neither "channels_first" nor "channels_last".
    """
    chosen = config.image_data_format() if data_format is None else data_format
    if chosen not in ("channels_first", "channels_last"):
        raise ConfigError(f'data_format must be "channels_first", "channels_last" or None, received {data_format!r}')
    return chosen == "channels_first"


def is_in_layer_call() -> bool:
    """Whether a layer is being called in this thread."""
    layer = sys.modules.get("symkeras.layers.layer")
    return layer is not None and layer._context.depth > 0


def symbolic(x: Any) -> Any:
    """`x` with variables (in lists and tuples too) as symbolic tensors.

    A layer that is called on arrays computes at once, so there variables stay what they are.
    """
    if isinstance(x, Variable) and (x.symbolic or tracing.current() is not None or not is_in_layer_call()):
        return as_tensor(x)
    if isinstance(x, (list, tuple)) and any(isinstance(e, Variable) for e in x):
        return [symbolic(e) for e in x]
    return x


def lifted(fn: Callable[..., Any]) -> Callable[..., Any]:
    """`fn` with variables among its arguments made symbolic: `K.square(weight)` builds a graph that reads the weight."""

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        return fn(*map(symbolic, args), **{k: symbolic(v) for k, v in kwargs.items()})

    return call


def spread_sizes(x: Any, counts: Sequence[Size]) -> Any:
    """`x` laid side by side, `counts` times along each of its axes; counts may be symbolic."""
    for axis, count in enumerate(counts):
        if isinstance(count, int) and count == 1:
            continue
        sizes = ops.shape(x)
        wide = ops.broadcast_to(ops.expand_dims(x, axis), (*sizes[:axis], count, *sizes[axis:]))
        x = ops.reshape(wide, (*sizes[:axis], count * sizes[axis], *sizes[axis + 1 :]))
    return x
