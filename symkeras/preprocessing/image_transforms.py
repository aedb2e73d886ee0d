"""Random changes of images as Keras 2 makes them: turned, shifted, sheared, zoomed, brighter, in other colours.

Images are arrays of three axes; every function takes the places of its rows, columns and channels, whose defaults are those of Keras.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symkeras import ops
from symkeras.arguments import one_of
from symkeras.errors import ConfigError, ShapeError

FILL_MODES = ("constant", "nearest", "reflect", "wrap")


def transform_of(height: int, width: int, theta: float = 0, tx: float = 0, ty: float = 0, shear: float = 0, zx: float = 1, zy: float = 1) -> Any:
    """The eight numbers, as of `ops.image.affine_transform`, of a change about the middle of an image.

    Args:
        theta, shear: angles in degrees.
        tx, ty: rows and columns it is shifted by.
        zx, zy: how much of the height and of the width remains.
    """
    turn, lean = np.deg2rad(theta), np.deg2rad(shear)
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    shift = np.array([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    shearing = np.array([[1, -np.sin(lean), 0], [0, np.cos(lean), 0], [0, 0, 1]])
    middle = np.array([[1, 0, (height - 1) / 2], [0, 1, (width - 1) / 2], [0, 0, 1]])
    whole = middle @ rotation @ shift @ shearing @ np.diag([zx, zy, 1]) @ np.linalg.inv(middle)  # of (row, column, 1)
    return np.append(whole[[[1], [0]], [1, 0, 2]], [0, 0])


def warped(images: np.ndarray, transforms: Any, fill_mode: str = "nearest", cval: float = 0.0, order: int = 1) -> np.ndarray:
    """Images (B, H, W, C) by transforms (B, 8).

    Raises:
        ConfigError: a mode that is not known, or an order beside 0 and 1.
    """
    one_of(*FILL_MODES)(fill_mode, "fill_mode")
    if order not in (0, 1):
        raise ConfigError(f"interpolation_order must be 0 (the nearest pixel) or 1 (between pixels), received {order!r}")
    out = ops.image.affine_transform(images, np.asarray(transforms, images.dtype), ("nearest", "bilinear")[order], fill_mode, cval, "channels_last")
    return np.asarray(out)


def _channels_last(x: Any, row_axis: int, col_axis: int, channel_axis: int) -> np.ndarray:
    x = np.asarray(x)
    axes = (row_axis, col_axis, channel_axis)
    if x.ndim != 3 or sorted(a % 3 for a in axes) != [0, 1, 2]:
        raise ShapeError(f"expected an image of 3 axes, and row, column and channel axis to be those, received shape {x.shape} and axes {axes}")
    return x.transpose(axes)


def apply_affine_transform(x: Any, theta: float = 0, tx: float = 0, ty: float = 0, shear: float = 0, zx: float = 1, zy: float = 1,
                           row_axis: int = 0, col_axis: int = 1, channel_axis: int = 2, fill_mode: str = "nearest", cval: float = 0.0,
                           order: int = 1) -> np.ndarray:  # fmt: skip
    """An image turned, shifted, sheared and zoomed about its middle.

    Args:
        x: an image of 3 axes.
        theta: degrees it is turned by.
        tx, ty: rows and columns it is shifted by.
        shear: degrees it is sheared by.
        zx, zy: how much of its height and width remains: 0.5 shows the half of it, twice as large.
        row_axis, col_axis, channel_axis: which axes are which.
        fill_mode: what lies outside: "constant", "nearest", "reflect" or "wrap".
        cval: the number outside for "constant".
        order: 0 for the nearest pixel, 1 for numbers between pixels.

    Raises:
        ConfigError: a mode or order that is not known.
        ShapeError: no image of these axes.

    >>> apply_affine_transform(np.array([[[1.0], [2.0], [3.0]]]), ty=1)[0, :, 0].tolist()
    [2.0, 3.0, 3.0]
    """
    image = _channels_last(x, row_axis, col_axis, channel_axis)
    image = image if image.dtype.kind == "f" else image.astype("float32")
    height, width = image.shape[:2]
    moved = warped(image[None], transform_of(height, width, theta, tx, ty, shear, zx, zy)[None], fill_mode, cval, order)[0]
    return np.moveaxis(moved, (0, 1, 2), (row_axis, col_axis, channel_axis))


def random_rotation(x: Any, rg: float, row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0, fill_mode: str = "nearest", cval: float = 0.0,
                    interpolation_order: int = 1) -> np.ndarray:  # fmt: skip
    """An image turned by up to `rg` degrees, drawn from NumPy's global generator.

    Args:
        x: an image of 3 axes.
        rg: degrees it is turned by at most, to either side.
        row_axis, col_axis, channel_axis: which axes are which.
        fill_mode: what lies outside: "constant", "nearest", "reflect" or "wrap".
        cval: the number outside for "constant".
        interpolation_order: 0 for the nearest pixel, 1 for numbers between pixels.

    Raises:
        ConfigError: a mode or order that is not known.
        ShapeError: no image of these axes.

    >>> random_rotation(np.ones((3, 8, 8)), 30).shape
    (3, 8, 8)
    """
    theta = np.random.uniform(-rg, rg)
    return apply_affine_transform(x, theta, 0, 0, 0, 1, 1, row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)


def random_shift(x: Any, wrg: float, hrg: float, row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0, fill_mode: str = "nearest",
                 cval: float = 0.0, interpolation_order: int = 1) -> np.ndarray:  # fmt: skip
    """An image shifted by up to the shares `wrg` of its width and `hrg` of its height, drawn from NumPy's global generator.

    Args:
        x: an image of 3 axes.
        wrg, hrg: shares of its width and height that it is shifted by at most, to either side.
        row_axis, col_axis, channel_axis: which axes are which.
        fill_mode: what lies outside: "constant", "nearest", "reflect" or "wrap".
        cval: the number outside for "constant".
        interpolation_order: 0 for the nearest pixel, 1 for numbers between pixels.

    Raises:
        ConfigError: a mode or order that is not known.
        ShapeError: no image of these axes.

    >>> random_shift(np.ones((3, 8, 8)), 0.2, 0.2).shape
    (3, 8, 8)
    """
    sizes = np.shape(x)
    tx, ty = np.random.uniform(-hrg, hrg) * sizes[row_axis], np.random.uniform(-wrg, wrg) * sizes[col_axis]
    return apply_affine_transform(x, 0, tx, ty, 0, 1, 1, row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)


def random_shear(x: Any, intensity: float, row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0, fill_mode: str = "nearest", cval: float = 0.0,
                 interpolation_order: int = 1) -> np.ndarray:  # fmt: skip
    """An image sheared by up to `intensity` degrees, drawn from NumPy's global generator.

    Args:
        x: an image of 3 axes.
        intensity: degrees it is sheared by at most, to either side.
        row_axis, col_axis, channel_axis: which axes are which.
        fill_mode: what lies outside: "constant", "nearest", "reflect" or "wrap".
        cval: the number outside for "constant".
        interpolation_order: 0 for the nearest pixel, 1 for numbers between pixels.

    Raises:
        ConfigError: a mode or order that is not known.
        ShapeError: no image of these axes.

    >>> random_shear(np.ones((3, 8, 8)), 10).shape
    (3, 8, 8)
    """
    shear = np.random.uniform(-intensity, intensity)
    return apply_affine_transform(x, 0, 0, 0, shear, 1, 1, row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)


def random_zoom(x: Any, zoom_range: Sequence[float], row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0, fill_mode: str = "nearest",
                cval: float = 0.0, interpolation_order: int = 1) -> np.ndarray:  # fmt: skip
    """An image of which a share between two bounds remains, drawn for height and width apart from NumPy's global generator.

    Args:
        x: an image of 3 axes.
        zoom_range: the bounds of the share: 0.5 shows the half of it, twice as large.
        row_axis, col_axis, channel_axis: which axes are which.
        fill_mode: what lies outside: "constant", "nearest", "reflect" or "wrap".
        cval: the number outside for "constant".
        interpolation_order: 0 for the nearest pixel, 1 for numbers between pixels.

    Raises:
        ConfigError: `zoom_range` is no pair, or a mode or order that is not known.
        ShapeError: no image of these axes.

    >>> random_zoom(np.ones((3, 8, 8)), (0.5, 1)).shape
    (3, 8, 8)
    """
    zx, zy = zooms(zoom_range, np.random)
    return apply_affine_transform(x, 0, 0, 0, 0, zx, zy, row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)


def zooms(zoom_range: Any, draws: Any) -> Any:
    """Two draws between two bounds, or 1 and 1 for (1, 1)."""
    if not isinstance(zoom_range, (tuple, list, np.ndarray)) or len(zoom_range) != 2:
        raise ConfigError(f"zoom_range must be two numbers, received {zoom_range!r}")
    least, most = zoom_range
    return (1, 1) if least == most == 1 else draws.uniform(least, most, 2).tolist()


def apply_channel_shift(x: Any, intensity: float, channel_axis: int = 0) -> np.ndarray:
    """An image with a number added, cut off at its own least and greatest.

    Args:
        x: an image.
        intensity: the number.
        channel_axis: where the channels are, which makes no difference: all of them get the same number, as in Keras.

    >>> apply_channel_shift(np.array([[[0.0, 5.0]]]), 2).tolist()
    [[[2.0, 5.0]]]
    """
    x = np.asarray(x)
    return np.clip(x + intensity, x.min(), x.max()).astype(x.dtype)


def random_channel_shift(x: Any, intensity_range: float, channel_axis: int = 0) -> np.ndarray:
    """`apply_channel_shift` by a number drawn from NumPy's global generator.

    Args:
        x: an image.
        intensity_range: the number lies between minus this and this.
        channel_axis: as of `apply_channel_shift`.

    >>> random_channel_shift(np.ones((3, 8, 8)), 10).shape
    (3, 8, 8)
    """
    return apply_channel_shift(x, np.random.uniform(-intensity_range, intensity_range), channel_axis)


def apply_brightness_shift(x: Any, brightness: float, scale: bool = True) -> np.ndarray:
    """An image times a number, cut off at 255.

    Args:
        x: an image of numbers from 0 to 255.
        brightness: 0 makes it black, 1 leaves it as it is.
        scale: whether numbers that lie outside of 0 to 255 are brought there before, and back afterwards.

    >>> apply_brightness_shift(np.array([[[100.0, 200.0]]]), 2).tolist()
    [[[200.0, 255.0]]]
    """
    x = np.asarray(x)
    least, most = x.min(), x.max()
    if not scale or (least >= 0 and most <= 255):
        return np.clip(x * brightness, 0, 255).astype(x.dtype)
    span = (most - least) or 1
    return (np.clip((x - least) / span * brightness, 0, 1) * span + least).astype(x.dtype)


def random_brightness(x: Any, brightness_range: Sequence[float], scale: bool = True) -> np.ndarray:
    """`apply_brightness_shift` by a number between two bounds, drawn from NumPy's global generator.

    Args:
        x: an image of numbers from 0 to 255.
        brightness_range: the bounds.
        scale: as of `apply_brightness_shift`.

    Raises:
        ConfigError: `brightness_range` is no pair.

    >>> random_brightness(np.ones((3, 8, 8)), (0.5, 1.5)).shape
    (3, 8, 8)
    """
    if len(brightness_range) != 2:
        raise ConfigError(f"brightness_range must be two numbers, received {brightness_range!r}")
    return apply_brightness_shift(x, np.random.uniform(brightness_range[0], brightness_range[1]), scale)
