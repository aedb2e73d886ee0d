"""The forms of convolutions and pools that JAX computes by on a processor, each also where its size would not ask for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="jax is not installed: pip install 'symkeras[jax]'")

from symkeras.backend.jax import convolution  # noqa: E402
from symkeras.ops.op import OPS, compute  # noqa: E402
from tests.ops.test_convolution import drawn  # noqa: E402

OTHERS = {"pieces and phases": {"PIECE": 256, "FEW_CHANNELS": 0}, "many parts": {"MOST_PARTS": 2}}
"""What makes pieces of few rows and phases of gradients of few channels, and what leaves nearly all to XLA."""


def compared(name: str, arrays: list[Any], attrs: dict[str, Any], tolerance: float) -> None:
    expected = compute(OPS[name], arrays, attrs)
    found = jax.jit(lambda *a: getattr(convolution, f"{name}_on_processor")(*a, **attrs))(*arrays)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    terms = compute(OPS[name], [np.abs(a) for a in arrays], attrs)
    np.testing.assert_array_less(np.abs(np.asarray(found, "float64") - expected), tolerance * np.asarray(terms, "float64") + 1e-30, f"{name} {attrs}")


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("others", ["as sized", *OTHERS])
@pytest.mark.parametrize("seed", range(56))
def test_every_form_of_a_convolution_is_the_reference(seed: int, others: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OTHERS.get(others, {}).items():
        monkeypatch.setattr(convolution, name, value)
    x_shape, w_shape, attrs = drawn(seed)
    rng = np.random.default_rng(seed)
    x, w = rng.standard_normal(x_shape).astype(dtype), rng.standard_normal(w_shape).astype(dtype)
    dy = rng.standard_normal(compute(OPS["conv"], [x, w], attrs).shape).astype(dtype)
    tolerance = 4 * float(np.finfo(dtype).eps)
    compared("conv", [x, w], attrs, tolerance)
    compared("conv_input_grad", [dy, w], {**attrs, "spatial": x_shape[1:-1]}, tolerance)
    compared("conv_filter_grad", [x, dy], {**attrs, "kernel": w_shape[:-2]}, tolerance)


@pytest.mark.parametrize(("rows", "size", "expected"), [
    (64, 4 << 20, 8), (64, 100, 64), (1, 1 << 30, 1), (31, 2 << 20, 4), (100, 10 << 20, 4), (7, 7, 8), (1000, 1 << 40, 32),
])  # fmt: skip
def test_pieces_are_powers_of_two_that_fit_and_are_few(rows: int, size: int, expected: int) -> None:
    found = convolution.rows_of_a_piece(rows, size)
    assert (found >= rows) if size <= convolution.PIECE else found == expected
    assert -(-rows // found) <= convolution.MOST_PIECES


@pytest.mark.parametrize("name", ["max_pool", "sum_pool"])
@pytest.mark.parametrize(("window", "strides"), [((3, 3), (1, 2)), ((2, 3), (2, 3)), ((4, 1), (3, 1))])
def test_pools_of_overlapping_and_of_other_windows_are_those_of_xla(name: str, window: Any, strides: Any) -> None:
    x = np.random.default_rng(0).standard_normal((2, 9, 8, 3)).astype("float32")
    attrs = {"window": window, "strides": strides, "padding": ((1, 0), (0, 0))}
    found, expected = (getattr(convolution, name + end)(x, **attrs) for end in ("_on_processor", ""))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("window", [(2, 2), (3, 3), (12, 11)], ids=str)
@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_the_first_maximum_of_windows_with_nan_and_without_has_the_gradient(special: float, window: Any) -> None:
    x = np.random.default_rng(1).integers(-2, 3, (2, 13, 12, 2)).astype("float32")
    attrs = {"window": window, "strides": (2, 1), "padding": ((1, 0), (0, 1))}
    for array in (x, np.where(x == 2, np.float32(special), x)):
        y = compute(OPS["max_pool"], [array], attrs)
        dy = np.random.default_rng(2).standard_normal(y.shape).astype("float32")
        expected = compute(OPS["max_pool_grad"], [array, y, dy], attrs)
        np.testing.assert_allclose(jax.jit(lambda *a: convolution.max_pool_grad(*a, **attrs))(array, y, dy), expected, rtol=1e-5, atol=1e-5)


def test_infinities_reach_what_they_reach_in_the_reference() -> None:
    attrs = {"strides": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1}
    rng = np.random.default_rng(3)
    x, w = rng.standard_normal((2, 4, 4, 3)).astype("float32"), rng.standard_normal((3, 3, 3, 4)).astype("float32")
    dy = rng.standard_normal((2, 4, 4, 4)).astype("float32")
    x[0, 0, 0, 0] = dy[1, 2, 2, 1] = np.inf
    asked = (("conv", [x, w], {}), ("conv_input_grad", [dy, w], {"spatial": (4, 4)}), ("conv_filter_grad", [x, dy], {"kernel": (3, 3)}))
    for name, arrays, more in asked:
        found = np.asarray(getattr(convolution, f"{name}_on_processor")(*arrays, **attrs, **more))
        with np.errstate(invalid="ignore"):
            expected = compute(OPS[name], arrays, {**attrs, **more})
        np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))
