"""Images put elsewhere: scaled and moved along axes, or with four points moved to four others."""

from __future__ import annotations

from typing import Any

from symkeras.errors import ShapeError
from symkeras.graph import dims
from symkeras.ops import elementwise as ew
from symkeras.ops.image.layouts import as_before, floats, layout_of, numbers, word
from symkeras.ops.image.resizing import _KERNELS, along, weights_at
from symkeras.ops.image.sampling import INTERPOLATIONS, transformed
from symkeras.ops.leaves import cast, shape
from symkeras.ops.numpy import arange, ones_like
from symkeras.ops.op import dtype_of
from symkeras.ops.shaping import canonical_axis, concatenate, expand_dims, slice_axis, squeeze, transpose
from symkeras.ops.sizes import as_shape

_METHODS = {
    "linear": "bilinear", "bilinear": "bilinear", "trilinear": "bilinear", "triangle": "bilinear", "cubic": "bicubic", "bicubic": "bicubic",
    "tricubic": "bicubic", "lanczos3": "lanczos3", "lanczos5": "lanczos5",
}  # fmt: skip


def scale_and_translate(images: Any, output_shape: Any, scale: Any, translation: Any, spatial_dims: Any, method: str, antialias: bool = True) -> Any:
    """Tensors scaled and then moved along axes: what lies at place p comes to lie at p * scale + translation.

    Pixel k covers the places from k to k + 1. What lies outside is 0.

    Args:
        images: (*S), of any number of axes.
        output_shape: as many sizes.
        scale, translation: a number for each of `spatial_dims`; they may be symbolic.
        spatial_dims: the axes that change.
        method: "linear", "cubic", "lanczos3" or "lanczos5", or another of Keras' names for the first two.
        antialias: whether the kernel grows with the step where an image becomes smaller.

    Raises:
        ConfigError: another method.
        ShapeError: numbers that are not as many as axes, or another size along an axis that does not change.

    >>> import numpy as np
    >>> scale_and_translate(np.arange(3.0), (5,), np.array([2.0]), np.array([-0.5]), (0,), "linear").tolist()
    [0.0, 0.5, 1.0, 1.5, 2.0]
    """
    kernel = _KERNELS[_METHODS[word(method, tuple(_METHODS), "scale_and_translate: method")]]
    images, scale, translation = numbers(images), numbers(scale), numbers(translation)
    sizes, wanted = shape(images), as_shape(output_shape)
    axes = [canonical_axis(a, len(sizes), "scale_and_translate") for a in spatial_dims]
    if shape(scale) != (len(axes),) or shape(translation) != (len(axes),) or len(wanted) != len(sizes) or len(set(axes)) != len(axes):
        raise ShapeError(
            f"scale_and_translate takes a size for each axis of {sizes}, and a scale and a translation for each of the axes {tuple(axes)}, received "
            f"{wanted}, {shape(scale)} and {shape(translation)}"
        )
    if not all(k in axes or dims.same(a, b) for k, (a, b) in enumerate(zip(sizes, wanted, strict=True))):
        raise ShapeError(f"scale_and_translate changes the axes {tuple(axes)} alone, received {sizes} for {wanted}")
    x = floats(images)
    for k, axis in enumerate(axes):
        size = sizes[axis]
        by, offset = (squeeze(slice_axis(cast(v, "float64"), 0, k, k + 1), 0) for v in (scale, translation))
        step = ew.divide(1.0, by)
        places = ew.subtract(ew.multiply(ew.subtract(cast(arange(wanted[axis]), "float64") + 0.5, offset), step), 0.5)
        weights = weights_at(places, size, kernel, ew.maximum(ew.absolute(step), 1.0) if antialias else 1.0)
        inside = ew.logical_and(ew.greater_equal(places, -0.5), ew.less_equal(places, cast(size, "float64") - 0.5))
        x = along(x, axis, ew.where(expand_dims(inside, 1), weights, 0))
    return as_before(x, dtype_of(images))


def perspective_transform(images: Any, start_points: Any, end_points: Any, interpolation: str = "bilinear", fill_value: float = 0,
                          data_format: str | None = None) -> Any:  # fmt: skip
    """Images seen from elsewhere, so that four points come to lie where four others are; no three on a line, or what comes out is no image.

    Args:
        images: (H, W, C) or (B, H, W, C); the channels before H for "channels_first".
        start_points: (4, 2) or (B, 4, 2), the x and y of four points.
        end_points: the same, where they come to lie.
        interpolation: "bilinear" or "nearest".
        fill_value: what lies outside.
        data_format: where the channels are.

    Raises:
        ConfigError: a word that is not known.
        ShapeError: another number of axes, or other than four points.

    >>> import numpy as np
    >>> corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> image = np.arange(4.0).reshape(2, 2, 1)
    >>> perspective_transform(image, corners, corners[:, ::-1]).round(6)[..., 0].tolist()
    [[0.0, 2.0], [1.0, 3.0]]
    """
    order = INTERPOLATIONS.index(word(interpolation, INTERPOLATIONS, "perspective_transform: interpolation"))
    images, start, end = numbers(images), numbers(start_points), numbers(end_points)
    place = layout_of(images, data_format, "perspective_transform")
    for points in (start, end):
        if len(shape(points)) not in (2, 3) or shape(points)[-2:] != (4, 2):
            raise ShapeError(f"perspective_transform takes four points (4, 2), or four for each image, received shape {shape(points)}")
    start, end = (p if len(shape(p)) == 3 else expand_dims(p, 0) for p in (start, end))
    is_single = len(place.sizes) == 3
    x = expand_dims(images, 0) if is_single else images
    x = x if place.channels_last else transpose(x, (0, 2, 3, 1))
    out = transformed(x, _homography(*(cast(p, "float64") for p in (start, end))), order, "constant", fill_value)
    out = out if place.channels_last else transpose(out, (0, 3, 1, 2))
    return squeeze(out, 0) if is_single else out


def _from_square(points: Any) -> list[Any]:
    """Nine numbers, each (B, 1), of the map from (0, 0), (1, 0), (0, 1), (1, 1) to four points (B, 4, 2).

    Source: P. Heckbert, Fundamentals of Texture Mapping and Image Warping, 1989, section 2.2.3.
    """
    (x0, y0), (x1, y1), (x3, y3), (x2, y2) = ([points[:, k, :1], points[:, k, 1:]] for k in range(4))
    ax, ay, bx, by = x1 - x2, y1 - y2, x3 - x2, y3 - y2
    sx, sy = x0 - x1 + x2 - x3, y0 - y1 + y2 - y3
    area = ax * by - ay * bx
    g, h = ew.divide(sx * by - sy * bx, area), ew.divide(ax * sy - ay * sx, area)
    return [x1 - x0 + g * x1, x3 - x0 + h * x3, x0, y1 - y0 + g * y1, y3 - y0 + h * y3, y0, g, h, ones_like(g)]


def _homography(start: Any, end: Any) -> Any:
    """(B, 8): the transform that takes the points `end` (B, 4, 2) to `start`."""
    a, b, c, d, e, f, g, h, i = _from_square(end)
    back = [e * i - f * h, c * h - b * i, b * f - c * e, f * g - d * i, a * i - c * g, c * d - a * f, d * h - e * g, b * g - a * h, a * e - b * d]
    to = _from_square(start)
    both = [sum(to[3 * row + k] * back[3 * k + column] for k in range(3)) for row in range(3) for column in range(3)]
    return concatenate([ew.divide(x, both[8]) for x in both[:8]], 1)
