"""Images as arrays and as files, by Pillow, which is imported when it is needed."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from symkeras import config
from symkeras.arguments import boolean, checked, is_integer, one_of
from symkeras.errors import ConfigError, DataError, ShapeError, SymkerasError, nearest
from symkeras.graph import dtypes
from symkeras.graph.escaping import printable
from symkeras.saving.places import place, require_file

_MODES = {"grayscale": ("L", "I;16", "I"), "rgb": ("RGB",), "rgba": ("RGBA",)}
"""Colour mode -> Pillow's modes that are left as they are; others become the first."""
CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}
_RESAMPLING = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


class PillowMissingError(SymkerasError, ImportError):
    """Pillow is not installed."""


def pillow(what: str) -> Any:
    """The module `PIL.Image`.

    Raises:
        PillowMissingError: says how to install it.
    """
    try:
        from PIL import Image  # type: ignore[import-not-found]
    except ImportError as error:
        raise PillowMissingError(f'{what} needs Pillow, which is not installed: pip install "symkeras[images]"') from error
    return Image


def is_channels_first(data_format: str | None, what: str) -> bool:
    """Whether the channels are before height and width."""
    name = config.image_data_format() if data_format is None else data_format
    return one_of("channels_first", "channels_last")(name, f"{what}: data_format") == "channels_first"


def _array(value: Any, dtype: Any, what: str) -> np.ndarray:
    try:
        return np.asarray(value, dtype=dtypes.standardize(dtype) if dtype is not None else config.floatx())
    except (TypeError, ValueError) as error:
        raise DataError(f"{what} expects an image, received {type(value).__name__}: {error}") from error


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> np.ndarray:
    """An image of Pillow as an array (H, W, C), or (C, H, W) for "channels_first".

    Args:
        img: the image; an array (H, W) or (H, W, C) is one, too.
        data_format: where the channels go.
        dtype: of the array, `floatx` when None.

    Raises:
        ShapeError: it has neither two nor three axes.

    Example:
        >>> img_to_array(np.array([[1, 2]])).tolist()
        [[[1.0], [2.0]]]
    """
    is_first = is_channels_first(data_format, "img_to_array")
    x = _array(img, dtype, "img_to_array")
    if x.ndim not in (2, 3):
        raise ShapeError(f"img_to_array expects an image of 2 or 3 axes, received shape {x.shape}")
    if x.ndim == 2:
        return x[None] if is_first else x[..., None]
    return x.transpose(2, 0, 1) if is_first else x


@checked(scale=boolean)
def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None) -> Any:
    """An array (H, W, C) with 1, 3 or 4 channels as an image of Pillow.

    Args:
        x: the array; (C, H, W) for "channels_first".
        data_format: where the channels are.
        scale: whether its least and greatest number become 0 and 255.
        dtype: in which that is computed, `floatx` when None.

    Raises:
        ShapeError: another number of axes or channels.
        PillowMissingError: Pillow is not installed.

    Example:
        >>> array_to_img(np.zeros((2, 3, 3))).size
        (3, 2)
    """
    image, is_first = pillow("array_to_img"), is_channels_first(data_format, "array_to_img")
    x = _array(x, dtype, "array_to_img")
    if x.ndim != 3:
        raise ShapeError(f"array_to_img expects one image of 3 axes, received shape {x.shape}")
    x = x.transpose(1, 2, 0) if is_first else x
    if x.shape[2] not in (1, 3, 4) or not x.size:
        raise ShapeError(f"array_to_img expects pixels of 1, 3 or 4 channels, received shape {x.shape}")
    if scale:
        x = x - x.min()
        most = x.max()
        x = x / most * 255 if most != 0 else x * 255
    if x.shape[2] > 1:
        return image.fromarray(_bytes(x))
    return image.fromarray(x[:, :, 0].astype("int32")) if x.max() > 255 else image.fromarray(_bytes(x[:, :, 0]))


def _bytes(x: np.ndarray) -> np.ndarray:
    """As bytes, what is too large or too small without its high bits; no number at all is 0."""
    return np.where(np.isfinite(x), x, 0).astype("int64").astype("uint8")


def save_img(path: Any, x: Any, data_format: str | None = None, file_format: str | None = None, scale: bool = True, **kwargs: Any) -> None:
    """Write an array as an image file.

    Args:
        path: of the file, or a file that is open.
        x: (H, W, C) with 1, 3 or 4 channels; (C, H, W) for "channels_first".
        data_format: where the channels are.
        file_format: such as "png"; that of the file's name when None.
        scale: whether the least and greatest number become 0 and 255.
        **kwargs: of Pillow's `Image.save`.

    Raises:
        ConfigError: a format that Pillow does not write.
        PillowMissingError: Pillow is not installed.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> save_img(file, np.zeros((2, 3, 3)), file_format="png")
        >>> file.getvalue()[1:4]
        b'PNG'
    """
    image = array_to_img(x, data_format=data_format, scale=scale)
    target = place(path) if isinstance(path, (str, os.PathLike)) else path
    kind = file_format if file_format is not None else target.suffix[1:].lower() if isinstance(target, Path) else None
    kind = "jpeg" if kind is not None and kind.lower() == "jpg" else kind
    if image.mode == "RGBA" and kind == "jpeg":
        warnings.warn("save_img: JPEG has no transparency; the image is written without it", stacklevel=2)
        image = image.convert("RGB")
    try:
        image.save(target, format=kind or None, **kwargs)
    except (KeyError, ValueError) as error:
        raise ConfigError(f"save_img: {kind!r} is no format that Pillow writes: {error}") from error


@checked(color_mode=one_of(*_MODES), keep_aspect_ratio=boolean)
def load_img(path: Any, color_mode: str = "rgb", target_size: Any = None, interpolation: str = "nearest", keep_aspect_ratio: bool = False) -> Any:
    """An image file as an image of Pillow.

    Args:
        path: of the file, or an `io.BytesIO` with its content.
        color_mode: "rgb", "rgba" or "grayscale".
        target_size: (height, width) it is brought to; its own when None.
        interpolation: "nearest", "bilinear", "bicubic", "lanczos", "box" or "hamming".
        keep_aspect_ratio: whether the largest part in the middle is taken that has the shape of `target_size`.

    Raises:
        ConfigError: an argument that is not known.
        DataError: there is no such file, or it is no image.
        PillowMissingError: Pillow is not installed.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> save_img(file, np.zeros((2, 3, 3)), file_format="png")
        >>> img_to_array(load_img(file, color_mode="grayscale", target_size=(1, 2))).tolist()
        [[[0.0], [0.0]]]
    """
    pil = pillow("load_img")
    if target_size is not None and (not isinstance(target_size, (tuple, list)) or len(target_size) != 2 or not all(map(_is_size, target_size))):
        raise ConfigError(f"load_img: target_size must be (height, width) or None, received {target_size!r}")
    if interpolation not in _RESAMPLING:
        raise ConfigError(f"load_img: interpolation must be one of {_RESAMPLING}, received {interpolation!r}.{nearest(interpolation, _RESAMPLING)}")
    image = _opened(pil, path)
    if image.mode not in _MODES[color_mode]:
        image = image.convert(_MODES[color_mode][0])
    if target_size is None or image.size == (target_size[1], target_size[0]):
        return image
    height, width = target_size
    box = _box(image.size, height, width) if keep_aspect_ratio else None
    return image.resize((width, height), getattr(pil.Resampling, interpolation.upper()), box=box)


def _is_size(value: Any) -> bool:
    return is_integer(value) and int(value) > 0


def _opened(pil: Any, path: Any) -> Any:
    if isinstance(path, io.BytesIO):
        source, content = "the bytes given", path
    else:
        file = place(os.fsdecode(path) if isinstance(path, bytes) else path)
        require_file(file)
        source, content = repr(str(file)), io.BytesIO(file.read_bytes())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pil.DecompressionBombWarning)
            image = pil.open(content)
            image.load()
    except (OSError, ValueError, SyntaxError, EOFError, pil.DecompressionBombError, pil.DecompressionBombWarning) as error:
        raise DataError(f"{source} is no readable image: {printable(error)}") from error
    return image


def _box(size: tuple[int, int], height: int, width: int) -> tuple[int, int, int, int]:
    """The largest part in the middle of an image of `size` (width, height) that has the shape of (height, width)."""
    columns = min(size[0], size[1] * width // height)
    rows = min(size[1], size[0] * height // width)
    left, top = (size[0] - columns) // 2, (size[1] - rows) // 2
    return left, top, left + columns, top + rows
