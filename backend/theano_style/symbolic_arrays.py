"""K functions that rearrange, multiply and look up: products, shapes, padding, resizing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symkeras import ops
from symkeras.backend.theano_style.symbolic_shapes import channels_first
from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import dims
from symkeras.ops.shaping import canonical_axis
from symkeras.ops.sizes import as_size


def batch_dot(x: Any, y: Any, axes: Any = None) -> Any:
    """Products of `x` and `y`, one for every element of the batch, as Keras has it from 2.3 on, and had it before on Theano.

    On TensorFlow, Keras up to 2.2 multiplied matrices along all leading axes: of (B, H, T, D) and (B, H, D, T) it made (B, H, T, T). That is
    `ops.matmul`; a call does not say which of the two it means.

    Args:
        x, y: (B, ...), of at least two axes.
        axes: the axis of each over which products are summed, an int for both; the last of `x` and the last but one of `y`
            (its last, where it has two axes) when None.

    Returns:
        (B, remaining axes of x, remaining axes of y); (B, 1) where nothing remains.

    Raises:
        ShapeError: fewer than two axes, the batch axis among `axes`, or sizes that differ.

    >>> batch_dot(np.ones((2, 3)), np.ones((2, 4, 3)), axes=(1, 2)).shape
    (2, 4)
    """
    sx, sy = ops.shape(x), ops.shape(y)
    if len(sx) < 2 or len(sy) < 2:
        raise ShapeError(f"batch_dot needs two tensors of at least two axes, received shapes {sx} and {sy}")
    if axes is None:
        axes = (len(sx) - 1, len(sy) - 1 if len(sy) == 2 else len(sy) - 2)
    pair = (axes, axes) if isinstance(axes, (int, np.integer)) else tuple(axes)
    if len(pair) != 2 or any(isinstance(a, (list, tuple)) for a in pair):
        raise ShapeError(f"batch_dot sums over one axis of each tensor: axes must be an int or two of them, received {axes!r}")
    a, b = canonical_axis(int(pair[0]), len(sx)), canonical_axis(int(pair[1]), len(sy))
    if a == 0 or b == 0:
        raise ShapeError(f"batch_dot: axis 0 is the batch and cannot be summed over, received axes={axes!r}")
    if not dims.same(sx[a], sy[b]) or not dims.same(sx[0], sy[0]):
        raise ShapeError(f"batch_dot over axes {pair}: shapes {sx} and {sy} differ in the batch or in the axis summed over")
    free_x, free_y = (tuple(k for k in range(1, len(s)) if k != axis) for s, axis in ((sx, a), (sy, b)))
    left = ops.reshape(ops.transpose(x, (0, *free_x, a)), (sx[0], dims.product(sx[k] for k in free_x), sx[a]))
    right = ops.reshape(ops.transpose(y, (0, b, *free_y)), (sy[0], sy[b], dims.product(sy[k] for k in free_y)))
    free = (*(sx[k] for k in free_x), *(sy[k] for k in free_y))
    return ops.reshape(ops.matmul(left, right), (sx[0], *(free or (1,))))


def repeat(x: Any, n: Any) -> Any:
    """(B, D) to (B, n, D), each row n times."""
    sizes = ops.shape(x)
    if len(sizes) != 2:
        raise ShapeError(f"repeat expects a tensor of two axes, received shape {sizes}")
    return ops.broadcast_to(ops.expand_dims(x, 1), (sizes[0], as_size(n), sizes[1]))


def tile(x: Any, n: Any) -> Any:
    """`x` laid side by side, `n` times along its last axis, or along each axis for a list."""
    return ops.tile(x, n)


def arange(start: Any, stop: Any = None, step: int = 1, dtype: Any = "int32") -> Any:
    """Whole numbers from `start` (or 0) to before `stop`; a bound may be a size such as `K.shape(x)[0]`."""
    start, stop = (0, start) if stop is None else (start, stop)
    bounds = [v if isinstance(v, float) else as_size(v) for v in (start, stop)]
    return ops.arange(bounds[0], bounds[1], step, dtype)


def temporal_padding(x: Any, padding: Sequence[int] = (1, 1)) -> Any:
    """Zeros before and after the middle axis of (B, T, C)."""
    return ops.pad(x, ((0, 0), tuple(padding), (0, 0)))


def _pad(x: Any, padding: Any, data_format: str | None, n: int) -> Any:
    if len(padding) != n or any(len(p) != 2 for p in padding):
        raise ShapeError(f"padding must be {n} pairs (before, after), received {padding!r}")
    pairs = tuple(tuple(p) for p in padding)
    none = (0, 0)
    return ops.pad(x, (none, none, *pairs) if channels_first(data_format) else (none, *pairs, none))


def spatial_2d_padding(x: Any, padding: Any = ((1, 1), (1, 1)), data_format: str | None = None) -> Any:
    """Zeros around the two spatial axes of images."""
    return _pad(x, padding, data_format, 2)


def spatial_3d_padding(x: Any, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None) -> Any:
    """Zeros around the three spatial axes of volumes."""
    return _pad(x, padding, data_format, 3)


def _enlarge(x: Any, factors: Sequence[int], data_format: str | None) -> Any:
    if any(not isinstance(f, (int, np.integer)) or f < 1 for f in factors):
        raise ConfigError(f"images are enlarged by whole factors, received {tuple(factors)}")
    start = 2 if channels_first(data_format) else 1
    for k, factor in enumerate(factors):
        x = ops.repeat(x, int(factor), start + k) if factor != 1 else x
    return x


def resize_images(x: Any, height_factor: int, width_factor: int, data_format: str | None = None) -> Any:
    """Images enlarged by whole factors, every pixel repeated."""
    return _enlarge(x, (height_factor, width_factor), data_format)


def resize_volumes(x: Any, depth_factor: int, height_factor: int, width_factor: int, data_format: str | None = None) -> Any:
    """Volumes enlarged by whole factors, every voxel repeated."""
    return _enlarge(x, (depth_factor, height_factor, width_factor), data_format)


def pattern_broadcast(x: Any, broadcastable: Sequence[bool]) -> Any:
    """`x` with the axes that `broadcastable` marks known to have size 1."""
    sizes = ops.shape(x)
    if len(broadcastable) != len(sizes):
        raise ShapeError(f"pattern_broadcast: {len(broadcastable)} marks for a tensor of shape {sizes}")
    return ops.reshape(x, tuple(1 if marked else d for marked, d in zip(broadcastable, sizes, strict=True)))


def in_top_k(predictions: Any, targets: Any, k: int) -> Any:
    """Whether the class that each target names is among the `k` largest predictions; ties count as within.

    >>> in_top_k(np.array([[0.1, 0.6, 0.3]]), np.array([2]), 2).tolist()
    [True]
    """
    own = ops.take_along_axis(predictions, ops.expand_dims(ops.cast(targets, "int32"), -1), axis=-1)
    larger = ops.sum(ops.cast(ops.greater(predictions, own), "int32"), axis=-1)
    return ops.logical_and(ops.less(larger, k), ops.isfinite(ops.squeeze(own, -1)))


def clip(x: Any, min_value: Any, max_value: Any) -> Any:
    """`x` kept between `min_value` and `max_value`; None, or a maximum below the minimum, is no bound or the minimum."""
    if isinstance(max_value, (int, float)) and isinstance(min_value, (int, float)) and max_value < min_value:
        max_value = min_value
    x = x if min_value is None else ops.maximum(x, min_value)
    return x if max_value is None else ops.minimum(x, max_value)
