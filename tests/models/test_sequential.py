from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, Sequential, layers, models
from symkeras.errors import ConfigError, ShapeError

ROWS = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")


def shapes(model: Any) -> list[tuple[int, ...]]:
    return [v.shape for v in model.weights]


BEGINNINGS: dict[str, Any] = {
    "Input": lambda: [Input((4,)), layers.Dense(3)],
    "InputLayer": lambda: [layers.InputLayer(shape=(4,)), layers.Dense(3)],
    "input_dim": lambda: [layers.Dense(3, input_dim=4)],
    "input_shape": lambda: [layers.Dense(3, input_shape=(4,))],
    "batch_input_shape": lambda: [layers.Dense(3, batch_input_shape=(None, 4))],
}


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_a_model_whose_input_is_known_is_built_at_once(beginning: str) -> None:
    model = Sequential([*BEGINNINGS[beginning](), layers.Dense(2)])
    assert model.built and shapes(model) == [(4, 3), (3,), (3, 2), (2,)]
    assert (model.input_shape, model.output_shape) == ((None, 4), (None, 2))
    assert [type(layer).__name__ for layer in model.layers] == ["Dense", "Dense"]


def test_words_get_their_length_as_in_2017() -> None:
    model = Sequential([layers.Embedding(10, 3, input_length=6), layers.Flatten(), layers.Dense(1)])
    assert model.predict(np.zeros((2, 6), "int64"), verbose=0).shape == (2, 1)


LATE: dict[str, Any] = {
    "build": lambda m: m.build((None, 4)),
    "a call on arrays": lambda m: m(ROWS),
    "a call on a tensor": lambda m: m(Input((4,))),
    "predict": lambda m: m.predict(ROWS, verbose=0),
    "fit": lambda m: (m.compile("sgd", "mse"), m.fit(ROWS, ROWS[:, :2], verbose=0)),
    "evaluate": lambda m: (m.compile("sgd", "mse"), m.evaluate(ROWS, ROWS[:, :2], verbose=0)),
    "being a layer": lambda m: Sequential([Input((4,)), m]),
}


@pytest.mark.parametrize("how", LATE)
def test_a_model_without_a_known_input_is_built_late(how: str) -> None:
    model = Sequential([layers.Dense(3), layers.Dense(2)])
    assert not model.built and not model.weights
    with pytest.raises(ShapeError, match="not built yet"):
        _ = model.output_shape
    LATE[how](model)
    assert model.built and shapes(model) == [(4, 3), (3,), (3, 2), (2,)]
    assert model.predict(ROWS, verbose=0).shape == (5, 2)


def test_a_late_input_takes_the_dtype_of_the_data() -> None:
    model = Sequential([layers.Embedding(2**25 + 2, 1, embeddings_initializer="zeros")])
    model(np.array([[2**25 + 1]]))
    assert model.inputs[0].dtype == "int32"
    model.weights[0].array[2**25 + 1] = 1
    assert model.predict(np.array([[2**25 + 1]]), verbose=0).item() == 1


def test_layers_are_added_one_by_one_and_called_once() -> None:
    model = Sequential(name="stack")
    model.add(Input((4,)))
    for units in (3, 2):
        model.add(layers.Dense(units))
        assert model.output_shape == (None, units)
    assert all(len(layer._inbound_nodes) == 1 for layer in model.layers)
    cut = Model(model.input, model.layers[0].output)
    np.testing.assert_allclose(cut.predict(ROWS, verbose=0), model.layers[0](ROWS), rtol=1e-5)


def test_pop_takes_the_top_off_and_add_goes_on_from_there() -> None:
    model = Sequential([Input((4,)), layers.Dense(3), layers.Dense(2)])
    before = model.layers[0].kernel.numpy()
    model.compile("sgd", "mse")
    model.fit(ROWS, ROWS[:, :2], epochs=1, verbose=0)
    top = model.pop()
    assert top.units == 2 and model.output_shape == (None, 3) and len(model.weights) == 2
    assert model.predict(ROWS, verbose=0).shape == (5, 3)
    model.add(layers.Dense(1))
    model.compile("sgd", "mse")
    model.fit(ROWS, ROWS[:, :1], verbose=0)
    assert model.predict(ROWS, verbose=0).shape == (5, 1) and not np.array_equal(model.layers[0].kernel.numpy(), before)


def test_a_model_may_lose_all_layers_and_begin_anew() -> None:
    model = Sequential([layers.Dense(3, input_dim=4)])
    model.pop()
    assert not model.built and model.layers == []
    model.add(layers.Dense(2, input_dim=7))
    assert model.input_shape == (None, 7)


def test_models_within_models_share_their_weights() -> None:
    inner = Sequential([Input((4,)), layers.Dense(4, activation="tanh")], name="inner")
    outer = Sequential([inner, layers.Dense(2), Sequential([layers.Dense(3)])])
    assert outer.built and len(outer.weights) == 6 and outer.layers[0] is inner
    outer.compile("sgd", "mse")
    before = inner.get_weights()[0]
    outer.fit(ROWS, ROWS[:, :3], verbose=0)
    assert not np.array_equal(inner.get_weights()[0], before)
    np.testing.assert_allclose(outer.predict(ROWS, verbose=0), outer(ROWS), rtol=1e-5)


def test_masks_and_training_go_through() -> None:
    model = Sequential([layers.Masking(), layers.Dropout(0.5, seed=1), layers.LSTM(2)])
    rows = np.random.default_rng(0).normal(size=(3, 5, 2)).astype("float32")
    rows[:, 2:] = 0
    np.testing.assert_allclose(model.predict(rows, verbose=0), model.layers[-1](rows[:, :2]), rtol=1e-5, atol=1e-6)
    assert not np.allclose(model(rows, training=True), model(rows))


@pytest.mark.parametrize("is_built", [True, False])
def test_a_model_goes_through_its_config(is_built: bool) -> None:
    start = [Input((4,), name="x")] if is_built else []
    model = Sequential([*start, layers.Dense(3, activation="relu"), Sequential([layers.Dense(2)])], name="outer")
    again = models.model_from_json(model.to_json())
    assert type(again) is Sequential and again.built is is_built and again.name == "outer"
    again.build((None, 4))
    model.build((None, 4))
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(ROWS, verbose=0), model.predict(ROWS, verbose=0))
    config = model.get_config()
    assert list(config) == ["name", "trainable", "dtype", "layers", "build_input_shape"] and config["build_input_shape"] == (None, 4)
    assert config["layers"][0]["class_name"] == "InputLayer"


def test_the_configs_of_2017_are_lists() -> None:
    model = Sequential.from_config([{"class_name": "Dense", "config": {"name": "d", "units": 2, "batch_input_shape": [None, 3]}}])
    assert model.output_shape == (None, 2)


def _twice() -> None:
    layer = layers.Dense(2, name="same")
    Sequential([layer, layer])


def _does_not_fit() -> None:
    Sequential([Input((4, 4)), layers.Conv2D(2, 3)])


class NeedsTwo(layers.Layer):
    def call(self, inputs: Any, other: Any) -> Any:
        return inputs + other


WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "not a layer": (lambda: Sequential(["dense"]), ConfigError, "only layers can be added, received 'dense'"),
    "two layers with one name": (_twice, ConfigError, "called 'same' already"),
    "a second input": (lambda: Sequential([layers.Dense(2), Input((3,))]), ConfigError, "must be the first"),
    "no layers to pop": (lambda: Sequential().pop(), ConfigError, "no layer to pop"),
    "no layers to call": (lambda: Sequential()(ROWS), ConfigError, "has no layers"),
    "no shape to build": (lambda: Sequential([layers.Dense(2)]).build(), ShapeError, "needs an input shape"),
    "a layer of two arguments": (lambda: Sequential([Input((2,)), NeedsTwo(name="two")]), ConfigError, "one input, .* 'two' needs inputs, other"),
    "a layer that does not fit": (_does_not_fit, ShapeError, "'conv2d.*expects"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_go_together_says_why(case: str) -> None:
    make, error, message = WRONG[case]
    with pytest.raises(error, match=message):
        make()


def test_a_layer_that_does_not_fit_is_not_added() -> None:
    model = Sequential([Input((4,)), layers.Dense(3)])
    with pytest.raises(ShapeError):
        model.add(layers.LSTM(2))
    assert len(model.layers) == 1 and model.predict(ROWS, verbose=0).shape == (5, 3)
    model.add(layers.Dense(2))
    assert model.output_shape == (None, 2)


def test_a_late_stack_is_built_by_integers_of_unknown_length() -> None:
    encoder = Sequential([layers.Embedding(5, 3), layers.GlobalAveragePooling1D()])
    tokens = Input((None,), dtype="int32")
    model = Model(tokens, encoder(tokens))
    for length in (2, 4):
        assert model.predict(np.ones((3, length), "int32"), verbose=0).shape == (3, 3)


def test_a_model_without_shape_has_no_input_shape():
    model = Sequential([layers.Dense(2)])
    assert not any(hasattr(model, name) for name in ("input_shape", "output_shape", "inputs", "outputs"))
    model.build((None, 3))
    assert model.input_shape == (None, 3)


def test_a_model_is_built_for_one_shape():
    model = Sequential([Input((2,), batch_size=3), layers.Dense(2)])
    model.build((3, 2))
    model.build((None, 2))
    for other in ((3, 4), (3, 2, 2), (4, 2)):
        with pytest.raises(ShapeError, match=r"configured for inputs of shape \(3, 2\)"):
            model.build(other)


def test_layers_are_added_and_not_set():
    for model in (Sequential(), Model()):
        with pytest.raises(AttributeError, match=r"add\(\)|reserved"):
            model.layers = [layers.Dense(2)]
    assert Model().layers == []


def late_stack() -> Sequential:
    return Sequential([layers.Embedding(5, 3), layers.LSTM(2), layers.Dense(1)])


def test_sequences_of_any_length_train_a_model_that_says_no_shape():
    def batches() -> Any:
        for length in (4, 6, 4):
            yield np.ones((2, length), "int32"), np.ones((2, 1), "float32")

    model = late_stack()
    model.compile("sgd", "mse")
    model.fit(batches(), steps_per_epoch=3, verbose=0)
    assert model.input_shape == (None, None)
    assert model.predict(np.ones((3, 9), "int32"), verbose=0).shape == (3, 1)
    model.train_on_batch(np.ones((2, 7), "int32"), np.ones((2, 1)))
    again = Sequential.from_config(model.get_config())
    again.set_weights(model.get_weights())
    x = np.ones((2, 11), "int32")
    np.testing.assert_allclose(again(x), model(x), atol=1e-6)


def test_another_size_leaves_the_rest_of_the_shape_and_the_weights():
    model = Sequential([layers.Conv2D(2, 3, padding="same"), layers.GlobalAveragePooling2D(), layers.Dense(1)])
    x = np.random.default_rng(0).normal(size=(2, 8, 6, 3)).astype("float32")
    before, weights = model(x), model.get_weights()
    assert model(np.ones((2, 8, 9, 3), "float32")).shape == (2, 1) and model.input_shape == (None, 8, None, 3)
    np.testing.assert_allclose(model(x), before, atol=1e-6)
    assert all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights(), strict=True))
    assert model.layers[0].output.shape == (None, 8, None, 2)


def test_a_size_that_the_layers_need_is_refused_and_nothing_changes():
    model = Sequential([layers.Flatten(), layers.Dense(1)])
    x = np.ones((2, 3, 4), "float32")
    before = model(x)
    with pytest.raises(ShapeError, match=r"expects shape \(None, 3, 4\), received \(2, 2, 4\)"):
        model(np.ones((2, 2, 4), "float32"))
    with pytest.raises(ShapeError, match=r"expects arrays of shape \(batch, 3, 4\)"):
        model.predict(np.ones((2, 3, 5), "float32"), verbose=0)
    assert model.input_shape == (None, 3, 4) and np.array_equal(model(x), before) and model.layers[0].output.shape == (None, 12)


def test_what_a_layer_says_of_another_size_is_the_cause():
    class Picky(layers.Layer):
        def call(self, x: Any) -> Any:
            if x.shape[1] == 3:
                raise KeyError("three")
            return x * 2.0

    model = Sequential([Picky()])
    model(ROWS[:, :2])
    for call in (model, model.predict, lambda x: model(Input((3,)))):
        with pytest.raises(ShapeError, match="expects") as caught:
            call(np.ones((2, 3), "float32"))
        assert isinstance(caught.value.__cause__, KeyError)


def test_weights_have_the_name_of_the_model_in_their_paths_and_nodes_have_not():
    inner = Sequential([layers.Dense(2, name="low")], name="inner")
    known, late = Sequential([Input((2,)), layers.Dense(1, name="a")], name="known"), Sequential([layers.Dense(1, name="b")], name="late")
    late.build((None, 2))
    outer = Sequential([inner, layers.Dense(1, name="high")], name="outer")
    outer.build((None, 3))
    paths = [[v.path for v in model.weights if v.name == "kernel"] for model in (known, late, outer)]
    assert paths == [["known/a/kernel"], ["late/b/kernel"], ["outer/inner/low/kernel", "outer/high/kernel"]]
    assert outer.layers[1].path == "outer/high"
    outer.compile("adam", "mse")
    assert "outer" not in str(outer.executable("train").graph).partition("\n")[2] and "%high_kernel" in str(outer.executable("train").graph)
    assert outer.optimizer.variables[2].path == f"{outer.optimizer.name}/outer_inner_low_kernel_momentum"
    outer.layers[1].enable_lora(1)
    assert outer.layers[1].lora_kernel_a.path == "outer/high/lora_kernel_a"


def test_a_model_that_is_built_in_another_one_has_its_name_once():
    class Around(Model):
        def __init__(self) -> None:
            super().__init__(name="around")
            self.stack = Sequential([layers.Dense(2, name="d")], name="stack")

        def build(self, shape: Any) -> None:
            self.stack.build(shape)

        def call(self, x: Any) -> Any:
            return self.stack(x)

    for model in (Around(), Around()):
        model(ROWS[:, :2])
        assert model.weights[0].path == "around/stack/d/kernel"


class Difference(layers.Layer):
    def call(self, inputs: Any) -> Any:
        a, b = inputs.values() if isinstance(inputs, dict) else inputs
        return a - b


NESTINGS: dict[str, Any] = {"a dict": {"a": ROWS, "b": ROWS + 1}, "a list": [ROWS, ROWS + 1], "a tuple": (ROWS, ROWS + 1)}


@pytest.mark.parametrize("nesting", NESTINGS)
def test_the_first_layer_may_take_several_inputs(nesting: str, tmp_path: Any) -> None:
    x = NESTINGS[nesting]
    model = Sequential([Difference(), layers.Dense(2, kernel_initializer="ones")])
    np.testing.assert_allclose(np.asarray(model(x)), np.full((5, 2), -4.0), rtol=1e-6)
    trained = Sequential([Difference(), layers.Dense(2, kernel_initializer="ones")])
    trained.compile("sgd", "mse")
    trained.fit(x, ROWS[:, :2], verbose=0)
    trained.save(tmp_path / "model.keras")
    loaded = models.load_model(tmp_path / "model.keras", custom_objects={"Difference": Difference})
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), trained.predict(x, verbose=0))
    built = Sequential([Difference(), layers.Dense(2)])
    built.build({"a": (None, 4), "b": (None, 4)} if isinstance(x, dict) else [(None, 4), (None, 4)])
    assert built.output_shape == (None, 2)
