"""Dropout, noise, and the penalty on activity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import errors, layers
from symkeras.graph.graph import Graph
from tests.backends import evaluate_on_all
from tests.layers.check_layer import check_layer, trace

X = np.random.default_rng(0).normal(size=(2, 3, 4))
MASK = np.array([[True, True, False], [True, False, False]])
ALPHA = -1.6732632423543772 * 1.0507009873554805

TABLE = [
    ("Dropout", {"rate": 0.4}), ("Dropout", {"rate": 0.4, "noise_shape": (None, 1, 4)}), ("Dropout", {"rate": 1.0}),
    ("SpatialDropout1D", {"rate": 0.4}), ("GaussianNoise", {"stddev": 0.5}), ("GaussianDropout", {"rate": 0.3}), ("AlphaDropout", {"rate": 0.4}),
]  # fmt: skip


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("name", "config"), TABLE)
def test_random_layers_keep_the_contract_of_layers(name: str, config: dict[str, Any], training: bool) -> None:
    config = {**config, "seed": 3}
    check_layer(getattr(layers, name), config, X, None if training else X, training=training, mask=MASK, expected_mask=MASK)


def draws(layer: Any, shape: tuple[int, ...]) -> np.ndarray:
    return np.asarray(layer(np.ones(shape), training=True))


@pytest.mark.parametrize(("rate", "kept"), [(0.25, 4 / 3), (0.5, 2.0), (0.9, 10.0)])
def test_dropout_scales_what_it_keeps(rate: float, kept: float) -> None:
    y = draws(layers.Dropout(rate, seed=1, dtype="float64"), (200, 200))
    np.testing.assert_allclose(np.unique(y), [0, kept])
    assert abs((y == 0).mean() - rate) < 0.01
    np.testing.assert_array_equal(draws(layers.Dropout(1.0), (2, 2)), np.zeros((2, 2)))


def test_draws_repeat_with_the_seed_and_differ_from_call_to_call() -> None:
    one, two = layers.Dropout(0.5, seed=1), layers.Dropout(0.5, seed=1)
    first = draws(one, (20, 20))
    np.testing.assert_array_equal(first, draws(two, (20, 20)))
    assert (draws(one, (20, 20)) != first).any()
    assert (draws(layers.Dropout(0.5, seed=2), (20, 20)) != first).any()


def test_a_traced_step_advances_the_seed_by_an_update() -> None:
    layer = layers.Dropout(0.5, seed=1)
    x = np.ones((4, 5), "float32")
    placeholders, out, updates = trace(layer, x, True, None, (0,))
    (value,), (state,) = evaluate_on_all(Graph([p.node for p in placeholders], [out.node], updates), [x])
    (seed,) = layer.variables
    np.testing.assert_array_equal(value, layer(x, training=True))
    np.testing.assert_array_equal(seed.numpy(), state)


@pytest.mark.parametrize(
    ("layer", "shape", "shared"),
    [
        (layers.Dropout(0.5, noise_shape=(None, 1, 8), seed=1), (4, 5, 8), (1,)),
        (layers.SpatialDropout1D(0.5, seed=1), (4, 5, 8), (1,)),
        (layers.SpatialDropout2D(0.5, seed=1), (4, 3, 5, 8), (1, 2)),
        (layers.SpatialDropout2D(0.5, "channels_first", seed=1), (4, 8, 3, 5), (2, 3)),
        (layers.SpatialDropout3D(0.5, seed=1), (4, 2, 3, 2, 8), (1, 2, 3)),
    ],
)
def test_whole_channels_are_dropped(layer: Any, shape: tuple[int, ...], shared: tuple[int, ...]) -> None:
    y = draws(layer, shape)
    some = y[tuple(slice(0, 1) if k in shared else slice(None) for k in range(len(shape)))]
    np.testing.assert_array_equal(y, np.broadcast_to(some, shape))
    assert set(np.unique(some)) == {0.0, 2.0}


def test_noise_has_the_moments_it_promises() -> None:
    shape = (200, 200)
    noise = draws(layers.GaussianNoise(0.5, seed=1), shape)
    assert abs(noise.mean() - 1) < 0.01 and abs(noise.std() - 0.5) < 0.01
    factor = draws(layers.GaussianDropout(0.2, seed=1), shape)
    assert abs(factor.mean() - 1) < 0.01 and abs(factor.std() - 0.5) < 0.01


def test_alpha_dropout_keeps_mean_and_variance_of_selu_units() -> None:
    x = np.random.default_rng(0).normal(size=(300, 300))
    layer = layers.AlphaDropout(0.3, seed=1, dtype="float64")
    y = np.asarray(layer(x, training=True))
    assert abs(y.mean()) < 0.02 and abs(y.var() - 1) < 0.02
    scale = (0.7 * (1 + 0.3 * ALPHA**2)) ** -0.5
    dropped = np.isclose(y, scale * ALPHA - scale * ALPHA * 0.3)
    np.testing.assert_allclose(y[~dropped], (scale * x - scale * ALPHA * 0.3)[~dropped])
    assert abs(dropped.mean() - 0.3) < 0.01


def test_a_rate_of_zero_draws_nothing() -> None:
    for layer in (layers.Dropout(0), layers.GaussianNoise(0), layers.GaussianDropout(0), layers.AlphaDropout(0), layers.SpatialDropout1D(0)):
        np.testing.assert_array_equal(layer(X, training=True), X.astype("float32"))
        assert layer.variables == []


def test_activity_regularization_adds_its_penalty_per_sample() -> None:
    layer = check_layer(layers.ActivityRegularization, {"l1": 0.1, "l2": 0.2}, X, X, mask=MASK, expected_mask=MASK)
    layer(X)
    (loss,) = layer.losses
    np.testing.assert_allclose(loss, (0.1 * np.abs(X).sum() + 0.2 * (X**2).sum()) / len(X))


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Dropout(1.5), lambda: layers.Dropout("half"), lambda: layers.GaussianNoise(2), lambda: layers.GaussianDropout(1),
        lambda: layers.AlphaDropout(1), lambda: layers.SpatialDropout2D(0.5, "last"),
        lambda: layers.Dropout(0.5, noise_shape=3), lambda: layers.Dropout(0.5, noise_shape=(0,)),
        lambda: layers.Dropout(0.5, noise_shape=(1,))(X, training=True),
    ],
)  # fmt: skip
def test_rates_and_shapes_that_mean_nothing_are_refused(make: Any) -> None:
    with pytest.raises(errors.ConfigError):
        make()
