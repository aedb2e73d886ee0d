"""Philox4x64-10 (Salmon et al. 2011): the words that `numpy.random.Philox` gives, bit for bit.

NumPy makes them on the host where the state is there anyway, which takes a tenth of the time; where tensors are on a device, or compiled, PyTorch
does, in int64 that stand for uint64 bit by bit.
"""

from __future__ import annotations

import numpy as np
import torch

from symkeras.backend.torch.dtypes import Tensor, held

_LOW = 0xFFFFFFFF


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word


_MULTIPLIERS = (_signed(0xD2E7470EE14C6C93), _signed(0xCA5A826395121157))
_WEYL = (_signed(0x9E3779B97F4A7C15), _signed(0xBB67AE8584CAA73B))


def on_host(state: Tensor, stream: int, shape: tuple[int, ...], dtype: str) -> Tensor:
    """Uniform random integers of an unsigned dtype: the stream's words in little-endian order."""
    seed, step = state.numpy().view(np.uint64)
    count = int(np.prod(shape, dtype=np.int64))
    generator = np.random.Philox(key=np.array([seed, stream], np.uint64), counter=np.array([0, step, 0, 0], np.uint64))
    words = generator.random_raw(-(-count * np.dtype(dtype).itemsize // 8))
    return torch.from_numpy(held(words.view(dtype)[:count].reshape(shape)))


def _right(x: Tensor, by: int) -> Tensor:
    """Shifted right, zeros from the left."""
    return (x >> by) & ((1 << (64 - by)) - 1)


def _product(a: int, b: Tensor) -> tuple[Tensor, Tensor]:
    """The high and the low word of a product of 128 bits, by halves of 32."""
    a_high, a_low, b_high, b_low = (a >> 32) & _LOW, a & _LOW, _right(b, 32), b & _LOW
    low = b_low * a_low
    middle = b_low * a_high + _right(low, 32)
    other = b_high * a_low + (middle & _LOW)
    return b_high * a_high + _right(middle, 32) + _right(other, 32), b * a


def on_device(state: Tensor, stream: int, shape: tuple[int, ...], dtype: str) -> Tensor:
    """The same, where the state is."""
    count, size = int(np.prod(shape, dtype=np.int64)), np.dtype(dtype).itemsize
    words = -(-count * size // 8)
    blocks = -(-words // 4)
    first = torch.arange(1, blocks + 1, dtype=torch.int64, device=state.device)
    zero = torch.zeros_like(first)
    x = [first, zero + state[1], zero, zero]
    key = [state[0], torch.full((), _signed(stream), dtype=torch.int64, device=state.device)]
    for turn in range(10):
        if turn:
            key = [k + w for k, w in zip(key, _WEYL, strict=True)]
        (high0, low0), (high1, low1) = _product(_MULTIPLIERS[0], x[0]), _product(_MULTIPLIERS[1], x[2])
        x = [high1 ^ x[1] ^ key[0], low1, high0 ^ x[3] ^ key[1], low0]
    stream_of_words = torch.stack(x, 1).reshape(-1)[:words]
    bits = 8 * size
    if bits < 64:  # the parts of each word, the lowest first
        parts = [(stream_of_words >> by) & ((1 << bits) - 1) for by in range(0, 64, bits)]
        stream_of_words = torch.stack(parts, 1).reshape(-1).to(torch.int32 if bits == 16 else torch.int64)
    return stream_of_words[:count].reshape(shape)
