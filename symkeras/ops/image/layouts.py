"""Where height, width and channels of an image are, and the dtype that is computed in."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from symkeras import config
from symkeras.arguments import integers, is_integer
from symkeras.errors import ConfigError, ShapeError, nearest
from symkeras.graph import dims, dtypes
from symkeras.ops.elementwise import maximum, minimum, rint
from symkeras.ops.leaves import cast, shape
from symkeras.ops.op import as_array, dtype_of, is_symbolic

FORMATS = ("channels_last", "channels_first")


class Layout(NamedTuple):
    """The axes of an image or a batch of images, and their sizes."""

    channels_last: bool
    sizes: tuple[dims.Size, ...]
    height: int
    width: int
    channels: int

    @property
    def space(self) -> tuple[dims.Size, dims.Size]:
        """Height and width."""
        return self.sizes[self.height], self.sizes[self.width]


def word(value: Any, choices: tuple[str, ...], what: str) -> str:
    """`value` in lower case, which is one of `choices`.

    Raises:
        ConfigError: it is not.
    """
    name = str(value).lower()
    if not isinstance(value, str) or name not in choices:
        raise ConfigError(f"{what} must be one of {', '.join(map(repr, choices))}, received {value!r}.{nearest(name, choices)}")
    return name


def layout_of(images: Any, data_format: str | None, what: str) -> Layout:
    """The layout of an image or a batch of images.

    Raises:
        ConfigError: an unknown data format.
        ShapeError: another number of axes than 3 or 4.
    """
    channels_last = word(config.image_data_format() if data_format is None else data_format, FORMATS, f"{what}: data_format") == "channels_last"
    sizes = shape(images)
    if len(sizes) not in (3, 4):
        raise ShapeError(f"{what} expects one image of 3 axes or a batch of 4 axes, received shape {sizes}")
    first = len(sizes) - 3
    height, width, channels = (first, first + 1, first + 2) if channels_last else (first + 1, first + 2, first)
    return Layout(channels_last, sizes, height, width, channels)


def numbers(images: Any) -> Any:
    """`images` as they are where symbolic, as an array otherwise."""
    return images if is_symbolic(images) else as_array(images)


def floats(images: Any) -> Any:
    """`images` in a floating dtype."""
    return cast(images, dtypes.inexact(dtypes.result_type(dtype_of(images))))


def as_before(x: Any, dtype: str) -> Any:
    """`x` in `dtype`; where that holds whole numbers, rounded to them and kept within its range."""
    if not dtypes.is_int(dtype):
        return cast(x, dtype)
    info = np.iinfo(dtype)
    wide = cast(rint(x), "float64")
    most = np.nextafter(float(info.max), 0) if float(info.max) > info.max else float(info.max)
    return cast(minimum(maximum(wide, float(info.min)), most), dtype)


def pair(value: Any, what: str) -> tuple[Any, Any]:
    """`value` as two positive sizes, repeated when it is a single one; symbolic ones stay as they are."""
    items = (value, value) if isinstance(value, (int, np.integer, dims.Dim)) else value
    if not isinstance(items, (tuple, list)) or len(items) != 2:
        raise ConfigError(f"{what} must be an integer of at least 1, or 2 of them, received {value!r}")
    if any(not isinstance(v, dims.Dim) and is_integer(v) and v < 1 for v in items):
        raise ConfigError(f"{what} must have positive height and width, received {value!r}")
    first, second = (v if isinstance(v, dims.Dim) else integers(v, 1, what)[0] for v in items)
    return first, second
