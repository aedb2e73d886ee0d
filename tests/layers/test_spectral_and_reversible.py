"""`SpectralNormalization` and `ReversibleEmbedding`: against NumPy, and a step of training against Keras."""

from __future__ import annotations

import numpy as np
import pytest

from symkeras import Input, Model, Sequential, layers, optimizers
from symkeras.errors import ConfigError


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.sqrt(max((x**2).sum(), 1e-24))


@pytest.mark.parametrize("steps", [1, 3])
def test_the_kernel_is_divided_by_its_largest_singular_value(steps: int, rng: np.random.Generator) -> None:
    layer = layers.SpectralNormalization(layers.Conv2D(3, 2), power_iterations=steps)
    x = rng.normal(size=(1, 4, 4, 2)).astype("float32")
    plain = layer(x)
    assert [(w.name, w.shape) for w in layer.weights] == [("kernel", (2, 2, 2, 3)), ("vector_u", (1, 3)), ("bias", (3,))]
    kernel, u = layer.kernel.numpy(), layer.vector_u.numpy()
    np.testing.assert_array_equal(layer(x), plain)
    layer(x, training=True)
    flat = kernel.reshape(-1, 3)
    v = u
    for _ in range(steps):
        v = unit(u @ flat.T)
        u = unit(v @ flat)
    np.testing.assert_allclose(layer.kernel.numpy(), kernel / (v @ flat @ u.T), rtol=1e-4)
    np.testing.assert_allclose(layer.vector_u.numpy(), u, rtol=1e-4)
    for _ in range(40):
        layer(x, training=True)
    np.testing.assert_allclose(np.linalg.norm(layer.kernel.numpy().reshape(-1, 3), 2), 1.0, rtol=1e-4)


def test_a_kernel_of_zeros_is_left_alone() -> None:
    layer = layers.SpectralNormalization(layers.Dense(2, kernel_initializer="zeros"))
    layer(np.ones((1, 3), "float32"))
    before = layer.vector_u.numpy()
    assert layer(np.ones((1, 3), "float32"), training=True).tolist() == [[0.0, 0.0]]
    np.testing.assert_array_equal(layer.vector_u.numpy(), before)


def test_spectral_normalization_wraps_embeddings_and_refuses_layers_without_a_kernel() -> None:
    layer = layers.SpectralNormalization(layers.Embedding(4, 3))
    assert layer(np.array([[1, 2]]), training=True).shape == (1, 2, 3)
    with pytest.raises(ConfigError, match="has a kernel or embeddings, received Flatten"):
        layers.SpectralNormalization(layers.Flatten())(np.ones((1, 2)))
    with pytest.raises(ConfigError, match="power_iterations must be a positive integer"):
        layers.SpectralNormalization(layers.Dense(1), power_iterations=0)
    again = layers.SpectralNormalization.from_config(layers.SpectralNormalization(layers.Dense(2), 4).get_config())
    assert again.power_iterations == 4 and again.layer.units == 2


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("cap", [None, 2.0])
def test_an_embedding_is_reversed_into_scores_for_its_rows(tied: bool, cap: float | None, rng: np.random.Generator) -> None:
    layer = layers.ReversibleEmbedding(5, 3, tie_weights=tied, logit_soft_cap=cap)
    rows = layer(np.array([[1, 4]]))
    tables = layer.get_weights()
    np.testing.assert_array_equal(rows, tables[0][[[1, 4]]])
    x = 50 * rng.normal(size=(2, 3)).astype("float32")
    scores = x @ (tables[0].T if tied else tables[1])
    np.testing.assert_allclose(layer(x, reverse=True), scores if cap is None else cap * np.tanh(scores / cap), rtol=1e-5, atol=1e-6)
    assert [w.shape for w in layer.weights] == ([(5, 3)] if tied else [(5, 3), (3, 5)])
    assert layers.ReversibleEmbedding.from_config(layer.get_config()).get_config() == layer.get_config()
    assert layer.compute_output_shape((None, 3), reverse=True) == (None, 5) and layer.compute_output_shape((None, 2)) == (None, 2, 3)


def test_a_language_model_is_tied_and_masks_padding(rng: np.random.Generator) -> None:
    table = layers.ReversibleEmbedding(6, 4, mask_zero=True, reverse_dtype="float64")
    words = Input((3,), dtype="int32")
    model = Model(words, table(layers.LSTM(4, return_sequences=True)(table(words)), reverse=True))
    assert model.output_shape == (None, 3, 6) and model.outputs[0].dtype == "float64" and len(model.weights) == 4
    model.compile("adam", "mse")
    x = np.array([[1, 2, 0], [3, 0, 0]])
    before = model.get_weights()[0]
    model.fit(x, np.zeros((2, 3, 6)), verbose=0)
    assert not np.allclose(model.get_weights()[0], before)
    y = model.predict(x, verbose=0)
    np.testing.assert_array_equal(y[1, 1], y[1, 2])


def test_a_step_of_training_changes_the_normalised_kernel_as_on_tensorflow(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(8, 4)).astype("float32"), rng.normal(size=(8, 3)).astype("float32")
    model = Sequential([Input((4,)), layers.SpectralNormalization(layers.Dense(3, use_bias=False))])
    model.compile(optimizer=optimizers.SGD(0.1), loss="mse")
    kernel, u = model.get_weights()
    model.fit(x, y, batch_size=8, verbose=0)
    v = unit(u @ kernel.T)
    u = unit(v @ kernel)
    kernel = kernel / (v @ kernel @ u.T)
    gradient = 2 / y.size * x.T @ (x @ kernel - y)
    np.testing.assert_allclose(model.get_weights()[0], kernel - 0.1 * gradient, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.get_weights()[1], u, rtol=1e-4, atol=1e-5)


def test_spectral_normalization_gives_the_dtype_of_its_floating_inputs() -> None:
    layer = layers.SpectralNormalization(layers.Dense(2, dtype="float32"), dtype="float64")
    assert str(layer(np.ones((2, 3), "float64")).dtype) == "float64"
    assert str(layers.SpectralNormalization(layers.Embedding(3, 2))(np.array([1, 2])).dtype) == "float32"
