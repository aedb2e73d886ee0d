"""Regularizers and constraints against their formulas, on arrays and through a graph; names and configs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import constraints, regularizers
from symkeras.autodiff import gradients
from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import Graph
from symkeras.graph.variable import Variable
from tests.backends import evaluate_on_all
from tests.losses.symbolic import both, placeholders

W = np.random.default_rng(0).normal(size=(4, 3)) * [1.0, 2.0, 0.1]
NORMS = np.sqrt((W**2).sum(0, keepdims=True))


def mean_cosine(vectors: np.ndarray) -> float:
    """The mean |cosine| over all ordered pairs of different rows."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = [abs(float(a @ b)) for i, a in enumerate(unit) for j, b in enumerate(unit) if i != j]
    return sum(pairs) / len(pairs)


PENALTIES = {
    "l1": (regularizers.L1(0.3), 0.3 * np.abs(W).sum()),
    "l2": (regularizers.L2(0.2), 0.2 * (W**2).sum()),
    "l1_l2": (regularizers.L1L2(0.3, 0.2), 0.3 * np.abs(W).sum() + 0.2 * (W**2).sum()),
    "l1l2": (regularizers.L1L2(l2=0.2), 0.2 * (W**2).sum()),
    "L1L2": (regularizers.L1L2(), 0.0),
    "orthogonal_regularizer": (regularizers.OrthogonalRegularizer(0.5), 0.5 * mean_cosine(W)),
    "OrthogonalRegularizer": (regularizers.OrthogonalRegularizer(0.5, mode="columns"), 0.5 * mean_cosine(W.T)),
}
PROJECTIONS = {
    "max_norm": (constraints.MaxNorm(1.5), W * np.minimum(NORMS, 1.5) / NORMS),
    "MaxNorm": (constraints.MaxNorm(0.5, axis=[0, 1]), W * 0.5 / np.sqrt((W**2).sum())),
    "min_max_norm": (constraints.MinMaxNorm(1.0, 2.0, 0.6), W * (0.6 * np.clip(NORMS, 1, 2) + 0.4 * NORMS) / NORMS),
    "non_neg": (constraints.NonNeg(), np.maximum(W, 0)),
    "unit_norm": (constraints.UnitNorm(), W / NORMS),
}


@pytest.mark.parametrize("name", PENALTIES)
def test_penalty_has_its_formula_as_value_and_in_a_graph(name: str) -> None:
    regularizer, expected = PENALTIES[name]
    assert isinstance(regularizer, type(regularizers.get(name)))
    np.testing.assert_allclose(both(regularizer, W), expected, rtol=1e-12)
    value = regularizer(Variable(W.astype("float32")))
    assert np.asarray(value).dtype == np.float32 and np.shape(value) == ()


@pytest.mark.parametrize("name", PROJECTIONS)
def test_projection_has_its_formula_as_value_and_in_a_graph(name: str) -> None:
    constraint, expected = PROJECTIONS[name]
    assert isinstance(constraint, type(constraints.get(name)))
    np.testing.assert_allclose(both(constraint, W), expected, rtol=1e-5)
    assert np.asarray(constraint(Variable(W.astype("float32")))).dtype == np.float32


def test_a_zero_vector_gives_no_nan_in_values_or_gradients() -> None:
    w = np.array([[0.0, 0.0], [3.0, 4.0]])
    (x,) = placeholders([w])
    penalty = regularizers.OrthogonalRegularizer()(x)
    values, _ = evaluate_on_all(Graph([x.node], [penalty.node, gradients(penalty, [x])[0].node]), [w])
    assert all(np.isfinite(v).all() for v in values)
    for name in PROJECTIONS:
        assert np.isfinite(constraints.get(name)(np.zeros((2, 2)))).all()


@pytest.mark.parametrize(("family", "cases"), [(regularizers, PENALTIES), (constraints, PROJECTIONS)], ids=["regularizers", "constraints"])
def test_config_has_keras_module_and_makes_the_same_object(family: Any, cases: dict[str, Any]) -> None:
    for before, _ in cases.values():
        config = family.serialize(before)
        assert (config["module"], config["class_name"]) == (f"keras.{family.__name__.split('.')[-1]}", type(before).__name__)
        after = family.deserialize(config)
        assert type(after) is type(before) and after.get_config() == before.get_config()


def test_defaults_and_config_keys_are_those_of_keras() -> None:
    assert regularizers.get("l2").get_config() == {"l2": 0.01} and regularizers.L1(None).get_config() == {"l1": 0.01}
    assert regularizers.L1L2().get_config() == {"l1": 0.0, "l2": 0.0}
    assert regularizers.OrthogonalRegularizer().get_config() == {"factor": 0.01, "mode": "rows"}
    assert constraints.MaxNorm().get_config() == {"max_value": 2, "axis": 0}
    assert constraints.MinMaxNorm().get_config() == {"min_value": 0.0, "max_value": 1.0, "rate": 1.0, "axis": 0}
    assert constraints.UnitNorm().get_config() == {"axis": 0} and constraints.NonNeg().get_config() == {}


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda: regularizers.L1(-1), ConfigError, "l1 must be a number that is not negative"),
        (lambda: regularizers.L2(float("nan")), ConfigError, "l2 must be a number"),
        (lambda: regularizers.L1L2(l2="big"), ConfigError, "received 'big'"),
        (lambda: regularizers.OrthogonalRegularizer(mode="both"), ConfigError, '"rows" or "columns"'),
        (lambda: regularizers.OrthogonalRegularizer()(np.ones(3)), ShapeError, "expects a matrix"),
        (lambda: regularizers.get("l3"), ConfigError, "unknown regularizer 'l3'"),
        (lambda: constraints.get("nonnegative"), ConfigError, "unknown constraint"),
    ],
)
def test_errors_say_what_is_wrong(wrong: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        wrong()


def test_functions_and_classes_are_taken_as_they_are() -> None:
    assert regularizers.get(np.sum) is np.sum and constraints.get(None) is None
    assert isinstance(constraints.get(constraints.NonNeg), constraints.NonNeg)
