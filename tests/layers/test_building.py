"""When a layer is built, and what its weights are called then."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from symkeras import Model, Sequential, Variable, layers, metrics, models, ops, random
from symkeras.errors import ConfigError

STATELESS = [
    layers.Identity, layers.Masking, layers.ReLU, layers.Softmax, layers.UnitNormalization, layers.MaxPooling2D, layers.GlobalMaxPooling2D,
    layers.ActivityRegularization, lambda **kwargs: layers.Dropout(0.5, **kwargs), lambda **kwargs: layers.Activation("tanh", **kwargs),
]  # fmt: skip


@pytest.mark.parametrize("make", STATELESS)
def test_layers_that_can_have_no_weights_are_built_when_made(make: Any) -> None:
    assert make().built


def test_a_subclass_that_defines_build_is_built_by_it() -> None:
    class Scaled(layers.Dropout):
        def build(self, input_shape: Any) -> None:
            self.gain = self.add_weight(shape=(), initializer="ones", name="gain")

        def call(self, inputs: Any, training: Any = None) -> Any:
            return super().call(inputs, training) * self.gain

    layer = Scaled(0.5)
    assert not layer.built
    layer(np.ones((1, 2)))
    assert layer.built and len(layer.weights) == 1
    assert not layers.Dense(2).built


class Outer(layers.Layer):
    def build(self, input_shape: Any) -> None:
        self.inner = layers.Dense(2, name="inner")
        self.inner.build(input_shape)
        self.own = self.add_weight(shape=(1,), name="own")

    def call(self, inputs: Any) -> Any:
        return self.inner(inputs) + self.own


class Further(Outer):
    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.other = self.add_weight(shape=(1,), name="other")


class Whole(Model):
    def __init__(self) -> None:
        super().__init__(name="whole")
        self.inner = layers.Dense(2, name="inner")

    def build(self, input_shape: Any) -> None:
        self.inner.build(input_shape)
        self.built = True

    def call(self, inputs: Any) -> Any:
        return self.inner(inputs)


@pytest.mark.parametrize("by_hand", [True, False])
@pytest.mark.parametrize(("make", "paths"), [
    (lambda: layers.Dense(2, name="d"), ["d/kernel", "d/bias"]),
    (lambda: Further(name="f"), ["f/own", "f/other", "f/inner/kernel", "f/inner/bias"]),
    (Whole, ["whole/inner/kernel", "whole/inner/bias"]),
    (lambda: layers.TimeDistributed(layers.Dense(2, name="d"), name="t"), ["t/d/kernel", "t/d/bias"]),
])  # fmt: skip
def test_weights_are_named_after_the_layers_that_build_them(make: Any, paths: list[str], by_hand: bool) -> None:
    layer = make()
    shape = (1, 3, 4) if isinstance(layer, layers.TimeDistributed) else (1, 4)
    layer.build(shape) if by_hand else layer(np.ones(shape))
    assert [w.path for w in layer.weights] == paths
    assert layer.path == paths[0].split("/")[0]


def test_a_difference_of_low_rank_is_named_after_where_its_layer_lies() -> None:
    model = Whole()
    model.build((None, 4))
    model.inner.enable_lora(2)
    assert model.inner.lora_kernel_a.path == "whole/inner/lora_kernel_a"


def test_a_layer_says_which_metrics_it_and_those_below_it_hold() -> None:
    inner = layers.Dense(2)
    inner.own = metrics.Mean(name="own")
    outer = layers.TimeDistributed(inner)
    outer.build((None, 3, 4))
    assert outer.metrics == [inner.own] and [v.name for v in outer.metrics_variables] == [v.name for v in inner.own.variables]
    assert layers.Dense(2).add_variable((2,), "zeros", name="v").shape == (2,)


def test_the_config_of_an_input_spec_makes_it_again() -> None:
    spec = layers.InputSpec(shape=(None, 3), dtype="float32", axes={-1: 3}, optional=True)
    again = layers.InputSpec.from_config(spec.get_config())
    assert again.get_config() == spec.get_config() and (again.ndim, again.axes) == (2, {-1: 3})


class OfTwo(layers.Layer):
    def build(self, right_shape: Any, left_shape: Any) -> None:
        self.kernel = self.add_weight(shape=(right_shape[-1], left_shape[-1]), name="kernel")

    def call(self, left: Any, right: Any) -> Any:
        return left @ ops.transpose(self.kernel), right


def test_shapes_of_several_inputs_are_told_by_name() -> None:
    layer = OfTwo()
    layer(np.ones((1, 2)), np.ones((1, 3)))
    assert layer.kernel.shape == (3, 2)
    assert layer.get_build_config() == {"shapes_dict": {"right_shape": (1, 3), "left_shape": (1, 2)}}
    again = OfTwo()
    again.build_from_config(layer.get_build_config())
    assert again.kernel.shape == (3, 2) and again.get_build_config() == layer.get_build_config()


def test_an_argument_of_build_that_is_no_input_is_refused() -> None:
    class Unknown(OfTwo):
        def build(self, left_shape: Any, other_shape: Any) -> None:
            pass

    class Plain(OfTwo):
        def build(self, left_shape: Any, width: Any) -> None:
            pass

    for layer, words in ((Unknown(), "call\\(\\) takes no 'other'"), (Plain(), "without _shape at its end")):
        with pytest.raises(ConfigError, match=words):
            layer(np.ones((1, 2)), np.ones((1, 3)))


def test_a_mask_that_was_given_goes_on_with_the_output() -> None:
    class Passing(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.supports_masking = True

        def call(self, inputs: Any, mask: Any = None) -> Any:
            return inputs

    mask = np.array([[True, False]])
    assert Passing()(np.ones((1, 2)), mask=mask)._keras_mask.tolist() == mask.tolist()
    assert layers.LSTM(1, return_sequences=True)(np.ones((1, 2, 1)), mask=mask)._keras_mask.tolist() == mask.tolist()
    assert Passing()(layers.Input((2,)), mask=layers.Input((2,), dtype="bool"))._keras_mask is not None


def test_the_penalty_on_an_output_of_no_rows_is_nothing() -> None:
    layer = layers.ActivityRegularization(l2=1.0)
    layer(np.ones((0, 3)))
    assert [float(loss) for loss in layer.losses] == [0.0]


@pytest.mark.parametrize("is_step", [False, True])
def test_a_functional_model_that_build_makes_has_its_layers(is_step: bool) -> None:
    class Attending(Model):
        def build(self, input_shape: Any) -> None:
            self.latent = self.add_weight(shape=(4, 8), name="latent")
            inputs = {"latent": layers.Input((4, 8)), "data": layers.Input((6, 8))}
            query, value = layers.Dense(8)(inputs["latent"]), layers.Dense(8)(inputs["data"])
            self.inner = Model(inputs, layers.Attention()([query, value, value]))

        def call(self, x: Any) -> Any:
            latent = self.inner({"latent": ops.expand_dims(self.latent, 0), "data": x})
            return ops.mean(latent, axis=(1, 2))[:, None]

    model, x = Attending(), np.random.default_rng(0).standard_normal((5, 6, 8)).astype("float32")
    model.compile("sgd", "mse")
    if not is_step:
        assert model(x).shape == (5, 1)
        before = model.get_weights()
    model.fit(x, np.ones((5, 1)), verbose=0)
    assert [len(layer.weights) for layer in model.inner.layers] == [0, 0, 2, 2, 0] and len(model.trainable_weights) == 5
    if not is_step:
        assert all(not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


class Making(layers.Layer):
    """Makes something in `call`; given a kernel, it has one from `build` on."""

    def __init__(self, make: Any, kernel: bool, once: bool) -> None:
        super().__init__()
        self.make, self.with_kernel, self.once = make, kernel, once
        self.held: list[Any] = []

    def build(self, input_shape: Any) -> None:
        if self.with_kernel:
            self.kernel = self.add_weight(shape=input_shape[-1:], name="kernel")

    def call(self, inputs: Any) -> Any:
        if not (self.once and hasattr(self, "made")):
            self.made = self.make(self)
        return inputs


STATE = {
    "a weight": lambda layer: layer.add_weight(shape=(2,)), "a layer": lambda _: layers.Dense(2), "a variable": lambda _: Variable([1.0]),
    "a metric": lambda _: metrics.Mean(), "a seed": lambda _: random.SeedGenerator(1), "an item": lambda layer: layer.held.append(layers.Dense(2)),
}  # fmt: skip


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("kernel", [False, True])
@pytest.mark.parametrize("what", STATE)
def test_state_made_in_call_is_refused(what: str, kernel: bool, once: bool) -> None:
    x = np.ones((2, 3), "float32")
    for call in (lambda layer: layer(x), lambda layer: layer(layers.Input((3,))), lambda layer: Sequential([layer]).predict(x, verbose=0)):
        with pytest.raises(ConfigError, match=r"Making 'making.* is built already and takes no further .*__init__\(\).*test_building.py:\d+"):
            call(Making(STATE[what], kernel, once))


@pytest.mark.parametrize("what", STATE)
def test_a_built_layer_takes_no_state_from_outside_either(what: str) -> None:
    layer = Making(lambda _: 1, True, True)
    layer(np.ones((2, 3), "float32"))
    with pytest.raises(ConfigError, match=r"is built already"):
        layer.other = STATE[what](layer)
    assert len(layer.weights) == 1 and not layer.metrics and not layer._layers


def test_what_a_layer_holds_may_be_set_anew_and_plain_values_come_at_any_time() -> None:
    layer = layers.Dense(2)
    layer.build((None, 3))
    layer.note, layer.bias = {"a": [1]}, layer.bias
    with pytest.raises(ConfigError, match=r"Dense 'dense.* is built already"):
        copy.deepcopy(layer).other = layers.Dense(2)


def test_models_make_layers_in_their_first_call_alone() -> None:
    class Lazy(Model):
        def call(self, x: Any) -> Any:
            if not hasattr(self, "top"):
                self.top = layers.Dense(2)
            return self.top(x)

    class Careless(Model):
        def call(self, x: Any) -> Any:
            self.top = layers.Dense(2)
            return self.top(x)

    x = np.ones((4, 3), "float32")
    model = Lazy()
    model.compile("sgd", "mse")
    model.fit(x, np.ones((4, 2)), verbose=0)
    assert len(model.weights) == 2
    with pytest.raises(ConfigError, match=r"Lazy 'lazy.* is built already"):
        model.other = layers.Dense(2)
    with pytest.raises(ConfigError, match=r"Careless 'careless.* is built already"):
        Careless().predict(x, verbose=0)
    network = Sequential([layers.Input((3,)), layers.Dense(2)])
    network.measured = metrics.Mean()
    assert network.metrics == [network.measured]


@pytest.mark.parametrize(("make", "first", "second"), [
    (lambda: layers.EinsumDense("ab,bc->ac", 7), (None, 5), (None, 6)), (lambda: layers.Conv2D(3, 2), (None, 8, 8, 3), (None, 8, 8, 4)),
    (lambda: layers.SeparableConv1D(3, 2), (None, 8, 3), (None, 8, 4)),
])  # fmt: skip
def test_asking_for_the_shape_of_an_output_builds_nothing(make: Any, first: Any, second: Any) -> None:
    layer, other = make(), make()
    shape = layer.compute_output_shape(first)
    assert not layer.built and not layer.weights
    layer.build(second)
    other.build(first)
    assert other.compute_output_shape(first) == shape and len(layer.weights) == len(other.weights)


@pytest.mark.parametrize("build", [
    lambda layer: layer.build(), lambda layer: layer.build(None), lambda layer: layer.build((None, 3)),
    lambda layer: layer.build(input_shape=(None, 3)),
])  # fmt: skip
def test_files_keep_what_a_layer_was_built_for_however_that_was_said(build: Any, tmp_path: Any) -> None:
    layer = layers.Embedding(5, 4)
    build(layer)
    model, x = Sequential([layer]), np.array([[1, 2]])
    model.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(models.load_model(tmp_path / "m.keras").predict(x, verbose=0), model.predict(x, verbose=0))
