"""Pooling to a given number of windows: window i of M over N elements goes from floor(i N / M) to before ceil((i + 1) N / M)."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import config
from symkeras.arguments import integers
from symkeras.errors import ConfigError, ShapeError
from symkeras.ops import elementwise as ew
from symkeras.ops.indexing import take
from symkeras.ops.leaves import shape
from symkeras.ops.linalg import tensordot
from symkeras.ops.numpy import moveaxis
from symkeras.ops.op import dtype_of
from symkeras.ops.reductions import max, mean
from symkeras.ops.shaping import reshape


def adaptive_average_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """The means of windows of which there are as many as `output_size` says; windows may overlap by one element.

    Args:
        inputs: (B, *S, C) or (B, C, *S), of 1 to 3 spatial dims of known sizes.
        output_size: how many windows along each spatial dim, one number or one for each; None leaves a dim as it is.
        data_format: where the channels are; `config.image_data_format()` when None.

    Returns:
        (B, *output_size, C) or (B, C, *output_size).

    Raises:
        ShapeError, ConfigError: no spatial dims or unknown sizes, no positive numbers, an unknown data_format.

    >>> import numpy as np
    >>> adaptive_average_pool(np.arange(4.0).reshape(1, 4, 1), 2, "channels_last").tolist()
    [[[0.5], [2.5]]]
    """
    (inputs,) = ew.promoted("float", inputs)
    return _pooled(inputs, output_size, data_format, "adaptive_average_pool", is_mean=True)


def adaptive_max_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """The largest elements of windows of which there are as many as `output_size` says; windows may overlap by one element.

    Args:
        inputs: (B, *S, C) or (B, C, *S), of 1 to 3 spatial dims of known sizes.
        output_size: how many windows along each spatial dim, one number or one for each; None leaves a dim as it is.
        data_format: where the channels are; `config.image_data_format()` when None.

    Returns:
        (B, *output_size, C) or (B, C, *output_size).

    Raises:
        ShapeError, ConfigError: no spatial dims or unknown sizes, no positive numbers, an unknown data_format.

    >>> import numpy as np
    >>> adaptive_max_pool(np.arange(4.0).reshape(1, 4, 1), 2, "channels_last").tolist()
    [[[1.0], [3.0]]]
    """
    return _pooled(inputs, output_size, data_format, "adaptive_max_pool", is_mean=False)


def window_counts(output_size: Any, rank: int, what: str) -> tuple[int | None, ...]:
    """How many windows each spatial dim has; None for one that stays as it is."""
    if isinstance(output_size, (tuple, list)) and len(output_size) == rank:
        return tuple(None if v is None else integers(v, 1, f"{what}: output_size")[0] for v in output_size)
    return integers(output_size, rank, f"{what}: output_size")


def _pooled(x: Any, output_size: Any, data_format: str | None, what: str, is_mean: bool) -> Any:
    known = config.image_data_format() if data_format is None else data_format
    if known not in ("channels_last", "channels_first"):
        raise ConfigError(f"{what}: data_format is 'channels_last' or 'channels_first', received {data_format!r}")
    rank = len(shape(x)) - 2
    if not 1 <= rank <= 3:
        raise ShapeError(f"{what} takes inputs of 1 to 3 spatial dims, received shape {shape(x)}")
    first = 1 if known == "channels_last" else 2
    for k, count in enumerate(window_counts(output_size, rank, what)):
        if count is not None:
            x = _along(x, first + k, count, what, is_mean)
    return x


def _along(x: Any, axis: int, count: int, what: str, is_mean: bool) -> Any:
    sizes = shape(x)
    size = sizes[axis]
    if count == 1:
        return (mean if is_mean else max)(x, axis, True)
    if not isinstance(size, int):
        raise ShapeError(f"{what}: sizes decide where windows lie, and axis {axis} of shape {sizes} has none that is known")
    if size == 0:
        raise ShapeError(f"{what}: there are no elements along axis {axis} of shape {sizes}")
    if size % count == 0:
        return (mean if is_mean else max)(reshape(x, (*sizes[:axis], count, size // count, *sizes[axis + 1 :])), axis + 1)
    starts = np.arange(count) * size // count
    stops = -(-(np.arange(count) + 1) * size // count)
    if is_mean:
        places = np.arange(size)[:, None]
        weights = ((places >= starts) & (places < stops)) / (stops - starts)
        return moveaxis(tensordot(x, weights.astype(dtype_of(x)), ([axis], [0])), -1, axis)
    places = np.minimum(starts[:, None] + np.arange((stops - starts).max()), stops[:, None] - 1)
    return max(take(x, places.astype(np.int32), axis), axis + 1)
