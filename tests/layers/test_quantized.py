"""Layers whose weights are in int8: values, gradients, order of weights, files, LoRA, and what is refused."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import Input, Sequential, dtype_policies, layers, ops, quantizers
from symkeras.autodiff import gradients, watchable
from symkeras.errors import ConfigError, NotOfferedError
from tests.keras_reference import reference, weights_of

RNG = np.random.default_rng(0)
KINDS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "dense": (lambda lib, **o: lib.layers.Dense(6, activation="tanh", **o), (3, 5)),
    "einsum": (lambda lib, **o: lib.layers.EinsumDense("abc,cde->abde", (4, 3, 2), bias_axes="e", **o), (4, 5)),
    "two axes": (lambda lib, **o: lib.layers.EinsumDense("abcd,cde->abe", (None, 6), **o), (4, 3, 2)),
    "other order": (lambda lib, **o: lib.layers.EinsumDense("abc,dc->adb", (6, 3), **o), (3, 5)),
    "embedding": (lambda lib, **o: lib.layers.Embedding(9, 6, **o), (4,)),
    "reversible": (lambda lib, **o: lib.layers.ReversibleEmbedding(9, 6, tie_weights=False, **o), (4,)),
}
BY_KIND = pytest.mark.parametrize("kind", KINDS)
SUFFIXES = pytest.mark.parametrize("suffix", ["keras", "weights.h5"])


def data(kind: str) -> Any:
    shape = (8, *KINDS[kind][1])
    return RNG.integers(0, 9, shape).astype("int32") if kind in ("embedding", "reversible") else RNG.standard_normal(shape).astype("float32")


def model(kind: str, lib: Any = symkeras, **options: Any) -> Any:
    x = data(kind)
    return lib.Sequential([lib.Input(x.shape[1:], dtype=x.dtype), KINDS[kind][0](lib, name="main", **options), lib.layers.Flatten()])


def quantized(kind: str) -> Any:
    m = model(kind)
    m.quantize("int8")
    return m


@BY_KIND
def test_predictions_stay_near_and_are_the_same_in_graphs_and_on_arrays(kind: str, model_backend: str) -> None:
    m, x = model(kind), data(kind)
    m.compile("sgd", "mse", backend=model_backend)
    before = m.predict(x, verbose=0)
    m.quantize("int8")
    after = m.predict(x, verbose=0)
    assert 0 < np.abs(after - before).max() < 0.03 * np.abs(before).max()
    np.testing.assert_allclose(m(x), after, rtol=1e-5, atol=1e-6)


@BY_KIND
def test_weights_and_predictions_are_those_of_keras(kind: str) -> None:
    keras = reference()
    ours, theirs, x = model(kind), model(kind, keras), data(kind)
    theirs.set_weights(ours.get_weights())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs.quantize("int8")
    ours.quantize("int8")
    assert [(w.name, w.dtype, w.shape) for w in ours.weights] == [(w.name, str(w.dtype), tuple(w.shape)) for w in theirs.weights]
    for one, other in zip(ours.get_weights(), weights_of(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-4, atol=1e-5)
    scores = RNG.standard_normal((2, 6)).astype("float32")
    if kind == "reversible":
        np.testing.assert_allclose(ours.layers[0](scores, reverse=True), theirs.layers[0](scores, reverse=True), rtol=1e-4, atol=1e-5)


@SUFFIXES
@BY_KIND
def test_files_are_read_by_quantized_models(kind: str, suffix: str, tmp_path: Path) -> None:
    m, x, file = quantized(kind), data(kind), tmp_path / f"m.{suffix}"
    if suffix == "keras":
        m.save(file)
        again = symkeras.models.load_model(file)
        assert again.layers[0].dtype_policy == dtype_policies.get("int8_from_float32")
    else:
        m.save_weights(file)
        again = quantized(kind)
        again.load_weights(file)
    assert [(w.place, w.dtype) for w in again.weights] == [(w.place, w.dtype) for w in m.weights]
    np.testing.assert_array_equal(again.predict(x, verbose=0), m.predict(x, verbose=0))


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")  # of Keras, on NumPy 2
@BY_KIND
def test_files_go_to_keras_and_come_from_there(kind: str, tmp_path: Path) -> None:
    keras = reference()
    m, x = quantized(kind), data(kind)
    expected = m.predict(x, verbose=0)
    m.save(tmp_path / "ours.keras")
    theirs = keras.saving.load_model(tmp_path / "ours.keras")
    np.testing.assert_allclose(theirs.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)
    theirs.save(tmp_path / "theirs.keras")
    np.testing.assert_array_equal(symkeras.saving.load_model(tmp_path / "theirs.keras").predict(x, verbose=0), expected)


@BY_KIND
def test_a_policy_builds_layers_of_integers_and_setting_one_quantizes(kind: str) -> None:
    built, x = model(kind, dtype="int8_from_float32"), data(kind)
    set_later = model(kind)
    set_later.layers[0].dtype_policy = "int8_from_float32"
    assert [(w.place, w.dtype, w.shape) for w in built.weights] == [(w.place, w.dtype, w.shape) for w in set_later.weights]
    built.set_weights(set_later.get_weights())
    np.testing.assert_array_equal(built.predict(x, verbose=0), set_later.predict(x, verbose=0))
    config = built.layers[0].get_config()
    assert config["dtype"]["class_name"] == "QuantizedDTypePolicy" and type(built.layers[0]).from_config(config).quantization_mode == "int8"


@pytest.mark.parametrize("kind", ["dense", "einsum", "two axes", "other order"])
def test_the_gradient_of_inputs_is_that_of_the_floating_kernel(kind: str) -> None:
    m, x = model(kind), data(kind)
    upstream = RNG.standard_normal(m(x).shape).astype("float32")

    def slope(x: Any) -> Any:
        return gradients(symkeras.ops.sum(m(x) * upstream), x)

    before = symkeras.function(slope)(x)
    m.quantize("int8")
    after = symkeras.function(slope)(x)
    np.testing.assert_allclose(after, before, atol=0.1)
    with symkeras.GradientTape() as tape:
        v = watchable(x)
        tape.watch(v)
        total = symkeras.ops.sum(m(v) * upstream)
    np.testing.assert_allclose(tape.gradient(total, v), after, rtol=1e-4, atol=1e-5)


def test_integers_that_leave_int8_are_scaled_as_floating_numbers_are() -> None:
    layer, x = layers.Dense(3), RNG.integers(-5000, 5000, (4, 6)).astype("int32")
    before = layer(x)
    layer.quantize("int8")
    np.testing.assert_allclose(layer(x), before, atol=0.03 * np.abs(before).max())


def test_inputs_may_stay_floating_and_quantizers_be_of_ones_own() -> None:
    m, x = model("dense"), data("dense")
    before = m.predict(x, verbose=0)
    config = quantizers.Int8QuantizationConfig(quantizers.AbsMaxQuantizer(axis=0, value_range=(-100, 100)), None)
    m.quantize(config=config)
    assert m.layers[0].inputs_quantizer is None and np.abs(m.layers[0].kernel.numpy()).max() == 100
    np.testing.assert_allclose(m.predict(x, verbose=0), before, atol=0.02)
    again = Sequential.from_config(m.get_config())
    assert again.layers[0].quantization_config.get_config() == config.get_config() and again.layers[0].inputs_quantizer is None


@pytest.mark.parametrize("first", ["lora", "int8"])
@pytest.mark.parametrize("kind", ["dense", "einsum", "embedding"])
def test_a_difference_of_low_rank_is_trained_beside_integers(kind: str, first: str, tmp_path: Path) -> None:
    m, x = model(kind), data(kind)
    layer = m.layers[0]
    for what in (first, "int8" if first == "lora" else "lora"):
        m.quantize("int8") if what == "int8" else layer.enable_lora(2)
    m.compile(symkeras.optimizers.SGD(0.5), "mse")
    integers, before = layer._frozen.numpy(), m.predict(x, verbose=0)
    m.fit(x, before + 1, epochs=3, verbose=0)
    np.testing.assert_array_equal(layer._frozen.numpy(), integers)
    after = m.predict(x, verbose=0)
    assert np.abs(layer._factors[1].numpy()).max() > 0 and np.abs(after - before).max() > 1e-3
    m.save(tmp_path / "m.keras")
    again = symkeras.saving.load_model(tmp_path / "m.keras")
    assert again.layers[0].lora_enabled and again.layers[0].quantization_mode == "int8"
    np.testing.assert_allclose(again.predict(x, verbose=0), after, atol=0.03 * np.abs(after).max())


def test_filters_choose_layers_and_a_warning_names_those_that_cannot() -> None:
    def fresh() -> Any:
        return Sequential([Input((4, 4)), layers.Conv1D(3, 2, name="conv"), layers.Dense(3, name="one"), layers.Dense(3, name="two")])

    for filters in ("^one", ["^one", "three"], lambda layer: layer.name == "one"):
        m = fresh()
        m.quantize("int8", filters=filters)
        assert [layer.quantization_mode for layer in m.layers] == [None, "int8", None]
    with pytest.warns(UserWarning, match=r"leaves as they are 'conv' \(Conv1D\): these layers have no such mode"):
        fresh().quantize("int8")
    with pytest.raises(ConfigError, match="filters must be a regular expression"):
        fresh().quantize("int8", filters=3)
    with pytest.raises(ConfigError, match="unrecognized keyword arguments"):
        fresh().quantize("int8", nonsense=1)


def test_layers_within_models_and_layers_are_quantized() -> None:
    inner = Sequential([Input((4,)), layers.Dense(3)])
    m = Sequential([Input((2, 4)), layers.TimeDistributed(inner), layers.Dense(2)])
    m.quantize("int8")
    assert inner.layers[0].quantization_mode == m.layers[-1].quantization_mode == "int8"


def test_mixed_precision_reads_scales_in_its_dtype() -> None:
    pytest.importorskip("ml_dtypes")
    layer = layers.Dense(3, dtype="mixed_bfloat16")
    x = data("dense")
    before = np.asarray(layer(x), "float32")
    layer.quantize("int8")
    assert layer.dtype_policy.name == "int8_from_mixed_bfloat16" and layer.kernel_scale.dtype == "float32"
    after = layer(x)
    assert after.dtype == "bfloat16"
    np.testing.assert_allclose(np.asarray(after, "float32"), before, atol=0.1)


def test_a_map_of_policies_notes_which_layers_are_quantized() -> None:
    policies = symkeras.dtype_policies.DTypePolicyMap("float32")
    layer = layers.Dense(3, dtype=policies, name="head")
    layer(np.ones((1, 2), "float32"))
    layer.quantize("int8")
    assert policies["head"].name == "int8_from_float32" and policies.quantization_mode is None
    again = symkeras.dtype_policies.deserialize(symkeras.dtype_policies.serialize(policies))
    assert again["head"] == policies["head"]


def test_what_is_refused() -> None:
    class Own(layers.Dense):
        pass

    built = [kind((2,)) for kind in (lambda s: layers.Dense(3, name="d"), lambda s: Own(3), lambda s: layers.Dense(3, dtype="float16"))]
    for layer in built:
        layer(np.ones((1, 2), layer.dtype))
    dense, own, half = built
    with pytest.raises(ConfigError, match="not built yet"):
        layers.Dense(3).quantize("int8")
    with pytest.raises(NotOfferedError, match="type_check=False"):
        own.quantize("int8")
    own.quantize("int8", type_check=False)
    with pytest.raises(ConfigError, match="float16"):
        half.quantize("int8")
    for mode in ("int7", None, 3):
        with pytest.raises(ConfigError):
            dense.quantize(mode)
    dense.quantize("int8")
    with pytest.raises(ConfigError, match="already quantized, by 'int8_from_float32'"):
        dense.quantize("int8")
    conv = layers.Conv1D(2, 2)
    conv.build((None, 4, 3))
    with pytest.raises(NotImplementedError, match="has no quantization mode 'int7'; it has 'int8', 'float8'"):
        dense.quantized_build((2, 3), "int7")
    for wrong in (lambda: conv.quantize("int8"), lambda: layers.Conv1D(2, 2, dtype="int8_from_float32").build((None, 4, 3))):
        with pytest.raises(NotImplementedError, match="has no quantization mode 'int8'"):
            wrong()
    with pytest.raises(ConfigError, match="quantization_config must be a QuantizationConfig or None"):
        layers.Dense(3, quantization_config=3)


class Gains(layers.Layer):
    """A layer of a user's own that keeps its weight in int8, written as one for Keras."""

    def build(self, input_shape: Any) -> None:
        if self.quantization_mode is not None:
            self.quantized_build(input_shape[-1:], self.quantization_mode)
        else:
            self._gain = self.add_weight(shape=input_shape[-1:], initializer="ones", name="gain")

    def quantized_build(self, input_shape: Any, mode: str, config: Any = None) -> None:
        if mode != "int8":
            raise self._quantization_mode_error(mode)
        self._gain = self.add_weight(shape=tuple(input_shape), initializer="ones", dtype="int8", trainable=False, name="gain")
        self.gain_scale = self.add_weight(shape=(), initializer="ones", trainable=False, name="gain_scale")
        self._is_quantized = True

    def quantize(self, mode: Any = None, type_check: bool = False, config: Any = None) -> None:
        integers, scale = quantizers.abs_max_quantize(self._gain, axis=0, to_numpy=True)
        self._untrack_variable(self._gain)
        shape = self._gain.shape
        del self._gain
        self.quantized_build(shape, mode)
        self._gain.assign(integers)
        self.gain_scale.assign(scale[0])
        self.dtype_policy = dtype_policies.get(f"{mode}_from_{self.dtype_policy.name}")

    def call(self, x: Any) -> Any:
        return x * self._gain

    def _int8_call(self, x: Any) -> Any:
        return x * ops.cast(self._gain, self.compute_dtype) / self.gain_scale


def test_a_layer_of_ones_own_says_what_it_computes_when_quantized() -> None:
    x = RNG.standard_normal((6, 4)).astype("float32")
    layer = Gains()
    network = Sequential([Input((4,)), layer, layers.Dense(3)])
    layer._gain.assign([1.0, -2.0, 3.0, 0.1])
    before = network.predict(x, verbose=0)
    network.quantize("int8")
    assert [(w.name, w.dtype) for w in layer.weights] == [("gain", "int8"), ("gain_scale", "float32")] and layer.quantization_mode == "int8"
    np.testing.assert_allclose(network.predict(x, verbose=0), before, atol=0.1)
    np.testing.assert_array_equal(layer(x), layer.quantized_call(x))
    np.testing.assert_allclose(layer(x), x * [1, -2, 3, 0.1], atol=0.05)
    with pytest.raises(ConfigError, match=r"Gains 'gains.*already quantized"):
        layer.quantize("int8")
    with pytest.raises(ConfigError, match="not built"):
        Gains().quantize("int8")
    with pytest.raises(NotOfferedError, match="no quantization mode 'float8'; it has 'int8'"):
        Gains(dtype="float8_from_float32")(x)
    np.testing.assert_array_equal(Gains(dtype="int8_from_float32")(x), x)


@BY_KIND
def test_a_call_of_a_quantized_layer_is_its_quantized_call(kind: str) -> None:
    layer = KINDS[kind][0](symkeras)
    x = data(kind)
    layer.build(x.shape)
    layer.quantize("int8")
    np.testing.assert_array_equal(layer(x), layer.quantized_call(x))


def test_a_quantized_layer_does_not_go_back() -> None:
    layer = layers.Dense(3)
    y = layer(np.ones((2, 4), "float32"))
    layer.quantize("int8")
    for policy in ("float32", "float8_from_float32"):
        with pytest.raises(ConfigError, match=f"Dense 'dense.* is quantized, by 'int8_from_float32'.*{policy}"):
            layer.dtype_policy = dtype_policies.get(policy)
    np.testing.assert_allclose(layer(np.ones((2, 4), "float32")), y, atol=0.1)
