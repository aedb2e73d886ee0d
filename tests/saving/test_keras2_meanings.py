"""Models of Keras 1 and 2: what their words meant then, told by the version in the file."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from symkeras import layers, models, saving
from symkeras.errors import ConfigError
from symkeras.saving import keras2_meanings
from symkeras.saving.legacy_configs import modernised

RNG = np.random.RandomState(0)
X = RNG.standard_normal((2, 3, 4)).astype("f4")


def sequential(*entries: tuple[str, dict[str, Any]], shape: tuple[int | None, ...] = (None, 3, 4)) -> dict[str, Any]:
    made = [{"class_name": kind, "config": {"name": f"l{k}", "trainable": True, **own}} for k, (kind, own) in enumerate(entries)]
    made[0]["config"]["batch_input_shape"] = list(shape)
    return {"class_name": "Sequential", "config": {"name": "m", "layers": made}}


def of(config: dict[str, Any], version: str) -> Any:
    return models.model_from_json(json.dumps({**config, "keras_version": version, "backend": "tensorflow"}))


def entry(kind: str, name: str, config: dict[str, Any], *nodes: Any) -> dict[str, Any]:
    return {"name": name, "class_name": kind, "config": {"name": name, "trainable": True, **config}, "inbound_nodes": list(nodes)}


def functional(*entries: dict[str, Any], output: Any, shape: tuple[int | None, ...] = (None, 3, 4)) -> dict[str, Any]:
    source = entry("InputLayer", "x", {"batch_input_shape": list(shape), "dtype": "float32", "sparse": False})
    return {"class_name": "Functional", "config": {"name": "m", "layers": [source, *entries], "input_layers": [["x", 0, 0]],
                                                   "output_layers": [output if isinstance(output, list) else [output, 0, 0]]}}  # fmt: skip


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def old_gate(x: Any) -> Any:
    return np.clip(0.2 * x + 0.5, 0, 1)


def lstm(x: Any, gate: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
    h = c = np.zeros((len(x), len(recurrent)))
    for t in range(x.shape[1]):
        i, f, g, o = np.split(x[:, t] @ kernel + h @ recurrent + bias, 4, axis=1)
        c = gate(f) * c + gate(i) * np.tanh(g)
        h = gate(o) * np.tanh(c)
    return h


# ---- gates -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "own", "gate"), [
    ("2.2.4", {"recurrent_activation": "hard_sigmoid"}, old_gate), ("2.2.4", {}, old_gate), ("1.2.2", {"inner_activation": "hard_sigmoid"}, old_gate),
    ("2.3.1", {}, sigmoid), ("2.4.0-tf", {}, sigmoid), ("2.15.0", {"recurrent_activation": "hard_sigmoid"}, old_gate),
    ("2.15.0", {"recurrent_activation": {"module": "builtins", "class_name": "function", "config": "hard_sigmoid"}}, old_gate),
    ("3.0.0", {"recurrent_activation": "hard_sigmoid"}, lambda x: np.clip(x / 6 + 0.5, 0, 1)),
])  # fmt: skip
def test_gates_of_an_lstm_are_those_of_the_version(version: str, own: dict[str, Any], gate: Any) -> None:
    model = of(sequential(("LSTM", {"units": 5, "implementation": 1, **own})), version)
    weights = [3 * RNG.standard_normal(w.shape).astype("f4") for w in model.get_weights()]
    model.set_weights(weights)
    np.testing.assert_allclose(model.predict(X, verbose=0), lstm(X, gate, *weights), rtol=1e-4, atol=1e-5)


def test_a_gru_of_then_applied_its_reset_gate_before() -> None:
    assert of(sequential(("GRU", {"units": 5})), "2.1.6").layers[0].reset_after is False
    assert of(sequential(("GRU", {"units": 5})), "3.1.0").layers[0].reset_after is True
    assert of(sequential(("GRU", {"units": 5, "reset_after": True})), "2.4.0").layers[0].reset_after is True


def test_hard_sigmoid_has_its_old_slope_in_every_layer_and_stays_so_when_saved_anew(tmp_path: Path) -> None:
    config = sequential(("Dense", {"units": 4, "activation": "hard_sigmoid"}), ("Activation", {"activation": "hard_sigmoid"}))
    model = of(config, "2.2.0")
    kernel, bias = model.get_weights()
    expected = old_gate(old_gate(X @ kernel + bias))
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-5, atol=1e-6)
    model.save(tmp_path / "m.keras")
    np.testing.assert_allclose(saving.load_model(tmp_path / "m.keras").predict(X, verbose=0), expected, rtol=1e-5, atol=1e-6)


def test_a_custom_object_of_an_old_name_keeps_it() -> None:
    config = json.dumps({**sequential(("Activation", {"activation": "hard_sigmoid"})), "keras_version": "2.2.0"})
    model = models.model_from_json(config, custom_objects={"hard_sigmoid": lambda x: x * 2})
    np.testing.assert_allclose(model.predict(X, verbose=0), X * 2)


# ---- arguments of layers, also inside of wrappers --------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "own", "shape"), [
    ("LSTM", {"units": 2, "time_major": False}, (None, 3, 4)), ("Conv2DTranspose", {"filters": 2, "kernel_size": 3, "groups": 1}, (None, 5, 5, 4)),
    ("DepthwiseConv2D", {"kernel_size": 3, "groups": 1}, (None, 5, 5, 4)),
    ("SeparableConv1D", {"filters": 2, "kernel_size": 3, "groups": 1}, (None, 5, 4)),
    ("SpatialDropout1D", {"rate": 0.5, "noise_shape": None, "seed": None}, (None, 3, 4)),
    ("Dropout", {"rate": 0.5, "noise_shape": [None, 1]}, (None, 4)),
    ("LeakyReLU", {"alpha": {"type": "ndarray", "value": 0.25}}, (None, 4)),
    ("Dense", {"units": 2, "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None, "dtype": "float32"}}}, (None, 4)),
])  # fmt: skip
def test_arguments_of_keras_2_are_read_alone_and_in_wrappers(kind: str, own: dict[str, Any], shape: tuple[int | None, ...]) -> None:
    alone = of(sequential((kind, own), shape=shape), "2.4.0")
    assert alone.built
    for inner in ({"class_name": kind, "config": {"name": "inner", **own}},
                  {"module": "keras.layers", "class_name": kind, "config": {"name": "inner", **own}, "registered_name": None}):  # fmt: skip
        wrapped = of(sequential(("TimeDistributed", {"layer": inner}), shape=(None, 2, *shape[1:])), "2.13.1")
        assert wrapped.output_shape == (None, 2, *alone.output_shape[1:])


@pytest.mark.parametrize(("kind", "own"), [
    ("LSTM", {"units": 2, "time_major": True}), ("SeparableConv1D", {"filters": 2, "kernel_size": 3, "groups": 2}),
    ("BatchNormalization", {"renorm": True}),
])  # fmt: skip
def test_what_has_no_counterpart_is_refused_by_name(kind: str, own: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"{kind}: {[*own][-1]}="):
        of(sequential((kind, own)), "2.4.0")


def test_attention_of_keras_2_has_its_shapes_in_the_config() -> None:
    own = {"num_heads": 2, "key_dim": 3, "query_shape": [None, 3, 4], "key_shape": [None, 3, 4], "value_shape": [None, 3, 4], "output_shape": None}
    config = functional(entry("MultiHeadAttention", "a", own, [["x", 0, 0, {"value": ["x", 0, 0]}]]), output="a")
    model = of(config, "2.9.0")
    today = layers.MultiHeadAttention(2, 3)
    today(X, X)
    today.set_weights(model.layers[1].get_weights())
    np.testing.assert_allclose(model.predict(X, verbose=0), today(X, X), rtol=1e-5, atol=1e-6)


def test_classes_of_users_are_left_alone() -> None:
    class Own(layers.Layer):
        def __init__(self, init: str, groups: int, **kwargs: Any):
            super().__init__(**kwargs)
            self.init, self.groups = init, groups

        def call(self, x: Any) -> Any:
            return x

    config = json.dumps({**sequential(("Own", {"init": "mine", "groups": 4})), "keras_version": "2.2.0"})
    layer = models.model_from_json(config, custom_objects={"Own": Own}).layers[0]
    assert (layer.init, layer.groups) == ("mine", 4)


def test_every_row_of_the_table_changes_configs_of_then_and_none_of_today() -> None:
    for change in keras2_meanings.CHANGES:
        kind = change.classes[0] if change.classes else "Dense"
        value = {"recurrent_activation": "hard_sigmoid", "activation": "hard_sigmoid", "reduction": "auto"}.get(change.key)
        given = {} if (change.since, change.key) == ((2, 3), "recurrent_activation") or change.key == "reset_after" else {change.key: value}
        assert keras2_meanings.with_present_meaning(kind, given, (1, 0)) != given, change
        assert keras2_meanings.with_present_meaning(kind, given, (3, 0)) == given, change


@pytest.mark.parametrize(("text", "version"), [
    ("2.2.4", (2, 2, 4)), (b"2.4.0-tf", (2, 4, 0)), ("3", (3,)), (None, (2,)), ("", (2,)), ("x", (2,)), (7, (2,)), ("9" * 5000, (9999,)),
])  # fmt: skip
def test_versions_are_read_from_whatever_is_there(text: Any, version: tuple[int, ...]) -> None:
    assert keras2_meanings.parse_version(text) == version


# ---- calls -----------------------------------------------------------------------------------------------------------


def inner_model(kind: str) -> dict[str, Any]:
    dense = {"class_name": "Dense", "config": {"name": "d", "units": 4, "activation": "linear"}}
    if kind == "Functional":
        own = functional({**entry("Dense", "d", dense["config"], [["x", 0, 0, {}]])}, output="d")["config"]
        return {**own, "name": "inner"}
    dense["config"]["batch_input_shape"] = [None, 3, 4]
    return {"name": "inner", "layers": [dense]}


@pytest.mark.parametrize("kind", ["Functional", "Sequential"])
def test_inner_models_called_several_times_count_from_one(kind: str) -> None:
    inner = {"name": "inner", "class_name": kind, "config": inner_model(kind), "inbound_nodes": [[["x", 0, 0, {}]], [["inner", 1, 0, {}]]]}
    both = entry("Subtract", "minus", {}, [["inner", 2, 0, {}], ["inner", 1, 0, {}]])
    for output, times in ((["minus", 0, 0], None), (["inner", 1, 0], 1), (["inner", 2, 0], 2)):
        model = of(functional(inner, *([both] if times is None else []), output=output), "2.2.4")
        kernel = RNG.standard_normal((4, 4)).astype("f4")
        model.set_weights([kernel, np.zeros(4, "f4")])
        expected = {None: X @ kernel @ kernel - X @ kernel, 1: X @ kernel, 2: X @ kernel @ kernel}[times]
        np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-4, atol=1e-5)


TF_CALLS: dict[str, tuple[list[Any], Any]] = {
    "math.multiply": ([["x", 0, 0, {"y": 2.0, "name": None}]], lambda x: x * 2),
    "__operators__.add": ([["x", 0, 0, {"y": ["x", 0, 0]}]], lambda x: x + x),
    "math.subtract": ([["_CONSTANT_VALUE", -1, 1.0, {"y": ["x", 0, 0], "name": None}]], lambda x: 1 - x),
    "math.truediv": ([["x", 0, 0, {"y": 127.5, "name": None}]], lambda x: x / 127.5),
    "math.reduce_mean": ([["x", 0, 0, {"axis": [1, 2], "keepdims": True}]], lambda x: x.mean((1, 2), keepdims=True)),
    "math.reduce_max": ([["x", 0, 0, {"axis": 1}]], lambda x: x.max(1)),
    "concat": ([["x", 0, 0, {"axis": -1}], ["x", 0, 0, {"axis": -1}]], lambda x: np.concatenate([x, x], -1)),
    "nn.softmax": ([["x", 0, 0, {"axis": 1}]], lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)),
    "reshape": ([["x", 0, 0, {"shape": [-1, 12]}]], lambda x: x.reshape(-1, 12)),
    "transpose": ([["x", 0, 0, {"perm": [0, 2, 1]}]], lambda x: x.transpose(0, 2, 1)),
    "linalg.matmul": ([["x", 0, 0, {"b": ["x", 0, 0], "transpose_b": True}]], lambda x: x @ x.transpose(0, 2, 1)),
    "math.reduce_sum": ([["x", 0, 0, {"keepdims": True, "axis": None}]], lambda x: x.sum(keepdims=True)),
    "clip_by_value": ([["x", 0, 0, {"clip_value_min": -0.5, "clip_value_max": 0.5}]], lambda x: x.clip(-0.5, 0.5)),
    "math.l2_normalize": ([["x", 0, 0, {"axis": -1}]], lambda x: x / np.sqrt((x**2).sum(-1, keepdims=True))),
    "cast": ([["x", 0, 0, {"dtype": "int32"}]], lambda x: x.astype("int32")),
    "nn.leaky_relu": ([["x", 0, 0, {"alpha": 0.1}]], lambda x: np.where(x > 0, x, 0.1 * x)),
}


@pytest.mark.parametrize("name", TF_CALLS)
def test_functions_of_tensorflow_between_layers_are_read(name: str) -> None:
    nodes, expected = TF_CALLS[name]
    call = entry("TFOpLambda", "call", {"dtype": "float32", "function": name}, nodes)
    model = of(functional(call, output="call"), "2.6.0")
    np.testing.assert_allclose(model.predict(X, verbose=0), expected(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("spec", "expected"), [
    ([{"start": None, "stop": None, "step": None}, 0], X[:, 0]), ({"start": 0, "stop": 1, "step": None}, X[:1]),
    ([{"class_name": "__ellipsis__"}, {"start": None, "stop": None, "step": 2}], X[..., ::2]),
    ([{"start": None, "stop": None, "step": None}, None, {"start": 1, "stop": None, "step": None}], X[:, None, 1:]),
])  # fmt: skip
def test_slices_between_layers_are_read(spec: Any, expected: Any) -> None:
    call = entry("SlicingOpLambda", "s", {"dtype": "float32", "function": "__operators__.getitem"}, [["x", 0, 0, {"slice_spec": spec}]])
    np.testing.assert_array_equal(of(functional(call, output="s"), "2.6.0").predict(X, verbose=0), expected)


@pytest.mark.parametrize("name", ["io.read_file", "py_function", "__class__", None, ["math.add"], "math.add\0"])
def test_other_functions_of_tensorflow_are_refused(name: Any) -> None:
    call = entry("TFOpLambda", "call", {"function": name}, [["x", 0, 0, {}]])
    with pytest.raises(ConfigError, match="does not know"):
        of(functional(call, output="call"), "2.6.0")


# ---- where the version stands ----------------------------------------------------------------------------------------


def test_the_version_is_read_from_every_kind_of_file(tmp_path: Path) -> None:
    config = sequential(("Activation", {"activation": "hard_sigmoid"}))
    for version, slope in (("2.15.0", 0.2), ("3.0.0", 1 / 6)):
        with h5py.File(tmp_path / "m.h5", "w") as file:
            file.attrs["model_config"] = json.dumps(config)
            file.create_group("model_weights").attrs["layer_names"] = np.array([b"l0"])
            file["model_weights"].create_group("l0").attrs["weight_names"] = np.array([], "S1")
            file["model_weights"].attrs["keras_version"] = version
        buffer = io.BytesIO()
        with h5py.File(buffer, "w"):
            pass
        with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
            archive.writestr("metadata.json", json.dumps({"keras_version": version}))
            archive.writestr("config.json", json.dumps({**config, "module": "keras", "registered_name": None}))
            archive.writestr("model.weights.h5", buffer.getvalue())
        for name in ("m.h5", "m.keras"):
            y = saving.load_model(tmp_path / name).predict(X, verbose=0)
            np.testing.assert_allclose(y, np.clip(slope * X + 0.5, 0, 1), rtol=1e-5, atol=1e-6)


def test_an_archive_of_keras_2_13_has_modules_and_calls_of_then() -> None:
    """As its `.keras` files have them: modules and build configs of Keras 3, calls and arguments of Keras 2."""
    def with_modules(made: dict[str, Any], module: str) -> dict[str, Any]:
        return {**made, "module": module, "registered_name": None, "build_config": {"input_shape": [None, 3, 4]}}

    gate = with_modules(entry("LSTM", "l", {"units": 2, "time_major": False, "recurrent_activation": "hard_sigmoid", "dtype": "float32"},
                              [["x", 0, 0, {}]]), "keras.layers")  # fmt: skip
    config = functional(gate, output="l")
    config["config"]["layers"][0] |= {"module": "keras.layers", "registered_name": None}
    model = of({**config, "module": "keras.src.engine.functional", "registered_name": "Functional"}, "2.13.1")
    weights = [3 * RNG.standard_normal(w.shape).astype("f4") for w in model.get_weights()]
    model.set_weights(weights)
    np.testing.assert_allclose(model.predict(X, verbose=0), lstm(X, old_gate, *weights), rtol=1e-4, atol=1e-5)


def test_functions_by_name_in_lambdas_of_keras_2() -> None:
    own = {"function": "twice", "function_type": "function", "output_shape": None, "output_shape_type": "raw", "arguments": {}, "module": "somewhere"}
    text = json.dumps({**sequential(("Lambda", own)), "keras_version": "2.2.0"})
    model = models.model_from_json(text, custom_objects={"twice": lambda x: x * 2})
    np.testing.assert_allclose(model.predict(X, verbose=0), X * 2)
    with pytest.raises(ConfigError, match="twice"):
        models.model_from_json(text)


def test_what_keras_3_wrote_stays_as_it_is() -> None:
    config = json.loads(of(sequential(("LSTM", {"units": 2})), "3.0.0").to_json())
    assert modernised(config, "3.15.1") == config
