"""Counter-based random numbers: pure functions of a state and a stream.

The state is uint64 [seed, step]; the stream is a number fixed when the node is built. The bits are those of
Philox4x64-10 (Salmon et al. 2011) with key [seed, stream] and counter [0, step, 0, 0], as `numpy.random.Philox` gives
them, so no pass and no backend can change a drawn number.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from symkeras.errors import DtypeError
from symkeras.graph import dims, dtypes
from symkeras.graph.types import TensorType
from symkeras.ops import attributes as at
from symkeras.ops import elementwise as ew
from symkeras.ops.leaves import cast
from symkeras.ops.op import OPS, Op, Sample, apply, register
from symkeras.ops.shaping import concatenate, reshape, slice_axis

_streams = itertools.count(1)


def next_stream() -> int:
    """A stream number that was not given before in this process; layers keep theirs."""
    return next(_streams)


@register
class RandomBits(Op):
    """Uniform random integers of a shape and unsigned dtype: the words of the Philox stream in little-endian order."""

    name = "random_bits"
    is_random = True
    attributes = {"stream": at.integer(0, 2**64 - 1), "shape": at.SIZES, "dtype": at.DTYPE}
    samples = tuple(
        Sample(("u64[2]",), {"stream": 3, "shape": s, "dtype": d}, low=0, high=99, grad=False)
        for s, d in (((2, 3), "uint32"), ((5,), "uint16"), ((0, 2), "uint64"), ((), "uint64"))
    )

    def infer(self, state: TensorType, *, stream: int, shape: tuple[dims.Size, ...], dtype: str) -> TensorType:  # type: ignore[override]
        if state != TensorType((2,), "uint64") or dtype not in ("uint16", "uint32", "uint64"):
            raise DtypeError(f"random_bits expects a state u64[2] and an unsigned dtype, received {state} and {dtype}")
        return TensorType(shape, dtype)

    def value(self, state: Any, *, stream: int, shape: tuple[int, ...], dtype: str) -> Any:  # type: ignore[override]
        count = int(np.prod(shape, dtype=np.int64))
        generator = np.random.Philox(key=np.array([state[0], stream], np.uint64), counter=np.array([0, state[1], 0, 0], np.uint64))
        words = generator.random_raw(-(-count * np.dtype(dtype).itemsize // 8))
        return words.view(dtype)[:count].reshape(shape)

    def vjp(self, dy: Any, out: Any, state: Any, **_: Any) -> Any:  # type: ignore[override]
        return (None,)


def random_bits(state: Any, stream: int, shape: tuple[dims.Size, ...], dtype: str) -> Any:
    """Random integers of an unsigned dtype from a state u64[2]."""
    if any(isinstance(d, dims.Dim) for d in shape):
        from symkeras.ops.op import as_tensor

        state = as_tensor(state)
    return apply(OPS["random_bits"], [state], {"stream": int(stream), "shape": tuple(shape), "dtype": dtype})


def unit_uniform(state: Any, stream: int, shape: tuple[dims.Size, ...], dtype: str) -> Any:
    """Uniform numbers in [0, 1): the top bits of 32, as many as the dtype has digits (24 for float32, 11 for float16), or 53 of 64 (float64)."""
    if dtype == "float64":
        return ew.multiply(cast(ew.right_shift(random_bits(state, stream, shape, "uint64"), np.uint64(11)), dtype), 2.0**-53)
    kept = dtypes.limits(dtype).nmant + 1
    bits = cast(ew.right_shift(random_bits(state, stream, shape, "uint32"), np.uint32(32 - kept)), "float32")
    return cast(ew.multiply(bits, np.float32(2.0**-kept)), dtype)


def unit_normal(state: Any, stream: int, shape: tuple[dims.Size, ...], dtype: str) -> Any:
    """Standard normal numbers by the transform of Box and Muller (1958): both numbers of each pair are used."""
    working = dtype if dtype == "float64" else "float32"
    count = dims.product(shape)
    half = dims.ceil_divide(count, 2)
    u = unit_uniform(state, stream, (half * 2,), working)
    radius = ew.sqrt(ew.multiply(ew.log(ew.subtract(1.0, slice_axis(u, 0, 0, half))), -2.0))
    angle = ew.multiply(slice_axis(u, 0, half, half * 2), 2 * math.pi)
    both = concatenate([ew.multiply(radius, ew.cos(angle)), ew.multiply(radius, ew.sin(angle))], 0)
    return cast(reshape(slice_axis(both, 0, 0, count), shape), dtype)


def keep_mask(state: Any, stream: int, shape: tuple[dims.Size, ...], keep: float) -> Any:
    """Booleans that are true with probability `keep`, from 16 bits each (so `keep` is rounded to 1/65536)."""
    threshold = round(keep * 65536)
    if threshold >= 65536:
        return ew.greater_equal(random_bits(state, stream, shape, "uint16"), np.uint16(0))
    return ew.less(random_bits(state, stream, shape, "uint16"), np.uint16(threshold))


def is_floating(dtype: Any) -> bool:
    """Whether random numbers of `dtype` can be drawn by the functions here."""
    return dtypes.is_float(dtypes.standardize(dtype))
