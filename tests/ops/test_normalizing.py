"""Keras' signatures of the normalisations, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import ops

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 3, 4, 5)).astype("float32")


@pytest.mark.parametrize("axis", [-1, 1, (2, 3), (1, 2), [3, 1], (0, 1, 2, 3)])
@pytest.mark.parametrize("given", [(), ("gamma",), ("gamma", "beta")])
def test_layer_normalization(axis: Any, given: tuple[str, ...]) -> None:
    axes = tuple(sorted(k % 4 for k in ([axis] if isinstance(axis, int) else axis)))
    sizes = tuple(X.shape[k] for k in axes)
    parts = {name: RNG.standard_normal(sizes).astype("float32") for name in given}
    wide = {name: part.reshape([X.shape[k] if k in axes else 1 for k in range(4)]) for name, part in parts.items()}
    expected = (X - X.mean(axes, keepdims=True)) / np.sqrt(X.var(axes, keepdims=True) + 1e-3) * wide.get("gamma", 1) + wide.get("beta", 0)
    np.testing.assert_allclose(ops.layer_normalization(X, **parts, axis=axis, epsilon=1e-3), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("axis", [-1, 1, 2])
@pytest.mark.parametrize("given", [(), ("scale",), ("offset",), ("offset", "scale")])
def test_batch_normalization(axis: int, given: tuple[str, ...]) -> None:
    size, wide = X.shape[axis], tuple(-1 if k == axis % 4 else 1 for k in range(4))
    mean, variance = RNG.standard_normal(size).astype("float32"), RNG.random(size).astype("float32")
    parts = {name: RNG.standard_normal(size).astype("float32") for name in given}
    scale, offset = (parts.get(name, np.full(size, d, "float32")).reshape(wide) for name, d in (("scale", 1), ("offset", 0)))
    expected = (X - mean.reshape(wide)) / np.sqrt(variance.reshape(wide) + 1e-3) * scale + offset
    np.testing.assert_allclose(ops.batch_normalization(X, mean, variance, axis, **parts), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_what_is_normalised_keeps_its_dtype_whatever_its_scale_has(dtype: str) -> None:
    x = ops.cast(np.float32([[1.0, 3.0, 300.0]]), dtype)
    weights = np.ones(3, "float64")
    out = ops.layer_normalization(x, weights, weights)
    assert out.dtype == dtype
    exact = ops.layer_normalization(np.asarray(x, "float64"), weights, weights)
    np.testing.assert_allclose(np.asarray(out, "float64"), exact, rtol=2e-2)
