"""Sort, argsort and top_k in C against the reference values, of every element type."""

from __future__ import annotations

import numpy as np
import pytest

from symkeras.ops.op import OPS
from tests.backend.native.test_indexing import BUILDS, C_TYPES, DTYPES, SUFFIXES, Call, compiled, pytestmark, reference, special
from tests.ops.check_op import draw, same_bits

__all__ = ["pytestmark"]

SORTED_AS = {s: "u8" if s == "bool" else s for s in C_TYPES}
"""The suffix under which a type is sorted: a bool is a u8."""


@pytest.fixture(scope="module", params=BUILDS)
def call(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Call:
    """The functions of sorting.h."""
    kinds = sorted(set(SORTED_AS.values()))
    names = [f"{what}_{s}" for s in kinds for what in ("sort", "argsort", "top_k")]
    return compiled(tmp_path_factory.mktemp(request.param), request.param, "sorting", [f"SK_DEFINE_SORT({C_TYPES[s]}, {s})" for s in kinds], names)


def sorted_rows(call: Call, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sort and argsort along the last axis."""
    n, suffix = x.shape[-1], SORTED_AS[SUFFIXES[x.dtype]]
    rows = int(np.prod(x.shape[:-1]))
    out, order = np.empty_like(x), np.empty(x.shape, np.int32)
    call(f"sort_{suffix}", out, x, rows, n, np.empty(n, x.dtype))
    call(f"argsort_{suffix}", order, x, rows, n, np.empty(n, np.int32))
    return out, order


def top_k(call: Call, x: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    n, suffix = x.shape[-1], SORTED_AS[SUFFIXES[x.dtype]]
    values, indices = np.empty((*x.shape[:-1], k), x.dtype), np.empty((*x.shape[:-1], k), np.int32)
    call(f"top_k_{suffix}", values, indices, x, int(np.prod(x.shape[:-1])), n, k, np.empty(2 * n, np.int32))
    return values, indices


def check(call: Call, x: np.ndarray) -> None:
    out, order = sorted_rows(call, x)
    same_bits(out, reference("sort", x, axis=x.ndim - 1))
    same_bits(order, reference("argsort", x, axis=x.ndim - 1))


@pytest.mark.parametrize(("op", "k"), [(op, k) for op in ("sort", "argsort") for k in range(len(OPS[op].samples))])
def test_samples_give_the_reference_order(call: Call, op: str, k: int) -> None:
    sample = OPS[op].samples[k]
    assert sample.attrs["axis"] == len(draw(sample)[0].shape) - 1
    check(call, draw(sample)[0])


@pytest.mark.parametrize("k", range(len(OPS["top_k"].samples)))
def test_samples_give_the_reference_top(call: Call, k: int) -> None:
    sample = OPS["top_k"].samples[k]
    (x,) = draw(sample)
    for found, expected in zip(top_k(call, x, **sample.attrs), reference("top_k", x, **sample.attrs), strict=True):
        same_bits(found, expected)


@pytest.mark.parametrize("kind", C_TYPES)
def test_rows_of_all_lengths_are_sorted_with_their_extremes(call: Call, kind: str, rng: np.random.Generator) -> None:
    for shape in ((0, 3), (3, 0), (1, 1), (5, 2), (4, 15), (4, 16), (4, 17), (3, 33), (2, 1000)):
        check(call, special(DTYPES[kind], shape, rng))


@pytest.mark.parametrize("kind", ["f32", "i64"])
def test_rows_already_in_order_or_against_it_are_sorted(call: Call, kind: str) -> None:
    rising = np.arange(100, dtype=DTYPES[kind])
    for x in (rising, rising[::-1], np.zeros(100, DTYPES[kind]), np.roll(rising, 40)):
        check(call, np.ascontiguousarray(x))


@pytest.mark.parametrize("kind", C_TYPES)
def test_the_top_of_a_row_falls_with_the_first_of_equals_first(call: Call, kind: str, rng: np.random.Generator) -> None:
    for shape, ks in (((0, 3), (0, 2)), ((4, 1), (0, 1)), ((6, 10), (1, 3, 10)), ((3, 100), (5, 31, 32, 33, 100))):
        x = special(DTYPES[kind], shape, rng)
        for k in ks:
            for found, expected in zip(top_k(call, x, k), reference("top_k", x, k=k), strict=True):
                same_bits(found, expected)


def test_every_nan_keeps_its_bits_and_its_place_among_the_nans(call: Call) -> None:
    x = np.array([[0x7FC00001, 0x3F800000, 0xFFC00002, 0x7F800000, 0x7FC00003]], np.uint32).view(np.float32)
    out, order = sorted_rows(call, x)
    assert order.tolist() == [[1, 3, 0, 2, 4]]
    assert out.view(np.uint32).tolist() == [[0x3F800000, 0x7F800000, 0x7FC00001, 0xFFC00002, 0x7FC00003]]
    assert top_k(call, x, 3)[1].tolist() == [[0, 2, 4]]
