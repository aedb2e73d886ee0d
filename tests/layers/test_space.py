"""Reshaping, borders and pooling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import errors, layers
from tests.layers.check_layer import check_layer

RNG = np.random.default_rng(0)
SEQUENCE, IMAGE, VOLUME = (RNG.normal(size=(2, *s, 2)) for s in ((5,), (3, 4), (2, 3, 4)))
BY_RANK = {1: SEQUENCE, 2: IMAGE, 3: VOLUME}


def first(x: np.ndarray) -> np.ndarray:
    """The channels behind the batch axis."""
    return np.moveaxis(x, -1, 1)


@pytest.mark.parametrize(
    ("name", "config", "x", "expected"),
    [
        ("Flatten", {}, IMAGE, IMAGE.reshape(2, -1)),
        ("Flatten", {"data_format": "channels_first"}, first(IMAGE), IMAGE.reshape(2, -1)),
        ("Flatten", {}, IMAGE[:, 0, 0, 0], IMAGE[:, 0, 0, 0].reshape(2, 1)),
        ("Reshape", {"target_shape": (4, -1)}, IMAGE, IMAGE.reshape(2, 4, 6)),
        ("Reshape", {"target_shape": (24,)}, IMAGE, IMAGE.reshape(2, 24)),
        ("Permute", {"dims": (3, 1, 2)}, IMAGE, IMAGE.transpose(0, 3, 1, 2)),
        ("RepeatVector", {"n": 3}, SEQUENCE[:, 0], np.repeat(SEQUENCE[:, :1], 3, 1)),
        ("ZeroPadding1D", {"padding": (1, 2)}, SEQUENCE, np.pad(SEQUENCE, ((0, 0), (1, 2), (0, 0)))),
        ("ZeroPadding2D", {"padding": ((1, 0), (2, 3))}, IMAGE, np.pad(IMAGE, ((0, 0), (1, 0), (2, 3), (0, 0)))),
        ("ZeroPadding2D", {"padding": (1, 2), "data_format": "channels_first"}, first(IMAGE), np.pad(first(IMAGE), ((0, 0), (0, 0), (1, 1), (2, 2)))),
        ("ZeroPadding3D", {"padding": 1}, VOLUME, np.pad(VOLUME, ((0, 0), (1, 1), (1, 1), (1, 1), (0, 0)))),
        ("Cropping1D", {"cropping": (1, 2)}, SEQUENCE, SEQUENCE[:, 1:-2]),
        ("Cropping1D", {"cropping": (0, 0)}, SEQUENCE, SEQUENCE),
        ("Cropping2D", {"cropping": ((1, 0), (0, 2))}, IMAGE, IMAGE[:, 1:, :-2]),
        ("Cropping2D", {"cropping": 1, "data_format": "channels_first"}, first(IMAGE), first(IMAGE)[:, :, 1:-1, 1:-1]),
        ("Cropping3D", {"cropping": ((1, 0), (0, 1), (1, 1))}, VOLUME, VOLUME[:, 1:, :-1, 1:-1]),
        ("UpSampling1D", {"size": 3}, SEQUENCE, np.repeat(SEQUENCE, 3, 1)),
        ("UpSampling2D", {"size": (2, 3)}, IMAGE, np.repeat(np.repeat(IMAGE, 2, 1), 3, 2)),
        ("UpSampling2D", {"data_format": "channels_first"}, first(IMAGE), np.repeat(np.repeat(first(IMAGE), 2, 2), 2, 3)),
        ("UpSampling3D", {"size": (2, 1, 2)}, VOLUME, np.repeat(np.repeat(VOLUME, 2, 1), 2, 3)),
    ],
)
def test_elements_go_where_they_should(name: str, config: dict[str, Any], x: np.ndarray, expected: np.ndarray) -> None:
    check_layer(getattr(layers, name), config, x, expected)


@pytest.mark.parametrize(
    ("name", "config", "x"),
    [("ZeroPadding1D", {}, SEQUENCE), ("Cropping1D", {}, SEQUENCE), ("UpSampling1D", {}, SEQUENCE), ("Flatten", {}, IMAGE),
     ("Reshape", {"target_shape": (-1, 2)}, IMAGE), ("Permute", {"dims": (2, 1)}, SEQUENCE)],
)  # fmt: skip
def test_the_size_of_space_may_be_unknown(name: str, config: dict[str, Any], x: np.ndarray) -> None:
    check_layer(getattr(layers, name), config, x, free=(0, 1), gradient=False)


def pool(x: np.ndarray, size: tuple[int, ...], strides: tuple[int, ...], same: bool, reduce: Any) -> np.ndarray:
    """Pooling written as loops over windows."""
    spatial = x.shape[1:-1]
    before = [0] * len(size)
    counts = [(n - k) // s + 1 for n, k, s in zip(spatial, size, strides, strict=True)]
    if same:
        counts = [-(-n // s) for n, s in zip(spatial, strides, strict=True)]
        before = [max((c - 1) * s + k - n, 0) // 2 for c, s, k, n in zip(counts, strides, size, spatial, strict=True)]
    out = np.zeros((x.shape[0], *counts, x.shape[-1]))
    for place in np.ndindex(*counts):
        starts = [p * s - b for p, s, b in zip(place, strides, before, strict=True)]
        window = tuple(slice(max(a, 0), max(a + k, 0)) for a, k in zip(starts, size, strict=True))
        out[(slice(None), *place)] = reduce(x[(slice(None), *window)], axis=tuple(range(1, len(size) + 1)))
    return out


@pytest.mark.parametrize("same", [False, True], ids=["valid", "same"])
@pytest.mark.parametrize(
    ("rank", "size", "strides"),
    [(1, (2,), None), (1, (3,), (1,)), (2, (2, 2), None), (2, (3, 2), (1, 2)), (3, (2, 2, 2), None), (3, (1, 3, 2), (1, 1, 1))],
)
@pytest.mark.parametrize("kind", ["Max", "Average"])
def test_pooling_reduces_windows(kind: str, rank: int, size: Any, strides: Any, same: bool) -> None:
    x = BY_RANK[rank]
    config = {"pool_size": size, "strides": strides, "padding": "same" if same else "valid"}
    expected = pool(x, size, strides or size, same, {"Max": np.max, "Average": np.mean}[kind])
    check_layer(getattr(layers, f"{kind}Pooling{rank}D"), config, x, expected)
    check_layer(getattr(layers, f"{kind}Pooling{rank}D"), {**config, "data_format": "channels_first"}, first(x), first(expected), gradient=False)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Max", "Average"])
def test_global_pooling_reduces_all_of_space(kind: str, rank: int, keepdims: bool) -> None:
    x = BY_RANK[rank]
    reduce = {"Max": np.max, "Average": np.mean}[kind]
    cls = getattr(layers, f"Global{kind}Pooling{rank}D")
    axes = tuple(range(1, rank + 1))
    check_layer(cls, {"keepdims": keepdims}, x, reduce(x, axis=axes, keepdims=keepdims), free=(0, 1))
    expected = reduce(first(x), axis=tuple(a + 1 for a in axes), keepdims=keepdims)
    check_layer(cls, {"keepdims": keepdims, "data_format": "channels_first"}, first(x), expected, gradient=False)


@pytest.mark.parametrize("keepdims", [False, True])
def test_global_average_over_time_counts_kept_steps_only(keepdims: bool) -> None:
    mask = np.array([[True, True, False, True, False], [False, True, False, False, False]])
    expected = (SEQUENCE * mask[..., None]).sum(1, keepdims=keepdims) / mask.sum(1).reshape((2, 1, 1) if keepdims else (2, 1))
    check_layer(layers.GlobalAveragePooling1D, {"keepdims": keepdims}, SEQUENCE, expected, mask=mask)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: layers.MaxPooling2D(padding="sam"), errors.ConfigError, "Did you mean 'same'"),
        (lambda: layers.MaxPooling2D(0), errors.ConfigError, "pool_size"),
        (lambda: layers.MaxPooling2D((1, 2, 3)), errors.ConfigError, "2 of them"),
        (lambda: layers.Flatten("channels_second"), errors.ConfigError, "data_format"),
        (lambda: layers.MaxPooling1D(9)(SEQUENCE), errors.ShapeError, "does not fit"),
        (lambda: layers.MaxPooling1D()(IMAGE), errors.ShapeError, "expects 3 axes"),
        (lambda: layers.Reshape((-1, -1)), errors.ConfigError, "at most one -1"),
        (lambda: layers.Reshape((7, -1))(IMAGE), errors.ShapeError, "do not divide"),
        (lambda: layers.Reshape((7,))(IMAGE), errors.ShapeError, None),
        (lambda: layers.Permute((1, 3)), errors.ConfigError, "permutation"),
        (lambda: layers.RepeatVector(0), errors.ConfigError, "n must be"),
        (lambda: layers.ZeroPadding2D((1, 2, 3)), errors.ConfigError, "padding"),
        (lambda: layers.ZeroPadding1D(-1), errors.ConfigError, "padding"),
        (lambda: layers.Cropping1D((2, 3))(SEQUENCE), errors.ShapeError, "takes 2 and 3"),
        (lambda: layers.UpSampling2D(interpolation="bilinaer"), errors.ConfigError, "Did you mean .bilinear"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(make: Any, error: type[Exception], words: str | None) -> None:
    with pytest.raises(error, match=words):
        make()
