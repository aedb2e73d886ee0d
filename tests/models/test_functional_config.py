from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, Sequential, layers, models, ops, tree
from symkeras.errors import ConfigError
from symkeras.graph.variable import Variable
from symkeras.models.functional import Functional
from symkeras.ops import phase
from symkeras.saving import load_model, register_keras_serializable

DTYPE = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None}


def tensor(name: str, call: int = 0, output: int = 0, shape: Any = (None, 4)) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"shape": list(shape), "dtype": "float32", "keras_history": [name, call, output]}}


def made_again(model: Any) -> Any:
    """The model from its config as JSON, with the same weights."""
    again = models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    return again


def check_round_trip(model: Any, x: Any) -> Any:
    """The model made again predicts the same, and a model made from that has the same layers and calls."""
    again = made_again(model)
    assert type(again) is type(model)
    for a, b in zip(tree.flatten(model.predict(x, verbose=0)), tree.flatten(again.predict(x, verbose=0)), strict=True):
        np.testing.assert_array_equal(a, b)
    once, twice = (m.get_config() for m in (again, made_again(again)))
    for config in (once, twice):
        config.get("layers", []).sort(key=lambda entry: entry["name"])
    assert json.dumps(once) == json.dumps(twice)
    tree.assert_same_structure(again.input, model.input)
    assert again.input_names == model.input_names and again.output_names == model.output_names
    return again


def test_a_config_lists_layers_and_their_calls_as_keras_does() -> None:
    x = Input((4,), name="x")
    shared = layers.Dense(4, name="shared")
    config = Model(x, shared(shared(x)), name="model").get_config()
    assert {k: config[k] for k in ("name", "trainable", "input_layers", "output_layers")} == {
        "name": "model", "trainable": True, "input_layers": ["x", 0, 0], "output_layers": ["shared", 1, 0],
    }  # fmt: skip
    first, second = config["layers"]
    assert (first["module"], first["class_name"], first["name"], first["inbound_nodes"]) == ("keras.layers", "InputLayer", "x", [])
    assert second["inbound_nodes"] == [{"args": [tensor("x")], "kwargs": {}}, {"args": [tensor("shared")], "kwargs": {}}]
    assert second["build_config"] == {"input_shape": (None, 4)} and second["registered_name"] is None
    assert second["config"]["dtype"] == DTYPE


def test_calls_of_inner_models_count_from_one_outside_of_arguments() -> None:
    x = Input((4,), name="x")
    inner = Model(x, layers.Dense(4)(x), name="inner")
    y = Input((4,), name="y")
    once = inner(y)
    config = Model({"y": y}, {"p": once, "q": inner(once)}).get_config()
    assert config["input_layers"] == {"y": ["y", 0, 0]}
    assert config["output_layers"] == {"p": ["inner", 1, 0], "q": ["inner", 2, 0]}
    entry = config["layers"][1]
    assert (entry["module"], entry["class_name"]) == ("keras.src.models.functional", "Functional")
    assert [node["args"] for node in entry["inbound_nodes"]] == [[tensor("y")], [tensor("inner")]]


def test_only_calls_of_the_model_count() -> None:
    a, b = Input((4,), name="a"), Input((4,), name="b")
    layer = layers.Dense(4, name="layer")
    layer(a)
    config = Model(b, layer(b)).get_config()
    assert config["output_layers"] == ["layer", 0, 0] and len(config["layers"][1]["inbound_nodes"]) == 1


def _shared() -> tuple[Any, Any]:
    a, b, layer = Input((4,)), Input((4,)), layers.Dense(4)
    return Model([a, b], layers.Add()([layer(a), layer(layer(b))])), [np.ones((2, 4)), np.full((2, 4), 2.0)]


def _nested() -> tuple[Any, Any]:
    x = Input((4,))
    inner = Model(x, {"a": layers.Dense(3)(x), "b": (layers.Dense(2)(x), x)})
    y = Input((4,), name="y")
    out = inner(inner(y)["b"][1])
    stack = Sequential([layers.Dense(2, activation="relu"), layers.Dense(1)])
    return Model({"y": y}, [stack(out["a"]), out["b"]]), {"y": np.ones((2, 4))}


def _operations() -> tuple[Any, Any]:
    x = Input((None, 4))
    h = layers.Dense(4)(x)
    scale = np.arange(80, dtype="float32").reshape(20, 4)
    y = ops.reshape(np.exp(h)[:, 1:] + h[:, :-1] * scale[:3], (-1, 12))
    return Model(x, [layers.Dense(2)(y), y, y + 1.0]), np.random.default_rng(0).normal(size=(3, 4, 4))


def _keywords() -> tuple[Any, Any]:
    x = Input((5, 4))
    a = layers.MultiHeadAttention(2, 3)(x, value=x, use_causal_mask=True)
    states = layers.LSTM(3, return_state=True)(layers.Masking()(a))
    return Model(x, layers.LSTM(3)(x, initial_state=states[1:])), np.ones((2, 5, 4))


def _many_results() -> tuple[Any, Any]:
    x = Input((6,))
    top, indices = ops.top_k(layers.Dense(5)(x), 2)
    return Model(x, [top, indices]), np.random.default_rng(0).normal(size=(3, 6))


def _loop() -> tuple[Any, Any]:
    x = Input((3, 2))

    def body(total: Any, row: Any) -> tuple[Any, Any]:
        return total + row, total

    total, _ = ops.scan(body, x[:, 0] * 0.0, ops.transpose(x, (1, 0, 2)))
    return Model(x, layers.Dense(1)(total)), np.ones((2, 3, 2))


def _tail() -> tuple[Any, Any]:
    x = Input((4,))
    h = layers.Dense(3)(x)
    return Model(h, layers.Dense(2)(h) * 2.0), np.ones((2, 3))


def _lone() -> tuple[Any, Any]:
    x = Input((4,))
    return Model([x], [layers.Dense(2)(x)], trainable=False), np.ones((2, 4))


CASES = [_shared, _nested, _operations, _keywords, _many_results, _loop, _tail, _lone]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.__name__)
def test_a_functional_model_goes_through_its_config(case: Any) -> None:
    model, x = case()
    again = check_round_trip(model, x)
    assert again.trainable == model.trainable


def test_what_lies_between_layers_becomes_a_graph_layer() -> None:
    x = Input((4,), name="x")
    model = Model(x, layers.Activation("relu", name="last")(x * 2.0 + 1.0))
    (entry,) = [e for e in model.get_config()["layers"] if e["class_name"] == "GraphLayer"]
    assert (entry["module"], entry["name"]) == ("keras.layers", "add")
    assert entry["config"]["graph"].splitlines()[0] == "graph add(%x0: f32[batch, 4]) {"
    assert entry["inbound_nodes"] == [{"args": [tensor("x")], "kwargs": {}}]
    again = made_again(model)
    assert isinstance(again.get_layer("add"), layers.GraphLayer)


def test_a_model_that_was_read_lists_its_layers_and_weights_in_the_same_order() -> None:
    a, b = Input((3,), name="a"), Input((3,), name="b")
    first, second = layers.Dense(2, name="first")(a), layers.Dense(2, name="second")(b)
    between = second * 2 + first  # which meets the layer that was called last before the other one
    for outputs in (between, [between, layers.Dense(1, name="last")(between)], {"a": a * 2, "b": b, "c": first}):
        model = Model([a, b], outputs)
        copy = Model.from_config(model.get_config())
        assert [v.path for v in copy.weights] == [v.path for v in model.weights]
        assert [c["name"] for c in copy.get_config()["layers"]] == [c["name"] for c in model.get_config()["layers"]]


def test_the_learning_phase_between_layers_survives() -> None:
    x = Input((2,))
    model = Model(x, phase.in_train_phase(x * 2.0, x * 3.0))
    for m in (model, made_again(model)):
        np.testing.assert_array_equal(m.predict(np.ones((1, 2)), verbose=0), [[3.0, 3.0]])
        np.testing.assert_array_equal(m(np.ones((1, 2)), training=True), [[2.0, 2.0]])


def test_a_variable_without_a_layer_has_no_place_in_a_config() -> None:
    x = Input((2,))
    model = Model(x, x * Variable(np.float32(2.0), name="gain"))
    with pytest.raises(ConfigError, match="reads 'gain'; put what uses them into a layer"):
        model.get_config()


def test_a_graph_layer_is_a_layer_like_others() -> None:
    layer = layers.GraphLayer("graph g(%a: f32[n, 2], %b: f32[n, 2]) {\n  %0 = add(%a, %b): f32[n, 2]\n  return %0, %a\n}", name="g")
    total, first = layer(np.ones((3, 2)), np.ones((3, 2)))
    np.testing.assert_array_equal(total, 2 * np.ones((3, 2)))
    again = layers.GraphLayer.from_config(layer.get_config())
    x = Input((2,))
    np.testing.assert_array_equal(Model(x, again(x, x)).predict(np.ones((1, 2)), verbose=0)[0], [[2.0, 2.0]])
    assert not layer.weights and again.get_config() == layer.get_config() and first.shape == (3, 2)
    with pytest.raises(ConfigError, match="takes 2 inputs, received 1"):
        layer(np.ones((3, 2)))


def test_operations_that_keras_writes_between_layers_are_read() -> None:
    def operation(kind: str, name: str, args: list[Any], **settings: Any) -> dict[str, Any]:
        return {"module": "keras.src.ops.numpy", "class_name": kind, "config": {"name": name, **settings}, "registered_name": kind, "name": name,
                "inbound_nodes": [{"args": args, "kwargs": {}}]}  # fmt: skip

    key = [{"class_name": "__slice__", "config": {"start": None, "stop": None, "step": None}}, 0]
    source = {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [None, 4], "dtype": "float32", "name": "x"},
              "registered_name": None, "name": "x", "inbound_nodes": []}  # fmt: skip
    config = {"name": "m", "trainable": True, "input_layers": ["x", 0, 0], "output_layers": [["get_item", 0, 0], ["mean", 0, 0]], "layers": [
        source, operation("Reshape", "reshape", [tensor("add")], newshape=[-1, 2, 2]), operation("Add", "add", [tensor("x"), tensor("exp")]),
        operation("Exp", "exp", [tensor("x")]), operation("GetItem", "get_item", [tensor("reshape"), key]),
        operation("Mean", "mean", [tensor("reshape")], axis=[1, 2], keepdims=False),
    ]}  # fmt: skip
    model = Functional.from_config(config)
    rows = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    item, mean = model.predict(rows, verbose=0)
    value = (rows + np.exp(rows)).reshape(3, 2, 2)
    np.testing.assert_allclose(item, value[:, 0], rtol=1e-5)
    np.testing.assert_allclose(mean, value.mean((1, 2)), rtol=1e-5)
    check_round_trip(model, rows)
    plain = {**config, "layers": [{k: v for k, v in entry.items() if k != "module"} for entry in config["layers"]]}  # type: ignore[attr-defined]
    np.testing.assert_array_equal(Functional.from_config(plain).predict(rows, verbose=0)[1], mean)  # as in Keras 3's .h5
    config["layers"][3]["class_name"] = "Expx"  # type: ignore[index]
    with pytest.raises(ConfigError, match=r"operation 'Expx', which symkeras\.ops does not offer"):
        Functional.from_config(config)


def test_configs_of_keras_2_are_read() -> None:
    config = {"name": "model_1", "input_layers": [["input_1", 0, 0]], "output_layers": [["dense_1", 1, 0]], "layers": [
        {"class_name": "InputLayer", "name": "input_1", "config": {"batch_input_shape": [None, 4], "name": "input_1"}, "inbound_nodes": []},
        {"class_name": "Dense", "name": "dense_1", "config": {"name": "dense_1", "units": 4, "activation": "relu"},
         "inbound_nodes": [[["input_1", 0, 0, {}]], [["dense_1", 0, 0, {}]]]},
    ]}  # fmt: skip
    model = Model.from_config(config)
    assert model.predict(np.ones((2, 4)), verbose=0).shape == (2, 4) and len(model.layers[1]._inbound_nodes) == 2


def read_from(config: dict[str, Any], source: str) -> None:
    """Let the only call in a config read from another layer."""
    config["layers"][1]["inbound_nodes"][0]["args"][0] = tensor(source)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: read_from(c, "inptu"), "an output of 'inptu', a layer it does not have. Did you mean 'input'"),
        (lambda c: read_from(c, "dense"), "calls whose arguments no layer gives, or .* in a loop: of 'dense'"),
        (lambda c: c.update(output_layers=["densee", 0, 0]), "names 'densee' as an input or output.* Did you mean 'dense'"),
        (lambda c: c["layers"][1].update(class_name="Densee"), "Densee"),
    ],
)  # fmt: skip
def test_a_damaged_config_says_what_is_wrong(change: Any, message: str) -> None:
    x = Input((4,), name="input")
    config = json.loads(json.dumps(Model(x, layers.Dense(2, name="dense")(x)).get_config()))
    change(config)
    with pytest.raises(ConfigError, match=message):
        Model.from_config(config)


@register_keras_serializable("tests")
class Doubled(Model):
    """A functional model with a method of its own."""

    def twice(self, x: Any) -> Any:
        return self(self(x))


@register_keras_serializable("tests")
class Measured(Model):
    """A functional model made from numbers."""

    def __init__(self, units: int, **kwargs: Any):
        x = Input((4,), name="x")
        super().__init__(x, layers.Dense(units, name="only")(x), **kwargs)
        self.units = units

    def get_config(self) -> dict[str, Any]:
        return {"units": self.units, "name": self.name}


def test_subclasses_may_be_given_a_graph() -> None:
    x = Input((4,))
    model = Doubled(x, layers.Dense(4)(x))
    again = check_round_trip(model, np.ones((2, 4)))
    np.testing.assert_allclose(again.twice(np.ones((2, 4))), again(again(np.ones((2, 4)))), rtol=1e-6)
    measured = Measured(3)
    assert isinstance(measured, Functional) and measured.output_shape == (None, 3)
    assert check_round_trip(measured, np.ones((2, 4))).units == 3
    assert Measured(2).output_shape == (None, 2)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "bool"])
def test_large_arrays_between_layers_are_kept_whole(dtype: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    array = (rng.standard_normal((24, 32)) * 3).astype(dtype)
    x = Input((24, 32))
    number = ops.cast(array, "float32") + ops.zeros_like(x)
    model = Model(x, layers.Dense(2)(ops.where(number > 0, x * 2.0, x) + number))
    model.save(tmp_path / "model.keras")
    rows = rng.standard_normal((3, 24, 32)).astype("float32")
    copies = (load_model(tmp_path / "model.keras"), Model.from_config(model.get_config()), models.clone_model(model),
              copy.deepcopy(model), pickle.loads(pickle.dumps(model)), made_again(model))  # fmt: skip
    for one in copies:
        one.set_weights(model.get_weights())
        np.testing.assert_array_equal(one.predict(rows, verbose=0), model.predict(rows, verbose=0))
