"""Two numbers of 4 bits in a byte."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.arguments import checked, integer, one_of
from symkeras.errors import DtypeError, ShapeError

_BYTES = one_of("int8", "uint8")


@checked(axis=integer(), dtype=_BYTES)
def pack_int4(arr: Any, axis: int = 0, dtype: str = "int8") -> Any:
    """Neighbours along an axis in one byte: the first in the lower bits, the second in the upper ones.

    Args:
        arr: bytes that hold numbers from -8 to 7, or from 0 to 15 in uint8; the size of the axis is known.
        axis: the axis that becomes half as long, rounded up.
        dtype: "int8" or "uint8": that of `arr` and of the result.

    Returns:
        The bytes, their shape, and the length that the axis had.

    Raises:
        ConfigError: another dtype.
        DtypeError: `arr` has another dtype than that.
        ShapeError: the axis is not there, or of unknown size.

    >>> import numpy as np
    >>> pack_int4(np.int8([[-3], [2], [1]]))
    (array([[45],
           [ 1]], dtype=int8), (2, 1), 3)
    """
    arr = ops.convert_to_tensor(arr)
    if ops.op.dtype_of(arr) != dtype:
        raise DtypeError(f"pack_int4: expected numbers of dtype {dtype}, received {ops.op.dtype_of(arr)}")
    rank = len(arr.shape)
    if not -rank <= axis < rank or arr.shape[axis] is None:
        raise ShapeError(f"pack_int4: axis {axis} has no known size in shape {tuple(arr.shape)}")
    rows = ops.moveaxis(arr, axis, 0)
    length = rows.shape[0]
    rows = ops.cast(ops.pad(rows, ((0, length % 2), *((0, 0),) * (rank - 1))), "int32")
    low, high = ops.bitwise_and(rows[::2], 15), ops.bitwise_and(rows[1::2], 15)
    both = ops.add(ops.multiply(_signed(high) if dtype == "int8" else high, 16), low)
    packed = ops.moveaxis(ops.cast(both, dtype), 0, axis)
    return packed, tuple(packed.shape), length


@checked(orig_len=integer(0), axis=integer(), dtype=_BYTES)
def unpack_int4(packed: Any, orig_len: int, axis: int = 0, dtype: str = "int8") -> Any:
    """The numbers that `pack_int4` put two into a byte.

    Args:
        packed: the bytes.
        orig_len: the length that the axis had.
        axis: the axis along which neighbours were put together.
        dtype: "int8" for numbers from -8 to 7, "uint8" for numbers from 0 to 15.

    Returns:
        The numbers, as they were before.

    Raises:
        ConfigError: another dtype.
        ShapeError: the axis is not there.

    >>> import numpy as np
    >>> unpack_int4(np.int8([[45], [1]]), 3).tolist()
    [[-3], [2], [1]]
    """
    packed = ops.convert_to_tensor(packed)
    if not -len(packed.shape) <= axis < len(packed.shape):
        raise ShapeError(f"unpack_int4: axis {axis} is none of shape {tuple(packed.shape)}")
    rows = ops.cast(ops.moveaxis(packed, axis, 0), "int32")
    pairs = ops.stack([ops.bitwise_and(rows, 15), ops.bitwise_and(ops.right_shift(rows, 4), 15)], axis=1)
    numbers = ops.reshape(_signed(pairs) if dtype == "int8" else pairs, (-1, *ops.shape(rows)[1:]))
    return ops.moveaxis(ops.cast(numbers[:orig_len], dtype), 0, axis)


def _signed(x: Any) -> Any:
    """The numbers from -8 to 7 with the 4 bits of numbers from 0 to 15."""
    return ops.subtract(ops.bitwise_xor(x, 8), 8)
