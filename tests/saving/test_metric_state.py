"""Metrics in files: those that are attributes of layers have a path, as in Keras; those of `compile` have none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from symkeras import Input, Model, Sequential, layers, metrics, models
from symkeras.errors import DataError

X, Y = np.ones((4, 3), "float32"), np.ones((4, 2), "float32")


class Pair(metrics.Metric):
    """Two metrics within one."""

    def __init__(self, name: str = "pair"):
        super().__init__(name=name)
        self.low, self.high = metrics.Mean(), metrics.Mean()

    def update_state(self, value: Any) -> None:
        self.low.update_state(value)
        self.high.update_state(value + 1.0)

    def result(self) -> Any:
        return self.high.result() - self.low.result()


class Tracking(Model):
    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(2)
        self.tracker = metrics.Mean(name="tracked")
        self.many = {"a": metrics.Sum(), "b": [metrics.MeanSquaredError()]}
        self.pair = Pair()

    def call(self, x: Any) -> Any:
        return self.dense(x)

    def numbers(self) -> list[float]:
        found = (self.tracker, self.many["a"], self.many["b"][0], self.pair.low, self.pair.high)
        return [float(v.numpy()) for m in found for v in m.variables]


def tracking(trained: bool = False) -> Tracking:
    model = Tracking()
    model.compile("sgd", "mse", metrics=["mae", metrics.RootMeanSquaredError()])
    model.fit(X, Y, verbose=0)
    if trained:
        model.tracker.update_state([1.0, 2.0])
        model.many["a"].update_state([5.0])
        model.many["b"][0].update_state(Y, Y * 3)
        model.pair.update_state(7.0)
    return model


def paths(file: Path) -> set[str]:
    found: set[str] = set()
    with h5py.File(file) as f:
        f.visititems(lambda name, at: found.add(name) if isinstance(at, h5py.Dataset) else None)
    return found


def test_metrics_among_the_attributes_have_the_paths_of_keras(tmp_path: Path) -> None:
    file = tmp_path / "m.weights.h5"
    tracking(True).save_weights(file)
    state = {p for p in paths(file) if not p.startswith(("dense", "optimizer"))}
    assert state == {
        "tracker/vars/0", "tracker/vars/1", "many/sum/vars/0", "many/container/mean_squared_error/vars/0", "many/container/mean_squared_error/vars/1",
        *(f"pair/vars/{k}" for k in range(4)), *(f"pair/{m}/vars/{k}" for m in ("low", "high") for k in range(2)),
    }  # fmt: skip


def test_their_state_comes_back(tmp_path: Path) -> None:
    model, other = tracking(True), tracking()
    assert model.numbers() != other.numbers()
    model.save_weights(tmp_path / "m.weights.h5")
    other.load_weights(tmp_path / "m.weights.h5")
    assert other.numbers() == model.numbers()


def test_metrics_of_compile_are_not_in_files(tmp_path: Path) -> None:
    model = Sequential([Input((3,)), layers.Dense(2)])
    model.compile("sgd", "mse", metrics=["mae", metrics.RootMeanSquaredError()], weighted_metrics=["mse"])
    model.fit(X, Y, verbose=0)
    model.save_weights(tmp_path / "m.weights.h5")
    assert all(p.startswith(("layers/dense/", "optimizer/")) for p in paths(tmp_path / "m.weights.h5"))
    model.save(tmp_path / "m.keras")
    assert models.load_model(tmp_path / "m.keras").evaluate(X, Y, verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0))


def test_a_file_from_before_leaves_metrics_as_they_are(tmp_path: Path) -> None:
    file, model = tmp_path / "m.weights.h5", tracking(True)
    tracking().save_weights(file)
    with h5py.File(file, "a") as f:
        for name in ("tracker", "many", "pair"):
            del f[name]
    before = model.numbers()
    model.load_weights(file)
    assert model.numbers() == before


def test_a_metric_that_does_not_fit_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    file, model = tmp_path / "m.weights.h5", tracking(True)
    tracking().save_weights(file)
    with h5py.File(file, "a") as f:
        del f["tracker/vars/1"]
    before = [w.copy() for w in model.get_weights()], model.numbers()
    with pytest.raises(DataError, match="tracker: it has 2 variables, received 1 variables"):
        model.load_weights(file)
    np.testing.assert_array_equal(before[0][0], model.get_weights()[0])
    assert before[1] == model.numbers()
