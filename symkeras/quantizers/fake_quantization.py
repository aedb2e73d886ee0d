"""Quantization that stays floating: what training sees of numbers that will have few bits."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.arguments import boolean, checked, integer, optional
from symkeras.errors import ShapeError
from symkeras.graph import dtypes


@checked(num_bits=integer(1, 16), narrow_range=boolean, axis=optional(integer()))
def fake_quant_with_min_max_vars(inputs: Any, min_vals: Any, max_vals: Any, num_bits: int = 8, narrow_range: bool = False,
                                 axis: int | None = None) -> Any:  # fmt: skip
    """`inputs`, cut to a range and rounded to its 2**num_bits levels, of which 0 is one.

    The gradient passes where the range has room; what was cut hands it to the end of the range that cut it, so that ranges can be trained.

    Args:
        inputs: (*S) floating numbers.
        min_vals, max_vals: the range: () for all, or (C,) with `axis` for each channel.
        num_bits: of the levels.
        narrow_range: whether one level is left out, so that they lie evenly around 0.
        axis: that of the channels.

    Returns:
        (*S), of the dtype of `inputs`.

    Raises:
        ConfigError: `num_bits` is no integer from 1 to 16.
        ShapeError: `axis` is not there.

    >>> import numpy as np
    >>> fake_quant_with_min_max_vars(np.float32([-2.0, 0.1, 0.6, 9.0]), 0.0, 3.0, num_bits=2).tolist()
    [0.0, 0.0, 1.0, 3.0]
    """
    inputs, low, high = map(ops.convert_to_tensor, (inputs, min_vals, max_vals))
    rank = len(inputs.shape)
    if axis is not None and not -rank <= axis < rank:
        raise ShapeError(f"fake_quant_with_min_max_vars: axis {axis} is none of inputs of shape {tuple(inputs.shape)}")
    channels = None if axis is None else axis % rank

    @ops.custom_gradient
    def quantized(x: Any, low: Any, high: Any) -> Any:
        wide = dtypes.result_type(ops.op.dtype_of(low), "float32")
        bounds = [ops.cast(_along(v, channels, rank), wide) for v in (low, high)]
        least, greatest, step, steps = _levels(bounds[0], bounds[1], num_bits, narrow_range)
        zero = ops.floor(ops.add(ops.multiply(ops.negative(least), steps), 0.5))
        shifted = ops.subtract(ops.clip(ops.cast(x, wide), least, greatest), least)
        level = ops.floor(ops.add(ops.subtract(ops.multiply(shifted, steps), zero), 0.5))

        def gradient(upstream: Any) -> Any:
            is_low, is_high = ops.less_equal(x, least), ops.greater_equal(x, greatest)
            within = ops.logical_and(ops.greater_equal(x, least), ops.less_equal(x, greatest))
            cut = [_gathered(ops.where(at, upstream, 0.0), v, channels, rank) for at, v in ((is_low, low), (is_high, high))]
            return ops.where(within, upstream, 0.0), *cut

        return ops.cast(ops.multiply(level, step), ops.op.dtype_of(x)), gradient

    return quantized(inputs, low, high)


def _levels(low: Any, high: Any, num_bits: int, narrow_range: bool) -> tuple[Any, Any, Any, Any]:
    """The range moved so that 0 is a level; the distance of levels, and its inverse, divided anew to lose nothing."""
    first, last = int(narrow_range), 2**num_bits - 1
    width = ops.subtract(high, low)
    step, steps = ops.divide(width, last - first), ops.divide(last - first, width)
    zero = ops.round(ops.clip(ops.subtract(first, ops.divide(low, step)), first, last))
    return ops.multiply(ops.subtract(first, zero), step), ops.multiply(ops.subtract(last, zero), step), step, steps


def _along(v: Any, channels: int | None, rank: int) -> Any:
    """A vector laid along the axis of channels."""
    if channels is None or len(v.shape) != 1:
        return v
    return ops.reshape(v, [-1 if k == channels else 1 for k in range(rank)])


def _gathered(gradient: Any, v: Any, channels: int | None, rank: int) -> Any:
    """The sum over all but the axis of channels, in the shape of `v`."""
    return ops.reshape(ops.sum(gradient, axis=[k for k in range(rank) if k != channels]), ops.shape(v))
