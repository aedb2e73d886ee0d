"""Dtypes of the graph as those that PyTorch computes in.

PyTorch has hardly any arithmetic on unsigned integers of more than 8 bits: uint16 is held in int32, uint32 in int64, both by value; uint64 in
int64, bit by bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from symkeras.foreign_dtypes import ADDED

Tensor = torch.Tensor
HELD = {
    "bool": torch.bool, "uint8": torch.uint8, "uint16": torch.int32, "uint32": torch.int64, "uint64": torch.int64,
    "int8": torch.int8, "int16": torch.int16, "int32": torch.int32, "int64": torch.int64,
    "float16": torch.float16, "float32": torch.float32, "float64": torch.float64, "complex64": torch.complex64, "complex128": torch.complex128,
    "bfloat16": torch.bfloat16, "float8_e4m3fn": torch.float8_e4m3fn, "float8_e5m2": torch.float8_e5m2,
}  # fmt: skip
"""What holds the values of a dtype."""
WIDE = {"uint16": np.int32, "uint32": np.int64}
"""Unsigned dtypes that are held by value in a larger one."""
_BITS = {1: np.uint8, 2: np.int16}
_FOREIGN = {
    torch.bfloat16: ("bfloat16", torch.int16), torch.float8_e4m3fn: ("float8_e4m3fn", torch.uint8), torch.float8_e5m2: ("float8_e5m2", torch.uint8),
}  # fmt: skip
"""Dtypes that NumPy has from `ml_dtypes`, and what has their bits."""
_MASK = {"uint16": 0xFFFF, "uint32": 0xFFFFFFFF}
_TOP = -(1 << 63)


def tensor(array: np.ndarray, device: torch.device) -> Tensor:
    """A tensor of its own with the values of an array."""
    if array.dtype.num >= ADDED:  # PyTorch knows no such arrays
        return torch.tensor(np.array(array).view(_BITS[array.dtype.itemsize]), device=device).view(HELD[array.dtype.name])
    return torch.tensor(held(array), device=device)


def array(value: Tensor) -> np.ndarray:
    """The values of a tensor on the host."""
    if value.dtype in _FOREIGN:
        return value.contiguous().view(_FOREIGN[value.dtype][1]).numpy().view(_FOREIGN[value.dtype][0])
    return value.numpy()


def held(array: np.ndarray) -> np.ndarray:
    """An array in the dtype that holds its values, and in a layout that PyTorch takes."""
    array = array.copy() if any(n < 0 for n in array.strides) else array
    if array.dtype.name in WIDE:
        return array.astype(WIDE[array.dtype.name])
    return array.view(np.int64) if array.dtype == np.uint64 else array


def signed(word: int) -> int:
    """The int64 with the bits of a uint64."""
    return word - (1 << 64) if word >> 63 else word


def shifted_by(x: Tensor, by: int) -> Tensor:
    """uint64 shifted right by a number from 1 to 63, zeros from the left."""
    return (x >> by) & ((1 << (64 - by)) - 1)


def wrapped(x: Tensor, dtype: str) -> Tensor:
    """What of an unsigned result fits into its dtype."""
    return x & _MASK[dtype] if dtype in _MASK else x


def wraps(fn: Callable[..., Tensor], dtype: str) -> Callable[..., Tensor]:
    """A function whose results may leave an unsigned dtype, kept within it."""
    return (lambda *x, **attrs: wrapped(fn(*x, **attrs), dtype)) if dtype in _MASK else fn


def ordered(fn: Callable[..., Any]) -> Callable[..., Any]:
    """A function that orders uint64, on the int64 of the same order; what it gives in int64 is such values."""

    def run(*x: Tensor, **attrs: Any) -> Any:
        found = fn(*(t ^ _TOP for t in x), **attrs)
        return found ^ _TOP if isinstance(found, Tensor) and found.dtype == torch.int64 else found

    return run


def shifted_right(x: Tensor, by: Tensor) -> Tensor:
    """uint64 shifted right, zeros from the left; no bit is left beyond 63."""
    kept = shifted_by(x, 1)
    return torch.where(by == 0, x, torch.where((by < 0) | (by > 63), 0, kept >> (by - 1).clamp(0, 62)))


def divided(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Quotient and remainder of uint64; 0 where y is 0."""
    x, y = torch.broadcast_tensors(x, y)
    safe = torch.where(y == 0, 1, y)
    half = torch.div(shifted_by(x, 1), safe.clamp(min=1), rounding_mode="floor") * 2  # good where y is below 2^63
    rest = x - half * safe
    half = half + torch.where((rest ^ _TOP) >= (safe ^ _TOP), 1, 0)
    large = torch.where((x ^ _TOP) >= (safe ^ _TOP), 1, 0)
    quotient = torch.where(y == 0, 0, torch.where(y < 0, large, half))
    return quotient, torch.where(y == 0, 0, x - quotient * safe)


def as_float(x: Tensor, dtype: torch.dtype) -> Tensor:
    """uint64 as the nearest floating numbers; the last bit of the halved ones says on which side of a tie they were."""
    halved = shifted_by(x, 1) | (x & 1)
    return torch.where(x < 0, halved.to(dtype) * 2, x.to(dtype))


def from_float(x: Tensor) -> Tensor:
    """Floating numbers as uint64, without their fraction."""
    large = x >= 2.0**63
    return torch.where(large, torch.where(large, x - 2.0**63, x).to(torch.int64) ^ _TOP, torch.where(large, 0, x).to(torch.int64))
