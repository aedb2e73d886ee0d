"""Keras' normalisations: its arguments for the composites that the compiler knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symkeras import config
from symkeras.errors import ShapeError
from symkeras.graph import dims, dtypes
from symkeras.ops import standardizing
from symkeras.ops.leaves import cast, shape
from symkeras.ops.numpy import full
from symkeras.ops.op import dtype_of
from symkeras.ops.shaping import canonical_axis, reshape


def batch_normalization(x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3) -> Any:
    """(x - mean) / sqrt(variance + epsilon) * scale + offset, with given statistics (Ioffe and Szegedy 2015).

    Args:
        x: (..., C, ...), C the size of `axis`.
        mean, variance: (C).
        axis: of the channels.
        offset, scale: (C); 0 and 1 when None.
        epsilon: added to the variance.

    Raises:
        ShapeError: statistics, an offset or a scale that have not one number for each channel.

    >>> import numpy as np
    >>> batch_normalization(np.array([[3.0]]), np.array([1.0]), np.array([4.0]), axis=-1, epsilon=0.0).tolist()
    [[1.0]]
    """
    channels = shape(x)[canonical_axis(axis, len(shape(x)))]
    for name, part in (("mean", mean), ("variance", variance), ("offset", offset), ("scale", scale)):
        if part is not None and (len(shape(part)) != 1 or not dims.same(shape(part)[0], channels)):
            raise ShapeError(f"batch_normalization: `{name}` must be a vector of length {channels}, the size of axis {axis}, received {shape(part)}")
    scale, offset = _given(scale, 1, mean, shape(mean)), _given(offset, 0, mean, shape(mean))
    return standardizing.batch_normalization(x, mean, variance, scale, offset, axis=axis, epsilon=epsilon)


def layer_normalization(x: Any, gamma: Any = None, beta: Any = None, axis: int | Sequence[int] = -1, epsilon: float | None = None) -> Any:
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta, the statistics over `axis` (Ba et al. 2016).

    Args:
        x: floating; integers are taken as floats.
        gamma, beta: of the sizes of the axes, in their order, or what broadcasts against `x`; 1 and 0 when None.
        axis: one or several.
        epsilon: added to the variance; `config.epsilon()` when None.

    Returns:
        What has the shape and the dtype of `x`, whatever gamma and beta have; computed in float32 where `x` has fewer bits.

    >>> import numpy as np
    >>> layer_normalization(np.array([[1.0, 3.0]]), epsilon=0.0).tolist()
    [[-1.0, 1.0]]
    """
    dtype = dtypes.inexact(dtypes.result_type(dtype_of(x)))
    x = cast(x, "float32" if dtype in dtypes.NARROW else dtype)
    ndim = len(shape(x))
    axes = tuple(sorted(canonical_axis(k, ndim) for k in ([axis] if isinstance(axis, int) else axis)))
    wide = tuple(shape(x)[k] if k in axes else 1 for k in range(ndim))
    parts = []
    for part, otherwise in ((gamma, 1), (beta, 0)):
        part = _given(part, otherwise, x, (1,) * ndim)
        parts.append(reshape(part, wide) if len(shape(part)) == len(axes) and axes[0] != ndim - len(axes) else part)
    return cast(standardizing.layer_normalization(x, *parts, axes=axes, epsilon=config.epsilon() if epsilon is None else epsilon), dtype)


def _given(part: Any, otherwise: int, like: Any, sizes: tuple[Any, ...]) -> Any:
    return full(sizes, otherwise, dtype_of(like)) if part is None else part
