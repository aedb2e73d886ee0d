"""Activations as layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import errors
from symkeras.layers import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from tests.layers.check_layer import check_layer

X = np.random.default_rng(0).normal(size=(2, 3, 4)) * 2
MASK = np.array([[True, True, False], [True, False, False]])


def softmax(x: np.ndarray, axis: Any = -1) -> np.ndarray:
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


TABLE = [
    (Activation, {"activation": "tanh"}, np.tanh(X)),
    (ReLU, {}, np.maximum(X, 0)),
    (ReLU, {"max_value": 1.0}, np.clip(X, 0, 1)),
    (ReLU, {"max_value": 1.5, "negative_slope": 0.1, "threshold": 0.5}, np.minimum(np.where(X > 0.5, X, 0.1 * (X - 0.5)), 1.5)),
    (LeakyReLU, {}, np.where(X > 0, X, 0.3 * X)),
    (LeakyReLU, {"negative_slope": 0.05}, np.where(X > 0, X, 0.05 * X)),
    (ELU, {"alpha": 0.7}, np.where(X > 0, X, 0.7 * np.expm1(X))),
    (Softmax, {}, softmax(X)),
    (Softmax, {"axis": 1}, softmax(X, 1)),
    (Softmax, {"axis": [1, 2]}, softmax(X, (1, 2))),
]


@pytest.mark.parametrize(("cls", "config", "expected"), TABLE, ids=[f"{c.__name__}{n}" for c, n, _ in TABLE])
def test_activation_layers_compute_their_formula(cls: Any, config: dict[str, Any], expected: np.ndarray) -> None:
    check_layer(cls, config, X, expected, free=(0, 1))


@pytest.mark.parametrize(("shared", "shape"), [(None, (3, 4)), ([1], (1, 4)), (2, (3, 1)), ([1, 2], (1, 1))])
def test_prelu_learns_a_slope_per_feature(shared: Any, shape: tuple[int, ...]) -> None:
    check_layer(PReLU, {"shared_axes": shared}, X, lambda x, a: np.where(x > 0, x, a * x), weights=[("alpha", shape)])


@pytest.mark.parametrize("cls", [ReLU, LeakyReLU, ELU, PReLU])
def test_activation_layers_pass_the_mask_on(cls: Any) -> None:
    weights = [("alpha", (3, 4))] if cls is PReLU else []
    check_layer(cls, {}, X, weights=weights, mask=MASK, expected_mask=MASK, gradient=False)


def test_softmax_gives_masked_places_nothing() -> None:
    x = X[0]
    mask = np.array([[True, False, True, True], [True, True, False, False], [False, True, True, True]])
    e = np.exp(x - x.max(-1, keepdims=True)) * mask
    check_layer(Softmax, {}, x, e / e.sum(-1, keepdims=True), mask=mask, expected_mask=mask)
    with pytest.raises(errors.ShapeError, match="does not broadcast"):
        Softmax()(X, mask=np.ones((2, 3), bool))


@pytest.mark.parametrize(
    "make",
    [lambda: ReLU(max_value=-1), lambda: ReLU(negative_slope=-1), lambda: ReLU(threshold=-1), lambda: LeakyReLU(None), lambda: LeakyReLU(-0.1)],
)
def test_negative_slopes_and_limits_are_refused(make: Any) -> None:
    with pytest.raises(errors.ConfigError, match="a number of at least 0"):
        make()


def test_leaky_relu_takes_the_alpha_of_2017() -> None:
    assert LeakyReLU(alpha=0.5).negative_slope == 0.5
