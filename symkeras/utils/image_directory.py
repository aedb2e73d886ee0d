"""A data set of the image files in a folder."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import ops
from symkeras.arguments import boolean, checked, one_of
from symkeras.errors import ConfigError
from symkeras.ops.image.layouts import pair
from symkeras.ops.image.resizing import INTERPOLATIONS
from symkeras.utils.directories import Directory
from symkeras.utils.images import CHANNELS, is_channels_first, load_img, pillow

_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


@checked(color_mode=one_of(*CHANNELS), interpolation=one_of(*INTERPOLATIONS), crop_to_aspect_ratio=boolean, pad_to_aspect_ratio=boolean)
def image_dataset_from_directory(directory: Any, labels: Any = "inferred", label_mode: str | None = "int", class_names: Any = None,
                                 color_mode: str = "rgb", batch_size: int | None = 32, image_size: Any = (256, 256), shuffle: bool = True,
                                 seed: int | None = None, validation_split: float | None = None, subset: str | None = None,
                                 interpolation: str = "bilinear", follow_links: bool = False, crop_to_aspect_ratio: bool = False,
                                 pad_to_aspect_ratio: bool = False, data_format: str | None = None, format: str = "tf",
                                 verbose: bool = True) -> Any:  # fmt: skip
    """A data set of the images in a folder, which has a folder for each class.

    Args:
        directory: the folder; .bmp, .gif (its first picture), .jpeg, .jpg and .png files count.
        labels: "inferred" from the folders, None, or a list of integers, one for each file in the order of their paths.
        label_mode: "int", "categorical" (one-hot), "binary" or None.
        class_names: the folders that count, in their order; all, sorted, when None.
        color_mode: "rgb", "rgba" or "grayscale".
        batch_size: images of a batch; single images when None.
        image_size: (height, width) they are brought to.
        shuffle: whether each epoch has an order of its own.
        seed: of the orders, and of the split.
        validation_split: the share of the files that is kept for validation.
        subset: "training", "validation" or "both", which gives a list of two data sets.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        follow_links: whether links to folders are followed.
        crop_to_aspect_ratio: whether the largest part in the middle is taken that has the shape of `image_size`.
        pad_to_aspect_ratio: whether black borders give an image that shape.
        data_format: where the channels are.
        format: "tf" or "grain", for which Keras makes other objects; here it is a `PyDataset` for both.
        verbose: whether the numbers of files and classes are printed.

    Returns:
        A `PyDataset` of float32 images (B, H, W, C) from 0 to 255, or of pairs of these and labels: int32 (B,), float32 (B, 1) for "binary",
        float32 (B, classes) for "categorical". It has `class_names`, `file_paths`, `map`, `take`, `skip`, `cache` and `prefetch`.

    Raises:
        ConfigError: an argument that is not known, or two that do not go together.
        DataError: no folder, no images, or a file that is none.
        PillowMissingError: Pillow is not installed.

    Example:
        >>> import pathlib, tempfile
        >>> from symkeras.utils import save_img
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("cats", "dogs"):
        ...         pathlib.Path(folder, name).mkdir()
        ...         save_img(pathlib.Path(folder, name, "1.png"), np.zeros((4, 4, 3)))
        ...     images, labels = image_dataset_from_directory(folder, image_size=(2, 2), shuffle=False, verbose=False)[0]
        >>> images.shape, labels.tolist()
        ((2, 2, 2, 3), [0, 1])
    """
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ConfigError("image_dataset_from_directory: only one of crop_to_aspect_ratio and pad_to_aspect_ratio can be True")
    size = pair(image_size, "image_dataset_from_directory: image_size")
    is_first = is_channels_first(data_format, "image_dataset_from_directory")
    pillow("image_dataset_from_directory")

    def load(paths: list[str]) -> np.ndarray:
        return np.stack([_image(path, color_mode, size, interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio, is_first) for path in paths])

    source = Directory("image_dataset_from_directory", directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split,
                       subset, follow_links, format, verbose)  # fmt: skip
    return source.datasets(_SUFFIXES, "images", load)


def _image(path: str, color_mode: str, size: tuple[int, int], interpolation: str, crop: bool, pad: bool, is_first: bool) -> np.ndarray:
    x = np.asarray(load_img(path, color_mode), "float32")
    x = x[..., None] if x.ndim == 2 else x
    x = ops.image.resize(x, size, interpolation, crop_to_aspect_ratio=crop, pad_to_aspect_ratio=pad, data_format="channels_last")
    return x.transpose(2, 0, 1) if is_first else x
