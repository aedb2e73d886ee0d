"""Images as arrays and files, at the place where scripts of Keras 2 look for them."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.preprocessing.image_batches import DataFrameIterator, DirectoryIterator, Iterator, NumpyArrayIterator
from symkeras.preprocessing.image_generator import ImageDataGenerator
from symkeras.preprocessing.image_transforms import (
    apply_affine_transform,
    apply_brightness_shift,
    apply_channel_shift,
    random_brightness,
    random_channel_shift,
    random_rotation,
    random_shear,
    random_shift,
    random_zoom,
)
from symkeras.utils.images import array_to_img, img_to_array, load_img, save_img

__all__ = [
    "DataFrameIterator", "DirectoryIterator", "ImageDataGenerator", "Iterator", "NumpyArrayIterator", "apply_affine_transform",
    "apply_brightness_shift", "apply_channel_shift", "array_to_img", "img_to_array", "load_img", "random_brightness", "random_channel_shift",
    "random_rotation", "random_shear", "random_shift", "random_zoom", "save_img", "smart_resize",
]  # fmt: skip


def smart_resize(x: Any, size: Any, interpolation: str = "bilinear", data_format: str = "channels_last") -> Any:
    """The largest part in the middle of images that has the shape of `size`, resized to it.

    Args:
        x: (H, W, C) or (B, H, W, C).
        size: (height, width).
        interpolation: as of `ops.image.resize`.
        data_format: where the channels are.

    Raises:
        ConfigError: an argument that is not known.
        ShapeError: another number of axes.

    >>> import numpy as np
    >>> smart_resize(np.arange(8.0).reshape(2, 4, 1), (2, 2))[:, :, 0].tolist()
    [[1.0, 2.0], [5.0, 6.0]]
    """
    return ops.image.resize(x, size, interpolation, crop_to_aspect_ratio=True, data_format=data_format)
