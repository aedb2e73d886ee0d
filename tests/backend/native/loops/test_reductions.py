"""Argmax, argmin and running sums and products in C against the reference values, along every axis and of every element type."""

from __future__ import annotations

import numpy as np
import pytest

from symkeras.ops.op import OPS
from tests.backend.native.test_indexing import (
    BUILDS,
    C_TYPES,
    DTYPES,
    SUFFIXES,
    Call,
    collapsed,
    compiled,
    pytestmark,
    reference,
    same_bytes,
    special,
)
from tests.ops.check_op import draw

__all__ = ["pytestmark"]

NAMES = ("argmax", "argmin", "cumsum", "cumprod")


@pytest.fixture(scope="module", params=BUILDS)
def call(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Call:
    """The functions of reductions.h."""
    lines = [f"SK_DEFINE_{what}({t}, {s})" for s, t in C_TYPES.items() for what in ("ARG", "CUMULATIVE")]
    names = [f"{name}_{s}" for s in C_TYPES for name in NAMES]
    return compiled(tmp_path_factory.mktemp(request.param), request.param, "reductions", lines, names)


def run(call: Call, name: str, x: np.ndarray, axis: int) -> np.ndarray:
    is_arg = name.startswith("arg")
    out = np.empty((*x.shape[:axis], *x.shape[axis + 1 :]), np.int32) if is_arg else np.empty_like(x)
    call(f"{name}_{SUFFIXES[x.dtype]}", out, x, *collapsed(x.shape, axis))
    return out


@pytest.mark.parametrize(("name", "k"), [(name, k) for name in NAMES for k in range(len(OPS[name].samples))])
def test_samples_give_the_reference_value(call: Call, name: str, k: int) -> None:
    sample = OPS[name].samples[k]
    (x,) = draw(sample)
    same_bytes(run(call, name, x, **sample.attrs), reference(name, x, **sample.attrs))


SHAPES = ((1,), (5,), (31,), (32,), (33,), (129,), (1000,), (3, 10), (4, 65), (1, 1), (0, 3), (2, 3, 4), (3, 7, 64), (2, 5, 70), (2, 1, 3))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", C_TYPES)
def test_every_axis_gives_the_reference_value(call: Call, name: str, kind: str, rng: np.random.Generator) -> None:
    for shape in SHAPES:
        plain = np.asarray(rng.integers(0, 4, shape)).astype(DTYPES[kind])
        for x in (special(DTYPES[kind], shape, rng), plain):
            for axis in range(len(shape)):
                if name.startswith("cum") or shape[axis]:
                    same_bytes(run(call, name, x, axis), reference(name, x, axis=axis))


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("n", [3, 40, 300])
def test_the_first_of_equals_and_the_first_nan_win_wherever_they_are(call: Call, name: str, n: int) -> None:
    best = 1 if name == "argmax" else -1
    for at in range(n):
        x = np.zeros((2, n), np.float32)
        x[0, at:], x[1, at:] = best, np.nan
        x[1, 0] = best * np.inf if at else np.nan
        assert run(call, name, x, 1).tolist() == [at, at]
        assert run(call, name, np.ascontiguousarray(x.T), 0).tolist() == [at, at]


def test_zeros_of_both_signs_are_equal_to_argmax(call: Call) -> None:
    x = np.array([-0.0] * 50 + [0.0] * 50, np.float32)
    assert (run(call, "argmax", x, 0), run(call, "argmin", -x, 0)) == (0, 0)


def test_a_running_sum_may_replace_its_input(call: Call) -> None:
    for axis in (0, 1):
        x = np.arange(12, dtype=np.int64).reshape(3, 4)
        expected = np.cumsum(x, axis)
        call("cumsum_i64", x, x, *collapsed(x.shape, axis))
        np.testing.assert_array_equal(x, expected)


def test_an_empty_axis_has_place_zero(call: Call) -> None:
    out = np.full(3, 5, np.int32)
    call("argmax_f32", out, np.empty((3, 0), np.float32), 3, 0, 1)
    assert out.tolist() == [0, 0, 0]
