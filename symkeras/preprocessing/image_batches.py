"""Batches of images for `ImageDataGenerator`: from arrays, from a folder, from a table of file names."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from symkeras import config
from symkeras.arguments import boolean, integer, one_of, optional, positive_int
from symkeras.errors import ConfigError, DataError
from symkeras.saving.places import kind_of, place
from symkeras.utils.dataset import PyDataset
from symkeras.utils.images import CHANNELS, array_to_img, img_to_array, load_img

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff")
_SUBSETS = ("training", "validation", None)


class Iterator(PyDataset):
    """Batches of `n` samples without end, by `next`, or by number for `Model.fit`.

    Args:
        n: how many samples.
        batch_size: samples of a batch; the last one of an epoch has what remains.
        shuffle: whether every epoch has an order of its own.
        seed: of the orders and of the random changes; the global generator of NumPy when None.

    A subclass defines `_get_batches_of_transformed_samples`, which gives the batch of some places.

    Raises:
        ConfigError: a number out of range.
    """

    white_list_formats = tuple(suffix[1:] for suffix in SUFFIXES)

    def __init__(self, n: int, batch_size: int = 32, shuffle: bool = True, seed: int | None = None):
        super().__init__()
        name = type(self).__name__
        self.n, self.batch_size = n, positive_int(batch_size, f"{name}: batch_size")
        self.shuffle, self.seed = boolean(shuffle, f"{name}: shuffle"), optional(integer(least=0))(seed, f"{name}: seed")
        self.batch_index = self.total_batches_seen = self._epochs = 0
        self.index_array: Any = None

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return self.n

    def _draws(self, offset: int) -> Any:
        """The generator of random changes: one for each batch where there is a seed."""
        return np.random if self.seed is None else np.random.RandomState((self.seed + offset) % 2**32)

    def _set_index_array(self) -> None:
        self.index_array = self._draws(self._epochs).permutation(self.n) if self.shuffle else np.arange(self.n)
        self._epochs += 1

    def __len__(self) -> int:
        return math.ceil(self.n / self.batch_size)

    def __getitem__(self, index: int) -> Any:
        """Batch number `index` of the epoch."""
        if not 0 <= index < len(self):
            raise IndexError(f"{type(self).__name__} has {len(self)} batches, asked for number {index}")
        if self.index_array is None:
            self._set_index_array()
        places: Any = self.index_array
        self.total_batches_seen += 1
        return self._get_batches_of_transformed_samples(places[index * self.batch_size : (index + 1) * self.batch_size])

    def on_epoch_end(self) -> None:
        """Give the next epoch its order."""
        self._set_index_array()

    def reset(self) -> None:
        """Begin with the first batch again."""
        self.batch_index = 0

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        if not self.n:
            raise StopIteration
        if self.batch_index == 0 or self.batch_index >= len(self):
            self.batch_index = 0
            self._set_index_array()
        self.batch_index += 1
        return self[self.batch_index - 1]

    next = __next__

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not define _get_batches_of_transformed_samples")


class _Images(Iterator):
    """What the iterators of images share: the random changes, and pictures of the batches in a folder."""

    def __init__(self, n: int, generator: Any, batch_size: int, shuffle: bool, seed: Any, data_format: Any, save_to_dir: Any, save_prefix: str,
                 save_format: str):  # fmt: skip
        super().__init__(n, batch_size, shuffle, seed)
        self.image_data_generator = generator
        self.data_format = config.image_data_format() if data_format is None else data_format
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format

    def _changed(self, images: np.ndarray, index_array: np.ndarray) -> np.ndarray:
        generator, draws = self.image_data_generator, self._draws(self.total_batches_seen)
        images = generator.changed(images, [generator.get_random_transform(images.shape[1:], draws) for _ in images])
        images = np.stack([generator.standardize(image) for image in images]) if len(images) else images
        if self.save_to_dir is not None:
            for k, image in zip(index_array, images, strict=True):
                name = f"{self.save_prefix}_{k}_{np.random.randint(10**7)}.{self.save_format}"
                array_to_img(image, self.data_format).save(os.path.join(self.save_to_dir, name))
        return images.astype(generator.dtype, copy=False)


def _part(what: str, subset: Any, share: float, count: int) -> slice:
    """The rows of a subset: those of validation come first, as in Keras."""
    one_of(*_SUBSETS)(subset, f"{what}: subset")
    if subset is not None and not share:
        raise ConfigError(f"{what}: subset={subset!r} needs ImageDataGenerator(validation_split=...)")
    cut = int(count * share)
    return slice(None) if subset is None else slice(0, cut) if subset == "validation" else slice(cut, None)


class NumpyArrayIterator(_Images):
    """Batches of images in memory, changed by chance.

    Args:
        x: images (B, H, W, C), or a tuple of these and of arrays that are handed through.
        y: targets (B, ...); batches are inputs alone when None.
        image_data_generator: how they are changed.
        batch_size, shuffle, seed: as of `Iterator`.
        sample_weight: (B,).
        data_format: where the channels are.
        save_to_dir, save_prefix, save_format: a folder for pictures of what comes out, and how they are named.
        subset: "training" or "validation".

    Output shape: (B, H, W, C), with targets and weights.

    Raises:
        DataError: different numbers of rows, or no images.

    Example:
        >>> from symkeras.preprocessing.image import ImageDataGenerator
        >>> x, y = next(ImageDataGenerator(rescale=0.5).flow(np.ones((3, 4, 4, 1)), np.arange(3), shuffle=False))
        >>> float(x.max()), y.tolist()
        (0.5, [0, 1, 2])
    """

    def __init__(self, x: Any, y: Any, image_data_generator: Any, batch_size: int = 32, shuffle: bool = True, sample_weight: Any = None,
                 seed: int | None = None, data_format: str | None = None, save_to_dir: Any = None, save_prefix: str = "", save_format: str = "png",
                 subset: str | None = None):  # fmt: skip
        images, others = (x[0], [np.asarray(a) for a in (x[1] if isinstance(x[1], list) else [x[1]])]) if isinstance(x, (tuple, list)) else (x, [])
        images = np.asarray(images)
        if images.ndim != 4:
            raise DataError(f"ImageDataGenerator.flow expects images (B, H, W, C), received shape {images.shape}")
        columns = {"y": y, "sample_weight": sample_weight, **{f"x[1][{k}]": a for k, a in enumerate(others)}}
        for name, column in columns.items():
            if column is not None and len(column) != len(images):
                raise DataError(f"ImageDataGenerator.flow: {name} has {len(column)} rows and there are {len(images)} images")
        rows = _part("ImageDataGenerator.flow", subset, image_data_generator.validation_split, len(images))
        self.x, self.x_misc = images[rows], [a[rows] for a in others]
        self.y, self.sample_weight = (None if a is None else np.asarray(a)[rows] for a in (y, sample_weight))
        super().__init__(len(self.x), image_data_generator, batch_size, shuffle, seed, data_format, save_to_dir, save_prefix, save_format)

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        images = self._changed(self.x[index_array].astype(self.image_data_generator.dtype, copy=False), index_array)
        inputs: Any = [images, *(a[index_array] for a in self.x_misc)] if self.x_misc else images
        if self.y is None:
            return inputs
        return (inputs, self.y[index_array]) if self.sample_weight is None else (inputs, self.y[index_array], self.sample_weight[index_array])


class _Files(_Images):
    """Images of files, and their targets."""

    filepaths: list[str]
    _targets: Any
    _weights: Any = None
    class_mode: Any

    def _read_by(self, generator: Any, target_size: Any, color_mode: str, interpolation: str, keep_aspect_ratio: bool, data_format: Any) -> None:
        one_of(*CHANNELS)(color_mode, f"{type(self).__name__}: color_mode")
        self.target_size, self.color_mode, self.interpolation = tuple(target_size), color_mode, interpolation
        self.keep_aspect_ratio = keep_aspect_ratio
        is_first = (generator.data_format if data_format is None else data_format) == "channels_first"
        channels = CHANNELS[color_mode]
        self.image_shape = (channels, *self.target_size) if is_first else (*self.target_size, channels)

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        images = np.stack([
            img_to_array(load_img(self.filepaths[k], self.color_mode, self.target_size, self.interpolation, self.keep_aspect_ratio), self.data_format)
            for k in index_array
        ])  # fmt: skip
        images = self._changed(images, index_array)
        if self.class_mode is None:
            return images
        if self.class_mode == "input":
            targets: Any = images.copy()
        else:
            targets = [t[index_array] for t in self._targets] if isinstance(self._targets, list) else self._targets[index_array]
        return (images, targets) if self._weights is None else (images, targets, self._weights[index_array])


def _encoded(numbers: np.ndarray, mode: Any, count: int) -> Any:
    if mode == "categorical":
        return (numbers[:, None] == np.arange(count)).astype("float32")
    return numbers.astype("float32") if mode in ("binary", "sparse") else numbers


class DirectoryIterator(_Files):
    """Batches of the images in a folder, which has a folder for each class, changed by chance.

    Args:
        directory: the folder; .png, .jpg, .jpeg, .bmp, .ppm, .tif and .tiff files count, those of folders within folders, too.
        image_data_generator: how they are changed.
        target_size: (height, width) they are brought to.
        color_mode: "rgb", "rgba" or "grayscale".
        classes: the folders that count, in their order; all, sorted, when None.
        class_mode: "categorical" (one-hot), "binary", "sparse" (numbers), "input" (the images themselves) or None.
        batch_size, shuffle, seed: as of `Iterator`.
        data_format, save_to_dir, save_prefix, save_format, subset: as of `NumpyArrayIterator`.
        follow_links: whether links to folders are followed.
        interpolation, keep_aspect_ratio: as of `utils.load_img`.

    `class_indices` are the numbers of the classes, `filenames` and `classes` files and numbers in the order of the folders.

    Raises:
        ConfigError: an argument that is not known.
        DataError: no such folder, or a file that is no image.
    """

    def __init__(self, directory: Any, image_data_generator: Any, target_size: Any = (256, 256), color_mode: str = "rgb", classes: Any = None,
                 class_mode: str | None = "categorical", batch_size: int = 32, shuffle: bool = True, seed: int | None = None,
                 data_format: str | None = None, save_to_dir: Any = None, save_prefix: str = "", save_format: str = "png",
                 follow_links: bool = False, subset: str | None = None, interpolation: str = "nearest", keep_aspect_ratio: bool = False):  # fmt: skip
        one_of("categorical", "binary", "sparse", "input", None)(class_mode, "flow_from_directory: class_mode")
        folder = place(directory)
        if kind_of(folder) != "folder":
            raise DataError(f"flow_from_directory: there is no folder {str(folder)!r}")
        names = list(classes) if classes else sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
        self.directory, self.class_mode = os.fspath(directory), class_mode
        self.class_indices = {name: k for k, name in enumerate(names)}
        self.num_classes = len(names)
        found: list[tuple[str, int]] = []
        for name, number in self.class_indices.items():
            files = _files_below(folder / name, follow_links)
            share = image_data_generator.validation_split
            found += [(os.path.relpath(file, folder), number) for file in files[_part("flow_from_directory", subset, share, len(files))]]
        self.filenames = [name for name, _ in found]
        self.filepaths = [os.path.join(folder, name) for name in self.filenames]
        self.classes = self.labels = np.array([number for _, number in found], "int32")
        self._targets = _encoded(self.classes, class_mode, self.num_classes)
        self._read_by(image_data_generator, target_size, color_mode, interpolation, keep_aspect_ratio, data_format)
        print(f"Found {len(found)} images belonging to {self.num_classes} classes.")
        super().__init__(len(found), image_data_generator, batch_size, shuffle, seed, data_format, save_to_dir, save_prefix, save_format)


def _files_below(folder: Path, follow_links: bool) -> list[str]:
    walk = sorted(os.walk(folder, followlinks=follow_links), key=lambda step: step[0])
    return [os.path.join(root, name) for root, _, names in walk for name in sorted(names) if name.lower().endswith(SUFFIXES)]


class DataFrameIterator(_Files):
    """Batches of the images that a table of pandas names, changed by chance.

    Args:
        dataframe: the table.
        directory: the folder that file names begin in; None where they are whole paths.
        image_data_generator: how images are changed.
        x_col: the column of the file names.
        y_col: the column of the targets, or a list of them.
        weight_col: the column of weights.
        target_size, color_mode, interpolation: as of `DirectoryIterator`.
        batch_size, shuffle, seed: as of `Iterator`.
        data_format, save_to_dir, save_prefix, save_format, subset: as of `NumpyArrayIterator`.
        classes: the classes in their order; all, sorted, when None.
        class_mode: "categorical", "binary" or "sparse" for names of classes, "raw" for numbers as they are, "multi_output" for a list of
            the columns, "input" or None.
        validate_filenames: whether names of files that are not there are left out.

    Raises:
        ConfigError: an argument that is not known.
        DataError: a column that is not there.
    """

    def __init__(self, dataframe: Any, directory: Any = None, image_data_generator: Any = None, x_col: str = "filename", y_col: Any = "class",
                 weight_col: Any = None, target_size: Any = (256, 256), color_mode: str = "rgb", classes: Any = None,
                 class_mode: str | None = "categorical", batch_size: int = 32, shuffle: bool = True, seed: int | None = None,
                 data_format: str | None = "channels_last", save_to_dir: Any = None, save_prefix: str = "", save_format: str = "png",
                 subset: str | None = None, interpolation: str = "nearest", validate_filenames: bool = True):  # fmt: skip
        one_of("categorical", "binary", "sparse", "raw", "multi_output", "input", None)(class_mode, "flow_from_dataframe: class_mode")
        has_targets = class_mode not in ("input", None)
        columns = [x_col, *((y_col if isinstance(y_col, list) else [y_col]) if has_targets else []), *([weight_col] if weight_col else [])]
        if not {*columns} <= {*dataframe.columns}:
            raise DataError(f"flow_from_dataframe: the table has columns {list(dataframe.columns)}, asked for {columns}")
        paths = np.array([os.path.join(directory or "", name) for name in dataframe[x_col]], object)
        is_known = has_targets and class_mode not in ("raw", "multi_output")
        named = dataframe[y_col].to_numpy() if is_known else np.zeros(len(paths))
        names = (list(classes) if classes else sorted(set(named))) if is_known else []
        is_there = [not validate_filenames or _is_image(path) for path in paths]
        rows = np.flatnonzero([there and (not is_known or name in names) for there, name in zip(is_there, named, strict=True)])
        rows = rows[_part("flow_from_dataframe", subset, image_data_generator.validation_split, len(rows))]
        self.directory, self.class_mode, self.filepaths = directory, class_mode, list(paths[rows])
        self.filenames = list(dataframe[x_col].to_numpy()[rows])
        self.class_indices = {name: k for k, name in enumerate(names)}
        self.num_classes = len(names)
        if is_known:
            self.classes = self.labels = np.array([self.class_indices[name] for name in named[rows]], "int32")
            self._targets = _encoded(self.classes, class_mode, self.num_classes)
        elif class_mode == "multi_output":
            self._targets = [dataframe[name].to_numpy()[rows] for name in y_col]
        elif has_targets:
            self._targets = dataframe[y_col].to_numpy()[rows]
        self._weights = dataframe[weight_col].to_numpy()[rows] if weight_col else None
        self._read_by(image_data_generator, target_size, color_mode, interpolation, False, data_format)
        print(f"Found {len(rows)} validated image filenames{f' belonging to {len(names)} classes' if is_known else ''}.")
        super().__init__(len(rows), image_data_generator, batch_size, shuffle, seed, data_format, save_to_dir, save_prefix, save_format)


def _is_image(path: str) -> bool:
    return path.lower().endswith(SUFFIXES) and os.path.isfile(path)
