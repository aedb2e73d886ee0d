"""Philox4x64-10 (Salmon et al. 2011) in JAX: the words that `numpy.random.Philox` gives, bit for bit."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

_MULTIPLIERS = (np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157))
_WEYL = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B))
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def _product(a: np.uint64, b: Any) -> tuple[Any, Any]:
    """The high and the low word of a product of 128 bits, by halves of 32."""
    a_high, a_low, b_high, b_low = a >> _HALF, a & _LOW, b >> _HALF, b & _LOW
    low = a_low * b_low
    middle = a_high * b_low + (low >> _HALF)
    other = a_low * b_high + (middle & _LOW)
    return a_high * b_high + (middle >> _HALF) + (other >> _HALF), a * b


def random_bits(state: Any, stream: int, shape: tuple[int, ...], dtype: str) -> Any:
    """Uniform random integers of an unsigned dtype: the stream's words in little-endian order."""
    count, size = int(np.prod(shape, dtype=np.int64)), np.dtype(dtype).itemsize
    words = -(-count * size // 8)
    blocks = -(-words // 4)
    x = [jnp.arange(1, blocks + 1, dtype=jnp.uint64), *(jnp.zeros(blocks, jnp.uint64) for _ in range(3))]
    x[1] = x[1] + state[1]
    key = [state[0], jnp.uint64(stream)]
    with np.errstate(over="ignore"):
        for turn in range(10):
            if turn:
                key = [k + w for k, w in zip(key, _WEYL, strict=True)]
            (high0, low0), (high1, low1) = _product(_MULTIPLIERS[0], x[0]), _product(_MULTIPLIERS[1], x[2])
            x = [high1 ^ x[1] ^ key[0], low1, high0 ^ x[3] ^ key[1], low0]
    stream_of_words = jnp.stack(x, 1).reshape(-1)[:words]
    if dtype != "uint64":
        stream_of_words = lax.bitcast_convert_type(stream_of_words, dtype).reshape(-1)
    return stream_of_words[:count].reshape(shape)
