"""Losses that are added beside a compiled one, and functions that are closed over tensors of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, Sequential, backend, layers, metrics, models, ops
from symkeras.errors import ConfigError

K = backend
X = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")
Y = np.ones((6, 1), "float32")


def small() -> tuple[Any, Any, Any]:
    x = Input((3,))
    h = layers.Dense(2, name="hidden")(x)
    return x, h, layers.Dense(1, name="head")(h)


def test_a_tensor_added_to_a_functional_model_counts_beside_the_compiled_loss() -> None:
    x = Input((1,))
    y = layers.Dense(1, kernel_initializer="zeros")(x)
    model = Model(x, y)
    model.add_loss(1000.0 + 0.0 * ops.sum(y))
    model.compile("sgd", "mse")
    assert model.evaluate(np.ones((4, 1)), 2 * np.ones((4, 1)), verbose=0) == 1004


def test_a_tensor_added_to_one_model_is_no_loss_of_another() -> None:
    x, _, y = small()
    model, other = Model(x, y), Sequential([layers.Dense(1)])
    model.add_loss(ops.mean(y))
    other(X)
    assert other.losses == []
    model(X)
    assert len(model.losses) == 1 and other.losses == []


def test_an_added_tensor_is_computed_from_the_values_of_the_call_and_trains_its_layers() -> None:
    x, h, y = small()
    model = Model(x, y)
    gain = layers.Dense(1, name="gain", kernel_initializer="ones")
    model.add_loss(ops.mean(ops.square(gain(h)) + ops.square(y)))
    model.compile("sgd")
    expected = np.mean(np.square(Model(x, gain(h)).predict(X, verbose=0)) + np.square(model.predict(X, verbose=0)))
    np.testing.assert_allclose(model.evaluate(X, verbose=0), expected, rtol=1e-5)
    before = gain.get_weights()[0]
    model.fit(X, epochs=1, verbose=0)
    assert [layer.name for layer in model.layers][-1] == "gain" and (gain.get_weights()[0] != before).all()


def test_an_added_tensor_that_needs_another_input_is_refused() -> None:
    x, _, y = small()
    with pytest.raises(ConfigError, match="outputs and losses depend on 'elsewhere'"):
        Model(x, y).add_loss(ops.sum(Input((2,), name="elsewhere")))


def test_a_layer_takes_tensors_as_losses_only_in_call() -> None:
    with pytest.raises(ConfigError, match="outside of call"):
        layers.Dense(1).add_loss(ops.sum(Input((2,))))


def test_clones_files_and_stacks_keep_added_tensors(tmp_path: Path) -> None:
    x, h, y = small()
    model = Model(x, y)
    model.add_loss(ops.sum(ops.square(h)))
    model.compile("sgd")
    model.save(tmp_path / "model.keras")
    again = models.load_model(tmp_path / "model.keras")
    assert again.evaluate(X, verbose=0) == model.evaluate(X, verbose=0)
    clone = models.clone_model(model)
    clone.set_weights(model.get_weights())
    clone.compile("sgd")
    assert clone.evaluate(X, verbose=0) == model.evaluate(X, verbose=0)
    stack = Sequential([Input((3,)), layers.Dense(2)])
    stack.add_loss(ops.sum(stack.output) * 0 + 7.0)
    stack.add(layers.Dense(1))
    stack.compile("sgd")
    assert stack.evaluate(X, verbose=0) == 7


class Weighed(layers.Layer):
    """Adds what it sees."""

    def call(self, x: Any) -> Any:
        self.add_loss(ops.sum(x))
        return x


def test_losses_of_an_eager_call_stay_until_the_next() -> None:
    layer = Weighed()
    block = Sequential([layer, layers.Dense(1, activity_regularizer="l2")])
    block(np.ones((2, 2)))
    assert len(block.losses) == 2 and [float(v) for v in layer.losses] == [4]
    block(np.ones((3, 2)))
    assert [float(v) for v in layer.losses] == [6]


def test_losses_of_a_trace_are_seen_in_it_alone() -> None:
    from symkeras.graph import tracing

    layer = Weighed()
    x = ops.placeholder("f32[2]")
    with tracing.Trace():
        layer(x)
        assert len(layer.losses) == 1
    assert layer.losses == []


# ---- functions closed over tensors of a model ----------------------------------------------------------------------


def test_a_loss_closed_over_a_tensor_of_the_model_takes_its_value_in_the_call() -> None:
    x, h, y = small()
    model = Model(x, y)
    model.compile("sgd", lambda a, b: K.mean(K.square(a - b), axis=-1) + K.sum(K.square(h), axis=-1))
    hidden, predicted = Model(x, h).predict(X, verbose=0), model.predict(X, verbose=0)
    expected = np.mean(np.square(Y - predicted).mean(-1) + np.square(hidden).sum(-1))
    np.testing.assert_allclose(model.evaluate(X, Y, verbose=0), expected, rtol=1e-5)
    before = model.evaluate(X, Y, verbose=0)
    model.fit(X, Y, epochs=5, verbose=0)
    assert model.evaluate(X, Y, verbose=0) < before


def test_a_loss_and_the_model_see_the_same_random_numbers() -> None:
    x = Input((3,))
    noisy = layers.GaussianNoise(1.0)(x)
    model = Model(x, layers.Dense(3, kernel_initializer="identity", trainable=False)(layers.Dense(3, kernel_initializer="identity")(noisy)))
    model.compile("sgd", lambda a, b: K.sum(K.square(b - noisy)))
    assert model.train_on_batch(X, X) == 0


def test_a_metric_closed_over_a_tensor_of_the_model_takes_its_value_in_the_call() -> None:
    x, h, y = small()
    model = Model(x, y)

    def size(a: Any, b: Any) -> Any:
        return K.mean(K.abs(h))

    model.compile("sgd", "mse", metrics=[size])
    expected = np.abs(Model(x, h).predict(X, verbose=0)).mean()
    np.testing.assert_allclose(model.evaluate(X, Y, verbose=0)[1], expected, rtol=1e-5)


def test_a_loss_closed_over_a_tensor_of_an_inner_model_takes_its_value_in_the_call() -> None:
    x = Input((3,))
    mean = layers.Dense(2)(x)
    encoder = Model(x, layers.Dense(2)(mean))
    z = Input((3,))
    model = Model(z, layers.Dense(1)(encoder(z)))
    model.compile("sgd", lambda a, b: K.sum(K.square(mean), axis=-1))
    expected = np.square(Model(x, mean).predict(X, verbose=0)).sum(-1).mean()
    np.testing.assert_allclose(model.evaluate(X, Y, verbose=0), expected, rtol=1e-5)


def test_a_loss_closed_over_a_tensor_of_no_model_that_is_called_is_refused() -> None:
    foreign = layers.Dense(1)(Input((2,), name="elsewhere"))
    x, _, y = small()
    model = Model(x, y)
    model.compile("sgd", lambda a, b: K.sum(foreign))
    with pytest.raises(ConfigError, match=r"'elsewhere'.*no model called in this step"):
        model.fit(X, Y, verbose=0)


@pytest.mark.parametrize("how", ["eager", "predict", "nested", "clone"])
def test_a_layer_closed_over_a_tensor_of_the_model_takes_its_value_in_the_call(how: str) -> None:
    x, h, y = small()
    model = Model(x, layers.Lambda(lambda t: t + K.sum(h, axis=-1, keepdims=True))(y))
    expected = Model(x, y).predict(X, verbose=0) + Model(x, h).predict(X, verbose=0).sum(-1, keepdims=True)
    if how == "nested":
        z = Input((3,))
        model = Model(z, model(z))
    found = model(X) if how == "eager" else model.predict(X, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    if how == "clone":
        clone = models.clone_model(model, clone_function=lambda layer: layer)
        np.testing.assert_allclose(clone.predict(X, verbose=0), expected, rtol=1e-5)


def test_a_loss_added_in_call_may_be_closed_over_a_tensor_of_the_model() -> None:
    x, h, y = small()

    class Penalty(layers.Layer):
        def call(self, inputs: Any) -> Any:
            self.add_loss(K.sum(K.square(h)), inputs=inputs)
            return inputs

    model = Model(x, Penalty()(y))
    model.compile("sgd")
    expected = np.square(Model(x, h).predict(X, verbose=0)).sum()
    np.testing.assert_allclose(model.evaluate(X, verbose=0), expected, rtol=1e-5)
    model(X)
    np.testing.assert_allclose(model.losses[0], expected, rtol=1e-5)


def test_initializers_and_layers_may_call_k_functions_on_arrays() -> None:
    class Projection(layers.Layer):
        def build(self, shape: Any) -> None:
            self.kernel = self.add_weight(shape=(shape[-1], 2), initializer=lambda s, dtype=None: K.ones(s) * 2, name="kernel")
            self.noise = self.add_weight(shape=(2,), initializer=lambda s, dtype=None: K.random_uniform(s), name="noise")

        def call(self, inputs: Any, training: Any = None) -> Any:
            return K.in_train_phase(K.dot(K.constant(np.ones((1, 3))), self.kernel), K.zeros((1, 2)), training=training)

    layer = Projection()
    found = layer(X, training=True)
    assert isinstance(found, np.ndarray) and found.tolist() == [[6, 6]] and layer.noise.numpy().std() > 0
    assert layer(X, training=False).tolist() == [[0, 0]]


def test_metrics_functions_serve_as_losses() -> None:
    model = Sequential([Input((3,)), layers.Dense(1)])
    model.compile("sgd", lambda a, b: 2 * metrics.mean_squared_error(a, b))
    assert model.evaluate(X, Y, verbose=0) > 0
