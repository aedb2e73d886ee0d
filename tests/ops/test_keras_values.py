"""What the conformance suite found to differ from Keras, as plain expectations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import GradientTape, function, ops
from symkeras.autodiff import gradients, watchable


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
def test_trunc_leaves_whole_numbers_as_they_are(dtype: str) -> None:
    x = np.array([0, 1, 3], dtype)
    found = ops.trunc(x)
    assert found.dtype == dtype and found.tolist() == x.tolist()
    assert ops.trunc(np.float32([-1.5, 2.5])).tolist() == [-1.0, 2.0]


@pytest.mark.parametrize(
    "copied",
    [
        ops.array,
        ops.copy,
        lambda x: ops.array(x, "float32"),
        lambda x: ops.convert_to_tensor(x, "float32"),
        lambda x: ops.cast(x, "float32"),
        np.copy,
    ],
)
def test_a_copy_has_the_gradient_of_what_was_copied(copied: Any) -> None:
    x = watchable(np.float32([1.0, 2.0]))
    with GradientTape() as tape:
        tape.watch(x)
        y = copied(x) * np.float32(3.0)
    assert tape.gradient(y, x).tolist() == [3.0, 3.0]


@pytest.mark.parametrize("combine", [ops.hypot, ops.logaddexp2, ops.logaddexp, ops.fmax])
def test_gradients_of_operands_that_were_broadcast_have_their_shapes(combine: Any) -> None:
    for left, right in (((2, 3), (3,)), ((1, 3), (3,)), ((3,), (2, 1, 3))):
        a, b = (ops.placeholder(f"f32[{', '.join(map(str, s))}]") for s in (left, right))
        assert [g.dims for g in gradients(ops.sum(combine(a, b)), [a, b])] == [left, right]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "float32"])
def test_running_sums_and_products_keep_the_dtype(dtype: str) -> None:
    x = np.array([1, 2, 3], dtype)
    assert ops.cumsum(x).dtype == dtype and ops.cumprod(x).dtype == dtype
    assert ops.cumsum(np.array([True, True])).dtype == "int32"


def test_full_without_a_dtype_is_floating() -> None:
    assert ops.full((2,), 3).dtype == "float32" and ops.full((2,), True).dtype == "float32"
    assert ops.full((2,), 3, "int32").dtype == ops.full_like(np.array([1]), 2).astype("int32").dtype


def test_a_quantile_has_the_gradient_of_its_share() -> None:
    x, q = np.float32([0.0, 1.0, 3.0]), watchable(np.float32(30.0))
    with GradientTape() as tape:
        tape.watch(q)
        y = ops.percentile(x, q)
    assert float(y) == pytest.approx(0.6)
    assert float(tape.gradient(y, q)) == pytest.approx(0.02)


def test_a_constant_that_was_transposed_is_the_same_for_the_gradient_of_a_convolution(backend: str) -> None:
    x = np.random.default_rng(1).normal(size=(3, 1, 7, 5, 7)).astype("float32")
    kernel = np.random.default_rng(2).normal(size=(2, 1, 1, 1, 2)).astype("float32")
    shares = np.random.default_rng(3).normal(size=(3, 2, 7, 5, 7)).astype("float32")

    def gradient_of(x: Any, kernel: Any) -> Any:
        return gradients(ops.sum(ops.conv(x, kernel, padding="same", data_format="channels_first") * shares), kernel)

    padded = np.concatenate([x, np.zeros((3, 1, 1, 5, 7), "float32")], 2)
    expected = [[np.sum(padded[:, 0, t : t + 7] * shares[:, o]) for o in range(2)] for t in range(2)]
    found = function(gradient_of, backend=backend)(x, kernel)
    np.testing.assert_allclose(np.asarray(found).reshape(2, 2), expected, rtol=1e-4)


@pytest.mark.parametrize("ord", [2, -2, "nuc"])
def test_norms_of_matrices_by_singular_values_are_those_of_numpy(ord: Any) -> None:
    x = np.random.default_rng(0).normal(size=(2, 5, 3))
    for axis, keepdims in (((0, 1), True), ((2, 0), False), ((1, 2), True)):
        np.testing.assert_allclose(ops.norm(x, ord, axis, keepdims), np.linalg.norm(x, ord, axis, keepdims), rtol=1e-6)
