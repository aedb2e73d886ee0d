from __future__ import annotations

import numpy as np
import pytest

from symkeras import errors, losses, ops
from symkeras.autodiff import gradients
from symkeras.graph import Graph
from tests.backends import evaluate_on_all
from tests.losses.symbolic import both

EPS = 1e-7
rng = np.random.default_rng(3)
REAL = (rng.normal(size=(5, 4)), rng.normal(size=(5, 4)))
POSITIVE = (rng.random((5, 4)) * 3, rng.random((5, 4)) * 3)
BINARY = (rng.integers(0, 2, (5, 4)).astype(float), rng.uniform(0.05, 0.95, (5, 4)))
CLASSES = (np.eye(4)[rng.integers(0, 4, 5)], rng.dirichlet(np.ones(4), 5))
SIGNS = BINARY[0] * 2 - 1


def cosine(t, p):
    return -(t * p).sum(-1) / np.linalg.norm(t, axis=-1) / np.linalg.norm(p, axis=-1)


def bce(t, p):
    return -(t * np.log(p) + (1 - t) * np.log(1 - p))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def log_softmax(x):
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def focal(t, p):
    truth = t * p + (1 - t) * (1 - p)
    return ((1 - truth) ** 2 * bce(t, p)).mean(-1)


# name, arguments, targets and predictions, formula in float64
FORMULAS = [
    ("mean_squared_error", {}, REAL, lambda t, p: ((t - p) ** 2).mean(-1)),
    ("mean_absolute_error", {}, REAL, lambda t, p: np.abs(t - p).mean(-1)),
    ("mean_absolute_percentage_error", {}, REAL, lambda t, p: 100 * np.abs((t - p) / t).mean(-1)),
    ("mean_squared_logarithmic_error", {}, POSITIVE, lambda t, p: ((np.log1p(t) - np.log1p(p)) ** 2).mean(-1)),
    ("huber", {"delta": 0.7}, REAL, lambda t, p: np.where(np.abs(t - p) < 0.7, (t - p) ** 2 / 2, 0.7 * np.abs(t - p) - 0.245).mean(-1)),
    ("log_cosh", {}, REAL, lambda t, p: np.log(np.cosh(p - t)).mean(-1)),
    ("cosine_similarity", {}, REAL, cosine),
    ("binary_crossentropy", {}, BINARY, lambda t, p: bce(t, p).mean(-1)),
    ("binary_crossentropy", {"label_smoothing": 0.2}, BINARY, lambda t, p: bce(t * 0.8 + 0.1, p).mean(-1)),
    ("binary_crossentropy", {"from_logits": True}, (BINARY[0], REAL[0]), lambda t, x: bce(t, sigmoid(x)).mean(-1)),
    ("binary_focal_crossentropy", {}, BINARY, focal),
    ("binary_focal_crossentropy", {"from_logits": True}, (BINARY[0], REAL[0]), lambda t, x: focal(t, sigmoid(x))),
    ("categorical_crossentropy", {}, CLASSES, lambda t, p: -(t * np.log(p)).sum(-1)),
    ("categorical_crossentropy", {}, (CLASSES[0], POSITIVE[0]), lambda t, p: -(t * np.log(p / p.sum(-1, keepdims=True))).sum(-1)),
    ("categorical_crossentropy", {"from_logits": True, "label_smoothing": 0.1}, (CLASSES[0], REAL[0]),
     lambda t, x: -((t * 0.9 + 0.025) * log_softmax(x)).sum(-1)),
    ("categorical_focal_crossentropy", {}, CLASSES, lambda t, p: -(0.25 * (1 - p) ** 2 * t * np.log(p)).sum(-1)),
    ("kl_divergence", {}, (CLASSES[1], CLASSES[1][::-1]), lambda t, p: (t * np.log(t / p)).sum(-1)),
    ("poisson", {}, POSITIVE, lambda t, p: (p - t * np.log(p + EPS)).mean(-1)),
    ("hinge", {}, BINARY, lambda t, p: np.maximum(1 - SIGNS * p, 0).mean(-1)),
    ("squared_hinge", {}, (SIGNS, REAL[0]), lambda t, p: (np.maximum(1 - t * p, 0) ** 2).mean(-1)),
    ("categorical_hinge", {}, (CLASSES[0], REAL[0]), lambda t, p: np.maximum(((1 - t) * p).max(-1) - (t * p).sum(-1) + 1, 0)),
    ("dice", {"axis": 1}, BINARY, lambda t, p: 1 - 2 * (t * p).sum(1) / (t.sum(1) + p.sum(1) + EPS)),
    ("tversky", {"alpha": 0.3, "beta": 0.6, "axis": 1}, BINARY,
     lambda t, p: 1 - (t * p).sum(1) / ((t * p).sum(1) + 0.3 * (t * (1 - p)).sum(1) + 0.6 * (p * (1 - t)).sum(1) + EPS)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "pair", "formula"), FORMULAS, ids=[f"{n}-{k}" for k, (n, *_) in enumerate(FORMULAS)])
def test_every_loss_is_its_formula_eagerly_and_in_a_graph(name, arguments, pair, formula):
    t, p = (a.astype(np.float32) for a in pair)
    got = both(lambda a, b: getattr(losses, name)(a, b, **arguments), t, p)
    np.testing.assert_allclose(got, formula(*pair), rtol=2e-5, atol=1e-6)
    assert got.dtype == np.float32


@pytest.mark.parametrize(("name", "arguments", "pair", "formula"), FORMULAS, ids=[f"{n}-{k}" for k, (n, *_) in enumerate(FORMULAS)])
def test_gradients_agree_with_finite_differences(name, arguments, pair, formula):
    t, p = (np.ascontiguousarray(a, dtype=np.float64) for a in pair)
    target, x = ops.placeholder("f64[5, 4]", name="t"), ops.placeholder("f64[5, 4]", name="x")
    loss = ops.sum(getattr(losses, name)(target, x, **arguments))
    dx = gradients(loss, x)
    (_, slope), _ = evaluate_on_all(Graph([target.node, x.node], [loss.node, dx.node]), [t, p])
    step = 1e-6
    for index in ((0, 0), (2, 3), (4, 1)):
        up, down = p.copy(), p.copy()
        up[index] += step
        down[index] -= step
        values = [getattr(losses, name)(t, q, **arguments).sum() for q in (up, down)]
        assert slope[index] == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("shape", [(5,), (5, 1)])
@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "float32"])
def test_sparse_labels_may_have_a_last_axis_and_any_number_type(shape, dtype):
    labels = np.array([0, 3, 1, 2, 3])
    logits = rng.normal(size=(5, 4)).astype("float32")
    got = both(lambda t, x: losses.sparse_categorical_crossentropy(t, x, from_logits=True), labels.reshape(shape).astype(dtype), logits)
    np.testing.assert_allclose(got, -log_softmax(logits.astype(float))[np.arange(5), labels], rtol=1e-5)


def test_sparse_probabilities_are_divided_by_their_sum():
    got = both(losses.sparse_categorical_crossentropy, np.array([1, 0]), np.array([[1.0, 0.5], [0.5, 0.5]], "float32"))
    np.testing.assert_allclose(got, [-np.log(1 / 3), -np.log(0.5)], rtol=1e-5)


def test_a_negative_label_is_nan_and_a_large_one_an_error_never_another_class():
    got = both(losses.sparse_categorical_crossentropy, np.array([-1, 0]), np.full((2, 3), 1 / 3, "float32"))
    assert np.isnan(got).tolist() == [True, False]
    with pytest.raises(IndexError):
        losses.sparse_categorical_crossentropy(np.array([3]), np.full((1, 3), 1 / 3))


def test_confident_logits_neither_overflow_nor_lose_their_gradient():
    x = ops.placeholder("f32[3, 1]", name="x")
    loss = ops.sum(losses.binary_crossentropy(np.array([[1.0], [0.0], [1.0]], "float32"), x, from_logits=True))
    (value, slope), _ = evaluate_on_all(Graph([x.node], [loss.node, gradients(loss, x).node]), [np.array([[-200.0], [200.0], [0.0]], "float32")])
    assert value == pytest.approx(400 + np.log(2))
    assert slope.ravel().tolist() == [-1.0, 1.0, -0.5]


def test_the_gradient_of_a_cosine_is_finite_at_the_origin():
    x = ops.placeholder("f32[1, 2]", name="x")
    loss = ops.sum(losses.cosine_similarity(np.ones((1, 2), "float32"), x))
    (slope,), _ = evaluate_on_all(Graph([x.node], [gradients(loss, x).node]), [np.zeros((1, 2), "float32")])
    assert np.isfinite(slope).all()


@pytest.mark.parametrize(("name", "pair", "message"), [
    ("categorical_crossentropy", (np.zeros(3), np.ones((3, 4))), "sparse_categorical_crossentropy"),
    ("sparse_categorical_crossentropy", (np.zeros((3, 4)), np.ones((3, 4))), "one-hot"),
    ("binary_crossentropy", (np.zeros((3, 2)), np.ones((3, 4))), "same shape"),
])  # fmt: skip
def test_targets_of_the_wrong_shape_are_told_what_is_expected(name, pair, message):
    with pytest.raises(errors.ShapeError, match=message):
        getattr(losses, name)(*pair)


def test_a_single_class_is_warned_about():
    with pytest.warns(SyntaxWarning, match="binary_crossentropy"):
        losses.categorical_crossentropy(np.ones((2, 1)), np.ones((2, 1)))


def test_circle_and_generalised_crossentropy_have_known_values():
    embeddings = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], "float32")
    got = both(lambda t, p: losses.circle(t, p, gamma=2.0, margin=0.25), np.array([0, 1, 0], "int32"), embeddings)
    near = -2 * 0.25 * 0.25
    far = 2 * 0.25 * -0.25
    np.testing.assert_allclose(got[[0, 2]], np.log1p(np.exp(near + far)), rtol=1e-5)
    assert got[1] == 0.0
    got = both(lambda t, p: losses.categorical_generalized_cross_entropy(t, p, q=0.5), np.array([0]), np.array([[0.25, 0.75]], "float32"))
    assert got.tolist() == [1.0]
