"""Images in another size: products with one matrix per axis, or, for the nearest pixel, rows and columns by index."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from symkeras.errors import ConfigError
from symkeras.graph import dims
from symkeras.ops import elementwise as ew
from symkeras.ops.image.layouts import Layout, as_before, floats, layout_of, numbers, pair, word
from symkeras.ops.indexing import take
from symkeras.ops.leaves import cast, shape
from symkeras.ops.linalg import matmul
from symkeras.ops.numpy import arange, pad
from symkeras.ops.op import dtype_of
from symkeras.ops.reductions import sum
from symkeras.ops.shaping import expand_dims, reshape, slice_axis


def _triangle(x: Any) -> Any:
    return ew.maximum(1 - x, 0)


def _cubic(x: Any) -> Any:
    """Keys' cubic convolution with a = -1/2."""
    near = ((1.5 * x - 2.5) * x) * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return ew.where(ew.less(x, 1), near, ew.where(ew.less(x, 2), far, 0))


def _lanczos(radius: int) -> Callable[[Any], Any]:
    def kernel(x: Any) -> Any:
        angle = x * math.pi
        near = ew.less(x, 1e-3)
        safe = ew.where(near, 1, angle)
        value = radius * ew.sin(angle) * ew.sin(angle / radius) / (safe * safe)
        return ew.where(ew.greater(x, radius), 0, ew.where(near, 1, value))

    return kernel


_KERNELS: dict[str, Callable[[Any], Any]] = {"bilinear": _triangle, "bicubic": _cubic, "lanczos3": _lanczos(3), "lanczos5": _lanczos(5)}
"""Interpolation -> the weight of a pixel by its distance, in pixels, from the place that is read."""
INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")


def resize(images: Any, size: Any, interpolation: str = "bilinear", antialias: bool = False, crop_to_aspect_ratio: bool = False,
           pad_to_aspect_ratio: bool = False, fill_mode: str = "constant", fill_value: float = 0.0,
           data_format: str | None = None) -> Any:  # fmt: skip
    """Images in another height and width.

    Pixels are squares; pixel k covers the places from k to k + 1. Whole numbers are rounded and kept within the range of their dtype.

    Args:
        images: (H, W, C) or (B, H, W, C); the channels before H for "channels_first". H and W may be symbolic.
        size: (height, width) of the result; may be symbolic.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        antialias: whether the kernel grows with the step where an image becomes smaller.
        crop_to_aspect_ratio: whether the largest part in the middle is taken that has the shape of `size`.
        pad_to_aspect_ratio: whether borders give the image the shape of `size` first.
        fill_mode: "constant".
        fill_value: what the borders have.
        data_format: where the channels are; the configured format when None.

    Raises:
        ConfigError: a word that is not known, a size that is none, or both ways to keep the aspect ratio.
        ShapeError: another number of axes than 3 or 4.

    >>> resize(np.float32([[[0.0], [4.0]]]), (1, 4))[0, :, 0].tolist()
    [0.0, 1.0, 3.0, 4.0]
    """
    method = word(interpolation, INTERPOLATIONS, "resize: interpolation")
    word(fill_mode, ("constant",), "resize: fill_mode")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ConfigError("resize: only one of crop_to_aspect_ratio and pad_to_aspect_ratio can be True")
    if isinstance(size, (int, np.integer)):
        raise ConfigError(f"resize: size must be (height, width), received {size!r}")
    target = pair(size, "resize: `size`")
    images = numbers(images)
    place = layout_of(images, data_format, "resize")
    if crop_to_aspect_ratio:
        images = _cropped(images, place, target)
    elif pad_to_aspect_ratio:
        images = _padded(images, place, target, fill_value)
    dtype = dtype_of(images)
    x = images if method == "nearest" else floats(images)
    for axis, wanted in zip((place.height, place.width), target, strict=True):
        if shape(x)[axis] != wanted:
            x = _nearest(x, axis, wanted) if method == "nearest" else _interpolated(x, axis, wanted, _KERNELS[method], antialias)
    return x if method == "nearest" else as_before(x, dtype)


def _nearest(x: Any, axis: int, wanted: dims.Size) -> Any:
    size = shape(x)[axis]
    places = ew.multiply(cast(arange(wanted), "int64"), 2) + 1
    return take(x, cast(ew.floor_divide(ew.multiply(places, cast(size, "int64")), cast(2 * wanted, "int64")), "int32"), axis)


def _interpolated(x: Any, axis: int, wanted: dims.Size, kernel: Callable[[Any], Any], antialias: bool) -> Any:
    return along(x, axis, interpolation_matrix(shape(x)[axis], wanted, kernel, antialias))


def along(x: Any, axis: int, matrix: Any) -> Any:
    """The product with a matrix (wanted, size) along one axis, the axes behind it taken together."""
    sizes = shape(x)
    behind = sizes[axis + 1 :]
    flat = reshape(x, (*sizes[: axis + 1], dims.product(behind)))
    return reshape(matmul(cast(matrix, dtype_of(x)), flat), (*sizes[:axis], shape(matrix)[0], *behind))


def interpolation_matrix(size: dims.Size, wanted: dims.Size, kernel: Callable[[Any], Any], antialias: bool) -> Any:
    """The weights (wanted, size) of the pixels along an axis in float64: an array where the size is known."""
    step = ew.divide(cast(size, "float64"), cast(wanted, "float64"))
    reach = ew.maximum(step, 1.0) if antialias else 1.0
    return weights_at((cast(arange(wanted), "float64") + 0.5) * step - 0.5, size, kernel, reach)


def weights_at(places: Any, size: dims.Size, kernel: Callable[[Any], Any], reach: Any) -> Any:
    """The weights (wanted, size) of the pixels along an axis for each of the places (wanted), in pixels from the middle of the first."""
    weights = kernel(ew.absolute(expand_dims(places, 1) - cast(arange(size), dtype_of(places))) / reach)
    total = sum(weights, axis=1, keepdims=True)
    counts = ew.greater(ew.absolute(total), 1e-4)
    return ew.where(counts, weights / ew.where(counts, total, 1), 0)


def aspect_crop(height: dims.Size, width: dims.Size, target: tuple[Any, Any]) -> tuple[tuple[dims.Size, dims.Size], tuple[dims.Size, dims.Size]]:
    """(start, size) along height and width of the largest part in the middle that has the shape of `target`."""
    rows = dims.maximum(dims.minimum(height, dims.floor_divide(width * target[0], target[1])), 1)
    columns = dims.maximum(dims.minimum(width, dims.floor_divide(height * target[1], target[0])), 1)
    return (dims.floor_divide(height - rows, 2), rows), (dims.floor_divide(width - columns, 2), columns)


def aspect_pad(height: dims.Size, width: dims.Size, target: tuple[Any, Any]) -> tuple[tuple[dims.Size, dims.Size], tuple[dims.Size, dims.Size]]:
    """(start, size) along height and width of the smallest part around an image that has the shape of `target`: it starts at 0 or before."""
    rows = dims.maximum(height, dims.floor_divide(width * target[0], target[1]))
    columns = dims.maximum(width, dims.floor_divide(height * target[1], target[0]))
    down, across = dims.floor_divide(rows - height, 2), dims.floor_divide(columns - width, 2)
    return (0 - down, height + 2 * down), (0 - across, width + 2 * across)


def _cropped(images: Any, place: Layout, target: tuple[Any, Any]) -> Any:
    for axis, (start, count) in zip((place.height, place.width), aspect_crop(*place.space, target), strict=True):
        images = slice_axis(images, axis, start, start + count)
    return images


def _padded(images: Any, place: Layout, target: tuple[Any, Any], value: float) -> Any:
    """Borders of the same width on both sides; Keras has the rows before the columns, and never both."""
    widths: list[tuple[Any, Any]] = [(0, 0)] * len(place.sizes)
    for axis, (start, _) in zip((place.height, place.width), aspect_pad(*place.space, target), strict=True):
        widths[axis] = (0 - start, 0 - start)
    return pad(images, tuple(widths), constant_values=value)
