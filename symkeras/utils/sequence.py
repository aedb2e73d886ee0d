"""Sequences of different lengths to one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symkeras.errors import ConfigError, DataError

_SIDES = ("pre", "post")


def pad_sequences(sequences: Sequence[Any], maxlen: int | None = None, dtype: Any = "int32", padding: str = "pre", truncating: str = "pre",
                  value: Any = 0.0) -> np.ndarray:  # fmt: skip
    """One array of sequences, short ones filled up and long ones cut.

    Args:
        sequences: lists or arrays of different lengths; their items may have axes of their own.
        maxlen: the length T; that of the longest sequence when None.
        dtype: of the array; `object` for texts of any length.
        padding: whether the filling comes before ("pre") or after ("post") a sequence.
        truncating: whether a sequence loses its beginning ("pre") or its end ("post").
        value: the filling.

    Output shape:
        (B, T, ...).

    Raises:
        DataError: something that is no sequence, items of different shapes, or a text as filling of numbers.
        ConfigError: a side other than "pre" and "post".

    Example:
        >>> pad_sequences([[1], [2, 3, 4]], maxlen=2).tolist()
        [[0, 1], [3, 4]]
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in _SIDES:
            raise ConfigError(f'pad_sequences: {name} must be "pre" or "post", received {side!r}')
    if not hasattr(sequences, "__len__"):
        raise DataError(f"pad_sequences expects a list of sequences, received {type(sequences).__name__}")
    for k, sequence in enumerate(sequences):
        if not hasattr(sequence, "__len__"):
            raise DataError(f"pad_sequences expects a list of sequences, received {sequence!r} at position {k}")
    if isinstance(value, str) and dtype is not object and np.dtype(dtype).kind not in "USO":
        raise DataError(f"pad_sequences: the filling {value!r} does not fit dtype {dtype!r}; texts of any length need dtype=object")
    if maxlen is None:
        maxlen = max(map(len, sequences), default=0)
    item_shape = next((np.asarray(s).shape[1:] for s in sequences if len(s)), ())
    out = np.full((len(sequences), maxlen, *item_shape), value, dtype=dtype)
    for k, sequence in enumerate(sequences):
        start = max(0, len(sequence) - maxlen) if truncating == "pre" else 0
        kept = np.asarray(sequence[start : start + maxlen], dtype=dtype)
        if not len(kept):
            continue
        if kept.shape[1:] != item_shape:
            raise DataError(f"pad_sequences: items of sequence {k} have shape {kept.shape[1:]}, those before {item_shape}")
        begin = maxlen - len(kept) if padding == "pre" else 0
        out[k, begin : begin + len(kept)] = kept
    return out
