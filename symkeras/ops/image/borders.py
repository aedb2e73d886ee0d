"""Borders of images, taken away or put around."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.errors import ConfigError, ShapeError
from symkeras.ops.image.layouts import layout_of, numbers
from symkeras.ops.numpy import pad
from symkeras.ops.shaping import slice_axis


def crop_images(images: Any, top_cropping: int | None = None, left_cropping: int | None = None, bottom_cropping: int | None = None,
                right_cropping: int | None = None, target_height: int | None = None, target_width: int | None = None,
                data_format: str | None = None) -> Any:  # fmt: skip
    """Images without borders; of top, bottom and the height that is left two are given, and of left, right and the width.

    Args:
        images: (H, W, C) or (B, H, W, C); the channels before H for "channels_first".
        top_cropping, left_cropping, bottom_cropping, right_cropping: rows and columns that go.
        target_height, target_width: what is left.
        data_format: where the channels are.

    Raises:
        ConfigError: not two of the three, or no whole numbers.
        ShapeError: there is less than what goes.

    >>> crop_images(np.zeros((5, 4, 1)), 1, 0, target_height=3, right_cropping=2).shape
    (3, 2, 1)
    """
    images = numbers(images)
    place = layout_of(images, data_format, "crop_images")
    for axis, size, names, given in (
        (place.height, place.space[0], ("top_cropping", "bottom_cropping", "target_height"), (top_cropping, bottom_cropping, target_height)),
        (place.width, place.space[1], ("left_cropping", "right_cropping", "target_width"), (left_cropping, right_cropping, target_width)),
    ):
        before, _, kept = _third("crop_images", names, given, size, size)
        images = slice_axis(images, axis, before, before + kept)
    return images


def pad_images(images: Any, top_padding: int | None = None, left_padding: int | None = None, bottom_padding: int | None = None,
               right_padding: int | None = None, target_height: int | None = None, target_width: int | None = None,
               data_format: str | None = None) -> Any:  # fmt: skip
    """Images with borders of zeros; of top, bottom and the height of the result two are given, and of left, right and the width.

    Args:
        images: (H, W, C) or (B, H, W, C); the channels before H for "channels_first".
        top_padding, left_padding, bottom_padding, right_padding: rows and columns of zeros.
        target_height, target_width: the sizes of the result.
        data_format: where the channels are.

    Raises:
        ConfigError: not two of the three, or no whole numbers.
        ShapeError: the result would be smaller than the image.

    >>> pad_images(np.ones((2, 2, 1)), 1, 0, target_height=4, target_width=3)[:, :, 0].tolist()
    [[0.0, 0.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    images = numbers(images)
    place = layout_of(images, data_format, "pad_images")
    widths: list[tuple[Any, Any]] = [(0, 0)] * len(place.sizes)
    for axis, size, names, given in (
        (place.height, place.space[0], ("top_padding", "bottom_padding", "target_height"), (top_padding, bottom_padding, target_height)),
        (place.width, place.space[1], ("left_padding", "right_padding", "target_width"), (left_padding, right_padding, target_width)),
    ):
        before, after, _ = _third("pad_images", names, given, size, None)
        widths[axis] = (before, after)
    return pad(images, tuple(widths))


def _third(what: str, names: tuple[str, str, str], given: tuple[Any, Any, Any], size: Any, whole: Any) -> tuple[Any, Any, Any]:
    """Before, after and target, one of which follows: they add up to `whole`, or, where that is None, the target to all of them."""
    for name, value in zip(names, given, strict=True):
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0):
            raise ConfigError(f"{what}: {name} must be >= 0, an integer or None, received {value!r}")
    if sum(value is not None for value in given) != 2:
        raise ConfigError(f"{what}: two of {', '.join(names)} are given, received {', '.join(map(str, given))}")
    before, after, target = given
    if whole is None:
        before = target - size - after if before is None else before
        after = target - size - before if after is None else after
        target = size + before + after
    else:
        before = size - after - target if before is None else before
        after = size - before - target if after is None else after
        target = size - before - after
    for name, value in zip(names, (before, after, target), strict=True):
        if isinstance(value, int) and value < 0:
            asked = ", ".join(f"{n}={v}" for n, v in zip(names, given, strict=True))
            raise ShapeError(f"{what}: {name} must be >= 0 and is {value} for a size of {size} and {asked}")
    return before, after, target
