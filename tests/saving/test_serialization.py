"""Configs in Keras 3's format: written, read back, read from Keras, and refused where they ask too much."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from symkeras import config as settings
from symkeras import initializers, layers, ops, random, regularizers
from symkeras.dtype_policies import DTypePolicy
from symkeras.errors import ConfigError
from symkeras.saving import (
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from symkeras.saving.serialization import TensorReference, in_safe_mode, safe_mode_scope, serialize_whole


@register_keras_serializable("tests")
class Point:
    """Something with a config, an inner object, and things to build and compile."""

    built = False
    compiled: Any = None

    def __init__(self, x: Any, y: Any = None):
        self.x, self.y = x, y

    def get_config(self) -> dict[str, Any]:
        return {"x": self.x, "y": self.y}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Point:
        return cls(**{k: deserialize_keras_object(v) for k, v in config.items()})

    def get_build_config(self) -> Any:
        return {"input_shape": (None, 2)} if self.built else None

    def build_from_config(self, config: Any) -> None:
        self.built = config["input_shape"]

    def get_compile_config(self) -> Any:
        return self.compiled

    def compile_from_config(self, config: Any) -> None:
        self.compiled = config


@register_keras_serializable("tests")
def registered_function(x: Any) -> Any:
    return x


def through_json(value: Any) -> Any:
    return deserialize_keras_object(json.loads(json.dumps(serialize_keras_object(value))))


def wrapped(module: Any, class_name: Any, config: Any = None, **more: Any) -> dict[str, Any]:
    return {"module": module, "class_name": class_name, "config": {} if config is None else config, "registered_name": None, **more}


@pytest.mark.parametrize("value", [None, 1, 2.5, True, "a", [1, [2, None]], {"a": {"b": [1]}}, b"ab", slice(1, None, 2), ...])
def test_plain_values_and_containers_come_back_through_json(value: Any) -> None:
    assert through_json(value) == value


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ((1, "a"), (1, "a")),
        (np.float32(2.0), 2.0),
        (np.array(3), 3),
        (np.dtype("float16"), "float16"),
        (np.array([[1.5]], np.float32), {"class_name": "__numpy__", "config": {"value": [[1.5]], "dtype": "float32"}}),
        (b"ab", {"class_name": "__bytes__", "config": {"value": "ab"}}),
        (..., {"class_name": "__ellipsis__", "config": {}}),
        (registered_function, {"module": "builtins", "class_name": "function", "config": "tests>registered_function", "registered_name": "function"}),
        (
            regularizers.L1L2(0.1, 0.2),
            {"module": "keras.regularizers", "class_name": "L1L2", "config": {"l1": 0.1, "l2": 0.2}, "registered_name": None},
        ),
        (
            random.SeedGenerator(3, name="s"),
            {"module": "keras.random", "class_name": "SeedGenerator", "config": {"seed": 3, "name": "s"}, "registered_name": None},
        ),
        (Point(1), {"module": __name__, "class_name": "Point", "config": {"x": 1, "y": None}, "registered_name": "tests>Point"}),
    ],
)
def test_written_configs_are_those_of_keras(value: Any, written: Any) -> None:
    assert serialize_keras_object(value) == written


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float16", "float64"])
def test_arrays_keep_dtype_and_shape(dtype: str) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)
    back = through_json(array)
    np.testing.assert_array_equal(back, array)
    assert back.dtype == array.dtype
    tensor = deserialize_keras_object({"class_name": "__tensor__", "config": {"value": [1, 2], "dtype": dtype}})
    assert tensor.dtype == dtype


def test_a_tensor_is_written_with_its_history_and_read_as_a_reference() -> None:
    x = layers.Input((4,), name="pixels")
    written = serialize_keras_object(x)
    assert written["config"] == {"shape": (None, 4), "dtype": "float32", "keras_history": ["pixels", 0, 0]}
    assert through_json(x) == TensorReference((None, 4), "float32", ["pixels", 0, 0])
    assert serialize_keras_object(ops.placeholder("f32[2]"))["config"]["keras_history"] is None


def test_build_and_compile_configs_are_written_and_applied() -> None:
    point = Point((1, 2), regularizers.L1())
    point.built, point.compiled = True, {"loss": "mse"}
    written = serialize_keras_object(point)
    assert written["build_config"] == {"input_shape": (None, 2)} and written["compile_config"] == {"loss": "mse"}
    back = deserialize_keras_object(json.loads(json.dumps(written)))
    assert back.built is True and back.compiled == {"loss": "mse"} and back.x == [1, 2] and isinstance(back.y, regularizers.L1)


@pytest.mark.parametrize(
    "module", ["keras.initializers", "keras.src.initializers.random_initializers", "symkeras.initializers.scaling", "keras", None]
)
def test_every_module_string_of_the_family_means_symkeras(module: Any) -> None:
    assert isinstance(deserialize_keras_object(wrapped(module, "GlorotUniform")), initializers.GlorotUniform)


def test_same_names_in_two_families_are_told_apart_by_the_module() -> None:
    assert isinstance(deserialize_keras_object(wrapped("keras.layers", "Identity")), layers.Identity)
    assert isinstance(deserialize_keras_object(wrapped("keras.initializers", "Identity")), initializers.Identity)


def test_a_layer_written_by_keras_loads_and_is_built() -> None:
    policy = wrapped("keras", "DTypePolicy", {"name": "float64"})
    config = {
        "name": "head", "trainable": True, "dtype": policy, "units": 2, "activation": "relu", "use_bias": True,
        "kernel_initializer": wrapped("keras.initializers", "GlorotUniform", {"seed": None, "input_axes": None, "output_axes": None}),
        "bias_initializer": wrapped("keras.initializers", "Zeros"), "kernel_regularizer": wrapped("keras.regularizers", "L2", {"l2": 0.5}),
        "bias_regularizer": None, "kernel_constraint": wrapped("keras.constraints", "NonNeg"), "bias_constraint": None,
    }  # fmt: skip
    layer = deserialize_keras_object(wrapped("keras.layers", "Dense", config, build_config={"input_shape": [None, 3]}))
    assert layer.name == "head" and layer.dtype == "float64" and [w.shape for w in layer.weights] == [(3, 2), (2,)]
    written = serialize_keras_object(layer)
    assert (written["module"], written["class_name"]) == ("keras.layers", "Dense")
    assert written["config"]["dtype"] == policy and written["config"]["kernel_regularizer"] == config["kernel_regularizer"]
    called = layers.Dense(2)
    called(layers.Input((3,)))
    assert through_json(called).kernel.shape == (3, 2)


def test_dtype_policies_are_read_and_those_of_4_bits_refused() -> None:
    assert deserialize_keras_object(wrapped("keras.dtype_policies", "DTypePolicy", {"name": "float16"})) == DTypePolicy("float16")
    policy = deserialize_keras_object(wrapped("keras.dtype_policies", "QuantizedDTypePolicy", {"mode": "int8", "source_name": "float32"}))
    assert policy.name == "int8_from_float32"
    with pytest.raises(ConfigError, match="quantization to 4 bits"):
        deserialize_keras_object(wrapped("keras.dtype_policies", "Int4DTypePolicy", {"mode": "int4/64"}))


def test_functions_are_found_among_activations_losses_and_custom_objects() -> None:
    from symkeras import activations, losses

    def function(name: str) -> Any:
        return deserialize_keras_object(wrapped("builtins", "function", name) | {"registered_name": "function"})

    assert function("relu") is activations.relu
    assert function("mean_squared_error") is losses.mean_squared_error
    assert function("registered_function") is registered_function and function("tests>registered_function") is registered_function
    with custom_object_scope({"relu": registered_function}):
        assert function("relu") is registered_function
    for name in ("get", "deserialize", "_unknown", "load_model", "system"):
        with pytest.raises(ConfigError, match="names a function"):
            function(name)


def test_custom_objects_are_found_by_registration_scope_argument_and_origin() -> None:
    assert get_registered_name(Point) == "tests>Point" and get_registered_object("tests>Point") is Point
    assert get_custom_objects()["tests>Point"] is Point and get_registered_name(dict) == "dict"
    by_name = wrapped(None, "Elsewhere", {"x": 1})
    by_origin = wrapped(__name__, "Point", {"x": 1}) | {"registered_name": "forgotten>Point"}
    assert isinstance(deserialize_keras_object(by_name, custom_objects={"Elsewhere": Point}), Point)
    assert isinstance(deserialize_keras_object(by_origin), Point)
    assert deserialize_keras_object("name", custom_objects={"name": Point}) is Point
    with custom_object_scope({"Elsewhere": Point}), custom_object_scope({"Other": Point}):
        assert isinstance(deserialize_keras_object(by_name), Point)
    with pytest.raises(ConfigError, match="'Elsewhere'"):
        deserialize_keras_object(by_name)


def test_a_custom_object_hides_a_class_of_keras_only_by_its_registered_name() -> None:
    config = {"module": "keras.regularizers", "class_name": "L1", "config": {}}
    assert isinstance(deserialize_keras_object({**config, "registered_name": None}, {"L1": Point}), regularizers.L1)
    assert isinstance(deserialize_keras_object({**config, "config": {"x": 1}, "registered_name": "L1"}, {"L1": Point}), Point)


def test_custom_objects_reach_inner_configs() -> None:
    inner = wrapped("elsewhere", "Inner", {"x": 5})
    outer = deserialize_keras_object(serialize_keras_object(Point(1)) | {"config": {"x": inner}}, custom_objects={"Inner": Point})
    assert outer.x.x == 5


@pytest.mark.parametrize(
    "config",
    [
        wrapped("os", "system"), wrapped("builtins", "eval"), wrapped("subprocess", "Popen", {"args": "true"}),
        wrapped("symkeras.saving.registration", "importlib"), wrapped("symkeras.saving.serialization", "marshal"),
        wrapped("keras.callbacks", "CSVLogger", {"filename": "x"}), wrapped("os", "function", "system"), wrapped("keras.layers", "_Hidden"),
        wrapped("keras.layers", ["Dense"]), wrapped("keras.layers", "Dense", "text"), wrapped("keras.layers", "Dense", {"colour": 1}),
        wrapped("keras.layers", "function", {"a": 1}),
    ],
)  # fmt: skip
def test_a_config_reaches_nothing_but_public_classes_and_registered_objects(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        deserialize_keras_object(config)


def test_lambdas_load_with_their_defaults_and_closure_only_when_asked() -> None:
    offset = 10
    with pytest.warns(UserWarning, match="lambda"):
        written = json.loads(json.dumps(serialize_keras_object({"f": lambda x, k=2: ops.multiply(x, k) + offset})))
    with pytest.raises(ConfigError, match="safe_mode=False"):
        deserialize_keras_object(written)
    assert float(deserialize_keras_object(written, safe_mode=False)["f"](1.5)) == 13.0
    with safe_mode_scope(True), pytest.raises(ConfigError, match="lambda"):
        deserialize_keras_object(written, safe_mode=False)
    with safe_mode_scope(False):
        assert not in_safe_mode() and callable(deserialize_keras_object(written)["f"])


def test_enabling_unsafe_deserialization_lets_lambdas_in(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.warns(UserWarning):
        written = serialize_keras_object(lambda x: x)
    monkeypatch.setitem(settings._state, "unsafe_deserialization", False)
    settings.enable_unsafe_deserialization()
    assert deserialize_keras_object(written)(3) == 3


@pytest.mark.parametrize("value", ["!!", "", "aGVsbG8=", ["gA==", None, None]])
def test_broken_bytecode_is_a_config_error(value: Any) -> None:
    with pytest.raises(ConfigError, match="bytecode"):
        deserialize_keras_object({"class_name": "__lambda__", "config": {"value": value}}, safe_mode=False)


def test_shared_objects_are_one_object_again() -> None:
    shared = regularizers.L2(0.5)
    written = serialize_whole([Point(shared), Point(Point(shared)), Point(regularizers.L2(0.5))])
    first, second, third = deserialize_keras_object(json.loads(json.dumps(written)))
    assert first.x is second.x.x and third.x is not first.x
    assert "shared_object_id" not in written[0] and "shared_object_id" not in written[2]["config"]["x"]


def test_what_has_no_config_is_an_error() -> None:
    for value in (object(), Point, SimpleNamespace(get_config=lambda: 3)):
        with pytest.raises(ConfigError, match="config"):
            serialize_keras_object(value)
    with pytest.raises(ConfigError, match="get_config"):
        register_keras_serializable()(type("Bare", (), {}))
    with pytest.raises(ConfigError, match="plain values"):
        deserialize_keras_object({"a": object()})
    with pytest.raises(ConfigError, match="TensorFlow"):
        deserialize_keras_object({"class_name": "__typespec__", "config": []})


def test_a_builtin_does_not_stand_for_what_is_not_registered():
    for config in (
        {"class_name": "Dense", "module": "keras.layers", "registered_name": "mine>Dense", "config": {"units": 1}},
        {"class_name": "Dense", "module": None, "registered_name": "mine>Dense", "config": {"units": 1}},
        {"class_name": "function", "module": "builtins", "registered_name": "mine>relu", "config": "relu"},
    ):
        with pytest.raises(ConfigError, match=r"mine>.*resolved to a Keras built-in"):
            deserialize_keras_object(config)
        own = type("Dense", (layers.Dense,), {}) if config["class_name"] == "Dense" else abs
        found = deserialize_keras_object(config, custom_objects={config["registered_name"]: own})
        assert found is abs or type(found) is own
