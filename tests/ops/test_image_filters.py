"""Blur, edges, likeness, scaling and perspective of images, against plain NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend.interface import compile_graph
from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import Graph
from tests.ops.check_op import check_gradient_of, placeholders

RNG = np.random.default_rng(5)
IMAGES = RNG.normal(size=(2, 6, 7, 3))


def check(function: Callable[[Any], Any], x: np.ndarray, expected: np.ndarray, backend: str, type: str) -> None:
    """At once and compiled."""
    np.testing.assert_allclose(function(x), expected, atol=1e-6)
    given = ops.placeholder(type, "x")
    np.testing.assert_allclose(compile_graph(Graph([given.node], [function(given).node]), backend=backend)(x)[0], expected, atol=1e-6)


def correlated(x: np.ndarray, kernel: np.ndarray, padding: bool = True) -> np.ndarray:
    """Each channel of (B, H, W, C) with one kernel, zeros outside."""
    rows, columns = kernel.shape
    if padding:
        x = np.pad(x, ((0, 0), ((rows - 1) // 2, rows // 2), ((columns - 1) // 2, columns // 2), (0, 0)))
    height, width = x.shape[1] - rows + 1, x.shape[2] - columns + 1
    return np.sum([kernel[i, j] * x[:, i : i + height, j : j + width] for i in range(rows) for j in range(columns)], axis=0)


def bell(size: int, sigma: float) -> np.ndarray:
    values = np.exp(-0.5 * ((np.arange(size) - (size - 1) / 2) / sigma) ** 2)
    return values / values.sum()


def test_blur_weighs_the_neighbours_by_a_normal_distribution(backend: str) -> None:
    expected = correlated(IMAGES, np.outer(bell(3, 2.0), bell(5, 0.7)))
    check(lambda x: ops.image.gaussian_blur(x, (5, 3), (0.7, 2.0)), IMAGES, expected, backend, "f64[batch, height, width, 3]")
    first = ops.image.gaussian_blur(IMAGES[0].transpose(2, 0, 1), (5, 3), (0.7, 2.0), "channels_first")
    np.testing.assert_allclose(first, expected[0].transpose(2, 0, 1), atol=1e-12)
    whole = np.full((4, 4, 1), 100, "uint8")
    assert ops.image.gaussian_blur(whole)[1, 1, 0] == 100 and ops.image.gaussian_blur(whole).dtype == np.uint8
    given = placeholders([IMAGES[:1]])
    check_gradient_of(given, ops.sum(ops.square(ops.image.gaussian_blur(given[0]))), [IMAGES[:1]])


def test_edges_are_those_of_sobels_kernels(backend: str) -> None:
    down = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1.0]])
    expected = np.stack([correlated(IMAGES, down), correlated(IMAGES, down.T)], -1)
    check(ops.image.sobel_edges, IMAGES, expected, backend, "f64[batch, height, width, 3]")
    first = ops.image.sobel_edges(IMAGES.transpose(0, 3, 1, 2), "channels_first")
    np.testing.assert_allclose(first, expected.transpose(0, 3, 1, 2, 4), atol=1e-12)


def test_likeness_compares_windows(backend: str) -> None:
    a, b = np.clip(RNG.uniform(size=(2, 2, 8, 9, 2)) + 0.1, 0, 1)
    kernel = np.outer(bell(5, 1.5), bell(5, 1.5))

    def seen(x: np.ndarray) -> np.ndarray:
        return correlated(x, kernel, padding=False)

    ma, mb = seen(a), seen(b)
    va, vb, cov = seen(a * a) - ma**2, seen(b * b) - mb**2, seen(a * b) - ma * mb
    expected = ((2 * ma * mb + 1e-4) * (2 * cov + 9e-4) / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4))).mean((1, 2, 3))
    check(lambda x: ops.image.ssim(x, b, filter_size=5), a, expected, backend, "f64[batch, 8, 9, 2]")
    assert float(ops.image.ssim(a[0], b[0], filter_size=5)) == pytest.approx(expected[0])
    first = ops.image.ssim(a.transpose(0, 3, 1, 2), b.transpose(0, 3, 1, 2), filter_size=5, data_format="channels_first")
    np.testing.assert_allclose(first, expected)


def test_scaling_and_moving_puts_places_where_they_belong(backend: str) -> None:
    x = RNG.normal(size=(2, 6, 5))
    moved = np.zeros((2, 6, 5))
    moved[:, 2:, :4] = x[:, :4, 1:]
    two = np.array([1.0, 1.0])

    def shift(t: Any) -> Any:
        return ops.image.scale_and_translate(t, (2, 6, 5), two, np.array([2.0, -1.0]), (1, 2), "linear")

    check(shift, x, moved, backend, "f64[2, 6, 5]")
    halves = ops.image.scale_and_translate(x, (2, 3, 5), [0.5], [0.0], (1,), "linear", antialias=False)
    np.testing.assert_allclose(halves, (x[:, ::2] + x[:, 1::2]) / 2)
    for method in ("linear", "cubic", "lanczos3", "lanczos5"):
        same = ops.image.scale_and_translate(x, x.shape, two, 0 * two, (1, 2), method)
        np.testing.assert_allclose(same, x, atol=1e-9)
    scale = placeholders([np.array([1.3])])
    out = ops.image.scale_and_translate(x, (2, 7, 5), scale[0], [0.2], (1,), "cubic")
    check_gradient_of(scale, ops.sum(ops.square(out)), [np.array([1.3])], rtol=1e-4)


def test_perspective_takes_four_points_to_four_others(backend: str) -> None:
    start = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 5.0], [6.0, 5.0]])
    mirrored = start[[1, 0, 3, 2]]

    def mirror(x: Any) -> Any:
        return ops.image.perspective_transform(x, start, mirrored)

    check(mirror, IMAGES, IMAGES[:, :, ::-1], backend, "f64[batch, 6, 7, 3]")
    both = ops.image.perspective_transform(IMAGES, np.stack([start, start]), np.stack([mirrored, start + 1.0]), fill_value=9.0)
    np.testing.assert_allclose(both[0], IMAGES[0, :, ::-1], atol=1e-9)
    np.testing.assert_allclose(both[1, 1:, 1:], IMAGES[1, :-1, :-1], atol=1e-9)
    np.testing.assert_allclose(both[1, 0], 9.0)
    end = start + np.array([[0.3, 0.4], [-0.5, 0.1], [0.2, -0.6], [0.0, 0.0]])
    seen = ops.image.affine_transform(IMAGES, _transform(start, end))
    np.testing.assert_allclose(ops.image.perspective_transform(IMAGES, start, end), seen, atol=1e-9)


def _transform(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    rows, right = [], []
    for (u, v), (x, y) in zip(start, end, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    return np.linalg.solve(np.array(rows), np.array(right))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match="two standard deviations"):
        ops.image.gaussian_blur(IMAGES, 3, (1.0, 1.0, 1.0))
    with pytest.raises(ConfigError, match="kernel_size"):
        ops.image.gaussian_blur(IMAGES, 0)
    with pytest.raises(ShapeError, match="one shape"):
        ops.image.ssim(IMAGES, IMAGES[:, 1:])
    with pytest.raises(ShapeError, match="3 axes"):
        ops.image.sobel_edges(np.ones((2, 2)))
    with pytest.raises(ConfigError, match="method"):
        ops.image.scale_and_translate(np.ones(3), (3,), [1.0], [0.0], (0,), "nearest")
    with pytest.raises(ShapeError, match="alone"):
        ops.image.scale_and_translate(np.ones((3, 2)), (3, 3), [1.0], [0.0], (0,), "linear")
    with pytest.raises(ShapeError, match="four points"):
        ops.image.perspective_transform(IMAGES, np.ones((3, 2)), np.ones((3, 2)))
