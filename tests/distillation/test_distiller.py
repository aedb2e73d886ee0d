"""A student learns from its teacher: losses by hand, features of layers, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, Sequential, layers, losses, models, ops
from symkeras.distillation import DistillationLoss, Distiller, FeatureDistillation, LogitsDistillation
from symkeras.errors import ConfigError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3)).astype("float32")
Y = RNG.normal(size=(12, 2)).astype("float32")
A, B = RNG.normal(size=(2, 4, 3)).astype("float32")


def network(width: int, name: str) -> Any:
    early, late = layers.Dense(width, "tanh", name=f"{name}_hidden"), layers.Dense(4, name=f"{name}_late")
    return Sequential([Input((3,)), early, late, layers.Dense(2)], name=name)


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def divergence(of: np.ndarray, by: np.ndarray, temperature: float = 3.0) -> float:
    p, q = softmax(of / temperature), softmax(by / temperature)
    return float((p * np.log(p / q)).sum(-1).mean() * temperature**2)


def test_losses_are_those_of_their_definition() -> None:
    np.testing.assert_allclose(LogitsDistillation().compute_loss(A, B), divergence(A, B), rtol=1e-5)
    np.testing.assert_allclose(LogitsDistillation(2.0, losses.MeanSquaredError()).compute_loss(A, B), ((A - B) ** 2).mean() / 4, rtol=1e-5)
    np.testing.assert_allclose(FeatureDistillation("mae").compute_loss(A, B), np.abs(A - B).mean(), rtol=1e-5)
    several = FeatureDistillation({"a": "mse", "b": None})
    np.testing.assert_allclose(several.compute_loss({"a": A, "b": A}, {"a": B, "b": B}), ((A - B) ** 2).mean(), rtol=1e-5)
    for loss in (LogitsDistillation(2.0), FeatureDistillation("mae", "a", "b"), several):
        again = type(loss).from_config(loss.get_config())
        assert again.get_config() == loss.get_config()


def test_the_whole_loss_is_the_weighted_sum_and_the_teacher_stays() -> None:
    teacher, student = network(8, "teacher"), network(4, "student")
    distiller = Distiller(teacher, student, [LogitsDistillation(), FeatureDistillation("mse", "teacher_late", "student_late")], [0.5, 2.0], 0.25)
    distiller.compile("sgd", "mse", metrics=["mae"])
    before = [w.numpy() for w in teacher.weights]
    of, by = (m.predict(X, verbose=0) for m in (teacher, student))
    late = [Model(m.inputs, m.get_layer(f"{m.name}_late").output).predict(X, verbose=0) for m in (teacher, student)]
    own = ((by - Y) ** 2).mean()
    distance = 0.5 * divergence(of, by) + 2.0 * ((late[0] - late[1]) ** 2).mean()
    found = distiller.evaluate(X, Y, batch_size=12, verbose=0, return_dict=True)
    expected = {"student_loss": own, "distillation_loss": distance, "total_loss": 0.25 * own + 0.75 * distance, "loss": 0.25 * own + 0.75 * distance}
    np.testing.assert_allclose([found[k] for k in expected], list(expected.values()), rtol=1e-4)
    np.testing.assert_allclose(found["mae"], np.abs(by - Y).mean(), rtol=1e-5)
    history = distiller.fit(X, Y, epochs=20, verbose=0).history
    assert history["distillation_loss"][-1] < history["distillation_loss"][0]
    assert all((a == w.numpy()).all() for a, w in zip(before, teacher.weights, strict=True))
    np.testing.assert_array_equal(distiller.predict(X, verbose=0), student.predict(X, verbose=0))
    assert len(distiller.trainable_variables) == len(student.trainable_variables)


def test_a_loss_of_ones_own_and_weights_of_samples() -> None:
    class Distance(DistillationLoss):
        def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
            return ops.mean(ops.abs(ops.subtract(teacher_outputs, student_outputs)))

    distiller = Distiller(network(8, "teacher"), network(4, "student"), Distance(), student_loss_weight=1.0)
    distiller.compile("sgd", losses.MeanSquaredError())
    weights = np.array([1.0, 0.0] * 6)
    found = distiller.evaluate(X, Y, sample_weight=weights, batch_size=12, verbose=0, return_dict=True)
    by = distiller.predict(X, verbose=0)
    np.testing.assert_allclose(found["student_loss"], (((by - Y) ** 2).mean(1) * weights).mean(), rtol=1e-5)
    assert found["distillation_loss"] == 0


def test_distillers_are_saved_whole(tmp_path: Path) -> None:
    distiller = Distiller(network(8, "teacher"), network(4, "student"), LogitsDistillation(2.0), student_loss_weight=0.3)
    distiller.compile("sgd", "mse")
    distiller.fit(X, Y, verbose=0)
    distiller.save(tmp_path / "d.keras")
    again = models.load_model(tmp_path / "d.keras")
    np.testing.assert_allclose(again.predict(X, verbose=0), distiller.predict(X, verbose=0), rtol=1e-6)
    assert again.student_loss_weight == 0.3 and again.distillation_losses[0].temperature == 2.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Distiller(3, network(2, "s"), LogitsDistillation()), "teacher must be a Model"),
        (lambda: Distiller(network(2, "t"), Sequential([Input((4,)), layers.Dense(2)]), LogitsDistillation()), "inputs of teacher and student"),
        (lambda: Distiller(network(2, "t"), Sequential([Input((3,)), layers.Dense(3)]), LogitsDistillation()), "outputs of teacher and student"),
        (lambda: Distiller(network(2, "t"), network(2, "s"), "mse"), "DistillationLoss"),
        (lambda: Distiller(network(2, "t"), network(2, "s"), [LogitsDistillation()], [1, 2]), "1 distillation losses, and 2 weights"),
        (lambda: Distiller(network(2, "t"), network(2, "s"), FeatureDistillation("mse", "nowhere")), "nowhere"),
        (lambda: Distiller(network(2, "t"), network(2, "s"), LogitsDistillation(), student_loss_weight=2), "student_loss_weight"),
        (lambda: Distiller(network(2, "t"), network(2, "s"), LogitsDistillation()).compile("sgd"), "needs the loss of the student"),
        (lambda: LogitsDistillation(0), "temperature"), (lambda: FeatureDistillation(None), "at least one loss"),
        (lambda: LogitsDistillation().validate_outputs([A], A), "nested in different ways"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        call()
