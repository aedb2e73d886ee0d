"""Every activation against its formula, on arrays and through a graph; gradients; names and configs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from symkeras import activations
from symkeras.errors import ConfigError, ShapeError
from symkeras.ops import activations as composites
from symkeras.ops.op import OPS, Composite, Sample
from symkeras.saving import custom_object_scope, register_keras_serializable
from tests.losses.symbolic import both
from tests.ops.check_op import check_gradient, check_inference

X = np.linspace(-4.03, 4.1, 24).reshape(4, 6)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def normal_cdf(x: np.ndarray) -> np.ndarray:
    return np.vectorize(lambda v: math.erf(v / math.sqrt(2)) / 2 + 0.5)(x)


def simplex_projection(row: np.ndarray) -> np.ndarray:
    """The level that cuts the row to sum 1, found by bisection."""
    low, high = row.min() - 1, row.max()
    for _ in range(100):
        level = (low + high) / 2
        low, high = (level, high) if np.maximum(row - level, 0).sum() > 1 else (low, level)
    return np.maximum(row - low, 0)


VALUES = {
    "celu": (X, {"alpha": 0.5}, np.where(X > 0, X, 0.5 * np.expm1(X / 0.5))),
    "elu": (X, {"alpha": 0.5}, np.where(X > 0, X, 0.5 * np.expm1(X))),
    "exponential": (X, {}, np.exp(X)),
    "gelu": (X, {}, X * normal_cdf(X)),
    "glu": (X, {}, X[:, :3] * sigmoid(X[:, 3:])),
    "hard_shrink": (X, {"threshold": 1.0}, np.where(np.abs(X) > 1, X, 0)),
    "hard_sigmoid": (X, {}, np.clip(X / 6 + 0.5, 0, 1)),
    "hard_sigmoid_keras_2": (X, {}, np.clip(0.2 * X + 0.5, 0, 1)),
    "hard_silu": (X, {}, X * np.clip(X / 6 + 0.5, 0, 1)),
    "hard_swish": (X, {}, X * np.clip(X / 6 + 0.5, 0, 1)),
    "hard_tanh": (X, {}, np.clip(X, -1, 1)),
    "leaky_relu": (X, {}, np.where(X > 0, X, 0.2 * X)),
    "linear": (X, {}, X),
    "log_sigmoid": (X, {}, np.log(sigmoid(X))),
    "log_softmax": (X, {}, X - np.log(np.exp(X).sum(-1, keepdims=True))),
    "mish": (X, {}, X * np.tanh(np.log1p(np.exp(X)))),
    "relu": (X, {}, np.maximum(X, 0)),
    "relu6": (X * 2, {}, np.clip(X * 2, 0, 6)),
    "selu": (X, {}, 1.0507009873554805 * np.where(X > 0, X, 1.6732632423543772 * np.expm1(X))),
    "sigmoid": (X, {}, sigmoid(X)),
    "silu": (X, {}, X * sigmoid(X)),
    "soft_shrink": (X, {"threshold": 1.0}, np.sign(X) * np.maximum(np.abs(X) - 1, 0)),
    "softmax": (X, {"axis": -1}, np.exp(X) / np.exp(X).sum(-1, keepdims=True)),
    "softplus": (X, {}, np.log1p(np.exp(X))),
    "softsign": (X, {}, X / (1 + np.abs(X))),
    "sparse_plus": (X, {}, np.where(X < -1, 0, np.where(X > 1, X, (X + 1) ** 2 / 4))),
    "sparse_sigmoid": (X, {}, np.clip((X + 1) / 2, 0, 1)),
    "sparsemax": (X, {}, np.apply_along_axis(simplex_projection, -1, X)),
    "squareplus": (X, {"b": 1.0}, (X + np.sqrt(X**2 + 1)) / 2),
    "swish": (X, {}, X * sigmoid(X)),
    "tanh": (X, {}, np.tanh(X)),
    "tanh_shrink": (X, {}, X - np.tanh(X)),
    "threshold": (X, {"threshold": 0.5, "default_value": -2.0}, np.where(X > 0.5, X, -2.0)),
}


@pytest.mark.parametrize("name", VALUES)
def test_activation_has_its_formula_on_arrays_and_in_a_graph(name: str) -> None:
    x, arguments, expected = VALUES[name]
    fn = activations.get(name)
    np.testing.assert_allclose(both(lambda v: fn(v, **arguments), x), expected, rtol=1e-12, atol=1e-12)
    assert both(lambda v: fn(v, **arguments), x.astype("float32")).dtype == np.float32


def test_all_32_names_of_keras_are_there() -> None:
    known = set(dir(activations)) - {"get", "serialize", "deserialize"}
    assert known == set(VALUES) and len(known - {"hard_sigmoid_keras_2"}) == 32


@pytest.mark.parametrize(
    ("arguments", "formula"),
    [
        ({"negative_slope": 0.3}, lambda x: np.where(x > 0, x, 0.3 * x)),
        ({"max_value": 2.0}, lambda x: np.clip(x, 0, 2)),
        ({"max_value": 6}, lambda x: np.clip(x, 0, 6)),
        ({"threshold": 1.0}, lambda x: np.where(x > 1, x, 0)),
        ({"threshold": -0.5}, lambda x: np.where(x > -0.5, x, 0)),
        ({"negative_slope": 0.2, "max_value": 3.0}, lambda x: np.where(x > 0, np.minimum(x, 3), 0.2 * x)),
        ({"negative_slope": 0.3, "max_value": 2.0, "threshold": 0.7}, lambda x: np.where(x > 0.7, np.clip(x, 0, 2), 0.3 * (x - 0.7))),
    ],
)
def test_relu_combines_slope_ceiling_and_threshold(arguments: dict[str, float], formula: Any) -> None:
    np.testing.assert_allclose(both(lambda v: activations.relu(v, **arguments), X), formula(X), atol=1e-12)


OWN = [op for op in OPS.values() if isinstance(op, Composite) and op.function.__module__ == composites.__name__]
CASES = [(op, s) for op in OWN for s in op.samples]


@pytest.mark.parametrize(("op", "sample"), CASES, ids=[f"{op.name} {s.types[0]}" for op, s in CASES])
def test_composite_keeps_its_promises_and_has_the_gradient_of_finite_differences(op: Any, sample: Sample) -> None:
    check_inference(op, sample)
    check_gradient(op, sample, second=sample.types[0].startswith("f64"))


@pytest.mark.parametrize(
    ("name", "limits"),
    [("celu", (-1, 1e3)), ("selu", (-1.7580993408473766, 1050.7009873554805)), ("mish", (0, 1e3)), ("squareplus", (0, 1e3)), ("softsign", (-1, 1))],
)
def test_large_inputs_give_the_limit_and_no_nan(name: str, limits: tuple[float, float]) -> None:
    np.testing.assert_allclose(activations.get(name)(np.array([-1e3, 1e3])), limits, rtol=2e-3, atol=2e-3)


def test_sparsemax_works_along_any_axis_and_with_symbolic_sizes() -> None:
    along_rows = both(lambda v: activations.sparsemax(v, axis=0), X)
    np.testing.assert_allclose(along_rows, np.apply_along_axis(simplex_projection, 0, X), atol=1e-12)


def test_glu_of_an_odd_axis_is_an_error() -> None:
    with pytest.raises(ShapeError, match="size 3 is odd"):
        activations.glu(np.zeros((2, 3)))


def test_get_takes_names_none_and_functions_and_offers_the_nearest_name() -> None:
    assert activations.get(None) is activations.linear
    assert activations.get("ReLU") is activations.relu
    assert activations.get(np.tanh) is np.tanh
    with pytest.raises(ConfigError, match=r"unknown activation 'sigmod'.*'sigmoid'"):
        activations.get("sigmod")


def test_serialize_names_own_functions_and_describes_custom_ones() -> None:
    @register_keras_serializable("tests", name="cubed")
    def cube(x: Any) -> Any:
        return x**3

    assert activations.serialize(activations.swish) == "silu"
    assert activations.serialize(cube) == {"module": "builtins", "class_name": "function", "config": "tests>cubed", "registered_name": "function"}
    assert activations.deserialize(activations.serialize(cube)) is cube
    assert activations.deserialize("mine", custom_objects={"mine": cube}) is cube
    with custom_object_scope({"relu": cube}):
        assert activations.get("relu") is cube
    assert activations.deserialize({"class_name": "relu", "config": {}}) is activations.relu
