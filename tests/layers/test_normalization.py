"""Normalisation over the batch and within samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import errors, initializers, layers, ops
from symkeras.graph.graph import Graph
from symkeras.layers import BatchNormalization, GroupNormalization, LayerNormalization, RMSNormalization, UnitNormalization
from tests.backends import evaluate_on_all
from tests.layers.check_layer import check_layer, randomize, trace

X = np.random.default_rng(0).normal(size=(3, 2, 4)) * 2 + 1
MASK = np.array([[True, True], [True, False], [False, False]])


def wide(v: np.ndarray, axis: int) -> np.ndarray:
    return v.reshape([-1 if k == axis % 3 else 1 for k in range(3)])


@pytest.mark.parametrize("axis", [-1, 1])
@pytest.mark.parametrize(("center", "scale"), [(True, True), (False, True), (True, False), (False, False)])
def test_batch_normalization_uses_moving_statistics_in_inference(axis: int, center: bool, scale: bool) -> None:
    size = (X.shape[axis],)
    weights = [("gamma", size)] * scale + [("beta", size)] * center + [("moving_mean", size), ("moving_variance", size)]

    def expected(x: np.ndarray, *w: np.ndarray) -> np.ndarray:
        mean, variance = (wide(v, axis) for v in w[-2:])
        y = (x - mean) / np.sqrt(variance + 0.01) * (wide(w[0], axis) if scale else 1)
        return y + (wide(w[int(scale)], axis) if center else 0)

    config = {"axis": axis, "center": center, "scale": scale, "epsilon": 0.01}
    check_layer(BatchNormalization, config, X, expected, weights=weights, mask=MASK, expected_mask=MASK)


@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
@pytest.mark.parametrize("axis", [-1, 1])
def test_batch_normalization_uses_and_keeps_batch_statistics_in_training(axis: int, mask: Any) -> None:
    axes = tuple(k for k in range(3) if k != axis % 3)
    count = np.ones(X.shape) if mask is None else np.broadcast_to(mask[..., None], X.shape).astype(float)
    total = count.sum(axes) + (0 if mask is None else 1e-7)
    mean = (X * count).sum(axes) / total
    variance = (((X - wide(mean, axis)) * count) ** 2).sum(axes) / total
    size = (X.shape[axis],)
    weights = [("gamma", size), ("beta", size), ("moving_mean", size), ("moving_variance", size)]

    def expected(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, *_: np.ndarray) -> np.ndarray:
        return (x - wide(mean, axis)) / np.sqrt(wide(variance, axis) + 1e-3) * wide(gamma, axis) + wide(beta, axis)

    config = {"axis": axis, "momentum": 0.9}
    layer = check_layer(BatchNormalization, config, X, expected, weights=weights, training=True, mask=mask, expected_mask=mask)
    before = layer.get_weights()
    placeholders, out, updates = trace(layer, X, True, mask, (0,))
    feeds = [X] if mask is None else [X, mask]
    _, new = evaluate_on_all(Graph([p.node for p in placeholders], [out.node], updates), feeds)
    np.testing.assert_allclose(new[0], before[2] * 0.9 + mean * 0.1)
    np.testing.assert_allclose(new[1], before[3] * 0.9 + variance * 0.1)
    layer(X, training=True, mask=mask)
    np.testing.assert_allclose(layer.moving_mean.numpy(), new[0])
    np.testing.assert_allclose(layer.moving_variance.numpy(), new[1])


def test_a_frozen_batch_normalization_infers_even_in_training() -> None:
    layer = BatchNormalization(dtype="float64")
    layer(X)
    randomize(layer)
    layer.trainable = False
    before = layer.get_weights()
    np.testing.assert_array_equal(layer(X, training=True), layer(X, training=False))
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert layer.trainable_weights == []


@pytest.mark.parametrize("axis", [-1, 1, [1, 2], [2, -2]])
@pytest.mark.parametrize(("center", "scale"), [(True, True), (False, False)])
def test_layer_normalization_standardises_each_sample(axis: Any, center: bool, scale: bool) -> None:
    axes = tuple(sorted(a % 3 for a in (axis if isinstance(axis, list) else [axis])))
    size = tuple(X.shape[a] for a in axes)
    weights = [("gamma", size)] * scale + [("beta", size)] * center

    def expected(x: np.ndarray, *w: np.ndarray) -> np.ndarray:
        y = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-3)
        shape = [x.shape[k] if k in axes else 1 for k in range(3)]
        return y * (w[0].reshape(shape) if scale else 1) + (w[-1].reshape(shape) if center else 0)

    config = {"axis": axis, "center": center, "scale": scale}
    check_layer(LayerNormalization, config, X, expected, weights=weights, mask=MASK, expected_mask=MASK)


@pytest.mark.parametrize(("groups", "axis"), [(2, -1), (1, -1), (-1, -1), (4, 2), (2, 1)])
def test_group_normalization_standardises_each_group(groups: int, axis: int) -> None:
    channels = X.shape[axis]

    def expected(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> np.ndarray:
        y = np.empty_like(x)
        width = channels // (groups if groups > 0 else channels)
        for start in range(0, channels, width):
            part = np.take(x, range(start, start + width), axis)
            normal = (part - part.mean((1, 2), keepdims=True)) / np.sqrt(part.var((1, 2), keepdims=True) + 1e-3)
            y[tuple(slice(start, start + width) if k == axis % 3 else slice(None) for k in range(3))] = normal
        return y * wide(gamma, axis) + wide(beta, axis)

    weights = [("gamma", (channels,)), ("beta", (channels,))]
    check_layer(GroupNormalization, {"groups": groups, "axis": axis}, X, expected, weights=weights, mask=MASK, expected_mask=MASK)


@pytest.mark.parametrize("clipping", [None, {"rmin": 0.9, "rmax": 1.1, "dmax": 0.05}])
def test_renorm_corrects_the_batch_by_slow_statistics_that_follow(clipping: Any) -> None:
    mean, deviation = X.mean((0, 1)), np.sqrt(X.var((0, 1)) + 1e-3)
    names = ("gamma", "beta", "moving_mean", "moving_variance", "moving_stddev", "renorm_mean", "renorm_stddev")

    config = {"renorm": True, "renorm_clipping": clipping, "momentum": 0.9, "renorm_momentum": 0.8}
    layer = BatchNormalization.from_config(BatchNormalization(**config, dtype="float64").get_config())
    layer.build(X.shape)
    assert [w.name for w in layer.weights] == list(names)
    randomize(layer)
    w = dict(zip(names, layer.get_weights(), strict=True))
    slow = np.maximum(w["renorm_stddev"], np.sqrt(1e-3))
    r, d = deviation / slow, (mean - w["renorm_mean"]) / slow
    if clipping:
        r, d = np.clip(r, 0.9, 1.1), np.clip(d, -0.05, 0.05)
    np.testing.assert_allclose(layer(X, training=True), ((X - mean) / deviation * r + d) * w["gamma"] + w["beta"])
    moving = w["moving_stddev"] * 0.9 + deviation * 0.1
    for weight, after in {
        "moving_mean": w["moving_mean"] * 0.9 + mean * 0.1, "moving_stddev": moving, "moving_variance": np.maximum(moving**2 - 1e-3, 0),
        "renorm_mean": w["renorm_mean"] * 0.8 + mean * 0.2, "renorm_stddev": w["renorm_stddev"] * 0.8 + deviation * 0.2,
    }.items():  # fmt: skip
        np.testing.assert_allclose(getattr(layer, weight).numpy(), after, rtol=1e-5, err_msg=weight)


def test_deviations_of_renorm_begin_as_roots_of_the_variance() -> None:
    layer = BatchNormalization(renorm=True, moving_variance_initializer=initializers.Constant(4.0))
    layer.build((None, 2))
    assert layer.moving_stddev.numpy().tolist() == layer.renorm_stddev.numpy().tolist() == [2.0, 2.0]


def test_an_axis_from_the_end_stays_one_for_inputs_of_more_axes() -> None:
    x = np.random.default_rng(1).normal(size=(5, 2, 2, 2))
    for layer in (RMSNormalization(), LayerNormalization(axis=[-2, -1])):
        layer.build((2, 2, 2))
        np.testing.assert_array_equal(layer(x), np.stack([layer(part) for part in x]))


def test_rms_scaling_divides_by_the_deviation_and_has_no_beta() -> None:
    def expected(x: np.ndarray, gamma: np.ndarray) -> np.ndarray:
        return x / np.sqrt(x.var(-1, keepdims=True) + 1e-3) * gamma

    check_layer(LayerNormalization, {"rms_scaling": True}, X, expected, weights=[("gamma", (4,))], mask=MASK, expected_mask=MASK)


@pytest.mark.parametrize("axis", [-1, 1, [1, 2]])
def test_rms_normalization_divides_by_the_root_mean_square(axis: Any) -> None:
    axes = tuple(a % 3 for a in (axis if isinstance(axis, list) else [axis]))
    size = tuple(X.shape[a] for a in axes)

    def expected(x: np.ndarray, scale: np.ndarray) -> np.ndarray:
        wide_scale = scale.reshape([x.shape[k] if k in axes else 1 for k in range(3)])
        return x / np.sqrt((x**2).mean(axes, keepdims=True) + 1e-6) * wide_scale

    check_layer(RMSNormalization, {"axis": axis}, X, expected, weights=[("scale", size)])


@pytest.mark.parametrize("axis", [-1, 1, [1, 2]])
def test_unit_normalization_gives_length_one_and_leaves_zero_alone(axis: Any) -> None:
    axes = tuple(axis) if isinstance(axis, list) else axis
    check_layer(UnitNormalization, {"axis": axis}, X, X / np.sqrt((X**2).sum(axes, keepdims=True)), mask=MASK, expected_mask=MASK)
    np.testing.assert_array_equal(UnitNormalization()(np.zeros((1, 3))), np.zeros((1, 3)))


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: BatchNormalization(renorm=True, renorm_clipping={"most": 1.0}), errors.ConfigError, "renorm_clipping: a key must be 'rmin'"),
        (lambda: BatchNormalization(renorm=True, renorm_clipping={"rmin": 2.0, "rmax": 1.0}), errors.ConfigError, "rmax should be"),
        (lambda: BatchNormalization(renorm=True, renorm_clipping={"dmax": -1.0}), errors.ConfigError, "dmax should be"),
        (lambda: BatchNormalization(synchronized=True), errors.ConfigError, "synchronized"),
        (lambda: BatchNormalization(axis=5)(X), errors.ShapeError, "axis 5"),
        (lambda: BatchNormalization()(X, training=True, mask=np.ones(3, bool)), errors.ShapeError, "mask of 2 axes"),
        (lambda: LayerNormalization(axis="last"), errors.ConfigError, "axis"),
        (lambda: LayerNormalization(rms_scaling=3), errors.ConfigError, "rms_scaling"),
        (lambda: GroupNormalization(0), errors.ConfigError, "groups"),
        (lambda: GroupNormalization(3)(X), errors.ShapeError, "do not divide"),
    ],
)
def test_normalisations_refuse_what_does_not_fit(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


def test_half_precision_is_normalised_in_single() -> None:
    x = (X * 300).astype("float16")
    for layer in (layers.LayerNormalization(dtype="float16"), layers.RMSNormalization(dtype="float16")):
        y = layer(x)
        assert y.dtype == np.float16
        assert np.isfinite(y).all() and np.abs(y).max() < 3


def test_group_normalization_takes_what_half_precision_cannot_hold() -> None:
    x = np.float32([[7e4, 8e4, 7e4, 9e4]])
    y = GroupNormalization(2, dtype="mixed_float16")(x)
    assert y.dtype == np.float16 and y.round(2).tolist() == [[-1, 1, -1, 1]]


def test_group_normalization_of_no_channels_is_refused() -> None:
    with pytest.raises(errors.ShapeError, match="0 channels"):
        GroupNormalization(-1)(ops.placeholder("f32[2, 0]", name="x"))
