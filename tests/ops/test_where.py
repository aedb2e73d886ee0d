"""`where` keeps every bit of what it chooses, in every dtype, shape and place of its result."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph
from tests.backends import kept

from .check_op import placeholders, same_bits

SHAPES = [
    ((), (), ()), ((0, 3), (0, 3), (0, 3)), ((400,), (400,), (400,)), ((30, 40), (30, 40), (30, 40)), ((30, 1), (30, 40), ()),
    ((40,), (1, 40), (30, 40)),
    ((2, 30, 40), (40,), (30, 1)), ((600, 700), (600, 700), (600, 700)), ((600, 1), (1, 700), (600, 700)),
]  # fmt: skip
ADDS_ZERO = {"onnxruntime"}
"""Backends whose engine adds what it chooses to zero, so that the sign of a zero is lost."""
DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")


def drawn(shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> np.ndarray:
    """Random values, among them whatever is special."""
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if dtype[0] in "iu":
        return rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, shape).astype(dtype)
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.5, -2.0, float(np.finfo(dtype).smallest_subnormal)], dtype)
    return special[rng.integers(0, len(special), shape)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_where_chooses_bit_by_bit(shapes: Any, dtype: str, backend: str) -> None:
    if backend == "native" and dtype == "float16":
        pytest.skip("native has no float16")
    rng = np.random.default_rng(0)
    c, x, y = rng.random(shapes[0]) < 0.5, *(drawn(s, dtype, rng) for s in shapes[1:])
    tensors = placeholders([c, x, y])
    zero = np.zeros((), dtype)
    results = [ops.where(*tensors), ops.where(tensors[0], tensors[1], zero), ops.where(tensors[0], zero, tensors[2])]
    found = compile_graph(Graph([t.node for t in tensors], [r.node for r in results]), backend=backend, **kept(backend))(c, x, y)
    for f, e in zip(found, (np.where(c, x, y), np.where(c, x, zero), np.where(c, zero, y)), strict=True):
        same_bits(f + 0, e + 0) if backend in ADDS_ZERO and dtype.startswith("float") else same_bits(f, e)


@pytest.mark.parametrize("size", [(3,), (30, 40), (600, 700)], ids=str)
@pytest.mark.parametrize("place", ["x", "y", "both", "condition only"])
def test_where_takes_over_the_storage_of_what_it_reads_last(place: str, size: tuple[int, ...], backend: str) -> None:
    rng = np.random.default_rng(0)
    c, x, y = rng.random(size) < 0.5, rng.normal(size=size).astype("float32"), rng.normal(size=size).astype("float32")
    tc, tx, ty = placeholders([c, x, y])
    a, b = (tx + 1 if place in ("x", "both") else tx), (ty + 1 if place in ("y", "both") else ty)
    ea, eb = (x + 1 if place in ("x", "both") else x), (y + 1 if place in ("y", "both") else y)
    chosen = ops.where(ops.logical_not(tc), a, b)
    twice = ops.where(tc, chosen, chosen * 2)
    found = compile_graph(Graph([t.node for t in (tc, tx, ty)], [twice.node]), backend=backend)(c, x, y)[0]
    expected = np.where(~c, ea, eb)
    same_bits(found, np.where(c, expected, expected * 2))
