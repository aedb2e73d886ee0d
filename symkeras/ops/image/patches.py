"""The windows of images and volumes, each as one vector."""

from __future__ import annotations

import itertools
from typing import Any

from symkeras import config
from symkeras.arguments import integers
from symkeras.errors import ShapeError
from symkeras.graph import dims
from symkeras.ops.convolution import explicit_padding
from symkeras.ops.image.layouts import FORMATS, layout_of, numbers, word
from symkeras.ops.leaves import shape
from symkeras.ops.numpy import moveaxis, pad
from symkeras.ops.op import OPS, apply
from symkeras.ops.shaping import concatenate


def extract_patches(images: Any, size: Any, strides: Any = None, dilation_rate: Any = 1, padding: str = "valid",
                    data_format: str | None = None) -> Any:  # fmt: skip
    """The windows of images, each as a vector of its pixels, row by row.

    Args:
        images: (H, W, C) or (B, H, W, C); the channels before H for "channels_first". For three sizes volumes.
        size: the window, one number or (rows, columns).
        strides: steps of the window; its own size when None.
        dilation_rate: steps between the pixels of a window.
        padding: "valid", or "same" with zeros around the image.
        data_format: where the channels are.

    Returns:
        (B, rows, columns, size * size * C), or the last axis second for "channels_first".

    Raises:
        ConfigError: a size that is none, or an unknown word.
        ShapeError: another number of axes, or a window that does not fit.

    >>> import numpy as np
    >>> extract_patches(np.arange(4.0).reshape(1, 2, 2, 1), 2)[0, 0, 0].tolist()
    [0.0, 1.0, 2.0, 3.0]
    """
    if isinstance(size, (tuple, list)) and len(size) == 3:
        return extract_patches_3d(images, size, strides, dilation_rate, padding, data_format)
    images = numbers(images)
    place = layout_of(images, data_format, "extract_patches")
    return _windows(images, 2, size, strides, dilation_rate, padding, place.channels_last, "extract_patches")


def extract_patches_3d(volumes: Any, size: Any, strides: Any = None, dilation_rate: Any = 1, padding: str = "valid",
                       data_format: str | None = None) -> Any:  # fmt: skip
    """The windows of volumes, each as a vector.

    Args:
        volumes: (D, H, W, C) or (B, D, H, W, C); the channels before D for "channels_first".
        size: the window, one number or three.
        strides: steps of the window; its own size when None.
        dilation_rate: steps between the elements of a window.
        padding: "valid", or "same" with zeros around.
        data_format: where the channels are.

    Raises:
        ConfigError: a size that is none, or an unknown word.
        ShapeError: another number of axes, or a window that does not fit.

    >>> import numpy as np
    >>> extract_patches_3d(np.zeros((1, 4, 4, 4, 2)), 2).shape
    (1, 2, 2, 2, 16)
    """
    volumes = numbers(volumes)
    channels_last = word(config.image_data_format() if data_format is None else data_format, FORMATS, "extract_patches_3d: data_format") == FORMATS[0]
    if len(shape(volumes)) not in (4, 5):
        raise ShapeError(f"extract_patches_3d expects one volume of 4 axes or a batch of 5 axes, received shape {shape(volumes)}")
    return _windows(volumes, 3, size, strides, dilation_rate, padding, channels_last, "extract_patches_3d")


def _windows(x: Any, rank: int, size: Any, strides: Any, dilation: Any, padding: str, channels_last: bool, what: str) -> Any:
    """One slice of the whole for each place within the window, side by side."""
    size = integers(size, rank, f"{what}: size")
    steps = size if strides is None else integers(strides, rank, f"{what}: strides")
    dilation = integers(dilation, rank, f"{what}: dilation_rate")
    padding = word(padding, ("valid", "same"), f"{what}: padding")
    first = len(shape(x)) - rank - 1
    x = x if channels_last else moveaxis(x, first, -1)
    sizes = shape(x)
    space = sizes[first:-1]
    pairs = explicit_padding(padding, space, size, steps, dilation)  # type: ignore[arg-type]
    x = pad(x, (*((0, 0),) * first, *pairs, (0, 0))) if padding == "same" else x
    spans = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    counts = [dims.floor_divide(n - s, t) + 1 for n, s, t in zip(shape(x)[first:-1], spans, steps, strict=True)]
    if any(isinstance(n, int) and n < 1 for n in counts):
        raise ShapeError(f"{what}: a window of {size} does not fit into shape {sizes}")
    places = itertools.product(*(range(0, k * d, d) for k, d in zip(size, dilation, strict=True)))
    pieces = [_piece(x, first, place, counts, steps) for place in places]
    out = concatenate(pieces, -1)
    return out if channels_last else moveaxis(out, -1, first)


def _piece(x: Any, first: int, starts: tuple[int, ...], counts: list[Any], steps: tuple[int, ...]) -> Any:
    sizes = shape(x)
    stops = [a + (n - 1) * t + 1 for a, n, t in zip(starts, counts, steps, strict=True)]
    return apply(OPS["slice"], [x], {
        "starts": (*(0,) * first, *starts, 0), "stops": (*sizes[:first], *stops, sizes[-1]), "strides": (*(1,) * first, *steps, 1),
    })  # fmt: skip
