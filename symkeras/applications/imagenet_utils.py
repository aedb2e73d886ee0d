"""What goes into models trained on ImageNet, and what their 1000 numbers mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symkeras import config, ops
from symkeras.arguments import one_of, positive_int
from symkeras.errors import DataError, ShapeError
from symkeras.graph import dtypes
from symkeras.layers.spatial import data_format_of
from symkeras.saving import json_text
from symkeras.saving.places import kind_of, require_file
from symkeras.utils.file_cache import home

__all__ = ["decode_predictions", "preprocess_input"]

CLASSES = 1000
INDEX = "imagenet_class_index.json"
INDEX_SOURCE = "https://storage.googleapis.com/download.tensorflow.org/data/"

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the pixels of ImageNet's training images between 0 and 1: red, green, blue."""
MEAN_BGR = (103.939, 116.779, 123.68)

_MODES = {
    "caffe": "blue, green, red, less their means over ImageNet, not scaled",
    "tf": "between -1 and 1",
    "torch": "scaled to 0 to 1, less the mean of each channel over ImageNet, over its deviation",
    None: "as they are: the model scales them itself",
}


def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """The pixels as a model expects them.

    Args:
        x: images, an array or a symbolic tensor, with values from 0 to 255.
        data_format: where the channels are; the configured one when None.
        mode: "caffe" for blue, green, red less their means over ImageNet; "tf" for -1 to 1; "torch" for 0 to 1, less the means,
            over the deviations.

    Input shape:
        (B, H, W, 3) or (H, W, 3); the channels before H for "channels_first"

    Returns:
        Images of the same shape, in the floating dtype of `x`, else in the configured one. Arrays are not written to.

    Raises:
        ConfigError: an unknown mode or format.
        ShapeError: another number of axes or, for "caffe" and "torch", of channels.

    >>> preprocess_input(np.full((1, 1, 3), 255), mode="tf").tolist()
    [[[1.0, 1.0, 1.0]]]
    """
    mode = one_of("caffe", "tf", "torch")(mode, "preprocess_input: mode")
    axis = -1 if data_format_of(data_format) == "channels_last" else -3
    x = x if hasattr(x, "dtype") and hasattr(x, "shape") else np.asarray(x)
    if not dtypes.is_float(str(x.dtype)):
        x = ops.cast(x, config.floatx())
    if mode == "tf":
        return x / 127.5 - 1.0
    if len(x.shape) not in (3, 4) or x.shape[axis] != 3:
        raise ShapeError(f"preprocess_input expects images of 3 channels on axis {axis}, one or a batch, received shape {tuple(x.shape)}")
    if mode == "caffe":
        return ops.flip(x, axis=axis) - _along(MEAN_BGR, axis, x.dtype)
    return (x / 255.0 - _along(MEAN, axis, x.dtype)) / _along(DEVIATION, axis, x.dtype)


def _along(values: tuple[float, ...], axis: int, dtype: Any) -> np.ndarray:
    return np.array(values, str(dtype)).reshape(-1, *(1,) * (-1 - axis))


def preprocessing(mode: str | None) -> Callable[..., Any]:
    """The `preprocess_input` of a family of models."""

    def family(x: Any, data_format: str | None = None) -> Any:
        return x if mode is None else preprocess_input(x, data_format, mode)

    family.__name__ = family.__qualname__ = "preprocess_input"
    family.__doc__ = f"""The pixels as these models expect them: {_MODES[mode]}.

    Args:
        x: images, an array or a symbolic tensor, with values from 0 to 255.
        data_format: where the channels are; the configured one when None.

    Input shape:
        (B, H, W, 3) or (H, W, 3); the channels before H for "channels_first"

    Returns:
        Images of the same shape.

    Raises:
        ConfigError: an unknown format.
    """
    return family


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, Any]]]:
    """The most probable classes of ImageNet, with their names, that of highest score first.

    The names are read from `imagenet_class_index.json` in `$KERAS_HOME/models` (`~/.keras/models`). Nothing is downloaded.

    Args:
        preds: scores (B, 1000).
        top: how many classes.

    Returns:
        For each row `top` tuples `(id, name, score)`.

    Raises:
        ShapeError: another shape.
        DataError: the file is not there, or is no such table; says where it may be put.

    >>> decode_predictions(np.zeros((1, 10)))
    Traceback (most recent call last):
    ...
    symkeras.errors.ShapeError: decode_predictions expects scores of shape (B, 1000), received shape (1, 10)
    """
    top = positive_int(top, "decode_predictions: top")
    scores = np.asarray(preds)
    if scores.ndim != 2 or scores.shape[1] != CLASSES:
        raise ShapeError(f"decode_predictions expects scores of shape (B, {CLASSES}), received shape {scores.shape}")
    index = _class_index()
    best = np.argsort(scores, axis=1)[:, -top:][:, ::-1]
    return [[(*index[k], row[k]) for k in order] for row, order in zip(scores, best, strict=True)]


def _class_index() -> list[tuple[str, str]]:
    path = home() / "models" / INDEX
    if kind_of(path) is None:
        raise DataError(f"there is no file {str(path)!r}; symkeras downloads nothing: put {INDEX_SOURCE}{INDEX} there, or set KERAS_HOME")
    require_file(path)
    with path.open("rb") as file:
        table = json_text.parse(file.read(json_text.SIZE + 1), repr(str(path)))
    rows: list[Any] = [table.get(str(k)) for k in range(CLASSES)] if isinstance(table, dict) else []
    if not rows or not all(isinstance(row, list) and len(row) == 2 and all(isinstance(t, str) for t in row) for row in rows):
        raise DataError(f"{str(path)!r} is no table of the {CLASSES} classes of ImageNet: it must have an id and a name for each of '0' to '999'")
    return [(row[0], row[1]) for row in rows]
