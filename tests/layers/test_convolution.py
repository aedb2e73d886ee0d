"""Convolutions, transposed, depthwise and separable ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import errors, layers, ops
from tests.layers.check_layer import check_layer

RNG = np.random.default_rng(0)
SEQUENCE, IMAGE, VOLUME = (RNG.normal(size=(2, *s, 2)) for s in ((6,), (5, 4), (3, 4, 3)))
BY_RANK = {1: SEQUENCE, 2: IMAGE, 3: VOLUME}


def first(x: np.ndarray) -> np.ndarray:
    """The channels behind the batch axis."""
    return np.moveaxis(x, -1, 1)


def pads(n: int, k: int, s: int, padding: str) -> tuple[int, int]:
    """What TensorFlow pads along one axis."""
    if padding == "valid":
        return 0, 0
    if padding == "causal":
        return k - 1, 0
    total = max((-(-n // s) - 1) * s + k - n, 0)
    return total // 2, total - total // 2


def conv(x: np.ndarray, w: np.ndarray, strides: Any = 1, padding: str = "valid", dilation: Any = 1, groups: int = 1) -> np.ndarray:
    """Convolution written as loops over output places and groups."""
    rank = x.ndim - 2
    strides, dilation = (np.broadcast_to(v, (rank,)) for v in (strides, dilation))
    reach = [(k - 1) * d + 1 for k, d in zip(w.shape, dilation, strict=False)]
    borders = [pads(n, r, s, padding) for n, r, s in zip(x.shape[1:-1], reach, strides, strict=True)]
    x = np.pad(x, [(0, 0), *borders, (0, 0)])
    counts = [(n - r) // s + 1 for n, r, s in zip(x.shape[1:-1], reach, strides, strict=True)]
    outputs, channels = w.shape[-1] // groups, w.shape[-2]
    out = np.zeros((x.shape[0], *counts, w.shape[-1]))
    for place in np.ndindex(*counts):
        window = x[(slice(None), *(slice(p * s, p * s + r, d) for p, s, r, d in zip(place, strides, reach, dilation, strict=True)))]
        for g in range(groups):
            part = np.tensordot(window[..., g * channels : (g + 1) * channels], w[..., g * outputs : (g + 1) * outputs], rank + 1)
            out[(slice(None), *place, slice(g * outputs, (g + 1) * outputs))] = part
    return out


CASES = [
    (1, {"kernel_size": 3}), (1, {"kernel_size": 2, "strides": 2, "padding": "same"}),
    (1, {"kernel_size": 3, "padding": "causal", "dilation_rate": 2}), (1, {"kernel_size": 3, "padding": "causal", "strides": 2}),
    (2, {"kernel_size": (3, 2)}),
    (2, {"kernel_size": 3, "strides": 2, "padding": "same"}), (2, {"kernel_size": 2, "dilation_rate": (2, 1), "padding": "same"}),
    (2, {"kernel_size": 2, "groups": 2}), (3, {"kernel_size": 2}), (3, {"kernel_size": (1, 2, 3), "strides": (1, 2, 1), "padding": "same"}),
]  # fmt: skip


@pytest.mark.parametrize(("rank", "config"), CASES)
def test_convolutions_slide_their_kernel(rank: int, config: dict[str, Any]) -> None:
    cls, x = getattr(layers, f"Conv{rank}D"), BY_RANK[rank]
    size = np.broadcast_to(config["kernel_size"], (rank,))
    groups = config.get("groups", 1)

    def expected(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.tanh(conv(x, w, config.get("strides", 1), config.get("padding", "valid"), config.get("dilation_rate", 1), groups) + b)

    config = {**config, "filters": 2, "activation": "tanh"}
    weights = [("kernel", (*size, 2 // groups, 2)), ("bias", (2,))]
    check_layer(cls, config, x, expected, weights=weights, gradient=rank < 3)
    check_layer(
        cls, {**config, "data_format": "channels_first"}, first(x), lambda x, w, b: first(expected(np.moveaxis(x, 1, -1), w, b)),
        weights=weights, gradient=False,
    )  # fmt: skip


def test_the_length_of_a_sequence_may_be_unknown() -> None:
    for config in ({"padding": "causal", "dilation_rate": 2}, {"padding": "same"}, {"strides": 2}):
        config = {"filters": 3, "kernel_size": 2, "use_bias": False, **config}
        check_layer(layers.Conv1D, config, SEQUENCE, weights=[("kernel", (2, 2, 3))], free=(0, 1), gradient=False)


TRANSPOSED = [
    (1, {"kernel_size": 3}), (1, {"kernel_size": 2, "strides": 3}), (1, {"kernel_size": 3, "dilation_rate": 2}),
    (1, {"kernel_size": 3, "strides": 2, "output_padding": 1}), (1, {"kernel_size": 3, "strides": 2, "padding": "same", "output_padding": 0}),
    (2, {"kernel_size": (3, 2), "strides": 2}), (2, {"kernel_size": 3, "strides": 2, "padding": "same"}),
    (2, {"kernel_size": 4, "strides": (2, 1), "padding": "same"}), (3, {"kernel_size": 2, "strides": (1, 2, 1)}),
]  # fmt: skip


def transposed_size(n: int, k: int, s: int, d: int, padding: str, given: int | None) -> int:
    reach = (k - 1) * d + 1
    if padding == "valid":
        return (n - 1) * s + reach + (max(reach, s) - reach if given is None else given)
    return n * s if given is None else (n - 1) * s + reach % 2 + given


@pytest.mark.parametrize(("rank", "config"), TRANSPOSED)
def test_a_transposed_convolution_is_the_adjoint_of_the_convolution(rank: int, config: dict[str, Any]) -> None:
    cls, x = getattr(layers, f"Conv{rank}DTranspose"), BY_RANK[rank]
    size, strides, dilation = (np.broadcast_to(config.get(k, 1), (rank,)) for k in ("kernel_size", "strides", "dilation_rate"))
    padding, given = config.get("padding", "valid"), config.get("output_padding")
    weights = [("kernel", (*size, 3, 2)), ("bias", (3,))]
    layer = check_layer(cls, {**config, "filters": 3}, x, weights=weights, gradient=rank < 3)
    kernel = layer.kernel.numpy()
    y = np.asarray(layer(x)) - layer.bias.numpy()
    spatial = [transposed_size(*v, padding, given) for v in zip(x.shape[1:-1], size, strides, dilation, strict=True)]
    assert y.shape == (2, *spatial, 3)
    probe = RNG.normal(size=y.shape)
    np.testing.assert_allclose(np.sum(conv(probe, kernel, strides, padding, dilation) * x), np.sum(probe * y))
    same = cls(**config, filters=3, data_format="channels_first", dtype="float64")
    same(first(x))
    same.set_weights(layer.get_weights())
    np.testing.assert_allclose(same(first(x)), first(np.asarray(layer(x))))


@pytest.mark.parametrize("config", [{}, {"strides": 2, "padding": "same"}, {"depth_multiplier": 3}, {"dilation_rate": 2}])
@pytest.mark.parametrize("rank", [1, 2])
def test_depthwise_convolutions_keep_channels_apart(rank: int, config: dict[str, Any]) -> None:
    multiplier = config.get("depth_multiplier", 1)

    def expected(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        grouped = w.reshape(*w.shape[:-2], 1, -1)
        return conv(x, grouped, config.get("strides", 1), config.get("padding", "valid"), config.get("dilation_rate", 1), groups=2) + b

    weights = [("kernel", (2,) * rank + (2, multiplier)), ("bias", (2 * multiplier,))]
    check_layer(getattr(layers, f"DepthwiseConv{rank}D"), {"kernel_size": 2, **config}, BY_RANK[rank], expected, weights=weights)


@pytest.mark.parametrize("config", [{}, {"strides": 2, "padding": "same"}, {"depth_multiplier": 2, "use_bias": False}])
@pytest.mark.parametrize("rank", [1, 2])
def test_separable_convolutions_mix_channels_afterwards(rank: int, config: dict[str, Any]) -> None:
    multiplier = config.get("depth_multiplier", 1)

    def expected(x: np.ndarray, w: np.ndarray, p: np.ndarray, b: Any = 0.0) -> np.ndarray:
        return conv(conv(x, w.reshape(*w.shape[:-2], 1, -1), config.get("strides", 1), config.get("padding", "valid"), groups=2), p) + b

    weights = [("depthwise_kernel", (2,) * rank + (2, multiplier)), ("pointwise_kernel", (1,) * rank + (2 * multiplier, 3))]
    weights += [("bias", (3,))] if config.get("use_bias", True) else []
    cls, x = getattr(layers, f"SeparableConv{rank}D"), BY_RANK[rank]
    layer = check_layer(cls, {"filters": 3, "kernel_size": 2, **config}, x, expected, weights=weights)
    same = cls(3, 2, data_format="channels_first", dtype="float64", **config)
    same(first(x))
    same.set_weights(layer.get_weights())
    np.testing.assert_allclose(same(first(x)), first(np.asarray(layer(x))))


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: layers.Conv2D(0, 3), errors.ConfigError, "filters"),
        (lambda: layers.Conv2D(4, (3, 3, 3)), errors.ConfigError, "kernel_size"),
        (lambda: layers.Conv2D(4, 3, strides=0), errors.ConfigError, "strides"),
        (lambda: layers.Conv2D(4, 3, padding="causal"), errors.ConfigError, "padding"),
        (lambda: layers.Conv2D(4, 3, strides=2, dilation_rate=2), errors.ConfigError, "cannot both"),
        (lambda: layers.Conv2D(3, 3, groups=2), errors.ConfigError, "do not divide"),
        (lambda: layers.Conv2D(3, 3, groups=3)(IMAGE), errors.ShapeError, "do not divide"),
        (lambda: layers.Conv2D(3, 3)(SEQUENCE), errors.ShapeError, "expects 4 axes"),
        (lambda: layers.Conv1D(3, 9)(SEQUENCE), errors.ShapeError, "does not fit"),
        (lambda: layers.Conv1DTranspose(3, 2, strides=2, output_padding=2), errors.ConfigError, "below strides"),
        (lambda: layers.DepthwiseConv2D(3, depth_multiplier=0), errors.ConfigError, "depth_multiplier"),
    ],
)
def test_convolutions_refuse_what_does_not_fit(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


def test_convolutions_have_their_other_names() -> None:
    for name in ("Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "SeparableConv1D", "SeparableConv2D"):
        other, kind = getattr(layers, name.replace("Conv", "Convolution")), getattr(layers, name)
        assert issubclass(kind, other) and issubclass(other, kind)
    for rank in (1, 2, 3):
        for short, long in (("MaxPool", "MaxPooling"), ("AvgPool", "AveragePooling")):
            for scope in ("", "Global"):
                assert getattr(layers, f"{scope}{short}{rank}D") is getattr(layers, f"{scope}{long}{rank}D")


@pytest.mark.parametrize("layer", [layers.Conv1D(2, 1), layers.Conv1D(2, 1, padding="causal")])
def test_images_without_channels_are_refused(layer: Any) -> None:
    with pytest.raises(errors.ShapeError, match="no channels"):
        layer(ops.placeholder("f32[2, 4, 0]", name="x"))


def test_a_subclass_changes_the_kernel_that_is_convolved() -> None:
    class Doubled(layers.Conv2D):
        def convolution_op(self, inputs, kernel):
            return super().convolution_op(inputs, 2 * kernel)

    x = np.random.default_rng(0).normal(size=(1, 5, 5, 2)).astype("float32")
    doubled = Doubled(3, 2)
    doubled.build((None, 5, 5, 2))
    plain = layers.Conv2D(3, 2, weights=doubled.get_weights())
    np.testing.assert_allclose(doubled(x), 2 * np.asarray(plain(x)), rtol=1e-5)
