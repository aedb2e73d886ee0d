from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, Sequential, layers, metrics, ops, optimizers, random
from symkeras.errors import ConfigError, SymbolicValueError, SymkerasError

ROWS = np.random.default_rng(0).normal(size=(10, 4)).astype("float32")
TARGETS = ROWS[:, :1] * 2 + 1


class Scale(layers.Layer):
    """Weights of its own: one trained, one counting."""

    def build(self, input_shape: Any) -> None:
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gain")
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")

    def call(self, x: Any, training: Any = None) -> Any:
        if training:
            self.calls.assign_add(1.0)
        return x * self.gain


class Block(layers.Layer):
    """Sublayers, a loss, a metric, random numbers."""

    def __init__(self, units: int = 3, **kwargs: Any):
        super().__init__(**kwargs)
        self.hidden = [layers.Dense(units, activation="tanh", name=f"hidden_{k}") for k in range(2)]
        self.by_name = {"norm": layers.LayerNormalization()}
        self.size = metrics.Mean(name="size")
        self.seeds = random.SeedGenerator(3)

    def call(self, x: Any, training: Any = None) -> Any:
        for layer in self.hidden:
            x = layer(x)
        x = self.by_name["norm"](x)
        self.add_loss(0.5 * ops.mean(ops.square(x)))
        self.size.update_state(ops.mean(ops.absolute(x)))
        if training:
            x = x + random.normal(ops.shape(x), stddev=0.01, seed=self.seeds)
        return x


class Net(Model):
    """A model that defines call."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale = Scale()
        self.block = Block()
        self.out = layers.Dense(1)

    def call(self, x: Any, training: Any = None) -> Any:
        return self.out(self.block(self.scale(x), training=training))


def test_a_layer_with_its_own_weights_trains_in_any_model() -> None:
    scale = Scale()
    model = Sequential([Input((4,)), scale])
    model.compile("sgd", "mse")
    model.fit(ROWS, ROWS * 3, epochs=2, batch_size=5, verbose=0)
    assert scale.calls.numpy() == 4 and (scale.gain.numpy() > 1).all()
    model.evaluate(ROWS, ROWS, verbose=0)
    model.predict(ROWS, verbose=0)
    assert scale.calls.numpy() == 4
    assert [v.name for v in model.trainable_weights] == ["gain"] and [v.name for v in model.non_trainable_weights] == ["calls"]


def test_a_model_that_defines_call_trains_predicts_and_evaluates() -> None:
    model = Net()
    model.compile("adam", "mse", metrics=["mae"])
    history = model.fit(ROWS, TARGETS, epochs=30, batch_size=5, verbose=0).history
    assert list(history) == ["loss", "mae", "size"] and history["mae"][-1] < history["mae"][0]
    assert len(model.evaluate(ROWS, TARGETS, verbose=0)) == 3
    np.testing.assert_allclose(model.predict(ROWS, batch_size=3, verbose=0), model(ROWS), rtol=1e-4, atol=1e-5)
    assert [layer.name for layer in model.layers] == [model.scale.name, model.block.name, model.out.name]
    paths = [v.path.split("/", 1)[1] for v in model.weights[2:]]
    assert paths[:2] == [f"{model.block.name}/hidden_0/kernel", f"{model.block.name}/hidden_0/bias"]
    assert len(model.trainable_weights) == 9 and len(model.variables) == 11


def test_added_losses_count_and_are_reported() -> None:
    class Penalty(layers.Layer):
        def call(self, x: Any) -> Any:
            self.add_loss(ops.sum(x) * 0 + 2.0)
            self.add_loss([1.0 + 0 * ops.mean(x, axis=-1)])
            return x

    model = Sequential([Input((4,)), Penalty()])
    model.compile("sgd", "mse")
    assert model.evaluate(ROWS, ROWS, verbose=0) == pytest.approx(2 + len(ROWS))
    model.compile("sgd")
    assert model.test_on_batch(ROWS) == pytest.approx(2 + len(ROWS))


def test_a_function_as_loss_is_asked_in_every_step() -> None:
    layer = layers.Dense(1, kernel_initializer="ones", use_bias=False)
    model = Sequential([Input((2,)), layer])
    layer.add_loss(lambda: ops.sum(layer.kernel * 3.0))
    model.compile("sgd")
    model.train_on_batch(np.ones((2, 2)))
    np.testing.assert_allclose(layer.kernel.numpy(), np.full((2, 1), 0.97), rtol=1e-6)


def test_the_training_flag_reaches_inner_layers_without_being_passed() -> None:
    class Quiet(Model):
        def __init__(self) -> None:
            super().__init__()
            self.drop = layers.Dropout(0.5, seed=1)

        def call(self, x: Any) -> Any:
            return self.drop(x)

    model = Quiet()
    model.compile("sgd", "mse", metrics=["mae"])
    ones = np.ones((4, 50), "float32")
    np.testing.assert_array_equal(model.predict(ones, verbose=0), ones)
    assert model.evaluate(ones, ones, verbose=0) == [0, 0]
    assert (np.asarray(model(ones, training=True)) == 0).any()


def test_metrics_of_layers_and_models_are_reset_every_epoch() -> None:
    class Counting(Model):
        def __init__(self) -> None:
            super().__init__()
            self.rows = metrics.Sum(name="rows")
            self.dense = layers.Dense(1)

        def call(self, x: Any) -> Any:
            self.rows.update_state(ops.ones_like(x[:, 0]))
            return self.dense(x)

    model = Counting()
    model.compile("sgd", "mse")
    assert model.fit(ROWS, TARGETS, epochs=2, batch_size=4, verbose=0).history["rows"] == [10, 10]
    assert model.evaluate(ROWS, TARGETS, verbose=0)[1] == 10
    assert model.metrics_names == ["loss", "rows"] and [m.name for m in model.metrics] == ["loss", "rows"]


def test_a_model_may_compute_its_own_loss_and_further_metrics() -> None:
    class Own(Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(1, kernel_initializer="zeros")

        def call(self, x: Any) -> Any:
            return {"value": self.dense(x["rows"])}

        def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None) -> Any:
            return ops.mean(ops.absolute(y["value"] - y_pred["value"])) + ops.mean(x["rows"]) * 0

        def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
            return {**super().compute_metrics(x, y, y_pred, sample_weight), "largest": ops.max(y_pred["value"])}

    model = Own()
    model.compile("sgd", metrics={"value": "mse"})
    x, y = {"rows": ROWS}, {"value": TARGETS}
    history = model.fit(x, y, batch_size=10, verbose=0).history
    assert list(history) == ["largest", "loss", "mse"] and history["largest"] == [0]
    assert history["loss"][0] == pytest.approx(np.abs(TARGETS).mean()) and history["mse"][0] == pytest.approx((TARGETS**2).mean(), rel=1e-5)
    assert list(model.evaluate(x, y, verbose=0, return_dict=True)) == ["largest", "loss", "mse"]
    assert len(model.evaluate(x, y, verbose=0)) == 3
    assert list(model.predict(x, verbose=0)) == ["value"]


def test_several_outputs_without_names_are_called_after_their_losses_or_numbered() -> None:
    class Two(Model):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = layers.Dense(1), layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            first, second = inputs
            return self.a(first), self.b(second)

    for losses, measured, names in (
        (["mse", "mae"], ["mae", "mse"], ["loss", "mae", "mae_loss", "mse", "mse_loss"]),
        (["mse", "mse"], ["mae", "mae"], ["loss", "mae", "mae_1", "output_1_loss", "output_2_loss"]),
    ):
        model = Two()
        model.compile("sgd", losses, metrics=measured)
        assert sorted(model.fit([ROWS, ROWS], [TARGETS, TARGETS], verbose=0).history) == names
    assert isinstance(model.predict([ROWS, ROWS], verbose=0), tuple)


def test_other_nestings_of_the_same_arrays_are_other_functions() -> None:
    class Choose(Model):
        def call(self, inputs: Any) -> Any:
            return inputs["a"] * 2 if "a" in inputs else inputs["b"] * 3

    model = Choose()
    assert model.predict({"a": np.ones((1, 1))}, verbose=0) == 2
    assert model.predict({"b": np.ones((1, 1))}, verbose=0) == 3


def test_layers_that_are_never_called_do_no_harm() -> None:
    class Spare(Net):
        def __init__(self) -> None:
            super().__init__()
            self.unused = layers.Dense(7)

    model = Spare()
    model.compile("sgd", "mse")
    model.fit(ROWS, TARGETS, verbose=0)
    model.predict(ROWS, verbose=0)
    assert not model.unused.built and len(model._steps) == 2


def test_a_model_is_built_by_shape_by_call_or_by_data() -> None:
    by_shape, by_call, by_data = Net(), Net(), Net()
    by_shape.build((None, 4))
    by_call(ROWS)
    by_data.predict(ROWS, verbose=0)
    for model in (by_shape, by_call, by_data):
        assert model.built and [v.shape for v in model.weights] == [(4,), (), (4, 3), (3,), (3, 3), (3,), (3,), (3,), (3, 1), (1,)]


def test_own_layers_are_part_of_functional_models() -> None:
    x = Input((4,))
    net = Net()
    model = Model(x, layers.Dense(2)(net(x)))
    model.compile("sgd", "mse")
    before = net.scale.gain.numpy()
    assert list(model.fit(ROWS, ROWS[:, :2], verbose=0).history) == ["loss", "size"]
    assert not np.array_equal(net.scale.gain.numpy(), before)


def test_arguments_of_the_constructor_are_the_config() -> None:
    class Named(layers.Layer):
        def __init__(self, units: int, factor: float = 1.0, **kwargs: Any):
            super().__init__(**kwargs)
            self.units, self.factor = units, factor

    again = Named.from_config(Named(3, factor=2.0, name="n").get_config())
    assert (again.units, again.factor, again.name) == (3, 2.0, "n")


def test_a_condition_on_a_symbolic_tensor_names_the_line_in_call() -> None:
    class Branching(layers.Layer):
        def call(self, x: Any) -> Any:
            if ops.sum(x) > 0:
                return x
            return -x

    model = Sequential([layers.Dense(2), Branching()])
    with pytest.raises(SymbolicValueError, match=r"test_subclassing.py:\d+.*ops.where.*ops.cond"):
        model.predict(ROWS, verbose=0)


def test_functions_of_ones_own_are_refused_not_ignored() -> None:
    class Custom(Net):
        def make_train_function(self, force: bool = False) -> Any:
            return {}

    with pytest.raises(ConfigError, match=r"Custom defines make_train_function\(\).*compute_loss"):
        Custom().compile("sgd", "mse")


def test_a_model_without_call_says_so() -> None:
    class Empty(Model):
        pass

    with pytest.raises((SymkerasError, NotImplementedError), match="does not define call"):
        Empty().predict(ROWS, verbose=0)


def test_an_optimizer_may_be_assigned() -> None:
    model = Sequential([Input((4,)), layers.Dense(1)])
    model.optimizer = "mine"  # an attribute of a model that is not compiled
    assert model.optimizer == "mine"
    model.compile("sgd", "mse")
    model.optimizer = optimizers.Adam(0.5)
    assert model.optimizer.name.startswith("adam") and model.compiled
    model.fit(ROWS, TARGETS, verbose=0)
    assert int(model.optimizer.iterations) == 1


def test_a_weight_is_added_under_its_other_name() -> None:
    class Shift(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.shift = self.add_variable((input_shape[-1],), "ones", name="shift")

        def call(self, x: Any) -> Any:
            return x + self.shift

    layer = Shift()
    assert layer(np.zeros((1, 2), "float32")).tolist() == [[1, 1]] and len(layer.trainable_variables) == 1


def test_layers_of_a_model_whose_call_takes_no_training_know_that_it_trains() -> None:
    class Silent(Model):
        def __init__(self) -> None:
            super().__init__()
            self.norm = layers.BatchNormalization()

        def call(self, x: Any) -> Any:
            return self.norm(x)

    model, x = Silent(), np.random.default_rng(0).normal(3.0, 1.0, (32, 2)).astype("float32")
    model.compile("sgd", "mse")
    model.fit(x, x, verbose=0)
    assert (np.asarray(model.norm.moving_mean) > 0).all()
    before = np.asarray(model.norm.moving_mean)
    model.predict(x, verbose=0)
    model.evaluate(x, x, verbose=0)
    np.testing.assert_array_equal(model.norm.moving_mean, before)
