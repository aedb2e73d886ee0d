"""From colours to grey, and between red, green, blue and hue, saturation, value."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.errors import DtypeError, ShapeError
from symkeras.graph import dtypes
from symkeras.ops import elementwise as ew
from symkeras.ops.image.layouts import floats, layout_of, numbers
from symkeras.ops.leaves import cast, shape
from symkeras.ops.nn import clip
from symkeras.ops.op import dtype_of
from symkeras.ops.reductions import sum
from symkeras.ops.shaping import reshape, slice_axis, stack

_LUMA = (0.2989, 0.5870, 0.1140)


def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Any:
    """Grey images of colour images; grey ones stay as they are.

    Args:
        images: (H, W, C) or (B, H, W, C) with C of 1 or 3.
        data_format: where the channels are.

    Raises:
        ShapeError: another number of axes or channels.

    >>> rgb_to_grayscale(np.ones((1, 1, 3))).round(4).tolist()
    [[[0.9999]]]
    """
    images = numbers(images)
    place = layout_of(images, data_format, "rgb_to_grayscale")
    channels, dtype = place.sizes[place.channels], dtype_of(images)
    if channels not in (1, 3):
        raise ShapeError(f"rgb_to_grayscale expects 1 or 3 channels, received shape {place.sizes}")
    if channels == 1:
        return images
    x = floats(images)
    weights = np.array(_LUMA, dtype_of(x)).reshape((3,) if place.channels == len(place.sizes) - 1 else (3, 1, 1))
    grey = sum(ew.multiply(x, weights), axis=place.channels, keepdims=True)
    return cast(grey, dtype)


def _planes(images: Any, data_format: str | None, what: str) -> tuple[list[Any], int, str]:
    """Three channels, each without its axis, that axis, and the dtype."""
    images = numbers(images)
    place, dtype = layout_of(images, data_format, what), dtype_of(images)
    if not dtypes.is_float(dtype):
        raise DtypeError(f"{what} expects floating numbers, received dtype {dtype}")
    if place.sizes[place.channels] != 3:
        raise ShapeError(f"{what} expects 3 channels, received shape {place.sizes}")
    rest = tuple(d for k, d in enumerate(shape(images)) if k != place.channels)
    return [reshape(slice_axis(images, place.channels, k, k + 1), rest) for k in range(3)], place.channels, dtype


def rgb_to_hsv(images: Any, data_format: str | None = None) -> Any:
    """Hue, saturation and value, each from 0 to 1, of red, green and blue.

    Args:
        images: (H, W, 3) or (B, H, W, 3), floating, from 0 to 1.
        data_format: where the channels are.

    Raises:
        DtypeError: whole numbers.
        ShapeError: another number of axes or channels.

    >>> rgb_to_hsv(np.array([[[0.0, 1.0, 0.0]]])).round(3).tolist()
    [[[0.333, 1.0, 1.0]]]
    """
    planes, axis, dtype = _planes(images, data_format, "rgb_to_hsv")
    tiny = float(dtypes.limits(dtype).eps)
    red, green, blue = (ew.where(ew.less(ew.absolute(p), tiny), 0, p) for p in planes)
    value = ew.maximum(ew.maximum(red, green), blue)
    span = value - ew.minimum(ew.minimum(red, green), blue)
    has_value, has_span = ew.greater(value, 0), ew.greater(span, 0)
    saturation = ew.where(has_value, span / ew.where(has_value, value, 1), 0)
    unit = 1 / (6 * ew.where(has_span, span, 1))
    hue = ew.where(ew.equal(value, green), unit * (blue - red) + 2 / 6, unit * (red - green) + 4 / 6)
    hue = ew.where(ew.equal(value, red), unit * (green - blue), hue)
    hue = ew.where(has_span, hue, 0)
    hue = ew.where(ew.less(hue, 0), hue + 1, hue)
    return cast(stack([hue, saturation, value], axis), dtype)


def hsv_to_rgb(images: Any, data_format: str | None = None) -> Any:
    """Red, green and blue of hue, saturation and value.

    Args:
        images: (H, W, 3) or (B, H, W, 3), floating, from 0 to 1.
        data_format: where the channels are.

    Raises:
        DtypeError: whole numbers.
        ShapeError: another number of axes or channels.

    >>> hsv_to_rgb(np.float32([[[0.0, 1.0, 1.0]]])).tolist()
    [[[1.0, 0.0, 0.0]]]
    """
    (hue, saturation, value), axis, dtype = _planes(images, data_format, "hsv_to_rgb")
    turn = (hue - ew.floor(hue)) * 6
    grey = 1 - saturation
    shares = (ew.absolute(turn - 3) - 1, 2 - ew.absolute(turn - 2), 2 - ew.absolute(turn - 4))
    return cast(stack([value * (grey + saturation * clip(share, 0, 1)) for share in shares], axis), dtype)
