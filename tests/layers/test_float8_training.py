"""Products in float8: what they store, how scales follow what they see, and what optimizers do with them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import Input, Sequential, dtype_policies, layers, ops, optimizers
from symkeras.errors import NotOfferedError
from tests.keras_reference import reference, weights_of

pytest.importorskip("ml_dtypes")
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((32, 6)).astype("float32"), RNG.standard_normal((32, 5)).astype("float32")
STATE = ("inputs_scale", "inputs_amax_history", "kernel_scale", "kernel_amax_history", "outputs_grad_scale", "outputs_grad_amax_history")


def model(lib: Any = symkeras) -> Any:
    one, two = lib.layers.Dense(7, activation="relu", name="one"), lib.layers.EinsumDense("ab,bc->ac", 5, bias_axes="c", name="two")
    m = lib.Sequential([lib.Input((6,)), one, two])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns of the input
        m.quantize("float8")
    return m


def trained(optimizer: Any, **options: Any) -> Any:
    m = model()
    m.compile(optimizer, "mse", **options)
    m.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    return m


def test_a_layer_has_a_scale_and_a_history_for_inputs_kernel_and_gradient() -> None:
    layer = model().layers[0]
    assert [w.name for w in layer.trainable_weights] == ["kernel", "bias", *STATE] and layer.dtype_policy.name == "float8_from_float32"
    assert {w.shape for w in layer.weights[2:]} == {(), (1024,)} and {w.dtype for w in layer.weights} == {"float32"}
    short = layers.Dense(2, dtype=dtype_policies.QuantizedFloat8DTypePolicy("float8", "float32", amax_history_length=4))
    short.build((None, 3))
    assert short.inputs_amax_history.shape == (4,)
    assert type(short).from_config(short.get_config()).dtype_policy.amax_history_length == 4


def test_values_are_those_of_what_8_bits_hold() -> None:
    layer = layers.Dense(3, use_bias=False)
    layer.build((None, 6))
    layer.quantize("float8")
    stored = [ops.cast(ops.cast(v, "float8_e4m3fn"), "float32") for v in (X, layer.kernel.numpy())]
    np.testing.assert_allclose(layer(X), np.asarray(stored[0]) @ np.asarray(stored[1]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adafactor", "muon"])
def test_scales_follow_the_largest_magnitudes_and_weights_the_gradients(optimizer: str) -> None:
    m = trained(optimizer)
    layer = m.layers[0]
    seen = layer.inputs_amax_history.numpy()
    batches = [np.abs(X[k : k + 8]).max() for k in range(0, 32, 8)] * 2
    np.testing.assert_allclose(sorted(seen[:1].tolist() + seen[-7:].tolist()), sorted(batches), rtol=1e-6)
    np.testing.assert_allclose(layer.inputs_scale.numpy(), max(batches[:-1]) / 448, rtol=1e-5)
    assert layer.outputs_grad_scale.numpy() != 1 and np.isfinite(m.predict(X, verbose=0)).all()
    assert not any("scale" in v.path or "history" in v.path for v in m.optimizer.variables)


def test_eager_steps_do_the_same() -> None:
    weights = model().get_weights()
    found = []
    for eager in (False, True):
        m = model()
        m.set_weights(weights)
        m.compile(optimizers.SGD(0.01), "mse", run_eagerly=eager)
        m.fit(X, Y, batch_size=16, epochs=1, shuffle=False, verbose=0)
        found.append(m.get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_outside_of_training_nothing_is_noted() -> None:
    m = trained("sgd")
    before = m.get_weights()
    m.predict(X, verbose=0)
    m.evaluate(X, Y, verbose=0)
    for one, other in zip(before, m.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_training_and_files_are_those_of_keras(tmp_path: Path) -> None:
    keras = reference()
    ours, theirs = model(), model(keras)
    weights = ours.get_weights()
    losses = []
    for lib, m in ((symkeras, ours), (keras, theirs)):
        m.set_weights(weights)
        m.compile(lib.optimizers.Adam(0.01), "mse")
        losses.append(m.fit(X, Y, batch_size=8, epochs=3, shuffle=False, verbose=0).history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-3)
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    for one, other in zip(ours.get_weights(), weights_of(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=0.02, atol=2e-3)
    for lib, m in ((symkeras, ours), (keras, theirs)):
        m.save(tmp_path / f"{lib.__name__}.keras")
    np.testing.assert_allclose(keras.saving.load_model(tmp_path / "symkeras.keras").predict(X, verbose=0), ours.predict(X, verbose=0), atol=1e-4)
    again = symkeras.saving.load_model(tmp_path / "keras.keras")
    np.testing.assert_allclose(again.predict(X, verbose=0), theirs.predict(X, verbose=0), atol=1e-4)


def test_scales_follow_the_greatest_of_accumulated_gradients() -> None:
    m = model()
    m.compile(optimizers.SGD(0.1, gradient_accumulation_steps=2), "mse")
    scales = [v for v in m.trainable_variables if v.overwrite_with_gradient]
    before = [v.numpy() for v in scales]
    m.train_on_batch(X, Y)
    assert scales and all(np.array_equal(v.numpy(), b) for v, b in zip(scales, before, strict=True))
    m.train_on_batch(X, Y)
    assert any(not np.array_equal(v.numpy(), b) for v, b in zip(scales, before, strict=True))


def test_what_is_refused() -> None:
    m = model()
    layer = m.layers[0]
    layer.enable_lora(2)
    with pytest.raises(NotOfferedError, match="no difference of low rank"):
        layer(X)
    with pytest.warns(UserWarning, match="Embedding"):
        Sequential([Input((4,), dtype="int32"), layers.Embedding(3, 2)]).quantize("float8")
