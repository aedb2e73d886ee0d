"""Images brought to a size: by interpolation, or by taking the middle."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.arguments import boolean, checked, number, one_of, positive_int
from symkeras.errors import ConfigError, ShapeError
from symkeras.layers.layer import Layer
from symkeras.layers.spatial import data_format_of
from symkeras.ops.image.resizing import INTERPOLATIONS
from symkeras.ops.shaping import slice_axis


class ToSize(Layer):
    """A layer that gives images of a height and a width."""

    @checked(height=positive_int, width=positive_int)
    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.height, self.width = height, width
        self.data_format = data_format_of(data_format)

    def space(self, shape: Any) -> tuple[int, int]:
        """The axes of height and width.

        Raises:
            ShapeError: another number of axes than 3 or 4.
        """
        if len(shape) not in (3, 4):
            raise ShapeError(f"{type(self).__name__} {self.name!r} expects an image of 3 axes or a batch of 4 axes, received shape {tuple(shape)}")
        first = len(shape) - 3 + (self.data_format == "channels_first")
        return first, first + 1

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
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

    def call(self, data: Any) -> Any:
        self.space(data.shape)
        return ops.image.resize(data, (self.height, self.width), data_format=self.data_format, **self._options())

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

    def call(self, data: Any) -> Any:
        images = ops.cast(data, self.compute_dtype)
        sizes, axes, target = ops.shape(images), self.space(data.shape), (self.height, self.width)
        if any(isinstance(d, int) and d < size for d, size in zip([sizes[axis] for axis in axes], target, strict=True)):
            return ops.image.resize(images, target, crop_to_aspect_ratio=True, data_format=self.data_format)
        for axis, size in zip(axes, target, strict=True):
            start = (sizes[axis] - size) // 2
            images = slice_axis(images, axis, start, start + size)
        return images
