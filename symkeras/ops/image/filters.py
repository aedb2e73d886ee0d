"""Sums over the neighbours of each pixel: blur, edges, and how alike two images are."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.arguments import integers
from symkeras.errors import ShapeError
from symkeras.graph import dims
from symkeras.ops import elementwise as ew
from symkeras.ops.convolution import depthwise_conv
from symkeras.ops.image.layouts import Layout, as_before, floats, layout_of, numbers
from symkeras.ops.leaves import cast, shape
from symkeras.ops.numpy import pad
from symkeras.ops.op import as_array, dtype_of, is_symbolic
from symkeras.ops.reductions import mean, sum
from symkeras.ops.shaping import broadcast_to, expand_dims, reshape, slice_axis, squeeze, stack, transpose


def _bell(size: int, sigma: Any, dtype: str) -> Any:
    """A normal distribution at `size` places around 0, of sum 1."""
    places = (np.arange(size) - (size - 1) / 2).astype(dtype)
    sigma = cast(sigma, dtype) if is_symbolic(sigma) else as_array(sigma, dtype)
    values = ew.exp(ew.multiply(ew.square(ew.divide(places, sigma)), -0.5))
    return ew.divide(values, sum(values))


def _weighted(x: Any, rows: Any, columns: Any, padding: str) -> Any:
    """Images (B, H, W, C) by a kernel over rows and then one over columns, each channel by itself."""
    channels = shape(x)[-1]
    if not isinstance(channels, int):
        raise ShapeError(f"the number of channels must be known, received shape {shape(x)}")
    for kernel, form in ((rows, (-1, 1, 1, 1)), (columns, (1, -1, 1, 1))):
        wide = reshape(kernel, form)
        x = depthwise_conv(x, broadcast_to(wide, (*shape(wide)[:2], channels, 1)), 1, padding, "channels_last")
    return x


def _in_front(images: Any, place: Layout) -> Any:
    """Images as a batch (B, H, W, C)."""
    x = expand_dims(images, 0) if len(place.sizes) == 3 else images
    return x if place.channels_last else transpose(x, (0, 2, 3, 1))


def _back(x: Any, place: Layout) -> Any:
    x = x if place.channels_last else transpose(x, (0, 3, 1, 2))
    return squeeze(x, 0) if len(place.sizes) == 3 else x


def gaussian_blur(images: Any, kernel_size: Any = (3, 3), sigma: Any = (1.0, 1.0), data_format: str | None = None) -> Any:
    """Images blurred by a normal distribution; what lies outside is 0.

    Args:
        images: (H, W, C) or (B, H, W, C); the channels before H for "channels_first".
        kernel_size: pixels of the kernel, along W and along H, which is how Keras computes it.
        sigma: standard deviation in pixels, along W and along H.
        data_format: where the channels are.

    Raises:
        ConfigError: an unknown data format, or no positive kernel size.
        ShapeError: another number of axes, unknown channels, or no two deviations.

    >>> gaussian_blur(np.ones((1, 3, 1)), (3, 1), (1e-3, 1.0))[0, :, 0].tolist()
    [1.0, 1.0, 1.0]
    """
    columns, rows = integers(kernel_size, 2, "gaussian_blur: kernel_size")
    if is_symbolic(sigma) and not isinstance(sigma, (tuple, list)):
        sigma = [squeeze(slice_axis(sigma, 0, k, k + 1), 0) for k in range(2)]
    if not (isinstance(sigma, (tuple, list)) or np.ndim(sigma) == 1) or len(sigma) != 2:
        raise ShapeError(f"gaussian_blur takes two standard deviations, received {sigma!r}")
    images = numbers(images)
    place = layout_of(images, data_format, "gaussian_blur")
    x = floats(_in_front(images, place))
    dtype = dtype_of(x)
    out = _weighted(x, _bell(rows, sigma[1], dtype), _bell(columns, sigma[0], dtype), "same")
    return as_before(_back(out, place), dtype_of(images))


def sobel_edges(images: Any, data_format: str | None = None) -> Any:
    """How images change downwards and to the right, by Sobel's kernels; what lies outside is 0.

    Args:
        images: (H, W, C) or (B, H, W, C); the channels before H for "channels_first".
        data_format: where the channels are.

    Returns:
        The shape of `images` with a last axis of 2: downwards, to the right.

    Raises:
        ConfigError: an unknown data format.
        ShapeError: another number of axes.

    >>> sobel_edges(np.arange(9.0).reshape(3, 3, 1), "channels_last")[1, 1, 0].tolist()
    [24.0, 8.0]
    """
    images = numbers(images)
    place = layout_of(images, data_format, "sobel_edges")
    x = floats(images)
    widths: list[tuple[int, int]] = [(0, 0)] * len(place.sizes)
    widths[place.height] = widths[place.width] = (1, 1)
    x = pad(x, tuple(widths))

    def shifted(x: Any, axis: int, by: int) -> Any:
        return slice_axis(x, axis, by, place.sizes[axis] + by)

    def change(x: Any, axis: int) -> Any:
        return ew.subtract(shifted(x, axis, 2), shifted(x, axis, 0))

    def smooth(x: Any, axis: int) -> Any:
        return ew.add_(ew.add_(shifted(x, axis, 0), shifted(x, axis, 2)), ew.multiply(shifted(x, axis, 1), 2))

    edges = [change(smooth(x, place.width), place.height), change(smooth(x, place.height), place.width)]
    return as_before(stack(edges, -1), dtype_of(images))


def ssim(image1: Any, image2: Any, max_val: float = 1.0, filter_size: int = 11, filter_sigma: float = 1.5, k1: float = 0.01, k2: float = 0.03,
         data_format: str | None = None) -> Any:  # fmt: skip
    """How alike images are in brightness, contrast and structure, 1 for equal ones (Wang et al. 2004).

    Args:
        image1, image2: (H, W, C) or (B, H, W, C); the channels before H for "channels_first".
        max_val: the largest value that a pixel may have.
        filter_size, filter_sigma: pixels and standard deviation of the windows that are compared.
        k1, k2: what keeps the quotients of brightness and of contrast finite, in parts of `max_val`.
        data_format: where the channels are.

    Returns:
        A scalar, or (B,).

    Raises:
        ConfigError: an unknown data format, or no positive filter size.
        ShapeError: two shapes, another number of axes, unknown channels, or images smaller than a window.

    >>> image = np.arange(144.0).reshape(12, 12, 1) / 144
    >>> round(float(ssim(image, image)), 6)
    1.0
    """
    size = integers(filter_size, 1, "ssim: filter_size")[0]
    image1, image2 = numbers(image1), numbers(image2)
    place = layout_of(image1, data_format, "ssim")
    if len(shape(image2)) != len(place.sizes) or not all(map(dims.same, shape(image2), place.sizes)):
        raise ShapeError(f"ssim takes two images of one shape, received {place.sizes} and {shape(image2)}")
    a, b = (_in_front(x, place) for x in ew.promoted("float", image1, image2))
    bell = _bell(size, filter_sigma, dtype_of(a))

    def seen(x: Any) -> Any:
        return _weighted(x, bell, bell, "valid")

    mean_a, mean_b = seen(a), seen(b)
    both = ew.multiply(mean_a, mean_b)
    squares = ew.add_(ew.square(mean_a), ew.square(mean_b))
    spread = ew.subtract(seen(ew.add_(ew.square(a), ew.square(b))), squares)
    shared = ew.subtract(seen(ew.multiply(a, b)), both)
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    above = ew.multiply(ew.add_(ew.multiply(both, 2), c1), ew.add_(ew.multiply(shared, 2), c2))
    alike = mean(ew.divide(above, ew.multiply(ew.add_(squares, c1), ew.add_(spread, c2))), (1, 2, 3))
    return squeeze(alike, 0) if len(place.sizes) == 3 else alike
