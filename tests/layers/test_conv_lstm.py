"""Convolutional LSTMs: against a loop in NumPy over the convolution that is tested elsewhere, and against Keras."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import Input, Sequential, layers, ops
from symkeras.errors import ConfigError, ShapeError
from tests.keras_reference import reference, weights_of
from tests.layers.both_ways import both_ways, check_gradients, randomize

SPACE: dict[int, tuple[int, ...]] = {1: (5,), 2: (5, 4), 3: (3, 4, 3)}
CASES: dict[str, dict[str, Any]] = {
    "valid": {}, "same": {"padding": "same"}, "strides": {"strides": 2, "padding": "same"}, "dilated": {"dilation_rate": 2},
    "no bias": {"use_bias": False}, "relu": {"activation": "relu", "recurrent_activation": "hard_sigmoid"},
}  # fmt: skip


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def loop(x: np.ndarray, weights: list[np.ndarray], case: dict[str, Any], backwards: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outputs (B, T, ...), h and c; the gates as sums of convolutions."""
    kernel, recurrent, *bias = weights
    f = kernel.shape[-1] // 4
    act, gate = (np.tanh, sigmoid)
    if case.get("activation") == "relu":
        act, gate = (lambda v: np.maximum(v, 0)), (lambda v: np.clip(v / 6 + 0.5, 0, 1))
    h: Any = 0.0
    c: Any = 0.0
    rows = []
    for t in range(x.shape[1])[:: -1 if backwards else 1]:
        z = np.asarray(ops.conv(x[:, t], kernel, case.get("strides", 1), case.get("padding", "valid"), None, case.get("dilation_rate", 1)))
        z = z + (bias[0] if bias else 0)
        z = z + (np.asarray(ops.conv(h, recurrent, 1, "same")) if rows else 0)
        i, g, n, o = (z[..., k * f : (k + 1) * f] for k in range(4))
        c = gate(g) * c + gate(i) * act(n)
        h = gate(o) * act(c)
        rows.append(h)
    return np.stack(rows, 1), h, c


@pytest.mark.parametrize("rank", SPACE)
@pytest.mark.parametrize("case", CASES)
def test_convolutional_lstms_equal_a_numpy_loop(rank: int, case: str, rng: np.random.Generator) -> None:
    options = CASES[case] if case != "dilated" or rank < 3 else {"padding": "same", "dilation_rate": 2}
    layer = getattr(layers, f"ConvLSTM{rank}D")(2, 2, return_sequences=True, return_state=True, **options)
    x = rng.normal(size=(2, 3, *SPACE[rank], 3)).astype("float32")
    outputs = layer(x)
    weights = randomize(layer)
    for found, wanted in zip(both_ways(layer, x, free=2), loop(x, weights, options), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    assert layer.compute_output_shape((None, 3, *SPACE[rank], 3)) == tuple((None, *y.shape[1:]) for y in outputs)
    again = type(layer).from_config(layer.get_config())
    again.build(x.shape)
    again.set_weights(weights)
    np.testing.assert_allclose(again(x)[0], layer(x)[0])


def test_the_channels_may_come_first_and_time_may_run_backwards(rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 3, 5, 4, 3)).astype("float32")
    last = layers.ConvLSTM2D(2, 2, go_backwards=True)
    last(x)
    weights = randomize(last)
    np.testing.assert_allclose(last(x), loop(x, weights, {}, backwards=True)[1], rtol=1e-4, atol=1e-5)
    first = layers.ConvLSTM2D(2, 2, go_backwards=True, data_format="channels_first")
    moved = np.moveaxis(x, -1, 2)
    first(moved)
    first.set_weights(weights)
    np.testing.assert_allclose(np.moveaxis(first(moved), 1, -1), last(x), rtol=1e-5, atol=1e-6)


def test_gradients_of_a_convolutional_lstm_equal_finite_differences(rng: np.random.Generator) -> None:
    layer = layers.ConvLSTM1D(2, 2, dtype="float64")
    x = rng.normal(size=(2, 3, 4, 2))
    layer(x)
    randomize(layer)
    check_gradients(layer, x)


def test_masked_steps_leave_the_state_as_it_is(rng: np.random.Generator) -> None:
    layer = layers.ConvLSTM2D(2, 2)
    x = rng.normal(size=(1, 4, 3, 3, 1)).astype("float32")
    short = layer(x[:, [0, 2]])
    np.testing.assert_allclose(layer(x, mask=np.array([[True, False, True, False]])), short, rtol=1e-5, atol=1e-6)


def test_states_go_from_batch_to_batch_and_may_be_given(rng: np.random.Generator) -> None:
    x = rng.normal(size=(1, 4, 3, 3, 1)).astype("float32")
    kept = layers.ConvLSTM2D(2, 2, stateful=True, return_state=True)
    whole, h, c = kept(x)
    kept.reset_state()
    kept(x[:, :2])
    np.testing.assert_allclose(kept(x[:, 2:])[0], whole, rtol=1e-5, atol=1e-6)
    assert h.shape == c.shape == (1, 2, 2, 2)
    free = layers.ConvLSTM2D(2, 2, return_state=True)
    free(x)
    free.set_weights(kept.get_weights())
    _, *states = free(x[:, :2])
    np.testing.assert_allclose(free(x[:, 2:], initial_state=states)[0], whole, rtol=1e-5, atol=1e-6)


def test_each_gate_drops_its_own_inputs_in_training_alone(rng: np.random.Generator) -> None:
    x = np.ones((1, 2, 3, 3, 4), "float32")
    layer = layers.ConvLSTM2D(2, 2, dropout=0.5, recurrent_dropout=0.5, seed=1)
    np.testing.assert_array_equal(layer(x), layer(x))
    assert not np.allclose(layer(x, training=True), layer(x))
    model = Sequential([Input(x.shape[1:]), layers.ConvLSTM2D(2, 2, dropout=0.5, recurrent_dropout=0.5), layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    assert np.isfinite(model.fit(x, np.ones((1, 1)), verbose=0).history["loss"][0])


def test_what_a_convolutional_lstm_cannot_take_is_named() -> None:
    with pytest.raises(ConfigError, match="ConvLSTM2D: filters"):
        layers.ConvLSTM2D(0, 2)
    with pytest.raises(ConfigError, match="cannot both be above 1"):
        layers.ConvLSTM2D(1, 2, strides=2, dilation_rate=2)
    with pytest.raises(ConfigError, match="ConvLSTM1D: padding must be one of \\('valid', 'same'\\)"):
        layers.ConvLSTM1D(1, 2, padding="causal")
    with pytest.raises(ShapeError, match="images of known size"):
        layers.ConvLSTM2D(1, 2)(Input((3, None, 4, 2)))
    with pytest.raises(ShapeError, match="expects 5 axes"):
        layers.ConvLSTM2D(1, 2)(np.ones((1, 2, 3, 4)))


@pytest.mark.parametrize("rank", SPACE)
def test_a_convolutional_lstm_is_that_of_keras_and_trains_as_it(rank: int, rng: np.random.Generator) -> None:
    keras = reference()
    x, y = rng.normal(size=(4, 3, *SPACE[rank], 2)).astype("float32"), rng.normal(size=(4, 1)).astype("float32")
    models = []
    for lib in (keras, __import__("symkeras")):
        parts = [lib.layers.Input(x.shape[1:]), getattr(lib.layers, f"ConvLSTM{rank}D")(2, 2), lib.layers.Flatten(), lib.layers.Dense(1)]
        model = lib.models.Sequential(parts)
        model.compile(optimizer=lib.optimizers.SGD(0.1), loss="mse")
        models.append(model)
    theirs, ours = models
    assert [w.shape for w in theirs.weights] == [w.shape for w in ours.weights]
    assert set(theirs.layers[0].get_config()) == set(ours.layers[0].get_config())
    ours.set_weights(weights_of(theirs))
    for model in models:
        model.fit(x, y, batch_size=4, epochs=1, verbose=0)
    for a, b in zip(weights_of(theirs), ours.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
