"""Pooling by whole-array operations over the taps of the window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from symkeras.graph.node import Node
from symkeras.graph.types import TensorType


def scratch_types(node: Node) -> list[TensorType]:
    """A padded copy of the large side where there is padding, and what the backward pass of max needs."""
    a = node.attrs
    large = node.inputs[0].tensor_type if node.op.name in ("max_pool", "sum_pool", "max_pool_grad") else node.tensor_type
    padded = large.with_shape((large.shape[0], *(s + p + q for s, (p, q) in zip(large.shape[1:-1], a["padding"], strict=True)), large.shape[-1]))
    is_padded = any(map(any, a["padding"]))
    if node.op.name == "max_pool_grad":
        small = node.inputs[1].tensor_type
        word = {"float32": "int32", "float64": "int64"}.get(small.dtype, small.dtype)
        return [small.with_dtype("bool"), small.with_dtype("bool"), small.with_dtype(word), *([padded, padded] if is_padded else [])]
    return [padded] if is_padded else []


def _taps(x: Any, window: Any, strides: Any, outputs: Any) -> Iterator[Any]:
    for tap in np.ndindex(*window):
        yield x[(slice(None), *(slice(t, t + (o - 1) * s + 1 if o else 0, s) for t, o, s in zip(tap, outputs, strides, strict=True)))]


def _inner(padded: Any, spatial: Any, padding: Any) -> Any:
    return padded[(slice(None), *(slice(a, a + s) for s, (a, _) in zip(spatial, padding, strict=True)))]


def _pooled(x: Any, out: Any, window: Any, strides: Any, padding: Any, scratch: Any, ufunc: Any, fill: float) -> Callable[[], None]:
    source = scratch[0] if scratch else x
    inner = _inner(source, x.shape[1:-1], padding) if scratch else None
    first, *rest = list(_taps(source, window, strides, out.shape[1:-1]))

    def run() -> None:
        if inner is not None:
            source.fill(fill)
            np.copyto(inner, x)
        if not rest:
            np.copyto(out, first)
            return
        ufunc(first, rest[0], out=out)
        for tap in rest[1:]:
            ufunc(out, tap, out=out)

    return run


def max_pool(x: Any, out: Any, window: Any, strides: Any, padding: Any, scratch: Any = ()) -> Callable[[], None]:
    """Largest element of each window."""
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    return _pooled(x, out, window, strides, padding, scratch, np.maximum, lowest)


def sum_pool(x: Any, out: Any, window: Any, strides: Any, padding: Any, scratch: Any = ()) -> Callable[[], None]:
    """Sum of each window."""
    return _pooled(x, out, window, strides, padding, scratch, np.add, 0)


def max_pool_grad(x: Any, y: Any, dy: Any, out: Any, window: Any, strides: Any, padding: Any, scratch: Any) -> Callable[[], None]:
    """`dy` at the first place of each window that holds the maximum: one compare and one mask per tap."""
    free, hit, words = scratch[:3]
    source, target = (scratch[3], scratch[4]) if len(scratch) > 3 else (x, out)
    spatial = x.shape[1:-1]
    here = list(_taps(source, window, strides, y.shape[1:-1]))
    there = list(_taps(target, window, strides, y.shape[1:-1]))
    tiles = all(w == s for w, s in zip(window, strides, strict=True))
    covers = tiles and all(o * s == n for o, s, n in zip(y.shape[1:-1], strides, target.shape[1:-1], strict=True))
    masks = x.dtype.kind == "f" and x.dtype.itemsize in (4, 8)
    chosen = words.view(dy.dtype) if masks else words
    dy_words = dy.view(words.dtype) if masks and dy.flags.c_contiguous else None
    narrow = hit.view(np.int8)
    is_nan = np.empty(y.shape, bool)
    other = np.empty(y.shape, bool)

    def run() -> None:
        if source is not x:
            source.fill(-np.inf)
            np.copyto(_inner(source, spatial, padding), x)
        if not covers:
            target.fill(0)
        free.fill(True)
        np.not_equal(y, y, out=is_nan)
        has_nan = bool(is_nan.any())
        for tap, place in zip(here, there, strict=True):
            np.equal(tap, y, out=hit)
            if has_nan:
                np.logical_or(hit, np.logical_and(is_nan, np.not_equal(tap, tap, out=other), out=other), out=hit)
            np.logical_and(hit, free, out=hit)
            np.not_equal(free, hit, out=free)
            if dy_words is not None:
                np.negative(narrow, out=narrow)
                np.copyto(words, narrow)
                np.bitwise_and(words, dy_words, out=words)
            else:
                np.copyto(chosen, np.where(hit, dy, 0))
            if tiles:
                np.copyto(place, chosen)
            else:
                np.add(place, chosen, out=place)
        if target is not out:
            np.copyto(out, _inner(target, spatial, padding))

    return run


def sum_pool_grad(dy: Any, out: Any, spatial: Any, window: Any, strides: Any, padding: Any, scratch: Any = ()) -> Callable[[], None]:
    """Each element of dy added to all of its window."""
    target = scratch[0] if scratch else out
    places = list(_taps(target, window, strides, dy.shape[1:-1]))

    def run() -> None:
        target.fill(0)
        for place in places:
            np.add(place, dy, out=place)
        if target is not out:
            np.copyto(out, _inner(target, spatial, padding))

    return run
