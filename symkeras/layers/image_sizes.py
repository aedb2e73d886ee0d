"""Images brought to a size: by interpolation, or by taking the middle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from symkeras import ops
from symkeras.arguments import boolean, checked, number, one_of, positive_int
from symkeras.errors import ConfigError
from symkeras.graph import dims
from symkeras.layers.beside_images import BesideImages, scaled
from symkeras.layers.spatial import data_format_of
from symkeras.ops.image.resizing import INTERPOLATIONS, aspect_crop, aspect_pad
from symkeras.ops.shaping import slice_axis


def fits(sizes: Sequence[Any], target: Sequence[int]) -> dims.Size:
    """1 where no size is below the one wanted, else 0: a `Dim` where that is known only when sizes are."""
    return dims.product(dims.minimum(dims.maximum(size - wanted + 1, 0), 1) for size, wanted in zip(sizes, target, strict=True))


def by_fit(fit: dims.Size, whole: Callable[[], Any], small: Callable[[], Any]) -> Any:
    """`whole()` where `fit` is 1, else `small()`."""
    return (whole() if fit else small()) if isinstance(fit, int) else ops.cond(ops.equal(ops.cast(fit, "int64"), 1), whole, small)


class ToSize(BesideImages):
    """A layer that gives images of a height and a width."""

    _moves_pixels = True

    @checked(height=positive_int, width=positive_int)
    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.height, self.width = height, width
        self.data_format = data_format_of(data_format)

    def call(self, data: Any) -> Any:
        return self._together(data, True) if isinstance(data, dict) else self.transform_images(data, None)

    def compute_output_shape(self, input_shape: Any) -> Any:
        if isinstance(input_shape, dict):
            moved = ("images", "segmentation_masks")
            return {key: self.compute_output_shape(shape) if key in moved else shape for key, shape in input_shape.items()}
        sizes = list(input_shape)
        for axis, size in zip(self.space(input_shape), (self.height, self.width), strict=True):
            sizes[axis] = size
        return tuple(sizes)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "height": self.height, "width": self.width, "data_format": self.data_format}


class Resizing(ToSize):
    """Images in another size, in training and in use.

    Args:
        height, width: the size.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        crop_to_aspect_ratio: whether the largest part in the middle is taken that has the shape of the result.
        pad_to_aspect_ratio: whether borders give the image the shape of the result first.
        fill_mode: "constant".
        fill_value: what the borders have.
        antialias: whether the kernel grows with the step where an image becomes smaller.
        data_format: where the channels are.

    Input shape:
        (B, H, W, C) or (H, W, C); the channels before H for "channels_first"

    Output shape:
        the same, with height and width; whole numbers stay whole numbers

    Raises:
        ConfigError: an argument that is not known, or both ways to keep the aspect ratio.

    Example:
        >>> import numpy as np
        >>> Resizing(1, 4)(np.array([[[[0.0], [4.0]]]]))[0, 0, :, 0].tolist()
        [0.0, 1.0, 3.0, 4.0]
    """

    @checked(interpolation=one_of(*INTERPOLATIONS), crop_to_aspect_ratio=boolean, pad_to_aspect_ratio=boolean, fill_mode=one_of("constant"),
             fill_value=number(), antialias=boolean)  # fmt: skip
    def __init__(self, height: int, width: int, interpolation: str = "bilinear", crop_to_aspect_ratio: bool = False,
                 pad_to_aspect_ratio: bool = False, fill_mode: str = "constant", fill_value: float = 0.0, antialias: bool = False,
                 data_format: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(height, width, data_format, **kwargs)
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ConfigError("Resizing: only one of crop_to_aspect_ratio and pad_to_aspect_ratio can be True")
        self.interpolation = interpolation
        self.crop_to_aspect_ratio, self.pad_to_aspect_ratio = crop_to_aspect_ratio, pad_to_aspect_ratio
        self.fill_mode, self.fill_value, self.antialias = fill_mode, fill_value, antialias

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """Images of the size."""
        self.space(images.shape)
        return ops.image.resize(images, (self.height, self.width), data_format=self.data_format, **self._options())

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any = None, training: bool = True) -> Any:
        """Masks of the size, with no new values."""
        options = {**self._options(), "interpolation": "nearest"}
        return ops.image.resize(segmentation_masks, (self.height, self.width), data_format=self.data_format, **options)

    def _edges_moved(self, edges: list[Any], drawn: Any, training: bool, sizes: tuple[Any, Any]) -> tuple[list[Any], tuple[Any, Any]]:
        target, part = (self.height, self.width), ((0, sizes[0]), (0, sizes[1]))
        if self.crop_to_aspect_ratio:
            part = aspect_crop(*sizes, target)
        elif self.pad_to_aspect_ratio:
            part = aspect_pad(*sizes, target)
        return scaled(edges, part, target), target

    def _options(self) -> dict[str, Any]:
        names = ("interpolation", "crop_to_aspect_ratio", "pad_to_aspect_ratio", "fill_mode", "fill_value", "antialias")
        return {name: getattr(self, name) for name in names}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._options()}


class CenterCrop(ToSize):
    """The middle of images; an image that is smaller is resized, the largest part of it that has the shape of the result.

    Args:
        height, width: the size.
        data_format: where the channels are.

    Input shape:
        (B, H, W, C) or (H, W, C); the channels before H for "channels_first"

    Output shape:
        the same, with height and width

    Raises:
        ConfigError: a size that is no positive integer.

    Example:
        >>> import numpy as np
        >>> CenterCrop(1, 2)(np.arange(12.0).reshape(1, 3, 4, 1))[0, :, :, 0].tolist()
        [[5.0, 6.0]]
    """

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """The middle of images."""
        return self._middle(ops.cast(images, self.compute_dtype), "bilinear")

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any = None, training: bool = True) -> Any:
        """The middle of masks, with no new values."""
        return self._middle(segmentation_masks, "nearest")

    def _middle(self, images: Any, interpolation: str) -> Any:
        sizes, axes, target = ops.shape(images), self.space(images.shape), (self.height, self.width)
        space = [sizes[axis] for axis in axes]

        def cut() -> Any:
            part = images
            for axis, size, wanted in zip(axes, space, target, strict=True):
                start = dims.floor_divide(size - wanted, 2)
                part = slice_axis(part, axis, start, start + wanted)
            return part

        def resized() -> Any:
            return ops.image.resize(images, target, interpolation, crop_to_aspect_ratio=True, data_format=self.data_format)

        return by_fit(fits(space, target), cut, resized)

    def _edges_moved(self, edges: list[Any], drawn: Any, training: bool, sizes: tuple[Any, Any]) -> tuple[list[Any], tuple[Any, Any]]:
        target = self.height, self.width
        whole = ((dims.floor_divide(sizes[0] - target[0], 2), target[0]), (dims.floor_divide(sizes[1] - target[1], 2), target[1]))
        return by_fit(fits(sizes, target), lambda: scaled(edges, whole, target), lambda: scaled(edges, aspect_crop(*sizes, target), target)), target
