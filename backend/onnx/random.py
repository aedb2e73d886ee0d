"""Philox4x64-10 (Salmon et al. 2011) in operations that ONNX has: the words that `numpy.random.Philox` gives, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import ops
from symkeras.backend.engine import philox
from symkeras.backend.onnx.writer import Expression, Term, Writer
from symkeras.graph import dims
from symkeras.graph.node import Node
from symkeras.ops.shaping import slice_axis

_WORDS = philox.Words(np.uint64, lambda x, by: ops.right_shift(x, np.uint64(by)), ops.bitwise_and, ops.bitwise_xor)
_TURNS = np.arange(philox.TURNS, dtype=np.uint64)


def _bits(state: Any, stream: int, shape: Any, dtype: str) -> Any:
    size = np.dtype(dtype).itemsize
    count = dims.product(shape)
    words = dims.ceil_divide(count * size, 8)
    blocks = dims.ceil_divide(words, 4)
    zeros = ops.broadcast_to(np.uint64(0), (blocks,))
    start = [ops.cast(ops.arange(blocks), "uint64") + np.uint64(1), zeros + state[1], zeros, zeros]
    with np.errstate(over="ignore"):
        keys = [state[0] + _TURNS * np.uint64(philox.WEYL[0]), ops.as_tensor(np.uint64(stream) + _TURNS * np.uint64(philox.WEYL[1]))]
    x, _ = ops.scan(lambda x, key: (_WORDS.turn(x, key), None), start, keys)
    found = ops.reshape(ops.stack(x, 1), (blocks * 4,))
    if size < 8:
        shifts = np.arange(0, 64, size * 8, dtype=np.uint64)
        pieces = ops.bitwise_and(ops.right_shift(ops.expand_dims(found, 1), shifts), np.uint64((1 << size * 8) - 1))
        found = ops.cast(ops.reshape(pieces, (blocks * 4 * len(shifts),)), dtype)
    return ops.reshape(slice_axis(found, 0, 0, count), shape)


def _random_bits(w: Writer, n: Node, state: Term) -> Term:
    return w.expand(lambda x: _bits(x, **n.attrs), [n.inputs[0].tensor_type], [state])


TABLE: dict[str, Expression] = {"random_bits": _random_bits}
