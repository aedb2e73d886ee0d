"""Values between the elements of a grid: gathers of the neighbours and their weighted sum."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import dims, dtypes
from symkeras.ops import elementwise as ew
from symkeras.ops.image.layouts import as_before, floats, layout_of, numbers, word
from symkeras.ops.indexing import take
from symkeras.ops.leaves import cast, shape
from symkeras.ops.nn import clip
from symkeras.ops.numpy import arange
from symkeras.ops.op import dtype_of
from symkeras.ops.shaping import broadcast_to, expand_dims, reshape, slice_axis, squeeze, transpose

FAR = 2.0**24
"""Places beyond are taken to be there: a float32 has no fractions from here on, and an index may be doubled."""


def _mirrored(index: Any, size: Any) -> Any:
    """0 1 2 | 1 0 1: the last element once."""
    last = size - 1
    return ew.absolute(ew.mod(index + last, ew.maximum(2 * last, 1)) - last)


_INSIDE: dict[str, Callable[[Any, Any], Any]] = {
    "constant": lambda index, size: clip(index, 0, size - 1),
    "nearest": lambda index, size: clip(index, 0, size - 1),
    "wrap": ew.mod,
    "mirror": _mirrored,
    "reflect": lambda index, size: ew.floor_divide(_mirrored(2 * index + 1, 2 * size + 1), 2),
}
"""Fill mode -> the element that an index outside stands for."""
FILL_MODES = tuple(_INSIDE)
INTERPOLATIONS = ("nearest", "bilinear")


def map_coordinates(inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: float = 0.0) -> Any:
    """The values of a grid at places between its elements.

    Args:
        inputs: (*S), the grid.
        coordinates: (R, *T), a place along each of the R axes of the grid.
        order: 0 for the nearest element, 1 for linear interpolation.
        fill_mode: what lies outside: "constant", "nearest" (the border), "wrap", "mirror" or "reflect" (the border twice).
        fill_value: what lies outside for "constant".

    Returns:
        (*T), in the dtype of the grid; whole numbers are rounded.

    Raises:
        ConfigError: another order or fill mode.
        ShapeError: another number of places than of axes.

    >>> import numpy as np
    >>> map_coordinates(np.float32([0.0, 10.0]), np.float32([[0.5, 3.0]]), 1, "nearest").tolist()
    [5.0, 10.0]
    """
    inputs, coordinates = numbers(inputs), numbers(coordinates)
    sizes, places = shape(inputs), shape(coordinates)
    if len(places) < 2 or places[0] != len(sizes):
        raise ShapeError(f"map_coordinates: coordinates have a first axis of {len(sizes)}, the rank of `inputs`; received shape {tuple(places)}")
    if order not in (0, 1) or isinstance(order, bool):
        raise ConfigError(f"map_coordinates: order must be 0 or 1, received {order!r}")
    mode = word(fill_mode, FILL_MODES, "map_coordinates: fill_mode")
    along = [squeeze(part, 0) for part in _parts(coordinates)]
    return sample(reshape(inputs, (dims.product(sizes),)), sizes, along, order, mode, fill_value)


def _parts(x: Any) -> list[Any]:
    return [slice_axis(x, 0, k, k + 1) for k in range(shape(x)[0])]


def sample(rows: Any, sizes: Sequence[dims.Size], places: Sequence[Any], order: int, mode: str, fill_value: Any, offset: Any = None) -> Any:
    """Rows of a grid of `sizes`, laid out one after the other, at `places`.

    Args:
        rows: (offset + product of sizes, *C).
        places: for each axis of the grid an array (*T).
        offset: (*T) or what broadcasts to it, the row at which the grid begins.

    Returns:
        (*T, *C).
    """
    dtype = dtype_of(rows)
    behind = len(shape(rows)) - 1
    along = [list(_neighbours(floats(place), order)) for place in places]
    total: Any = None
    for corner in itertools.product(*along):
        index: Any = 0
        inside: Any = None
        for (k, _), size in zip(corner, sizes, strict=True):
            count = cast(size, "int32")
            index = index * count + _INSIDE[mode](k, count)
            if mode == "constant":
                here = ew.logical_and(ew.greater_equal(k, 0), ew.less(k, count))
                inside = here if inside is None else ew.logical_and(inside, here)
        value = floats(take(rows, index if offset is None else index + offset, 0))
        if inside is not None:
            value = ew.where(_behind(inside, behind), value, cast(fill_value, dtype_of(value)))
        weights = [w for _, w in corner if w is not None]
        if weights:
            value = ew.multiply(value, cast(_behind(functools.reduce(ew.multiply, weights), behind), dtype_of(value)))
        total = value if total is None else ew.add_(total, value)
    return as_before(total, dtype)


def _neighbours(place: Any, order: int) -> Any:
    """The elements on both sides of a place with their weights, or the nearest one with none."""
    if order == 0:
        half = ew.floor(ew.absolute(place) + 0.5)
        yield _index(ew.where(ew.less(place, 0), ew.negative(half), half)), None
        return
    low = ew.floor(place)
    share = ew.subtract(place, low)
    index = _index(low)
    yield index, ew.subtract(1, share)
    yield index + 1, share


def _index(place: Any) -> Any:
    """A whole place as an index; that of a NaN, whose value is NaN by its weight, is 0."""
    return cast(clip(ew.where(ew.isnan(place), 0, place), -FAR, FAR), "int32")


def _behind(x: Any, count: int) -> Any:
    return reshape(x, (*shape(x), *(1,) * count))


def affine_transform(images: Any, transform: Any, interpolation: str = "bilinear", fill_mode: str = "constant", fill_value: float = 0,
                     data_format: str | None = None) -> Any:  # fmt: skip
    """Images whose pixel (x, y) is what lies at ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k), k = c0 x + c1 y + 1.

    Args:
        images: (H, W, C) or (B, H, W, C); the channels before H for "channels_first".
        transform: [a0, a1, a2, b0, b1, b2, c0, c1], one for all images or (B, 8).
        interpolation: "bilinear" or "nearest".
        fill_mode: "constant", "nearest", "wrap", "mirror" or "reflect".
        fill_value: what lies outside for "constant".
        data_format: where the channels are.

    Raises:
        ConfigError: a word that is not known.
        ShapeError: another number of axes, or of numbers of a transform.

    >>> import numpy as np
    >>> affine_transform(np.float32([[[1.0], [2.0], [3.0]]]), [1, 0, 1, 0, 1, 0, 0, 0])[0, :, 0].tolist()
    [2.0, 3.0, 0.0]
    """
    order = INTERPOLATIONS.index(word(interpolation, INTERPOLATIONS, "affine_transform: interpolation"))
    mode = word(fill_mode, FILL_MODES, "affine_transform: fill_mode")
    images, transform = numbers(images), numbers(transform)
    place = layout_of(images, data_format, "affine_transform")
    if len(shape(transform)) not in (1, 2) or shape(transform)[-1] != 8:
        raise ShapeError(f"affine_transform expects 8 numbers, or 8 for each image, received a transform of shape {shape(transform)}")
    is_single = len(place.sizes) == 3
    x = expand_dims(images, 0) if is_single else images
    x = x if place.channels_last else transpose(x, (0, 2, 3, 1))
    out = transformed(x, transform if len(shape(transform)) == 2 else expand_dims(transform, 0), order, mode, fill_value)
    out = out if place.channels_last else transpose(out, (0, 3, 1, 2))
    return squeeze(out, 0) if is_single else out


def transformed(x: Any, transform: Any, order: int, mode: str, fill_value: Any) -> Any:
    """Images (B, H, W, C) by transforms (B, 8), or by one (1, 8)."""
    batch, height, width, channels = shape(x)
    dtype = "float64" if dtypes.result_type(dtype_of(x)) == "float64" else "float32"
    a0, a1, a2, b0, b1, b2, c0, c1 = (expand_dims(part, 2) for part in _columns(cast(transform, dtype)))
    columns = reshape(cast(arange(width), dtype), (1, 1, width))
    rows = reshape(cast(arange(height), dtype), (1, height, 1))

    def plane(x: Any, y: Any, constant: Any) -> Any:
        return ew.add_(ew.add_(ew.multiply(x, columns), ew.multiply(y, rows)), constant)

    depth = plane(c0, c1, 1)
    across, down = ew.divide(plane(a0, a1, a2), depth), ew.divide(plane(b0, b1, b2), depth)
    grid = (batch, height, width)
    start = reshape(arange(batch), (batch, 1, 1)) * cast(height * width, "int32")
    rows_of = reshape(x, (batch * height * width, channels))
    return sample(rows_of, (height, width), [broadcast_to(down, grid), broadcast_to(across, grid)], order, mode, fill_value, start)


def _columns(transform: Any) -> list[Any]:
    """The eight numbers, each (B, 1)."""
    return [slice_axis(transform, 1, k, k + 1) for k in range(8)]
