"""A tape on arrays: the gradients are those of the compiled function, and the values stay arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import Input, Model, Sequential, layers, losses, ops, optimizers
from symkeras.autodiff import watchable
from symkeras.errors import GradientError

RNG = np.random.default_rng(0)


def held_against_compiled(model: Any, x: Any, loss: Any = None) -> None:
    """Gradients by a tape on arrays are those of the same function compiled."""

    def slopes(x: Any) -> Any:
        with symkeras.GradientTape() as tape:
            found = model(x, training=False) if loss is None else loss(model(x, training=False))
            total = ops.sum(ops.square(found)) if loss is None else found
        grads = tape.gradient(total, model.trainable_variables)
        return [total, *(ops.zeros_like(v) if g is None else g for v, g in zip(model.trainable_variables, grads, strict=True))]

    model(x)
    for found, expected, name in zip(slopes(x), symkeras.function(slopes)(x), ["total", *(v.path for v in model.trainable_variables)], strict=True):
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-4, err_msg=name)


@pytest.mark.parametrize("layer", [
    layers.Dense(3, activation="gelu", kernel_regularizer="l2"), layers.LSTM(3), layers.GRU(3, return_sequences=True),
    layers.Bidirectional(layers.SimpleRNN(2)), layers.Conv1D(3, 2, padding="causal"), layers.Conv1DTranspose(3, 2, strides=2),
    layers.SeparableConv1D(3, 2), layers.DepthwiseConv1D(2), layers.BatchNormalization(), layers.LayerNormalization(),
    layers.GroupNormalization(1), layers.UnitNormalization(), layers.PReLU(), layers.TimeDistributed(layers.Dense(2)),
    layers.EinsumDense("abc,cd->abd", output_shape=(None, 2)),
], ids=lambda layer: type(layer).__name__)  # fmt: skip
def test_layers_have_the_gradients_of_the_compiled_function(layer: Any) -> None:
    x = RNG.standard_normal((2, 4, 5)).astype("float32")
    held_against_compiled(Sequential([Input((4, 5)), layers.Dense(5, activation="tanh", name="first"), layer]), x)


def test_images_and_tables_and_operations_between_layers_have_them() -> None:
    images = RNG.standard_normal((2, 6, 6, 2)).astype("float32")
    body = [layers.Conv2D(3, 3, padding="same"), layers.MaxPooling2D(), layers.UpSampling2D(), layers.Conv2DTranspose(2, 3, strides=2),
            layers.AveragePooling2D(), layers.ZeroPadding2D(), layers.Cropping2D(1), layers.Flatten(), layers.Dense(1)]  # fmt: skip
    held_against_compiled(Sequential([Input((6, 6, 2)), *body]), images)
    words = Input((4,), dtype="int32")
    rows = layers.Embedding(7, 6, mask_zero=True)(words)
    both = layers.Add()([layers.MultiHeadAttention(2, 3)(rows, rows), rows]) * 2 + 1
    held_against_compiled(Model(words, layers.Dense(2)(layers.GlobalMaxPooling1D()(ops.tanh(both)[:, 1:]))), RNG.integers(0, 7, (2, 4)))


@pytest.mark.parametrize("loss", [
    losses.SparseCategoricalCrossentropy(), losses.CategoricalHinge(), losses.Huber(), losses.KLDivergence(),
    losses.CosineSimilarity(), losses.LogCosh(), losses.CategoricalFocalCrossentropy(),
], ids=lambda loss: loss.name)  # fmt: skip
def test_losses_have_them(loss: Any) -> None:
    y = np.array([0, 2]) if "sparse" in loss.name else np.eye(3, dtype="float32")[[0, 2]]
    held_against_compiled(Sequential([Input((4,)), layers.Dense(3, activation="softmax")]), RNG.random((2, 4), "float32"), lambda p: loss(y, p))


def test_a_loop_of_ones_own_trains_and_its_values_are_arrays() -> None:
    x = RNG.standard_normal((64, 4)).astype("float32")
    y = x @ np.float32([[1], [2], [-1], [0.5]])
    model, optimizer, criterion = Sequential([Input((4,)), layers.Dense(1)]), optimizers.Adam(0.1), losses.MeanSquaredError()
    first = None
    for _ in range(60):
        with symkeras.GradientTape() as tape:
            loss = criterion(y, model(x, training=True))
            assert isinstance(loss, np.ndarray) and (loss > 0)
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables, strict=True))
        first = float(loss) if first is None else first
    assert float(loss) < first / 20
    assert f"{loss:.1f}" == f"{float(loss):.1f}" and "Recorded" not in repr(loss)


def test_numpy_and_python_on_what_is_recorded_are_recorded() -> None:
    w = symkeras.Variable(np.array([[1.0, 2.0], [3.0, 4.0]], "float32"))
    with symkeras.GradientTape(persistent=True) as tape:
        x = w * 2
        x += 1
        parts = [np.exp(-x), x.T @ x, x[:, 0], x.reshape(-1).sum(), np.mean(x**2), x.mean(axis=0), abs(x), np.where(x > 4, x, 0), [x, x][0] / 3]
        total = sum(ops.sum(p) for p in parts)
    expected = -2 * np.exp(-x) + 4 * x.sum(1, keepdims=True) + np.array([2, 0]) + 2 + x + 1 + 2 + 2 * (x > 4) + 2 / 3
    np.testing.assert_allclose(tape.gradient(total, w), expected, rtol=1e-5)
    assert x.astype("int32").dtype == "int32" and x.numpy().__class__ is np.ndarray
    x[0, 0] = 7  # an array like any other, now
    assert np.cbrt(x).shape == (2, 2)


def test_what_would_be_lost_is_refused() -> None:
    w = symkeras.Variable([8.0, 27.0])
    with symkeras.GradientTape():
        x = w * 1
        with pytest.raises(GradientError, match=r"np\.cbrt is not recorded"):
            np.cbrt(x)
        with pytest.raises(GradientError, match="not written in place"):
            x[0] = 1
        with pytest.raises(GradientError, match="plain array of NumPy cannot be watched"):
            symkeras.GradientTape().__enter__().watch(np.ones(2))
    with pytest.raises(GradientError, match="not computed under the tape"):
        symkeras.GradientTape().gradient(np.ones(2), w)


def test_gradients_of_gradients_and_of_inputs() -> None:
    x = watchable([1.0, 2.0])
    with symkeras.GradientTape() as outer:
        outer.watch(x)
        with symkeras.GradientTape() as inner:
            inner.watch(x)
            y = ops.sum(x**3)
        slope = inner.gradient(y, x)
        penalty = ops.sum(ops.square(slope))
    np.testing.assert_allclose(slope, 3 * np.square([1.0, 2.0]))
    np.testing.assert_allclose(outer.gradient(penalty, x), 36 * np.power([1.0, 2.0], 3))


def test_a_variable_that_is_assigned_under_a_tape_has_the_gradient_of_what_was_read() -> None:
    w = symkeras.Variable(3.0)
    with symkeras.GradientTape() as tape:
        y = w * w
        w.assign(5.0)
        y = y + w * 2
    assert float(y) == 19 and float(tape.gradient(y, w)) == 8


def test_what_is_not_connected_is_none_and_recording_may_pause() -> None:
    a, b, fixed = symkeras.Variable(1.0), symkeras.Variable(2.0), symkeras.Variable(3.0, trainable=False)
    with symkeras.GradientTape(persistent=True) as tape:
        y = a * fixed
        with tape.stop_recording():
            z = a * b
    assert tape.gradient(z, [a, b]) == [None, None]
    by_a, by_b, by_fixed = tape.gradient(y, [a, b, fixed])
    assert float(by_a) == 3 and by_b is None and by_fixed is None
    assert [v.name for v in tape.watched_variables()] == [a.name]
    assert float(tape.gradient(y, b, unconnected_gradients="zero")) == 0


def test_a_function_that_says_its_own_gradient_is_taken_at_its_word() -> None:
    hidden = symkeras.Variable(7.0, trainable=False)

    @ops.custom_gradient
    def scaled(x: Any, factor: Any) -> Any:
        return x * factor, lambda upstream: (upstream * hidden + factor, None)

    v, factor = symkeras.Variable([1.0, 2.0]), symkeras.Variable(3.0)
    with symkeras.GradientTape(persistent=True) as tape:
        one, two = ops.sum(scaled(v, factor)), ops.sum(scaled(v * 2.0, factor))
    assert isinstance(one, np.ndarray) and float(one) == 9
    assert tape.gradient(one, v).tolist() == [10, 10] and tape.gradient(two, v).tolist() == [20, 20]
    assert float(tape.gradient(one, factor)) == 0
