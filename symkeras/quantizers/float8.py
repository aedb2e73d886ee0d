"""Numbers of 8 bits that float: their scale, by the largest magnitudes of the last steps, and what is left of numbers that were stored so."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.graph import dtypes


def compute_float8_scale(amax: Any, scale: Any, dtype_max: Any, margin: int = 0) -> Any:
    """The scale by which numbers are divided before they are stored in 8 bits: Micikevicius et al. 2022, "FP8 formats", arXiv:2209.05433.

    Args:
        amax: (), the largest magnitude.
        scale: (), the scale before, kept where `amax` is 0, infinite or NaN.
        dtype_max: the largest number of the dtype.
        margin: so many powers of two are left free above.

    Returns:
        (), the scale.

    >>> import numpy as np
    >>> float(compute_float8_scale(np.float32(896.0), np.float32(1.0), 448.0))
    2.0
    """
    before = ops.reciprocal(scale)
    found = ops.divide(ops.divide(dtype_max, amax), 2**margin)
    return ops.reciprocal(ops.where(ops.logical_and(ops.greater(amax, 0.0), ops.isfinite(amax)), found, before))


def compute_float8_amax_history(x: Any, amax_history: Any) -> Any:
    """The largest magnitudes of the last steps, with that of `x` in the place of the oldest.

    Args:
        x: numbers of any shape.
        amax_history: (N,), the newest first.

    Returns:
        (N,)

    >>> import numpy as np
    >>> compute_float8_amax_history(np.float32([1.0, -5.0]), np.float32([4.0, 3.0, 2.0])).tolist()
    [5.0, 2.0, 4.0]
    """
    newest = ops.cast(ops.max(ops.abs(x)), ops.op.dtype_of(amax_history))
    return ops.concatenate([ops.reshape(newest, (1,)), ops.roll(amax_history, -1)[1:]], axis=0)


def quantize_and_dequantize(inputs: Any, scale: Any, quantized_dtype: Any, compute_dtype: Any) -> Any:
    """What is left of numbers that are divided by a scale, stored in few bits, read again and multiplied by it.

    Args:
        inputs: (*S)
        scale: ()
        quantized_dtype: such as "float8_e4m3fn"; numbers beyond its largest become that.
        compute_dtype: that of the result.

    Returns:
        (*S)

    Raises:
        DtypeError: an unknown dtype, or one of the package `ml_dtypes` without it.

    >>> import numpy as np
    >>> quantize_and_dequantize(np.float32([0.3, 1000.0]), np.float32(1.0), "float8_e4m3fn", "float32").tolist()
    [0.3125, 448.0]
    """
    stored = dtypes.standardize(quantized_dtype)
    largest, scale = float(dtypes.limits(stored).max), ops.cast(scale, compute_dtype)
    small = ops.cast(ops.clip(ops.divide(inputs, scale), -largest, largest), stored)
    return ops.multiply(ops.cast(small, compute_dtype), scale)
