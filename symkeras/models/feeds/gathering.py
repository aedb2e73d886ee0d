"""Rows of arrays of any layout and dtype, copied into the memory that a compiled function reads; never more than the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def load(targets: Sequence[np.ndarray], arrays: Sequence[np.ndarray], rows: np.ndarray | slice) -> None:
    """Copy some rows of `arrays` into the places where a function reads them."""
    for target, a in zip(targets, arrays, strict=True):
        if isinstance(rows, np.ndarray) and a.ndim == target.ndim and _is_taken_in_place(a, target):
            a.take(rows, axis=0, out=target, mode="clip")
        else:
            _fill(target, a[rows])


def _is_taken_in_place(a: np.ndarray, target: np.ndarray) -> bool:
    """Whether `take` writes straight into `target`: an array of another layout or dtype it would first copy as a whole."""
    return a.dtype == target.dtype and a.flags.c_contiguous and a.flags.aligned


def _fill(target: np.ndarray, rows: np.ndarray) -> None:
    if rows.shape != target.shape:
        rows = rows.reshape(target.shape)
    np.copyto(target, rows, casting="unsafe")


def inner_shape(node: Any, array: np.ndarray) -> tuple[int, ...]:
    """The shape of a row of an input, with a last axis of 1 where the data leaves it out, or without one that is too many."""
    axes = node.ndim - array.ndim
    return (*array.shape[1:], 1) if axes == 1 else array.shape[1:-1] if axes == -1 else array.shape[1:]
