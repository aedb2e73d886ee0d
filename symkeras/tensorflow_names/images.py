"""`tf.image`, and how image files are read: TensorFlow's names and arguments, by operations of symkeras and by Pillow."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from symkeras import ops, random
from symkeras.errors import ConfigError, DataError, ShapeError
from symkeras.ops.op import dtype_of
from symkeras.utils.images import img_to_array, load_img

Function = Callable[..., Any]


def seed_of(seed: Any) -> Any:
    """An int in TensorFlow begins a row of draws, in symkeras it is one draw: without a seed of its own the row is the global one."""
    return None if isinstance(seed, (int, np.integer)) else seed


# ---- sizes -----------------------------------------------------------------------------------------------------------


def resize(images: Any, size: Any, method: str = "bilinear", preserve_aspect_ratio: bool = False, antialias: bool = False,
           name: str | None = None) -> Any:  # fmt: skip
    """Images (B, H, W, C) or (H, W, C) in another size, as float32 but for "nearest"."""
    if preserve_aspect_ratio:
        raise ConfigError("tf.image.resize: preserve_aspect_ratio is not offered; symkeras.ops.image.resize has pad_to_aspect_ratio")
    images = images if method == "nearest" else ops.cast(images, "float32")
    if method == "area":
        rows, columns = (_shares(given, int(wanted)) for given, wanted in zip(_size(images, "resize"), size, strict=True))
        return ops.einsum("ah,...hwc->...awc", rows, ops.einsum("bw,...hwc->...hbc", columns, images))
    return ops.image.resize(images, tuple(int(s) for s in size), interpolation=method, antialias=antialias)


def _shares(given: int, wanted: int) -> np.ndarray:
    """(wanted, given): which share of each new pixel the old ones cover along an axis."""
    begins, old = np.arange(wanted)[:, None] * (given / wanted), np.arange(given)
    covered = np.minimum(begins + given / wanted, old + 1) - np.maximum(begins, old)
    return (np.clip(covered, 0, None) * (wanted / given)).astype("float32")


def _size(image: Any, what: str) -> tuple[int, int]:
    """Height and width of images (..., H, W, C)."""
    height, width = ops.shape(image)[-3:-1]
    if not isinstance(height, int) or not isinstance(width, int):
        raise ShapeError(f"tf.image.{what} needs images of known height and width, received shape {tuple(ops.shape(image))}")
    return height, width


def crop_to_bounding_box(image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any, name: str | None = None) -> Any:
    """The part of images (..., H, W, C) that begins at an offset and has a size."""
    height, width = _size(image, "crop_to_bounding_box")
    top, left, rows, columns = int(offset_height), int(offset_width), int(target_height), int(target_width)
    if min(top, left) < 0 or top + rows > height or left + columns > width:
        raise ShapeError(f"crop_to_bounding_box: {rows} by {columns} pixels from ({top}, {left}) on do not lie in images of {height} by {width}")
    return image[..., top : top + rows, left : left + columns, :]


def pad_to_bounding_box(image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any, name: str | None = None) -> Any:
    """Images (..., H, W, C) at an offset in larger ones of zeros."""
    height, width = _size(image, "pad_to_bounding_box")
    top, left = int(offset_height), int(offset_width)
    below, right = int(target_height) - top - height, int(target_width) - left - width
    if min(top, left, below, right) < 0:
        raise ShapeError(f"pad_to_bounding_box: images of {height} by {width} at ({top}, {left}) do not fit into {target_height} by {target_width}")
    return ops.pad(image, [(0, 0)] * (len(ops.shape(image)) - 3) + [(top, below), (left, right), (0, 0)])


def central_crop(image: Any, central_fraction: float) -> Any:
    """The middle of images (..., H, W, C), a share of height and width."""
    height, width = _size(image, "central_crop")
    top, left = int((height - height * central_fraction) / 2), int((width - width * central_fraction) / 2)
    return crop_to_bounding_box(image, top, left, height - 2 * top, width - 2 * left)


def resize_with_crop_or_pad(image: Any, target_height: int, target_width: int) -> Any:
    """Images (..., H, W, C) of another size about the same middle, cut off or with zeros around."""
    height, width = _size(image, "resize_with_crop_or_pad")
    rows, columns = min(height, target_height), min(width, target_width)
    image = crop_to_bounding_box(image, (height - rows) // 2, (width - columns) // 2, rows, columns)
    return pad_to_bounding_box(image, (target_height - rows) // 2, (target_width - columns) // 2, target_height, target_width)


def random_crop(value: Any, size: Any, seed: Any = None, name: str | None = None) -> Any:
    """A part of a tensor of a size, at a place drawn by chance."""
    shape, size = ops.shape(value), tuple(int(s) for s in size)
    size = tuple(given if wanted < 0 else wanted for given, wanted in zip(shape, size, strict=True))
    if any(wanted > given for given, wanted in zip(shape, size, strict=True)):
        raise ShapeError(f"tf.image.random_crop: a part of shape {size} does not lie in {tuple(shape)}")
    starts = [random.randint((), 0, given - wanted + 1, "int32", seed_of(seed)) for given, wanted in zip(shape, size, strict=True)]
    return ops.slice(value, ops.stack(starts), size)


def extract_patches(images: Any, sizes: Any, strides: Any, rates: Any, padding: str, name: str | None = None) -> Any:
    """The patches of images (B, H, W, C), each laid out in the last axis."""
    return ops.image.extract_patches(images, tuple(sizes[1:3]), tuple(strides[1:3]), rates[1], padding.lower())


# ---- colours ---------------------------------------------------------------------------------------------------------


def convert_image_dtype(image: Any, dtype: Any, saturate: bool = False, name: str | None = None) -> Any:
    """The same brightness in another dtype: floats go from 0 to 1, whole numbers from 0 to the largest."""
    own, dtype = str(dtype_of(image)), str(dtype)
    if own == dtype:
        return image
    if dtype.startswith("float"):
        return ops.cast(image, dtype) / (1 if own.startswith("float") else np.iinfo(own).max)
    most = np.iinfo(dtype).max
    if own.startswith("float"):
        scaled = image * (most + 0.5)
        return ops.cast(ops.clip(scaled, np.iinfo(dtype).min, most) if saturate else scaled, dtype)
    had = np.iinfo(own).max
    if had > most:
        return ops.cast(ops.floor_divide(image, (had + 1) // (most + 1)), dtype)
    return ops.cast(image, dtype) * ((most + 1) // (had + 1))


def _as_floats(change: Function) -> Function:
    """A change of floats, for images of whole numbers too: from 0 to 1 meanwhile, and cut off afterwards."""

    def changed(image: Any, *args: Any, **kwargs: Any) -> Any:
        own = str(dtype_of(image))
        if own.startswith("float"):
            return change(image, *args, **kwargs)
        most = np.iinfo(own).max
        return ops.cast(ops.clip(change(ops.cast(image, "float32") / most, *args, **kwargs), 0, 1) * most, own)

    return changed


@_as_floats
def adjust_brightness(image: Any, delta: Any) -> Any:
    """With a number added."""
    return image + delta


def adjust_contrast(images: Any, contrast_factor: Any) -> Any:
    """With the distance from the mean of each channel multiplied."""
    own = str(dtype_of(images))
    x = ops.cast(images, "float32")
    mean = ops.mean(x, axis=(-3, -2), keepdims=True)
    x = (x - mean) * contrast_factor + mean
    return x if own.startswith("float") else ops.cast(ops.clip(ops.rint(x), 0, np.iinfo(own).max), own)


@_as_floats
def adjust_saturation(image: Any, saturation_factor: Any, name: str | None = None) -> Any:
    """With the saturation multiplied, at most 1."""
    hue, saturation, value = _channels(ops.image.rgb_to_hsv(image))
    return ops.image.hsv_to_rgb(ops.stack([hue, ops.clip(saturation * saturation_factor, 0, 1), value], -1))


@_as_floats
def adjust_hue(image: Any, delta: Any, name: str | None = None) -> Any:
    """With a number added to the hue, which goes round at 1."""
    hue, saturation, value = _channels(ops.image.rgb_to_hsv(image))
    return ops.image.hsv_to_rgb(ops.stack([ops.mod(hue + delta, 1.0), saturation, value], -1))


def _channels(x: Any) -> list[Any]:
    return [x[..., k] for k in range(3)]


def _by_chance(adjust: Function) -> Function:
    return lambda image, lower, upper, seed=None: adjust(image, random.uniform((), lower, upper, seed=seed_of(seed)))


def _about_nothing(adjust: Function) -> Function:
    return lambda image, max_delta, seed=None: adjust(image, random.uniform((), -max_delta, max_delta, seed=seed_of(seed)))


_YUV = np.array([[0.299, -0.14714119, 0.61497538], [0.587, -0.28886916, -0.51496512], [0.114, 0.43601035, -0.10001026]], "float32")
_RGB = np.array([[1, 1, 1], [0, -0.394642334, 2.03206185], [1.13988303, -0.58062185, 0]], "float32")


def _flip_by_chance(axis: int) -> Function:
    def flip(image: Any, seed: Any = None) -> Any:
        rows = ops.shape(image)[:1] if len(ops.shape(image)) == 4 else ()
        chosen = ops.reshape(random.uniform(rows, seed=seed_of(seed)) < 0.5, (*rows, 1, 1, 1)[-len(ops.shape(image)) :])
        return ops.where(chosen, ops.flip(image, axis), image)

    return flip


def psnr(a: Any, b: Any, max_val: Any, name: str | None = None) -> Any:
    """The peak signal to noise ratio of images (..., H, W, C), in decibels."""
    wrong = ops.mean(ops.square(ops.cast(a, "float32") - ops.cast(b, "float32")), axis=(-3, -2, -1))
    return 20 * ops.log10(ops.cast(max_val, "float32")) - 10 * ops.log10(wrong)


# ---- files -----------------------------------------------------------------------------------------------------------


def read_file(filename: Any, name: str | None = None) -> bytes:
    """The bytes of a file."""
    path = _text(filename)
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"tf.io.read_file: {path!r} cannot be read: {error.strerror or error}") from error


def _text(value: Any) -> str:
    value = value.item() if isinstance(value, (np.ndarray, np.generic)) else value
    return value.decode() if isinstance(value, bytes) else str(value)


def decode_image(contents: Any, channels: int = 0, dtype: Any = "uint8", name: str | None = None, expand_animations: bool = True, **_: Any) -> Any:
    """The image (H, W, C) of the bytes of a file; 0 channels are those that it has."""
    data = contents.item() if isinstance(contents, (np.ndarray, np.generic)) else contents
    if not isinstance(data, bytes):
        raise DataError(f"tf.io.decode_image expects the bytes of a file, as of tf.io.read_file, received {type(data).__name__}")
    modes = {0: "rgb", 1: "grayscale", 3: "rgb", 4: "rgba"}
    if channels not in modes:
        raise ConfigError(f"tf.io.decode_image: channels must be 0, 1, 3 or 4, received {channels!r}")
    image = img_to_array(load_img(io.BytesIO(data), modes[channels]), "channels_last", "uint8")
    return image if str(dtype) == "uint8" else convert_image_dtype(image, dtype)


IMAGES: dict[str, Function] = {
    "resize": resize, "crop_to_bounding_box": crop_to_bounding_box, "pad_to_bounding_box": pad_to_bounding_box, "central_crop": central_crop,
    "resize_with_crop_or_pad": resize_with_crop_or_pad, "random_crop": random_crop, "extract_patches": extract_patches,
    "convert_image_dtype": convert_image_dtype, "adjust_brightness": adjust_brightness, "adjust_contrast": adjust_contrast,
    "adjust_saturation": adjust_saturation, "adjust_hue": adjust_hue, "random_brightness": _about_nothing(adjust_brightness),
    "random_hue": _about_nothing(adjust_hue), "random_contrast": _by_chance(adjust_contrast), "random_saturation": _by_chance(adjust_saturation),
    "flip_left_right": lambda image: ops.flip(image, -2), "flip_up_down": lambda image: ops.flip(image, -3),
    "random_flip_left_right": _flip_by_chance(-2), "random_flip_up_down": _flip_by_chance(-3),
    "transpose": lambda image, name=None: ops.swapaxes(image, -3, -2), "rot90": lambda image, k=1, name=None: ops.rot90(image, k, (-3, -2)),
    "rgb_to_grayscale": lambda images, name=None: ops.image.rgb_to_grayscale(images),
    "grayscale_to_rgb": lambda images, name=None: ops.repeat(images, 3, -1),
    "rgb_to_hsv": lambda images, name=None: ops.image.rgb_to_hsv(images), "hsv_to_rgb": lambda images, name=None: ops.image.hsv_to_rgb(images),
    "rgb_to_yuv": lambda images: ops.matmul(images, _YUV), "yuv_to_rgb": lambda images: ops.matmul(images, _RGB), "psnr": psnr,
}  # fmt: skip
"""Names below `tf.image`."""
FILES: dict[str, Function] = {f"decode_{kind}": decode_image for kind in ("image", "jpeg", "png", "bmp")}
"""Names below `tf.image` and `tf.io`."""
