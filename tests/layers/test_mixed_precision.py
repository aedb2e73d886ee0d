"""Dtype policies: what they mean, and layers and models that compute in float16 and keep their weights in float32."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import Input, Model, Sequential, config, dtype_policies, foreign_dtypes, layers, losses, metrics, mixed_precision, ops, optimizers
from symkeras.dtype_policies import DTypePolicy, DTypePolicyMap
from symkeras.errors import ConfigError, DtypeError
from tests.backends import skip_without_dtype, skip_without_training
from tests.keras_reference import reference
from tests.known_dtypes import FOREIGN

HALVES = ["float16", *(d for d in FOREIGN if d == "bfloat16")]
needs_bfloat16 = pytest.mark.skipif(not FOREIGN, reason="ml_dtypes is not installed: there is no bfloat16")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(32, 4)).astype("float32")
Y = X.sum(1, keepdims=True)


@pytest.fixture(autouse=True)
def policy_of_the_process() -> Iterator[None]:
    yield
    config.set_dtype_policy(None)


def mixed_model() -> Any:
    symkeras.utils.set_random_seed(0)
    config.set_dtype_policy("mixed_float16")
    return Sequential([Input((4,)), layers.Dense(8, activation="relu"), layers.BatchNormalization(), layers.Dense(1, dtype="float32")])


# ---- policies ------------------------------------------------------------------------------------------------------


def test_a_policy_says_both_dtypes() -> None:
    assert [(p.compute_dtype, p.variable_dtype) for p in map(DTypePolicy, ("float64", "mixed_float16"))] == [("float64",) * 2, ("float16", "float32")]
    assert DTypePolicy() == DTypePolicy("float32") and DTypePolicy("float16") != DTypePolicy("float32")
    assert mixed_precision.Policy is symkeras.DTypePolicy is DTypePolicy
    assert {DTypePolicy("float16"): 1}[DTypePolicy("float16")] == 1


@pytest.mark.parametrize("name", ["bfloat16", "mixed_bfloat16", "float8_e4m3fn"])
def test_bfloat16_without_its_package_says_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    foreign_dtypes.provide.cache_clear()
    with pytest.raises(DtypeError, match=r"need the package ml_dtypes.*pip install"):
        layers.Dense(2, dtype=name)
    foreign_dtypes.provide.cache_clear()


@needs_bfloat16
def test_policies_of_bfloat16_and_of_8_bits_say_both_dtypes() -> None:
    names = ("bfloat16", "mixed_bfloat16", "float8_e5m2")
    found = [(p.compute_dtype, p.variable_dtype) for p in map(DTypePolicy, names)]
    assert found == [("bfloat16", "bfloat16"), ("bfloat16", "float32"), ("float8_e5m2", "float8_e5m2")]
    mixed_precision.set_global_policy("mixed_bfloat16")
    assert config.dtype_policy() == DTypePolicy("mixed_bfloat16") == dtype_policies.get({"module": "keras", "class_name": "DTypePolicy",
        "config": {"name": "mixed_bfloat16"}, "registered_name": None})  # fmt: skip


def test_policies_of_4_bits_and_unknown_ones_are_refused() -> None:
    for given in ("int4/64_from_float32", "int4_from_float32", {"class_name": "Int4DTypePolicy", "config": {"mode": "int4/64"}}):
        with pytest.raises(ConfigError, match="4 bits"):
            dtype_policies.get(given)
    for given in ("gptq/4/64_from_float32", "awq/4/64_from_float32"):
        with pytest.raises(ConfigError, match="calibration"):
            dtype_policies.get(given)
    with pytest.raises(AttributeError, match="4 bits"):
        dtype_policies.Int4DTypePolicy  # noqa: B018 - asking is the test
    with pytest.raises(ConfigError, match="Did you mean 'mixed_float16'"):
        DTypePolicy("mixed_flaot16")
    with pytest.raises(DtypeError, match="must be a text"):
        DTypePolicy(3)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="dtype must be"):
        dtype_policies.get(object())


def test_policies_go_through_configs() -> None:
    policies = DTypePolicyMap("float16", {"a/.*": DTypePolicy("mixed_float16")})
    for policy in (DTypePolicy("float64"), policies):
        written = dtype_policies.serialize(policy)
        assert dtype_policies.deserialize(written) == policy
        layer = layers.Dense(2, dtype=policy)
        assert layers.Dense.from_config(layer.get_config()).dtype_policy == policy
    assert dtype_policies.serialize(DTypePolicy("float64")) == {
        "module": "keras", "class_name": "DTypePolicy", "config": {"name": "float64"}, "registered_name": None,
    }  # fmt: skip


def test_a_map_gives_each_layer_the_policy_of_its_path() -> None:
    policies = DTypePolicyMap("float32", {"outer/inner": DTypePolicy("float64"), "oth.*": DTypePolicy("mixed_float16")})
    inner = layers.Dense(2, dtype=policies, name="inner")

    class Outer(layers.Layer):
        def __init__(self) -> None:
            super().__init__(name="outer")
            self.inner = inner

        def call(self, inputs: Any) -> Any:
            return self.inner(inputs)

    Outer()(X)
    assert (inner.path, inner.kernel.dtype, inner.compute_dtype) == ("outer/inner", "float64", "float64")
    other = layers.Dense(2, dtype=policies, name="other")
    assert other(X).dtype == np.float16 and other.variable_dtype == "float32"
    other.dtype_policy = "float32"
    assert policies["other"] == DTypePolicy("float32") and other(X).dtype == np.float32
    with pytest.raises(ConfigError, match="fits the keys"):
        DTypePolicyMap("float32", {"a.*": DTypePolicy("float16"), ".*b": DTypePolicy("float16")})["ab"]
    with pytest.raises(ConfigError, match="already"):
        policies["oth.*"] = DTypePolicy("float32")
    with pytest.raises(ConfigError, match="neither a path"):
        policies["("] = DTypePolicy("float32")


def test_the_policy_of_the_process_is_that_of_new_layers() -> None:
    mixed_precision.set_global_policy("mixed_float16")
    assert mixed_precision.global_policy() == config.dtype_policy() == DTypePolicy("mixed_float16")
    assert layers.Dense(2).dtype_policy.name == "mixed_float16" and layers.Dense(2, dtype="float32").compute_dtype == "float32"
    assert (losses.MeanSquaredError().dtype, metrics.Mean().dtype) == ("float32", "float32")
    config.set_dtype_policy(None)
    assert layers.Dense(2).compute_dtype == "float32"


# ---- computing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", HALVES)
def test_a_mixed_layer_computes_in_16_bits_on_weights_of_float32(dtype: str) -> None:
    layer = layers.Dense(3, dtype=f"mixed_{dtype}")
    y = layer(X)
    half = X.astype(dtype).astype("float32") @ layer.kernel.numpy().astype(dtype).astype("float32")
    assert y.dtype == dtype and layer.kernel.dtype == "float32"
    assert np.array_equal(y, half.astype(dtype))


@needs_bfloat16
def test_a_model_in_bfloat16_trains_without_a_scaled_loss_and_comes_back_from_its_file(tmp_path: Any, model_backend: str) -> None:
    skip_without_training(model_backend)
    skip_without_dtype(model_backend, "bfloat16")
    config.set_dtype_policy("mixed_bfloat16")
    model = Sequential([
        Input((4,)), layers.Dense(8, activation="gelu"), layers.BatchNormalization(), layers.Dropout(0.1, seed=1),
        layers.Dense(4, dtype="bfloat16"), layers.LayerNormalization(), layers.Dense(1, activity_regularizer="l2"),
    ])  # fmt: skip
    model.compile(optimizers.Adam(0.02), "mse", metrics=["mae"])
    assert isinstance(model.optimizer, optimizers.Adam)
    history = model.fit(X, Y, epochs=20, batch_size=16, verbose=0, validation_data=(X, Y)).history
    assert history["loss"][-1] < 0.6 * history["loss"][0] and np.isfinite(history["val_mae"]).all()
    assert {str(v.dtype) for v in model.optimizer.variables} == {"int32", "float32", "bfloat16"}
    assert model.predict(X, verbose=0).dtype == "bfloat16"
    model.save(tmp_path / "m.keras")
    model.save_weights(tmp_path / "m.weights.h5")
    again = symkeras.saving.load_model(tmp_path / "m.keras")
    assert [w.dtype for w in again.weights] == [w.dtype for w in model.weights] and again.layers[0].dtype_policy == DTypePolicy("mixed_bfloat16")
    assert all(np.array_equal(a.numpy(), b.numpy()) for a, b in zip(model.optimizer.variables, again.optimizer.variables, strict=True))
    assert np.array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    again.set_weights([np.zeros(w.shape) for w in again.weights])
    again.load_weights(tmp_path / "m.weights.h5")
    assert all(np.array_equal(a.numpy(), b.numpy()) for a, b in zip(model.weights, again.weights, strict=True))


def test_a_layer_of_its_own_dtype_inside_of_a_mixed_one_reads_its_weights_in_that() -> None:
    class Outer(layers.Layer):
        def __init__(self) -> None:
            super().__init__(dtype="mixed_float16")
            self.inner = layers.Dense(2, dtype="float32")
            self.plain = self.add_weight(shape=(2,), initializer="ones", name="plain")
            self.kept = self.add_weight(shape=(2,), initializer="ones", autocast=False, name="kept")

        def call(self, inputs: Any) -> Any:
            seen.update(inner=self.inner(inputs).dtype, plain=(self.plain * 1).dtype, kept=(self.kept + 0).dtype, value=self.plain.value.dtype)
            return ops.cast(inputs, self.plain.value.dtype)

    seen: dict[str, Any] = {}
    for x in (X, Input((4,))):
        Outer()(x)
        assert {k: str(v) for k, v in seen.items()} == {"inner": "float32", "plain": "float16", "kept": "float32", "value": "float16"}


def test_what_a_mixed_layer_assigns_is_not_rounded() -> None:
    class Counter(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False, name="seen")

        def call(self, inputs: Any) -> Any:
            self.seen.assign_add(ops.ones(()) * 2049)
            return inputs

    layer = Counter(dtype="mixed_float16")
    model = Sequential([Input((4,)), layer])
    model.compile(loss="mse", optimizer="sgd")
    layer(X)
    assert float(layer.seen) == 2049  # float16 has none between 2048 and 2050


def test_an_embedding_casts_the_rows_that_it_looked_up_and_not_the_table() -> None:
    model = Sequential([Input((3,), dtype="int32"), layers.Embedding(50, 4, dtype="mixed_float16")])
    graph = model.executable("predict").source_graph
    assert [n.inputs[0].op.name for n in graph.nodes if n.op.name == "cast" and n.dtype == "float16"] == ["gather"]


def test_a_mixed_model_trains_with_a_scaled_loss_and_comes_back_from_a_file(tmp_path: Any) -> None:
    model = mixed_model()
    model.compile(optimizers.SGD(0.05), "mse")
    assert isinstance(model.optimizer, optimizers.LossScaleOptimizer)
    history = model.fit(X, Y, epochs=30, batch_size=16, verbose=0).history["loss"]
    assert history[-1] < 0.5 * history[0]
    assert {w.dtype for w in model.weights} == {"float32"}
    graph = model.executable("train").source_graph
    assert {n.dtype for n in graph.nodes if n.op.name == "matmul"} == {"float16", "float32"}
    assert all(node.dtype != "float16" for node, _ in graph.updates)
    model.save(tmp_path / "m.keras")
    config.set_dtype_policy(None)
    again = symkeras.saving.load_model(tmp_path / "m.keras")
    assert again.layers[0].dtype_policy == DTypePolicy("mixed_float16") and isinstance(again.optimizer, optimizers.LossScaleOptimizer)
    assert np.array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    assert [v.numpy().tolist() for v in again.optimizer.variables] == [v.numpy().tolist() for v in model.optimizer.variables]


def test_nothing_is_scaled_where_that_is_switched_off_or_nothing_is_mixed() -> None:
    model = mixed_model()
    model.compile("sgd", "mse", auto_scale_loss=False)
    assert isinstance(model.optimizer, optimizers.SGD)
    config.set_dtype_policy(None)
    plain = Sequential([Input((4,)), layers.Dense(1)])
    plain.compile("sgd", "mse")
    assert isinstance(plain.optimizer, optimizers.SGD)


def test_penalties_and_losses_of_mixed_layers_are_summed_in_float32() -> None:
    config.set_dtype_policy("mixed_float16")
    x = Input((4,))
    model = Model(x, layers.Dense(4, kernel_regularizer="l2", activity_regularizer=lambda y: ops.sum(ops.cast(y, "float32")) * 0 + 70000.0)(x))
    model.compile("sgd", "mse")
    squares = layers.Activation("linear", activity_regularizer="l2", dtype="mixed_float16")
    squares(np.full((1, 4), 300.0))
    assert float(squares.losses[0]) == 0.01 * 4 * 300**2
    found = model.evaluate(X[:1], np.zeros((1, 4), "float32"), verbose=0)
    assert np.isfinite(found) and found > 65504  # the largest of float16


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("dtype", HALVES)
def test_a_mixed_training_goes_as_that_of_keras(dtype: str) -> None:
    keras = reference()
    near = 5e-3 if dtype == "float16" else 4e-2
    try:
        found = []
        for lib in (keras, symkeras):
            lib.config.set_dtype_policy(f"mixed_{dtype}")
            model = lib.Sequential([
                lib.Input((4,)), lib.layers.Dense(8, activation="tanh"), lib.layers.LayerNormalization(), lib.layers.Dense(1, dtype="float32"),
            ])  # fmt: skip
            rng = np.random.default_rng(1)
            model.set_weights([rng.normal(size=w.shape).astype("float32") * 0.3 for w in model.get_weights()])
            model.compile(lib.optimizers.Adam(0.01), "mse")
            history = model.fit(X, Y, batch_size=8, epochs=3, shuffle=False, verbose=0).history["loss"]
            found.append((history, [np.asarray(w) for w in model.get_weights()], float(np.asarray(getattr(model.optimizer, "dynamic_scale", 1)))))
        (a, weights_a, scale_a), (b, weights_b, scale_b) = found
        assert scale_a == scale_b and np.allclose(a, b, rtol=near)
        assert all(np.allclose(p, q, atol=near) for p, q in zip(weights_a, weights_b, strict=True))
    finally:
        keras.config.set_dtype_policy("float32")


def test_quantizing_to_4_bits_is_refused_with_the_reason() -> None:
    for one in (layers.Dense(2), Sequential([layers.Dense(2)]), layers.Dropout(0.5)):
        with pytest.raises(NotImplementedError, match="mode 'int4' is not offered: weights of 4 bits"):
            one.quantize("int4")
