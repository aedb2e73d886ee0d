"""Selecting by masks of bits is what `torch.where` gives, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from symkeras.backend.torch import selection  # noqa: E402

DTYPES = ["float16", "bfloat16", "float32", "float64", "int8", "uint8", "int16", "int32", "int64", "bool"]
SHAPES = {
    "alike": ((96, 96), (96, 96), (96, 96)), "rows": ((96, 1), (96, 96), (1, 96)), "one of another": ((96, 96), (96, 96), ()),
    "one, first": ((96, 96), (), (96, 96)), "little": ((3, 2), (3, 2), (3, 2)), "nothing": ((0, 96), (0, 96), ()),
    "more axes": ((2, 96, 96), (96, 96), (96,)),
}  # fmt: skip


def drawn(shape: tuple[int, ...], dtype: str, seed: int) -> torch.Tensor:
    """Any bits at all: NaN of every kind, infinities, denormals, both zeros."""
    size = 1 if dtype == "bool" else getattr(torch, dtype).itemsize
    bits = np.random.default_rng(seed).integers(0, 256, (*shape, size), dtype=np.uint8)
    if dtype == "bool":
        return torch.from_numpy(np.ascontiguousarray(bits[..., 0] % 2 == 0))
    return torch.from_numpy(bits.reshape(-1)).view(getattr(torch, dtype)).reshape(shape)


def bits_of(x: torch.Tensor) -> list[int]:
    return x.contiguous().reshape(-1).view(torch.uint8).tolist()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shapes", SHAPES)
def test_selecting_gives_the_bits_of_where(dtype: str, shapes: str) -> None:
    of_condition, *others = SHAPES[shapes]
    condition = drawn(of_condition, "bool", 0)
    x, y = (drawn(s, dtype, k + 1) for k, s in enumerate(others))
    zero = torch.zeros((), dtype=getattr(torch, dtype))
    for a, b in ((x, y), (x, zero), (zero, y), (x, zero.expand(y.shape)), (x, -zero if dtype != "bool" else zero)):
        expected = torch.where(condition, a, b)
        assert bits_of(selection.select(condition, a, b)) == bits_of(expected)
        for over in (a, b):
            if over.shape == expected.shape and any(over.stride()):
                out = over.clone()
                first, second = (out if v is over else v for v in (a, b))
                assert selection.select(condition, first, second, out=out) is out
                assert bits_of(out) == bits_of(expected)
