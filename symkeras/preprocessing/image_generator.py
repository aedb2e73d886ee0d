"""`ImageDataGenerator`: batches of images that are changed by chance, as scripts of Keras 2 make them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symkeras import config
from symkeras.arguments import boolean, checked, fraction, integer, is_number, number, one_of, optional
from symkeras.errors import ConfigError, ShapeError
from symkeras.preprocessing.image_batches import DataFrameIterator, DirectoryIterator, NumpyArrayIterator
from symkeras.preprocessing.image_transforms import FILL_MODES, apply_brightness_shift, apply_channel_shift, transform_of, warped, zooms

_STILL = {"theta": 0, "tx": 0, "ty": 0, "shear": 0, "zx": 1, "zy": 1}
"""Moves that leave an image where it is."""


class ImageDataGenerator:
    """How images are changed by chance, and brought to a scale; `flow` and its like give batches of such images.

    Args:
        featurewise_center, featurewise_std_normalization: whether mean and deviation of a data set, which `fit` measures, are taken off.
        samplewise_center, samplewise_std_normalization: whether those of each image are.
        zca_whitening, zca_epsilon: whether pixels are made independent of each other, as `fit` measures; what is added to their variance.
        rotation_range: degrees of turns.
        width_shift_range, height_shift_range: shares of the width and height (pixels from 1 on), or a list of pixels to choose from.
        brightness_range: two bounds of a factor.
        shear_range: degrees.
        zoom_range: two bounds of the share that remains, or z for (1 - z, 1 + z).
        channel_shift_range: a number that is added at most.
        fill_mode, cval: what lies outside: "nearest", "constant" (`cval`), "reflect" or "wrap".
        horizontal_flip, vertical_flip: whether images are turned over by chance.
        rescale: a factor.
        preprocessing_function: of an image (H, W, C), before `rescale` and after the random changes.
        data_format: where the channels are; `config.image_data_format()` when None. `dim_ordering` in Keras 1.
        validation_split: the share of the images that the subset "validation" has.
        interpolation_order: 0 for the nearest pixel, 1 for numbers between pixels.
        dtype: of the batches, `floatx` when None.

    Raises:
        ConfigError: an argument that is not known, or out of range.

    Example:
        >>> images, classes = np.random.uniform(0, 255, (10, 8, 8, 3)), np.arange(10)
        >>> batches = ImageDataGenerator(rotation_range=20, horizontal_flip=True, rescale=1 / 255).flow(images, classes, batch_size=4)
        >>> len(batches), batches[0][0].shape
        (3, (4, 8, 8, 3))
    """

    @checked(featurewise_center=boolean, samplewise_center=boolean, featurewise_std_normalization=boolean, samplewise_std_normalization=boolean,
             zca_whitening=boolean, zca_epsilon=number(least=0), rotation_range=number(least=0), shear_range=number(), channel_shift_range=number(),
             fill_mode=one_of(*FILL_MODES), cval=number(), horizontal_flip=boolean, vertical_flip=boolean, rescale=optional(number()),
             data_format=optional(one_of("channels_last", "channels_first")), validation_split=fraction,
             interpolation_order=integer(least=0, most=1))  # fmt: skip
    def __init__(self, featurewise_center: bool = False, samplewise_center: bool = False, featurewise_std_normalization: bool = False,
                 samplewise_std_normalization: bool = False, zca_whitening: bool = False, zca_epsilon: float = 1e-6, rotation_range: float = 0,
                 width_shift_range: Any = 0.0, height_shift_range: Any = 0.0, brightness_range: Any = None, shear_range: float = 0.0,
                 zoom_range: Any = 0.0, channel_shift_range: float = 0.0, fill_mode: str = "nearest", cval: float = 0.0,
                 horizontal_flip: bool = False, vertical_flip: bool = False, rescale: float | None = None,
                 preprocessing_function: Callable[[Any], Any] | None = None, data_format: str | None = None, validation_split: float = 0.0,
                 interpolation_order: int = 1, dtype: Any = None, **kwargs: Any):  # fmt: skip
        if "dim_ordering" in kwargs:
            data_format = {"tf": "channels_last", "th": "channels_first"}.get(kwargs.pop("dim_ordering"), data_format)
        if kwargs:
            raise ConfigError(f"ImageDataGenerator has no argument {', '.join(kwargs)}")
        self.featurewise_center, self.samplewise_center = featurewise_center or zca_whitening, samplewise_center or samplewise_std_normalization
        self.featurewise_center = self.featurewise_center or featurewise_std_normalization
        self.featurewise_std_normalization, self.samplewise_std_normalization = featurewise_std_normalization, samplewise_std_normalization
        self.zca_whitening, self.zca_epsilon, self.rotation_range, self.shear_range = zca_whitening, zca_epsilon, rotation_range, shear_range
        self.width_shift_range, self.height_shift_range = width_shift_range, height_shift_range
        self.brightness_range = None if brightness_range is None else _pair(brightness_range, "brightness_range")
        self.zoom_range = (1 - zoom_range, 1 + zoom_range) if is_number(zoom_range) else _pair(zoom_range, "zoom_range")
        self.channel_shift_range, self.fill_mode, self.cval = channel_shift_range, fill_mode, cval
        self.horizontal_flip, self.vertical_flip, self.rescale = horizontal_flip, vertical_flip, rescale
        self.preprocessing_function, self.interpolation_order = preprocessing_function, interpolation_order
        self.data_format = config.image_data_format() if data_format is None else data_format
        self.dtype = config.floatx() if dtype is None else np.dtype(dtype).name
        self.validation_split = validation_split
        self.mean: Any = None
        self.std: Any = None
        self.zca_whitening_matrix: Any = None

    # ---- where images come from ----------------------------------------------------------------------------------------

    def flow(self, x: Any, y: Any = None, batch_size: int = 32, shuffle: bool = True, sample_weight: Any = None, seed: int | None = None,
             save_to_dir: Any = None, save_prefix: str = "", save_format: str = "png", ignore_class_split: bool = False,
             subset: str | None = None) -> NumpyArrayIterator:  # fmt: skip
        """Batches of images in memory; see `NumpyArrayIterator`."""
        return NumpyArrayIterator(x, y, self, batch_size, shuffle, sample_weight, seed, self.data_format, save_to_dir, save_prefix, save_format,
                                  subset)  # fmt: skip

    def flow_from_directory(self, directory: Any, target_size: Any = (256, 256), color_mode: str = "rgb", classes: Any = None,
                            class_mode: str | None = "categorical", batch_size: int = 32, shuffle: bool = True, seed: int | None = None,
                            save_to_dir: Any = None, save_prefix: str = "", save_format: str = "png", follow_links: bool = False,
                            subset: str | None = None, interpolation: str = "nearest",
                            keep_aspect_ratio: bool = False) -> DirectoryIterator:  # fmt: skip
        """Batches of the images in a folder, which has a folder for each class; see `DirectoryIterator`."""
        return DirectoryIterator(directory, self, target_size, color_mode, classes, class_mode, batch_size, shuffle, seed, self.data_format,
                                 save_to_dir, save_prefix, save_format, follow_links, subset, interpolation, keep_aspect_ratio)  # fmt: skip

    def flow_from_dataframe(self, dataframe: Any, directory: Any = None, x_col: str = "filename", y_col: Any = "class", weight_col: Any = None,
                            target_size: Any = (256, 256), color_mode: str = "rgb", classes: Any = None, class_mode: str | None = "categorical",
                            batch_size: int = 32, shuffle: bool = True, seed: int | None = None, save_to_dir: Any = None, save_prefix: str = "",
                            save_format: str = "png", subset: str | None = None, interpolation: str = "nearest",
                            validate_filenames: bool = True) -> DataFrameIterator:  # fmt: skip
        """Batches of the images that a table of pandas names; see `DataFrameIterator`."""
        return DataFrameIterator(dataframe, directory, self, x_col, y_col, weight_col, target_size, color_mode, classes, class_mode, batch_size,
                                 shuffle, seed, self.data_format, save_to_dir, save_prefix, save_format, subset, interpolation,
                                 validate_filenames)  # fmt: skip

    # ---- what is measured ----------------------------------------------------------------------------------------------

    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Measure mean, deviation and dependence of the pixels of a data set, as far as they are asked for.

        Args:
            x: images (B, H, W, C).
            augment: whether they are changed by chance before.
            rounds: how often then.
            seed: of the changes.

        Raises:
            ShapeError: another number of axes.
        """
        x = np.array(x, self.dtype)
        if x.ndim != 4:
            raise ShapeError(f"ImageDataGenerator.fit expects images (B, H, W, C), received shape {x.shape}")
        draws = drawing(seed)
        if augment:
            x = np.concatenate([self.changed(x, [self.get_random_transform(x.shape[1:], draws) for _ in x]) for _ in range(rounds)])
        channel = 1 if self.data_format == "channels_first" else 3
        others = tuple(a for a in range(4) if a != channel)
        if self.featurewise_center:
            self.mean = x.mean(axis=others, keepdims=True)[0]
            x = x - self.mean
        if self.featurewise_std_normalization:
            self.std = x.std(axis=others, keepdims=True)[0]
            x = x / (self.std + 1e-6)
        if self.zca_whitening:
            flat = x.reshape(len(x), -1)
            values, vectors = np.linalg.eigh(flat.T @ flat / len(flat))
            self.zca_whitening_matrix = (vectors / np.sqrt(np.maximum(values, 0) + self.zca_epsilon)) @ vectors.T

    # ---- what becomes of them ------------------------------------------------------------------------------------------

    def get_random_transform(self, img_shape: Any, seed: Any = None) -> dict[str, Any]:
        """What is drawn for an image of a shape: angles, shifts, shares that remain, and so on, by name.

        Args:
            img_shape: of the image, with its channels.
            seed: of the draws; the global generator of NumPy when None.
        """
        draws = drawing(seed)
        rows, columns = img_shape[1:] if self.data_format == "channels_first" else img_shape[:2]
        zx, zy = zooms(self.zoom_range, draws)
        return {
            "theta": draws.uniform(-self.rotation_range, self.rotation_range) if self.rotation_range else 0.0,
            "tx": _shift(self.height_shift_range, rows, draws), "ty": _shift(self.width_shift_range, columns, draws),
            "shear": draws.uniform(-self.shear_range, self.shear_range) if self.shear_range else 0.0, "zx": zx, "zy": zy,
            "flip_horizontal": self.horizontal_flip and draws.random_sample() < 0.5,
            "flip_vertical": self.vertical_flip and draws.random_sample() < 0.5,
            "channel_shift_intensity": draws.uniform(-self.channel_shift_range, self.channel_shift_range) if self.channel_shift_range else None,
            "brightness": None if self.brightness_range is None else draws.uniform(*self.brightness_range),
        }  # fmt: skip

    def apply_transform(self, x: Any, transform_parameters: dict[str, Any]) -> np.ndarray:
        """An image, changed as `get_random_transform` says; names that are not given change nothing."""
        return self.changed(np.asarray(x)[None], [transform_parameters])[0]

    def random_transform(self, x: Any, seed: Any = None) -> np.ndarray:
        """An image, changed by chance."""
        return self.apply_transform(x, self.get_random_transform(np.shape(x), seed))

    def changed(self, images: np.ndarray, transforms: list[dict[str, Any]]) -> np.ndarray:
        """Images, each by its own transform; all are turned and moved together."""
        is_first = self.data_format == "channels_first"
        images = images if images.dtype.kind == "f" else images.astype("float32")
        images = images.transpose(0, 2, 3, 1) if is_first else images
        moves = [{k: t[k] for k in _STILL if k in t} for t in transforms]
        if any(move.get(k, still) != still for move in moves for k, still in _STILL.items()):
            images = warped(images, [transform_of(*images.shape[1:3], **move) for move in moves], self.fill_mode, self.cval, self.interpolation_order)
        out = np.empty_like(images)
        for k, t in enumerate(transforms):
            image = images[k]
            if t.get("channel_shift_intensity") is not None:
                image = apply_channel_shift(image, t["channel_shift_intensity"], 2)
            image = image[:, ::-1] if t.get("flip_horizontal") else image
            image = image[::-1] if t.get("flip_vertical") else image
            out[k] = image if t.get("brightness") is None else apply_brightness_shift(image, t["brightness"])
        return out.transpose(0, 3, 1, 2) if is_first else out

    def standardize(self, x: Any) -> np.ndarray:
        """An image brought to a scale, after the random changes.

        Raises:
            ConfigError: mean, deviation or dependence of the pixels are asked for and were not measured by `fit`.
        """
        x = np.asarray(x if self.preprocessing_function is None else self.preprocessing_function(x))
        x = x if x.dtype.kind == "f" else x.astype(self.dtype)
        x = x if self.rescale is None else x * np.asarray(self.rescale, x.dtype)
        x = x - x.mean(keepdims=True) if self.samplewise_center else x
        x = x / (x.std(keepdims=True) + 1e-6) if self.samplewise_std_normalization else x
        needed = {"mean": self.featurewise_center, "std": self.featurewise_std_normalization, "zca_whitening_matrix": self.zca_whitening}
        for name, is_needed in needed.items():
            if is_needed and getattr(self, name) is None:
                raise ConfigError(f"ImageDataGenerator: {name} is needed and not known; call fit(images) before, or set it")
        x = x - self.mean if self.featurewise_center else x
        x = x / (self.std + 1e-6) if self.featurewise_std_normalization else x
        return (x.reshape(1, -1) @ self.zca_whitening_matrix).reshape(x.shape).astype(x.dtype) if self.zca_whitening else x


def _pair(value: Any, name: str) -> tuple[float, float]:
    if not isinstance(value, (tuple, list, np.ndarray)) or len(value) != 2 or not all(map(is_number, value)):
        raise ConfigError(f"ImageDataGenerator: {name} must be two numbers, received {value!r}")
    return float(value[0]), float(value[1])


def _shift(span: Any, size: int, draws: Any) -> float:
    """Pixels, drawn from a share of the size, from a number of pixels, or from a list of them (in either direction)."""
    if isinstance(span, (tuple, list, np.ndarray)):
        pixels = draws.choice(span) * draws.choice([-1, 1])
        return float(pixels * size if np.max(span) < 1 else pixels)
    if not is_number(span):
        raise ConfigError(f"ImageDataGenerator: a shift must be a number or a list of numbers, received {span!r}")
    if not span:
        return 0.0
    if isinstance(span, (int, np.integer)):
        return float(draws.randint(-span + 1, span)) if span > 0 else 0.0
    return float(draws.uniform(-span, span) * (size if span < 1 else 1))


def drawing(seed: Any) -> Any:
    """A generator of NumPy for a seed, the global one for None; a generator as it is."""
    return np.random if seed is None else np.random.RandomState(seed) if isinstance(seed, (int, np.integer)) else seed
