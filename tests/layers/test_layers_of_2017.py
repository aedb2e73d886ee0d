"""Layers that Keras 2 had and Keras 3 has not: against NumPy, weight names and order as they were."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import Input, Sequential, layers
from symkeras.errors import ConfigError, ShapeError
from tests.layers.check_layer import check_layer


def connected(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, size: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
    """A product of its own for each place."""
    places = [range(0, n - k + 1, s) for n, k, s in zip(x.shape[1:-1], size, strides, strict=True)]
    grid = np.stack(np.meshgrid(*places, indexing="ij"), -1).reshape(-1, len(size))
    rows = []
    for which, corner in enumerate(grid):
        window = x[(slice(None), *(slice(c, c + k) for c, k in zip(corner, size, strict=True)))]
        rows.append(window.reshape(len(x), -1) @ kernel[which])
    return np.stack(rows, 1).reshape(len(x), *(len(p) for p in places), -1) + bias


@pytest.mark.parametrize("strides", [1, 2])
def test_locally_connected_layers_have_a_kernel_for_each_place(strides: int, rng: np.random.Generator) -> None:
    x, image = rng.normal(size=(2, 6, 3)), rng.normal(size=(2, 5, 6, 2))
    n = (6 - 3) // strides + 1
    check_layer(
        layers.LocallyConnected1D, {"filters": 2, "kernel_size": 3, "strides": strides}, x,
        lambda x, k, b: connected(x, k, b, (3,), (strides,)), weights=[("kernel", (n, 9, 2)), ("bias", (n, 2))],
    )  # fmt: skip
    h, w = (5 - 2) // strides + 1, (6 - 3) // strides + 1
    check_layer(
        layers.LocallyConnected2D, {"filters": 2, "kernel_size": (2, 3), "strides": strides, "activation": "tanh"}, image,
        lambda x, k, b: np.tanh(connected(x, k, b, (2, 3), (strides, strides))), weights=[("kernel", (h * w, 12, 2)), ("bias", (h, w, 2))],
    )  # fmt: skip


def test_locally_connected_layers_take_channels_first(rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 3, 5, 4)).astype("float32")
    first, last = (layers.LocallyConnected2D(2, 2, use_bias=False, data_format=f"channels_{where}") for where in ("first", "last"))
    y, z = first(x), last(np.moveaxis(x, 1, -1))
    assert y.shape == (2, 2, 4, 3)
    last.set_weights(first.get_weights())
    z = last(np.moveaxis(x, 1, -1))
    np.testing.assert_allclose(np.moveaxis(z, -1, 1), y, rtol=1e-5, atol=1e-6)


def test_maxout_takes_the_largest_of_linear_functions(rng: np.random.Generator) -> None:
    check_layer(
        layers.MaxoutDense, {"output_dim": 2, "nb_feature": 3}, rng.normal(size=(4, 5)),
        lambda x, w, b: (np.einsum("bi,fio->bfo", x, w) + b).max(1), weights=[("W", (3, 5, 2)), ("b", (3, 2))],
    )  # fmt: skip


def test_a_highway_mixes_its_input_and_its_activation(rng: np.random.Generator) -> None:
    def expected(x: Any, w: Any, w_carry: Any, b: Any, b_carry: Any) -> Any:
        t = 1 / (1 + np.exp(-(x @ w_carry + b_carry)))
        return t * np.tanh(x @ w + b) + (1 - t) * x

    weights = [("W", (3, 3)), ("W_carry", (3, 3)), ("b", (3,)), ("b_carry", (3,))]
    check_layer(layers.Highway, {"activation": "tanh"}, rng.normal(size=(4, 3)), expected, weights=weights)


def test_the_argument_names_of_2017_are_taken(rng: np.random.Generator) -> None:
    model = Sequential([layers.MaxoutDense(4, init="he_normal", W_regularizer="l2", input_dim=3), layers.Highway(bias=False), layers.Dense(1)])
    assert model.input_shape == (None, 3) and model.layers[0].kernel_regularizer is not None and len(model.layers[1].weights) == 2
    model.compile("sgd", "mse")
    assert np.isfinite(model.fit(rng.normal(size=(8, 3)), np.ones((8, 1)), verbose=0).history["loss"][0])


def test_thresholded_relu_passes_what_is_above_and_keeps_nan() -> None:
    x = np.array([[-3.0, 0.5, 1.0, 1.5, np.inf, -np.inf, np.nan]])
    np.testing.assert_array_equal(layers.ThresholdedReLU()(x), [[0.0, 0.0, 0.0, 1.5, np.inf, 0.0, np.nan]])
    check_layer(layers.ThresholdedReLU, {"theta": 0.5}, np.array([[-1.0, 0.2, 0.7]]), np.array([[0.0, 0.0, 0.7]]))


def test_what_these_layers_cannot_take_is_named() -> None:
    with pytest.raises(ConfigError, match="LocallyConnected1D: padding must be 'valid'"):
        layers.LocallyConnected1D(2, 2, padding="same")
    with pytest.raises(ShapeError, match="needs an input of known size"):
        layers.LocallyConnected2D(2, 2)(Input((None, 4, 3)))
    with pytest.raises(ShapeError, match="does not fit"):
        layers.LocallyConnected1D(2, 5)(np.ones((1, 4, 3)))
    with pytest.raises(ConfigError, match="MaxoutDense: output_dim must be a positive integer"):
        layers.MaxoutDense(0)
    with pytest.raises(ConfigError, match="ThresholdedReLU: theta must be a number of at least 0"):
        layers.ThresholdedReLU(-1)
    with pytest.raises(ShapeError, match="expects 2 axes"):
        layers.Highway()(np.ones((1, 2, 3)))
