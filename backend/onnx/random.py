"""Philox4x64-10 (Salmon et al. 2011) in operations that ONNX has: the words that `numpy.random.Philox` gives, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import ops
from symkeras.backend.onnx.writer import Expression, Term, Writer
from symkeras.graph import dims
from symkeras.graph.node import Node
from symkeras.ops.shaping import slice_axis

_MULTIPLIERS = (np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157))
_WEYL = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B))
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_TURNS = np.arange(10, dtype=np.uint64)


def _high(a: np.uint64, b: Any) -> Any:
    """The high word of a product of 128 bits, by halves of 32."""
    a_high, a_low = a >> _HALF, a & _LOW
    b_high, b_low = ops.right_shift(b, _HALF), ops.bitwise_and(b, _LOW)
    middle = a_high * b_low + ops.right_shift(a_low * b_low, _HALF)
    other = a_low * b_high + ops.bitwise_and(middle, _LOW)
    return a_high * b_high + ops.right_shift(middle, _HALF) + ops.right_shift(other, _HALF)


def _turn(x: Any, key: Any) -> Any:
    high = [_high(m, v) for m, v in zip(_MULTIPLIERS, (x[0], x[2]), strict=True)]
    first = ops.bitwise_xor(ops.bitwise_xor(high[1], x[1]), key[0])
    third = ops.bitwise_xor(ops.bitwise_xor(high[0], x[3]), key[1])
    return [first, x[2] * _MULTIPLIERS[1], third, x[0] * _MULTIPLIERS[0]], None


def _bits(state: Any, stream: int, shape: Any, dtype: str) -> Any:
    size = np.dtype(dtype).itemsize
    count = dims.product(shape)
    words = dims.ceil_divide(count * size, 8)
    blocks = dims.ceil_divide(words, 4)
    zeros = ops.broadcast_to(np.uint64(0), (blocks,))
    start = [ops.cast(ops.arange(blocks), "uint64") + np.uint64(1), zeros + state[1], zeros, zeros]
    with np.errstate(over="ignore"):
        keys = [state[0] + _TURNS * _WEYL[0], ops.as_tensor(np.uint64(stream) + _TURNS * _WEYL[1])]
    x, _ = ops.scan(_turn, start, keys)
    found = ops.reshape(ops.stack(x, 1), (blocks * 4,))
    if size < 8:
        shifts = np.arange(0, 64, size * 8, dtype=np.uint64)
        pieces = ops.bitwise_and(ops.right_shift(ops.expand_dims(found, 1), shifts), np.uint64((1 << size * 8) - 1))
        found = ops.cast(ops.reshape(pieces, (blocks * 4 * len(shifts),)), dtype)
    return ops.reshape(slice_axis(found, 0, 0, count), shape)


def _random_bits(w: Writer, n: Node, state: Term) -> Term:
    return w.expand(lambda x: _bits(x, **n.attrs), [n.inputs[0].tensor_type], [state])


TABLE: dict[str, Expression] = {"random_bits": _random_bits}
