"""Max and sum pooling and their gradients in C against the reference values, in one to three dimensions."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest

from symkeras.ops.convolution import conv_output_size
from symkeras.ops.op import OPS
from tests.backend.native.test_indexing import BUILDS, C_TYPES, DTYPES, SUFFIXES, Call, compiled, pytestmark, reference, special, threads
from tests.ops.check_op import draw, same_bits
from tests.tolerances import assert_alike

__all__ = ["pytestmark"]

FLOATS = ("f32", "f64")
NUMBERS = [s for s in C_TYPES if s != "bool"]


class Shape(ctypes.Structure):
    _fields_ = (
        ("batch", ctypes.c_int64),
        *((name, ctypes.c_int64 * 3) for name in ("size", "out", "window", "stride", "before")),
        ("channels", ctypes.c_int64),
    )


@pytest.fixture(scope="module", params=BUILDS)
def call(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Call:
    """The functions of pooling.h: of all numbers those that have a reference for integers."""
    kinds = {"max_pool": NUMBERS, "sum_pool": NUMBERS, "sum_pool_grad": NUMBERS, "max_pool_grad": FLOATS, "max_pool_select": FLOATS}
    pairs = [(name, s) for name, suffixes in kinds.items() for s in suffixes]
    lines = [f"SK_DEFINE_{name.upper()}({C_TYPES[s]}, {s})" for name, s in pairs]
    return compiled(tmp_path_factory.mktemp(request.param), request.param, "pooling", lines, [f"{name}_{s}" for name, s in pairs])


def lifted(large: tuple[int, ...], attrs: dict[str, Any]) -> tuple[Shape, tuple[int, ...]]:
    """The sizes as C takes them, with leading axes of size 1, and the shape of the small side."""
    n = len(attrs["window"])
    spatial = large[1:-1]
    out = tuple(
        int(conv_output_size(s, k, st, p, 1)) for s, k, st, p in zip(spatial, attrs["window"], attrs["strides"], attrs["padding"], strict=True)
    )

    def three(values: tuple[int, ...], fill: int) -> Any:
        return (ctypes.c_int64 * 3)(*(fill,) * (3 - n), *values)

    before = tuple(p for p, _ in attrs["padding"])
    shape = Shape(large[0], three(spatial, 1), three(out, 1), three(attrs["window"], 1), three(attrs["strides"], 1), three(before, 0), large[-1])
    return shape, (large[0], *out, large[-1])


def run(call: Call, name: str, arrays: list[np.ndarray], large: tuple[int, ...], attrs: dict[str, Any], team: int = 1) -> np.ndarray:
    shape, small = lifted(large, attrs)
    out = np.full(large if name.endswith("_grad") else small, 77).astype(arrays[0].dtype)
    call(f"{name}_{SUFFIXES[out.dtype]}", out, *arrays, ctypes.byref(shape), threads(team))
    return out


def check_all(call: Call, x: np.ndarray, attrs: dict[str, Any], rng: np.random.Generator, team: int = 1) -> None:
    """All five of one window: what only chooses is exact, and so are gradients, which add in the reference's order."""
    large = x.shape
    y = run(call, "max_pool", [x], large, attrs, team)
    np.testing.assert_array_equal(y, reference("max_pool", x, **attrs))
    total = run(call, "sum_pool", [x], large, attrs, team)
    finite = np.where(np.isfinite(x), np.clip(x, -9, 9), 0).astype(x.dtype)
    assert_alike(run(call, "sum_pool", [finite], large, attrs, team), reference("sum_pool", finite, **attrs), "op")
    np.testing.assert_array_equal(np.isnan(total), np.isnan(reference("sum_pool", x, **attrs)))
    dy, z = special(x.dtype, y.shape, rng), special(x.dtype, x.shape, rng)
    same_bits(run(call, "sum_pool_grad", [dy], large, attrs, team), reference("sum_pool_grad", dy, spatial=large[1:-1], **attrs))
    same_bits(run(call, "max_pool_grad", [x, y, dy], large, attrs, team), reference("max_pool_grad", x, y, dy, **attrs))
    same_bits(run(call, "max_pool_select", [x, y, z], large, attrs, team), reference("max_pool_select", x, y, z, **attrs))


@pytest.mark.parametrize(("name", "k"), [(name, k) for name in ("max_pool", "sum_pool", "sum_pool_grad") for k in range(len(OPS[name].samples))])
def test_samples_give_the_reference_value(call: Call, name: str, k: int) -> None:
    sample = OPS[name].samples[k]
    (x,), attrs = draw(sample), dict(sample.attrs)
    large = (len(x), *attrs.pop("spatial"), x.shape[-1]) if name == "sum_pool_grad" else x.shape
    assert_alike(run(call, name, [x], large, attrs), reference(name, x, **sample.attrs), "op")


def attributes(window: tuple[int, ...], strides: tuple[int, ...], *padding: tuple[int, int]) -> dict[str, Any]:
    return {"window": window, "strides": strides, "padding": padding or ((0, 0),) * len(window)}


CASES = (
    ((2, 7, 3), attributes((3,), (2,), (1, 1))),
    ((3, 6, 70), attributes((2,), (2,))),
    ((2, 7, 2), attributes((2,), (3,))),
    ((2, 6, 6, 5), attributes((2, 2), (2, 2))),
    ((1, 7, 5, 33), attributes((2, 2), (2, 2))),
    ((2, 7, 7, 4), attributes((2, 2), (2, 2), (1, 0), (0, 1))),
    ((2, 6, 5, 3), attributes((2, 2), (1, 1))),
    ((2, 5, 5, 130), attributes((3, 3), (2, 2), (1, 1), (1, 1))),
    ((1, 6, 6, 3), attributes((3, 3), (1, 1), (1, 1), (1, 1))),
    ((2, 6, 6, 1), attributes((3, 2), (3, 2))),
    ((1, 4, 4, 2), attributes((1, 1), (2, 2))),
    ((1, 3, 3, 2), attributes((2, 2), (2, 2), (2, 3), (0, 1))),
    ((2, 4, 6, 4, 3), attributes((2, 2, 2), (2, 2, 2))),
    ((1, 5, 4, 5, 2), attributes((3, 2, 2), (1, 2, 1), (1, 1), (0, 0), (1, 0))),
    ((2, 4, 4, 4, 2), attributes((2, 2, 2), (1, 2, 2))),
    ((0, 4, 4, 2), attributes((2, 2), (2, 2))),
    ((2, 4, 4, 0), attributes((2, 2), (2, 2))),
)


@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_windows_of_all_kinds_give_the_reference_value(call: Call, kind: str, case: tuple[tuple[int, ...], dict[str, Any]]) -> None:
    rng = np.random.default_rng(3)
    shape, attrs = case
    check_all(call, special(DTYPES[kind], shape, rng), attrs, rng)
    check_all(call, rng.normal(size=shape).astype(DTYPES[kind]), attrs, rng)
    check_all(call, np.full(shape, -np.inf, DTYPES[kind]), attrs, rng)
    check_all(call, rng.integers(0, 2, shape).astype(DTYPES[kind]), attrs, rng)


@pytest.mark.parametrize("kind", [s for s in NUMBERS if s not in FLOATS])
def test_integers_are_pooled_and_wrap_around(call: Call, kind: str, rng: np.random.Generator) -> None:
    for shape, attrs in CASES:
        x = special(DTYPES[kind], shape, rng)
        for name in ("max_pool", "sum_pool"):
            same_bits(run(call, name, [x], shape, attrs), reference(name, x, **attrs))
        dy = special(DTYPES[kind], lifted(shape, attrs)[1], rng)
        same_bits(run(call, "sum_pool_grad", [dy], shape, attrs), reference("sum_pool_grad", dy, spatial=shape[1:-1], **attrs))


@pytest.mark.parametrize("attrs", [attributes((2, 2), (2, 2)), attributes((3, 3), (2, 2), (1, 0), (0, 1))], ids=str)
def test_threads_give_the_same_values(call: Call, attrs: dict[str, Any]) -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(40, 11, 11, 32)).astype(np.float32)
    for team in (2, 3):
        check_all(call, x, attrs, rng, team)


def test_a_maximum_never_lies_in_the_padding(call: Call) -> None:
    x, attrs = np.full((1, 2, 1), -np.inf, np.float32), attributes((2,), (2,), (1, 1))
    dx = run(call, "max_pool_grad", [x, np.full((1, 2, 1), -np.inf, np.float32), np.ones((1, 2, 1), np.float32)], x.shape, attrs)
    assert dx.ravel().tolist() == [1, 1]
