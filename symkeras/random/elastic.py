"""Images pulled about: every pixel is read a little beside its place, and how far is blurred noise, so that neighbours move alike."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.arguments import checked, number, positive
from symkeras.errors import ShapeError
from symkeras.ops.image.layouts import as_before, floats, layout_of, numbers, word
from symkeras.ops.image.sampling import FILL_MODES, INTERPOLATIONS, sample
from symkeras.ops.op import dtype_of, is_symbolic
from symkeras.random.draws import normal


@checked(alpha=number(), sigma=positive, fill_value=number())
def elastic_transform(images: Any, alpha: float = 20.0, sigma: float = 5.0, interpolation: str = "bilinear", fill_mode: str = "reflect",
                      fill_value: float = 0.0, seed: Any = None, data_format: str | None = None) -> Any:  # fmt: skip
    """Images pulled about at random: every pixel moves a little, neighbours alike. The two axes move independently; Keras moves them together.

    Args:
        images: (H, W, C) or (B, H, W, C) with known H and W; the channels before H for "channels_first".
        alpha: how far pixels move, as a factor.
        sigma: standard deviation of the noise, and in pixels of the blur that smooths it.
        interpolation: "bilinear" or "nearest".
        fill_mode: what comes in from outside: "constant", "nearest", "wrap", "mirror" or "reflect".
        fill_value: what comes in for "constant".
        seed: an int, a `SeedGenerator`, or None.
        data_format: where the channels are.

    Returns:
        Images of the shape and the dtype of `images`.

    Raises:
        ConfigError: a word that is not known, or a deviation that is not positive.
        ShapeError: another number of axes, or height or width are not known.

    >>> import numpy as np
    >>> elastic_transform(np.zeros((2, 8, 8, 3), "float32"), seed=1).shape
    (2, 8, 8, 3)

    Source: P. Simard and others, Best Practices for Convolutional Neural Networks Applied to Visual Document Analysis, 2003.
    """
    order = INTERPOLATIONS.index(word(interpolation, INTERPOLATIONS, "elastic_transform: interpolation"))
    mode = word(fill_mode, FILL_MODES, "elastic_transform: fill_mode")
    images = numbers(images)
    place = layout_of(images, data_format, "elastic_transform")
    height, width = place.space
    if not isinstance(height, int) or not isinstance(width, int):
        raise ShapeError(f"elastic_transform needs images of known height and width, received shape {place.sizes}")
    x = images if place.channels_last else ops.moveaxis(images, -3, -1)
    x = floats(x if len(place.sizes) == 4 else ops.expand_dims(x, 0))
    moves = ops.multiply(smooth_noise(ops.shape(x)[:3], int(6 * sigma) | 1, sigma, dtype_of(x), seed), alpha)
    out = moved(x, moves, order, mode, fill_value)
    out = out if len(place.sizes) == 4 else ops.squeeze(out, 0)
    return as_before(out if place.channels_last else ops.moveaxis(out, -1, -3), dtype_of(images))


def smooth_noise(sizes: Any, kernel: int, sigma: Any, dtype: str, seed: Any) -> Any:
    """(2, B, H, W): normal numbers of deviation `sigma`, blurred over as many pixels, for two axes and the sizes (B, H, W)."""
    batch, height, width = sizes
    noise = ops.multiply(normal((2 * batch, height, width, 1), dtype=dtype, seed=seed), sigma)
    deviations = ops.stack([sigma, sigma]) if is_symbolic(sigma) else [sigma, sigma]
    return ops.reshape(ops.image.gaussian_blur(noise, kernel, deviations, "channels_last"), (2, batch, height, width))


def moved(images: Any, moves: Any, order: int, fill_mode: str, fill_value: float) -> Any:
    """Images (B, H, W, C), each pixel read as far beside its place, down and across, as `moves` (2, B, H, W) says."""
    batch, height, width, channels = ops.shape(images)
    dtype = dtype_of(moves)
    rows = ops.reshape(ops.cast(ops.arange(height), dtype), (1, -1, 1))
    columns = ops.reshape(ops.cast(ops.arange(width), dtype), (1, 1, -1))
    start = ops.multiply(ops.reshape(ops.arange(batch, dtype="int32"), (-1, 1, 1)), ops.cast(height * width, "int32"))
    places = [ops.add(rows, moves[0]), ops.add(columns, moves[1])]
    return sample(ops.reshape(images, (batch * height * width, channels)), (height, width), places, order, fill_mode, fill_value, start)
