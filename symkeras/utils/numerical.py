"""Class numbers to one-hot vectors, and vectors to unit length."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import ops
from symkeras.arguments import axis_number, checked, number, optional, positive_int, real_numbers
from symkeras.errors import ConfigError, DataError


@checked(num_classes=optional(positive_int))
def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """A one-hot vector for every class number.

    Args:
        x: class numbers from 0 on; a last axis of size 1 is dropped.
        num_classes: length of the vectors; the largest number plus one when None.

    Input shape:
        (B, ...) or (B, ..., 1).

    Output shape:
        (B, ..., O).

    Returns:
        Zeros and ones in float64; in `floatx` for a symbolic tensor.

    Raises:
        DataError: a class number outside of 0 ... num_classes - 1.
        ConfigError: a symbolic tensor without `num_classes`.

    Example:
        >>> to_categorical([0, 2]).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if ops.is_symbolic(x):
        if num_classes is None:
            raise ConfigError("to_categorical of a symbolic tensor needs num_classes")
        sizes = ops.shape(x)
        x = ops.reshape(x, sizes[:-1]) if len(sizes) > 1 and sizes[-1] == 1 else x
        return ops.one_hot(x, num_classes)
    labels = np.asarray(real_numbers(x, "to_categorical: x"))
    if labels.dtype.kind == "f" and not (labels == np.round(labels)).all():
        raise DataError(f"to_categorical expects class numbers, received {labels[labels != np.round(labels)][0]}")
    labels = labels.astype("int64")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if num_classes is None:
        num_classes = int(labels.max()) + 1 if labels.size else 0
    if labels.size and not (labels.min() >= 0 and labels.max() < num_classes):
        raise DataError(f"to_categorical expects class numbers from 0 to {num_classes - 1}, received {labels.min()} to {labels.max()}")
    vectors = np.zeros((*labels.shape, num_classes))
    np.put_along_axis(vectors, labels[..., None], 1.0, axis=-1)
    return vectors


@checked(axis=axis_number, order=number())
def normalize(x: Any, axis: int = -1, order: int = 2) -> Any:
    """`x` divided by its norms along `axis`; zeros stay zeros.

    Args:
        x: an array, a list or a symbolic tensor.
        axis: along which the norms are taken.
        order: of the norm; 2 is Euclidean.

    Example:
        >>> normalize([[3.0, 4.0], [0.0, 0.0]]).tolist()
        [[0.6, 0.8], [0.0, 0.0]]
    """
    if not ops.is_symbolic(x):
        x = np.asarray(real_numbers(x, "normalize: x"))
        norm = np.linalg.norm(x, order, axis, keepdims=True)
        return x / np.where(norm == 0, 1, norm)
    if order == 2:
        norm = ops.sqrt(ops.sum(ops.square(x), axis=axis, keepdims=True))
    elif order == 1:
        norm = ops.sum(ops.abs(x), axis=axis, keepdims=True)
    elif order == np.inf:
        norm = ops.max(ops.abs(x), axis=axis, keepdims=True)
    else:
        norm = ops.power(ops.sum(ops.power(ops.abs(x), order), axis=axis, keepdims=True), 1.0 / order)
    return ops.divide(x, ops.where(ops.equal(norm, 0), 1, norm))
