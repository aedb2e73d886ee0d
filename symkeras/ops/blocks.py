"""Blocks of images as channels or columns, and back."""

from __future__ import annotations

import itertools
from typing import Any

from symkeras.arguments import integers
from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import dims
from symkeras.ops import elementwise as ew
from symkeras.ops.leaves import shape
from symkeras.ops.op import OPS, apply
from symkeras.ops.shaping import reshape, stack, transpose
from symkeras.ops.sizes import as_size, whole

_FORMATS = ("channels_last", "channels_first")


def _blocks(x: Any, block_size: Any, data_format: str, what: str) -> tuple[tuple[Any, ...], int, bool]:
    size = whole(block_size, f"{what}: block_size")
    if size < 2:
        raise ConfigError(f"{what}: `block_size` must be at least 2, received {block_size!r}")
    if data_format not in _FORMATS:
        raise ConfigError(f"{what}: data_format is 'channels_last' or 'channels_first', received {data_format!r}")
    if len(shape(x)) != 4:
        raise ShapeError(f"{what} takes images (N, H, W, C) or (N, C, H, W), received shape {shape(x)}")
    return shape(x), size, data_format == "channels_first"


def _divided(size: Any, by: int, what: str, sizes: Any) -> Any:
    if isinstance(size, int) and size % by:
        raise ShapeError(f"{what}: {size} does not divide by {by}, received shape {sizes}")
    return dims.floor_divide(size, by)


def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Channels laid out as blocks of space ("pixel shuffle", Shi et al. 2016).

    Args:
        x: (N, H, W, C), or (N, C, H, W).
        block_size: height and width R of a block.
        data_format: where the channels are.

    Returns:
        (N, H * R, W * R, C / R**2), or with these channels second.

    Raises:
        ShapeError, ConfigError: channels that do not divide by R**2, no images, a block_size below 2, an unknown data_format.

    >>> import numpy as np
    >>> depth_to_space(np.arange(4.0).reshape(1, 1, 1, 4), 2)[0, ..., 0].tolist()
    [[0.0, 1.0], [2.0, 3.0]]
    """
    sizes, r, first = _blocks(x, block_size, data_format, "depth_to_space")
    if first:
        n, c, h, w = sizes
        left = _divided(c, r * r, "depth_to_space", sizes)
        return reshape(transpose(reshape(x, (n, left, r, r, h, w)), (0, 1, 4, 2, 5, 3)), (n, left, h * r, w * r))
    n, h, w, c = sizes
    left = _divided(c, r * r, "depth_to_space", sizes)
    return reshape(transpose(reshape(x, (n, h, w, r, r, left)), (0, 1, 3, 2, 4, 5)), (n, h * r, w * r, left))


def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Blocks of space laid out as channels: the inverse of `depth_to_space`.

    Args:
        x: (N, H, W, C), or (N, C, H, W).
        block_size: height and width R of a block.
        data_format: where the channels are.

    Returns:
        (N, H / R, W / R, C * R**2), or with these channels second.

    Raises:
        ShapeError, ConfigError: sizes that do not divide by R, no images, a block_size below 2, an unknown data_format.

    >>> import numpy as np
    >>> space_to_depth(np.arange(4.0).reshape(1, 2, 2, 1), 2).tolist()
    [[[[0.0, 1.0, 2.0, 3.0]]]]
    """
    sizes, r, first = _blocks(x, block_size, data_format, "space_to_depth")
    n, c = sizes[0], sizes[1] if first else sizes[3]
    h, w = (_divided(d, r, "space_to_depth", sizes) for d in (sizes[2:] if first else sizes[1:3]))
    if first:
        return reshape(transpose(reshape(x, (n, c, h, r, w, r)), (0, 1, 3, 5, 2, 4)), (n, c * r * r, h, w))
    return reshape(transpose(reshape(x, (n, h, r, w, r, c)), (0, 1, 3, 2, 4, 5)), (n, h, w, c * r * r))


def _window(kernel_size: Any, dilation: Any, padding: Any, stride: Any, what: str) -> tuple[tuple[int, int], ...]:
    """Kernel, dilation, padding and stride as pairs."""
    return tuple(  # type: ignore[return-value]
        integers(v, 2, f"{what}: {name}", least)
        for name, v, least in (("kernel_size", kernel_size, 1), ("dilation", dilation, 1), ("padding", padding, 0), ("stride", stride, 1))
    )


def _counts(space: Any, window: Any, what: str) -> list[Any]:
    """How many places a window has along each axis."""
    counts = [
        dims.floor_divide(n + 2 * p - (k - 1) * d - 1, s) + 1 for n, k, d, p, s in zip(space, *window, strict=True)
    ]
    if any(isinstance(n, int) and n < 1 for n in counts):
        raise ShapeError(f"{what}: a window of {window[0]} with dilation {window[1]} and padding {window[2]} does not fit into {tuple(space)}")
    return counts


def unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """The elements under each place of a window, as columns (im2col).

    Args:
        x: (N, C, H, W).
        kernel_size, dilation, padding, stride: of the window, one number or one for height and one for width.

    Returns:
        (N, C * KH * KW, L) for L places, row by row.

    Raises:
        ShapeError, ConfigError: no images, a window that does not fit, numbers that are not positive.

    >>> import numpy as np
    >>> unfold(np.arange(4.0).reshape(1, 1, 2, 2), (1, 2)).tolist()
    [[[0.0, 2.0], [1.0, 3.0]]]
    """
    if len(shape(x)) != 4:
        raise ShapeError(f"unfold takes images (N, C, H, W), received shape {shape(x)}")
    window = kernel, dilations, pads, steps = _window(kernel_size, dilation, padding, stride, "unfold")
    n, c, *space = shape(x)
    rows, columns = _counts(space, window, "unfold")
    if any(pads):
        x = apply(OPS["pad"], [x], {"padding": ((0, 0, 0), (0, 0, 0), *((p, p, 0) for p in pads)), "value": 0.0})
    pieces = []
    for place in itertools.product(*map(range, kernel)):
        a, b = (k * d for k, d in zip(place, dilations, strict=True))
        stops = (n, c, a + (rows - 1) * steps[0] + 1, b + (columns - 1) * steps[1] + 1)
        pieces.append(apply(OPS["slice"], [x], {"starts": (0, 0, a, b), "stops": stops, "strides": (1, 1, *steps)}))
    return reshape(stack(pieces, 2), (n, c * kernel[0] * kernel[1], rows * columns))


def fold(x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Columns of windows added up to images, each where `unfold` took it from (col2im).

    Args:
        x: (N, C * KH * KW, L).
        output_size: height and width of the images, one number or two.
        kernel_size, dilation, padding, stride: of the window, see `unfold`.

    Returns:
        (N, C, *output_size).

    Raises:
        ShapeError, ConfigError: columns that are not C * KH * KW long, or not as many as places, numbers that are not positive.

    >>> import numpy as np
    >>> fold(np.ones((1, 2, 2)), (1, 3), (1, 2)).tolist()
    [[[[1.0, 2.0, 1.0]]]]
    """
    if len(shape(x)) != 3:
        raise ShapeError(f"fold takes 3D columns (N, C * KH * KW, L), received shape {shape(x)}")
    window = kernel, dilations, pads, steps = _window(kernel_size, dilation, padding, stride, "fold")
    space = integers(output_size, 2, "fold: output_size")
    n, long, count = shape(x)
    rows, columns = _counts(space, window, "fold")
    c = _divided(as_size(long), kernel[0] * kernel[1], "fold", shape(x))
    if not dims.same(count, rows * columns):
        raise ShapeError(f"fold: a window of {kernel} has {rows * columns} places in {tuple(space)}, received {count} columns")
    parts = reshape(x, (n, c, *kernel, rows, columns))
    full = [s + 2 * p for s, p in zip(space, pads, strict=True)]
    total = None
    for place in itertools.product(*map(range, kernel)):
        part = apply(OPS["slice"], [parts], {"starts": (0, 0, *place, 0, 0), "stops": (n, c, *(k + 1 for k in place), rows, columns),
                                             "strides": (1,) * 6})  # fmt: skip
        padding_of = [(0, 0, 0), (0, 0, 0)]
        for k, d, number, s, size in zip(place, dilations, (rows, columns), steps, full, strict=True):
            padding_of.append((k * d, size - k * d - ((number - 1) * s + 1), s - 1))
        part = apply(OPS["pad"], [reshape(part, (n, c, rows, columns))], {"padding": tuple(padding_of), "value": 0.0})
        total = part if total is None else ew.add_(total, part)
    starts = (0, 0, *pads)
    return apply(OPS["slice"], [total], {"starts": starts, "stops": (n, c, *(p + s for p, s in zip(pads, space, strict=True))), "strides": (1,) * 4})
