"""`ops.image.elastic_transform`: images pulled about at random."""

from __future__ import annotations

import numpy as np
import pytest

import symkeras
from symkeras import ops
from symkeras.errors import ConfigError, ShapeError

IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 8, 9, 3)).astype("float32")


def test_nothing_moves_where_the_factor_is_nought() -> None:
    np.testing.assert_allclose(ops.image.elastic_transform(IMAGES, alpha=0.0, seed=1), IMAGES)


def test_the_layout_and_the_batch_change_nothing_but_the_axes() -> None:
    whole = ops.image.elastic_transform(IMAGES, alpha=2.0, seed=1)
    first = ops.image.elastic_transform(IMAGES.transpose(0, 3, 1, 2), alpha=2.0, seed=1, data_format="channels_first")
    np.testing.assert_allclose(first.transpose(0, 2, 3, 1), whole)
    one = ops.image.elastic_transform(IMAGES[0], alpha=2.0, seed=1)
    np.testing.assert_allclose(one, ops.image.elastic_transform(IMAGES[:1], alpha=2.0, seed=1)[0])
    assert not np.allclose(whole, IMAGES)
    assert ops.image.elastic_transform(IMAGES.astype("uint8"), seed=1).dtype == np.uint8


def test_pixels_move_along_both_axes_and_the_fill_comes_in() -> None:
    columns = np.broadcast_to(np.arange(16.0)[None, :, None], (16, 16, 1))
    moved = ops.image.elastic_transform(columns, alpha=30.0, sigma=1.0, seed=3)
    rows = ops.image.elastic_transform(columns.transpose(1, 0, 2), alpha=30.0, sigma=1.0, seed=3)
    assert np.ptp(moved[:, 5]) > 0
    assert not np.allclose(rows[..., 0], moved[..., 0].T)
    assert (ops.image.elastic_transform(columns, 30.0, 1.0, "nearest", "constant", -5.0, seed=3) == -5).any()


def test_a_compiled_transform_gives_the_same_images() -> None:
    step = symkeras.function(lambda x: ops.image.elastic_transform(x, alpha=2.0, sigma=1.0, seed=1))
    np.testing.assert_allclose(step(IMAGES), ops.image.elastic_transform(IMAGES, alpha=2.0, sigma=1.0, seed=1), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("shape, options, error", [
    ((2, 2), {}, ShapeError), ((2, 2, 2, 1), {"interpolation": "cubic"}, ConfigError), ((2, 2, 2, 1), {"fill_mode": "zero"}, ConfigError),
    ((2, 2, 2, 1), {"sigma": 0.0}, ConfigError),
])  # fmt: skip
def test_what_is_no_image_or_no_known_word_is_refused(shape, options, error) -> None:
    with pytest.raises(error, match="elastic_transform"):
        ops.image.elastic_transform(np.zeros(shape), **options)
