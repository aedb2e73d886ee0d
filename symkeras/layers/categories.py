"""Numbers of categories as one-hot, multi-hot and count vectors, and the search of numbers in sorted constants; on arrays and in graphs."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import ops
from symkeras.arguments import refusal
from symkeras.graph.tensor import Tensor


def dense(sparse: Any, where: str) -> bool:
    """The check of `sparse` arguments: symkeras has dense tensors only."""
    if sparse not in (False, None):
        raise refusal(where, "False: symkeras has dense tensors only", sparse)
    return False


def output_mode(*modes: str) -> Any:
    """The check of `output_mode` arguments, which takes the names of earlier versions as well."""
    from symkeras.arguments import one_of

    former = {"binary": "multi_hot", "tf-idf": "tf_idf"}
    known = one_of(*modes)
    return lambda value, where: known(former.get(value, value) if isinstance(value, str) else value, where)


def encoded(indices: Any, mode: str, depth: int, dtype: str, count_weights: Any = None) -> Any:
    """Integers as `mode` says: themselves, or vectors of `depth` numbers; integers out of range give nothing.

    One-hot vectors take the place of a last axis of size 1, or a new one; the others sum up the second axis, or the only one.

    >>> encoded(np.array([[0, 2, 2]]), "count", 3, "float32").tolist()
    [[1.0, 0.0, 2.0]]
    """
    if mode == "int":
        return ops.cast(indices, dtype)
    if not ops.shape(indices):
        indices = ops.reshape(indices, (1,))
    sizes = ops.shape(indices)
    if mode == "one_hot":
        indices = ops.squeeze(indices, -1) if len(sizes) > 1 and sizes[-1] == 1 else indices
        if isinstance(indices, Tensor):
            return ops.one_hot(indices, depth, dtype=dtype)
        flat = np.ravel(indices)
        return scattered(np.arange(flat.size), flat, flat.size, "multi_hot", depth, dtype).reshape(*np.shape(indices), depth)
    axis = 1 if len(sizes) > 1 else 0
    if not isinstance(indices, Tensor) and not isinstance(count_weights, Tensor):
        return _on_array(np.asarray(indices), mode, depth, dtype, count_weights, axis)
    hot = ops.one_hot(indices, depth, dtype=dtype)
    if mode == "multi_hot":
        return ops.max(hot, axis=axis)
    return ops.sum(hot if count_weights is None else ops.multiply(hot, ops.expand_dims(ops.cast(count_weights, dtype), -1)), axis=axis)


def _on_array(indices: np.ndarray, mode: str, depth: int, dtype: str, weights: Any, axis: int) -> np.ndarray:
    """As `encoded`, touching only the places that are not 0."""
    indices = np.moveaxis(indices, axis, -1)
    count, width = int(np.prod(indices.shape[:-1])), indices.shape[-1]
    shares = None if weights is None else np.moveaxis(np.asarray(weights), axis, -1).ravel()
    return scattered(np.repeat(np.arange(count), width), indices.ravel(), count, mode, depth, dtype, shares).reshape(*indices.shape[:-1], depth)


def scattered(rows: np.ndarray, indices: np.ndarray, count: int, mode: str, depth: int, dtype: str, shares: Any = None) -> np.ndarray:
    """`count` vectors of `depth` numbers, where each index is in one of the rows; those out of range are in none.

    >>> scattered(np.array([0, 0, 1]), np.array([2, 2, 0]), 2, "count", 3, "float32").tolist()
    [[0.0, 0.0, 2.0], [1.0, 0.0, 0.0]]
    """
    is_known = (indices >= 0) & (indices < depth)
    places = (rows * depth + indices)[is_known].astype(np.int64)
    found = np.zeros(count * depth, dtype)
    if mode == "multi_hot":
        found[places] = 1
    elif shares is not None:
        np.add.at(found, places, shares[is_known].astype(dtype))
    elif found.size <= 8 * places.size:
        found[:] = np.bincount(places, minlength=found.size)
    else:
        where, counts = np.unique(places, return_counts=True)
        found[where] = counts
    return found.reshape(count, depth)


def insertion_points(bounds: np.ndarray, x: Any, side: str = "left") -> Any:
    """For every number, how many of the sorted `bounds` are below it ("left"), or not above it ("right"); NaN is above all.

    In a graph this is a binary search: one lookup for every doubling of the number of bounds.

    >>> insertion_points(np.array([1.0, 2.0]), np.array([0.0, 1.0, 3.0]), "right").tolist()
    [0, 1, 2]
    """
    if not isinstance(x, Tensor):
        return np.searchsorted(bounds, x, side).astype("int32")  # type: ignore[call-overload]
    found, count = ops.zeros_like(x, dtype="int32"), len(bounds)
    step = 1 << max(count.bit_length() - 1, 0)
    while step and count:
        ahead = ops.add(found, step)
        bound = ops.take(bounds, ops.minimum(ahead, count) - 1, axis=0)
        is_past = ops.logical_not(ops.less(x, bound)) if side == "right" else ops.logical_not(ops.less_equal(x, bound))
        found = ops.where(ops.logical_and(ops.less_equal(ahead, count), is_past), ahead, found)
        step >>= 1
    return found
