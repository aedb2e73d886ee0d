"""Models that define `compute_loss`: it gets targets and weights as they were given, and the losses of `compile` are of what it hands on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, layers, losses, ops

RNG = np.random.default_rng(0)
X = RNG.random((20, 3)).astype("float32")
Y = RNG.random((20, 2)).astype("float32")
WEIGHTS = RNG.random(20).astype("float32")
MSE, MAE = losses.MeanSquaredError(), losses.MeanAbsoluteError()


def made(kind: type[Any], outputs: int = 1, **options: Any) -> Any:
    inputs = Input((3,))
    found = [layers.Dense(2, kernel_initializer="ones", name=f"o{k}")(inputs) for k in range(outputs)]
    model = kind(inputs, found[0] if outputs == 1 else found)
    model.compile("sgd", **options)
    return model


class Twice(Model):
    """One output, that two losses are of, each with targets of its own."""

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True) -> Any:
        return super().compute_loss(x=x, y=y, y_pred=[y_pred, y_pred * 2], sample_weight=sample_weight, training=training)


class Halves(Model):
    """One output, cut in two for the losses."""

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, **kwargs: Any) -> Any:
        return super().compute_loss(x, [y[:, :1], y[:, 1:]], [y_pred[:, :1], y_pred[:, 1:]], sample_weight, **kwargs)


class ByKey(Model):
    """Targets in a nesting of the user's own, which no output has; testing adds 7."""

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True) -> Any:
        return ops.mean(ops.square(y["a"] - y_pred)) + ops.mean(ops.abs(y["b"]["c"] - y_pred)) + (0 if training else 7)


@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize("kind", [list, tuple])
def test_losses_are_of_what_compute_loss_hands_on(kind: Any, eagerly: bool) -> None:
    model, y = made(Twice, loss=["mse", "mae"], loss_weights=[0.5, 2.0], run_eagerly=eagerly), kind([Y, Y + 1])
    predicted = model.predict(X, verbose=0)
    first, second = float(MSE(Y, predicted)), float(MAE(Y + 1, predicted * 2))
    found = model.evaluate(X, y, verbose=0, return_dict=True)
    assert found == pytest.approx({"loss": 0.5 * first + 2 * second, "mse_loss": first, "mae_loss": second}, rel=1e-5)
    history = model.fit(X, y, batch_size=20, sample_weight=WEIGHTS, validation_data=(X, y), verbose=0).history
    weighted = 0.5 * float(MSE(Y, predicted, WEIGHTS)) + 2 * float(MAE(Y + 1, predicted * 2, WEIGHTS))
    assert history["loss"] == pytest.approx([weighted], rel=1e-5)
    assert sorted(history) == ["loss", "mae_loss", "mse_loss", "val_loss", "val_mae_loss", "val_mse_loss"]
    assert model.test_on_batch(X, y) == pytest.approx(model.evaluate(X, y, verbose=0), rel=1e-5)
    assert len(model.train_on_batch(X, y)) == len(model.train_on_batch(X, y)) == 3


def test_an_output_may_be_cut_in_two_for_the_losses_and_be_whole_for_the_metrics() -> None:
    model = made(Halves, loss=["mse", "mae"], metrics=["mae"])
    predicted = model.predict(X, verbose=0)
    expected = {"mse_loss": float(MSE(Y[:, :1], predicted[:, :1])), "mae_loss": float(MAE(Y[:, 1:], predicted[:, 1:]))}
    expected |= {"loss": sum(expected.values()), "mae": float(MAE(Y, predicted))}
    assert model.evaluate(X, Y, verbose=0, return_dict=True) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("eagerly", [False, True])
def test_targets_come_in_the_nesting_they_were_given_in(eagerly: bool) -> None:
    model, y = made(ByKey, run_eagerly=eagerly), {"a": Y, "b": {"c": Y + 1}}
    predicted = model.predict(X, verbose=0)
    expected = float(np.mean((Y - predicted) ** 2) + np.mean(np.abs(Y + 1 - predicted)))
    history = model.fit(X, y, batch_size=20, validation_data=(X, y), verbose=0).history
    assert history["loss"] == pytest.approx([expected], rel=1e-5)
    assert 7 < history["val_loss"][0] < 7 + expected
    assert model.fit(X, y, validation_split=0.5, verbose=0).history["val_loss"][0] > 7
    batches = ((X, y) for _ in range(2))
    assert model.fit(batches, steps_per_epoch=2, verbose=0).history["loss"][0] < expected


def test_targets_by_the_names_of_outputs_stay_a_dict() -> None:
    class Named(Model):
        def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True) -> Any:
            return ops.mean(ops.square(y["o0"] - y_pred[0])) + ops.mean(ops.abs(y["o1"] - y_pred[1]))

    model = made(Named, 2)
    first, second = model.predict(X, verbose=0)
    expected = float(np.mean((Y - first) ** 2) + np.mean(np.abs(Y - second)))
    assert model.evaluate(X, {"o0": Y, "o1": Y}, verbose=0) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("outputs", [1, 2])
def test_a_loss_that_extends_the_own_one_changes_nothing_else(outputs: int) -> None:
    class Doubled(Model):
        def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None, **kwargs: Any) -> Any:
            assert kwargs["training"] in (True, False)
            return super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **kwargs) * 2

    results = []
    for kind in (Doubled, Model):
        model = made(kind, outputs, loss="mse", metrics=["mae", "mse"])
        results.append(model.evaluate(X, Y if outputs == 1 else [Y, Y + 1], verbose=0, return_dict=True, sample_weight=WEIGHTS))
    results[1]["loss"] *= 2
    assert results[0] == pytest.approx(results[1], rel=1e-6)


def test_own_metrics_get_the_same_targets() -> None:
    class Measured(ByKey):
        def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            return {**super().compute_metrics(x, y["a"], y_pred, sample_weight), "spread": ops.max(y["b"]["c"])}

    model = made(Measured, metrics=["mae"])
    found = model.evaluate(X, {"a": Y, "b": {"c": Y + 1}}, verbose=0, return_dict=True)
    assert found["mae"] == pytest.approx(float(MAE(Y, model.predict(X, verbose=0))), rel=1e-5)
    assert found["spread"] == pytest.approx(float(Y.max() + 1))


@pytest.mark.parametrize("kind", [list, tuple, lambda found: {"out": found[0]}])
def test_the_one_output_in_a_nesting_may_have_several_losses(kind: Any) -> None:
    inputs = Input((3,))
    outputs = kind([layers.Dense(2, kernel_initializer="ones")(inputs)])
    model = Model(inputs, outputs)
    model.compile("sgd", ["mse", "mae"], loss_weights=[0.5, 2.0])
    predicted = model.predict(X, verbose=0)
    predicted = np.reshape(predicted["out"] if isinstance(predicted, dict) else predicted, Y.shape)
    expected = 0.5 * float(MSE(Y, predicted)) + 2 * float(MAE(Y, predicted))
    assert model.evaluate(X, kind([Y]), verbose=0) == pytest.approx(expected, rel=1e-5)
