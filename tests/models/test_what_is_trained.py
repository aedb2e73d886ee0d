"""Which weights a step changes: those trainable at compile, none at all, those assigned in `call`, those of models that share an optimizer."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, Sequential, layers, ops, optimizers
from symkeras.autodiff.reverse import gradients
from symkeras.graph import tracing
from symkeras.graph.graph import Graph
from symkeras.graph.variable import Variable
from symkeras.ops.evaluation import evaluate

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = np.ones((8, 1), "float32")


def changes(model: Any, parts: list[Any], call: Any) -> list[bool]:
    """Whether a call changed the weights of each part."""
    before = [[w.copy() for w in part.get_weights()] for part in parts]
    call(model)
    return [any((a != b).any() for a, b in zip(old, part.get_weights(), strict=True)) for old, part in zip(before, parts, strict=True)]


def train(model: Any) -> None:
    model.train_on_batch(X, Y)


def test_models_compiled_in_the_order_of_a_gan_train_what_was_trainable_at_their_compile() -> None:
    generator = Sequential([Input((3,)), layers.Dense(3), layers.BatchNormalization()])
    critic = Sequential([Input((3,)), layers.Dense(4), layers.BatchNormalization(), layers.Dense(1)])
    critic.compile("adam", "mse")
    critic.trainable = False
    whole = Model(generator.inputs, critic(generator.output))
    whole.compile("adam", "mse")
    with pytest.warns(UserWarning, match="trainable when it was compiled"):
        assert changes(critic, [generator, critic], train) == [False, True]
    assert changes(whole, [generator, critic], train) == [True, False]
    assert changes(critic, [generator, critic], train) == [False, True]
    assert all(layer.trainable is False for layer in critic.layers)


def test_compiling_again_takes_what_is_trainable_now() -> None:
    model = Sequential([Input((3,)), layers.Dense(2), layers.Dense(1)])
    model.compile("sgd", "mse")
    train(model)
    model.layers[0].trainable = False
    with pytest.warns(UserWarning, match="compile it again"):
        assert changes(model, model.layers, train) == [True, True]
    model.compile("sgd", "mse")
    assert changes(model, model.layers, train) == [False, True]


def test_layers_added_after_compile_are_as_trainable_as_they_say() -> None:
    model = Sequential([layers.Dense(2)])
    model.compile("sgd", "mse")
    model.add(layers.Dense(2, trainable=False))
    model.add(layers.Dense(1))
    model.build((None, 3))
    assert changes(model, model.layers, train) == [True, False, True]


def test_a_step_with_nothing_to_train_computes_loss_metrics_and_statistics() -> None:
    model = Sequential([Input((3,)), layers.Dense(1, trainable=False), layers.BatchNormalization(scale=False, center=False)])
    model.compile("adam", "mse", metrics=["mae"])
    with pytest.warns(UserWarning, match="no trainable weights"):
        history = model.fit(X, Y, epochs=2, verbose=0).history
    assert set(history) == {"loss", "mae"} and model.layers[1].moving_mean.numpy()[0] != 0
    assert int(model.optimizer.iterations.numpy()) == 0


class Halving(layers.Layer):
    """A gain that halves itself at every call while training, then is used."""

    def build(self, shape: Any) -> None:
        self.gain = self.add_weight(shape=(), initializer="ones", name="gain")

    def call(self, x: Any, training: Any = None) -> Any:
        if training:
            self.gain.assign(self.gain * 0.5)
        return x * self.gain


def test_a_weight_assigned_in_call_is_trained_from_where_it_was_assigned() -> None:
    model = Sequential([Input((1,)), Halving()])
    model.compile(optimizers.SGD(0.1), "mse")
    model.train_on_batch(np.array([[2.0]]), np.array([[3.0]]))
    # at 0.5: d(2 w - 3)^2 = 2 (2 w - 3) 2 = -8
    np.testing.assert_allclose(model.get_weights()[0], 0.5 + 0.1 * 8)


@pytest.mark.parametrize("steps", [1, 2])
def test_all_that_was_read_of_a_variable_counts_for_its_gradient(steps: int) -> None:
    v = Variable([1.0, 2.0], name="v")
    x = ops.placeholder("f32[2]", name="x")
    with tracing.Trace():
        total = ops.sum(v.value * x)
        for _ in range(steps):
            v.assign(x * x)
            total = total + ops.sum(v.value * x * 3)
        gradient = gradients(total, v)
    found, _ = evaluate(Graph([x.node], [gradient.node]), [np.float32([1.0, 5.0])])
    assert found[0].tolist() == [1 + 3 * steps, 5 * (1 + 3 * steps)]


@pytest.mark.parametrize("name", ["sgd", "adam", "nadam", "adafactor", "rmsprop", "adagrad"])
def test_two_models_may_share_an_optimizer(name: str) -> None:
    shared = optimizers.get({"class_name": name, "config": {"use_ema": True}})
    models = [Sequential([Input((3,)), layers.Dense(1, kernel_initializer="ones")]) for _ in range(2)]
    alone = Sequential([Input((3,)), layers.Dense(1, kernel_initializer="ones")])
    for model, optimizer in zip([*models, alone], [shared, shared, optimizers.get(name)], strict=True):
        model.compile(optimizer, "mse")
        for _ in range(3):
            model.train_on_batch(X, Y)
    assert len(shared._trainable_variables) == 4 and int(shared.iterations.numpy()) == 6
    np.testing.assert_array_equal(models[0].get_weights()[0], alone.get_weights()[0])
    kernel = models[1].weights[0]
    assert np.abs(shared.slot("average", kernel).numpy()).min() > 0.5 and (kernel.numpy() != 1).all()


def test_averages_are_given_to_what_was_trained() -> None:
    model = Sequential([Input((3,)), layers.Dense(1)])
    model.compile(optimizers.SGD(0.1, use_ema=True), "mse")
    model.trainable = False
    with pytest.warns(UserWarning, match="trainable when it was compiled"):
        model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], model.optimizer.slot("average", model.weights[0]).numpy())
    assert (model.get_weights()[0] != 0).all()


def test_weights_say_whether_their_layer_is_frozen() -> None:
    model = Sequential([Input((2,)), layers.Dense(2), layers.BatchNormalization()])
    dense, norm = model.layers
    model.trainable = False
    assert not any(w.trainable for w in model.weights)
    assert not any(w.trainable for w in copy.deepcopy(model).weights)
    model.trainable = True
    assert [w.trainable for w in model.weights] == [True, True, True, True, False, False]
    dense.kernel.trainable = False
    dense.trainable = False
    dense.trainable = True
    assert [w.trainable for w in dense.weights] == [False, True] and dense.trainable_weights == [dense.bias]
    frozen = layers.Dense(2, trainable=False)
    frozen.build((None, 2))
    assert not frozen.kernel.trainable and frozen.non_trainable_weights == [frozen.kernel, frozen.bias]
    assert norm.gamma.trainable
