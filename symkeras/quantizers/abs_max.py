"""Small integers with a scale for each channel, or with a scale and a zero for each group of rows."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.arguments import boolean, checked, either, integer, number, optional, positive_int, several
from symkeras.errors import ShapeError
from symkeras.graph import dtypes

EPSILON = 1e-7
"""Added to ranges, so that what is zero throughout has a scale."""
RANGE, AXES = several(number(), 2), optional(either(integer(), several(integer())))
"""What `value_range` and `axis` may be."""


@checked(axis=AXES, value_range=RANGE, epsilon=number(least=0), to_numpy=boolean)
def abs_max_quantize(inputs: Any, axis: Any, value_range: Any = (-127, 127), dtype: Any = "int8", epsilon: float = EPSILON,
                     to_numpy: bool = False) -> Any:  # fmt: skip
    """The integers nearest to `inputs * scale`, where the largest magnitude along some axes becomes the largest integer.

    Args:
        inputs: (*S) floating numbers, an array or a symbolic tensor.
        axis: the axis or axes that share a scale.
        value_range: the least and the greatest integer.
        dtype: that of the integers.
        epsilon: added to the largest magnitude.
        to_numpy: whether to compute on an array at once, which a symbolic tensor does not allow.

    Returns:
        The integers (*S), and the scale, with 1 along the axes: `integers / scale` is near `inputs`.

    Raises:
        ConfigError: an axis that is not there, or a `value_range` that is no pair of numbers.

    >>> import numpy as np
    >>> integers, scale = abs_max_quantize(np.float32([[1.0, -2.0], [0.5, 0.0]]), axis=-1)
    >>> integers.tolist(), scale.round(2).tolist()
    ([[64, -127], [127, 0]], [[63.5], [254.0]])
    """
    x = ops.convert_to_numpy(inputs) if to_numpy else ops.convert_to_tensor(inputs)
    largest = ops.add(ops.max(ops.abs(x), axis=axis, keepdims=True), epsilon)
    scale = ops.divide(value_range[1], largest)
    if dtypes.is_float(ops.op.dtype_of(x)):  # that of integers stays floating: as an integer it would be 0 for large ones
        scale = ops.cast(scale, ops.op.dtype_of(x))
    return ops.cast(ops.clip(ops.round(ops.multiply(x, scale)), *value_range), dtype), scale


@checked(block_size=positive_int, value_range=RANGE, epsilon=number(least=0), to_numpy=boolean)
def abs_max_quantize_grouped_with_zero_point(inputs: Any, block_size: int, value_range: Any = (-8, 7), dtype: Any = "int8",
                                             epsilon: float = EPSILON, to_numpy: bool = False) -> Any:  # fmt: skip
    """Small integers for a matrix, with a scale and a zero for each column of each group of rows.

    Args:
        inputs: (I, O) floating numbers, an array or a symbolic tensor of known sizes.
        block_size: rows of a group; the last one may have fewer.
        value_range: the least and the greatest integer.
        dtype: that of the integers.
        epsilon: added to the range of a group.
        to_numpy: whether to compute on an array at once, which a symbolic tensor does not allow.

    Returns:
        The integers (I, O), scales (G, O), and zeros (G, O) of dtype int8, for G groups: `(integers - zero) * scale` is near `inputs`.

    Raises:
        ConfigError: `block_size` is no positive integer.
        ShapeError: `inputs` is no matrix of known sizes.

    >>> import numpy as np
    >>> integers, scale, zero = abs_max_quantize_grouped_with_zero_point(np.float32([[0.0], [1.5], [-1.0]]), block_size=2)
    >>> integers.T.tolist(), scale.T.round(3).tolist() == np.float32([[0.1, 0.067]]).tolist(), zero.T.tolist()
    ([[-8, 7, -8]], True, [[-8, 7]])
    """
    x = ops.convert_to_numpy(inputs) if to_numpy else ops.convert_to_tensor(inputs)
    if len(x.shape) != 2 or None in x.shape:
        raise ShapeError(f"abs_max_quantize_grouped_with_zero_point: inputs must be a matrix of known sizes, received shape {tuple(x.shape)}")
    rows, columns = x.shape
    groups, (low, high) = -(-rows // block_size), value_range
    grouped = ops.reshape(ops.pad(x, ((0, groups * block_size - rows), (0, 0))), (groups, block_size, columns))
    least, greatest = ops.min(grouped, axis=1, keepdims=True), ops.max(grouped, axis=1, keepdims=True)
    scale = ops.divide(ops.add(ops.subtract(greatest, least), epsilon), high - low)
    zero = ops.clip(ops.add(ops.round(ops.divide(ops.negative(least), scale)), low), low, high)
    integers = ops.clip(ops.add(ops.round(ops.divide(grouped, scale)), zero), low, high)
    integers = ops.cast(ops.reshape(integers, (groups * block_size, columns))[:rows], dtype)
    return integers, ops.cast(ops.squeeze(scale, 1), dtypes.standardize(ops.op.dtype_of(x))), ops.cast(ops.squeeze(zero, 1), "int8")
