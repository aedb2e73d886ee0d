"""Pooling by whole-array operations over the taps of the window, a tile of images at a time, by the team."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from symkeras.backend.emitted import threads
from symkeras.backend.numpy import team
from symkeras.graph import dims
from symkeras.graph.dtypes import least_value
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType

TILE_BYTES = 1 << 18
"""The small side of a tile: with the large side and the masks it stays in the cache."""


def scratch_types(node: Node) -> list[TensorType]:
    """For each member of the team and one tile: a padded copy where there is padding, and the masks of max's gradient."""
    a = node.attrs
    large = node.inputs[0].tensor_type if node.op.name in ("max_pool", "sum_pool", "max_pool_grad") else node.tensor_type
    small = {"max_pool_grad": 1, "sum_pool_grad": 0}.get(node.op.name)
    small = node.tensor_type if small is None else node.inputs[small].tensor_type
    size = dims.product(small.shape[1:])
    known = isinstance(size, int)
    lead = (threads.count(), max(1, TILE_BYTES // max(1, 4 * size))) if known else (1, large.shape[0])
    padded = large.with_shape((*lead, *(s + p + q for s, (p, q) in zip(large.shape[1:-1], a["padding"], strict=True)), large.shape[-1]))
    is_padded = any(map(any, a["padding"]))
    tile = small.with_shape((*lead, *small.shape[1:]))
    if node.op.name == "max_pool_grad":
        word = {"float32": "int32", "float64": "int64"}.get(small.dtype, small.dtype)
        return [tile.with_dtype("bool"), tile.with_dtype("bool"), tile.with_dtype(word), *([padded, padded] if is_padded else [])]
    return [tile.with_dtype("bool"), *([padded] if is_padded else [])]


def _taps(x: Any, window: Any, strides: Any, outputs: Any) -> Iterator[Any]:
    for tap in np.ndindex(*window):
        yield x[(slice(None), *(slice(t, t + (o - 1) * s + 1 if o else 0, s) for t, o, s in zip(tap, outputs, strides, strict=True)))]


def _inner(padded: Any, spatial: Any, padding: Any) -> Any:
    return padded[(slice(None), *(slice(a, a + s) for s, (a, _) in zip(spatial, padding, strict=True)))]


def _deal(total: int, cost: float, scratch: Any, job: Callable[[slice, Any], Callable[[], None]]) -> Callable[[], object]:
    """Tiles of images dealt out to the team, each member with scratch of its own."""
    count = scratch[0].shape[1]
    tiles = [slice(start, min(start + count, total)) for start in range(0, total, max(1, count))]
    members = int(max(1, min(scratch[0].shape[0], len(tiles), cost / team.WORTH)))
    parts = []
    for k in range(members):
        own = [s[k] for s in scratch]
        jobs = [job(tile, [s[: tile.stop - tile.start] for s in own]) for tile in tiles[len(tiles) * k // members : len(tiles) * (k + 1) // members]]
        parts.append(_in_order(jobs))
    return lambda: team.TEAM.run(parts)


def _in_order(jobs: list[Callable[[], None]]) -> Callable[[], None]:
    def run() -> None:
        for job in jobs:
            job()

    return run


def _pooled(x: Any, out: Any, window: Any, strides: Any, padding: Any, scratch: Any, ufunc: Any, fill: float) -> Callable[[], object]:
    def job(tile: slice, own: Any) -> Callable[[], None]:
        part, target = x[tile], out[tile]
        source = own[1] if len(own) > 1 else part
        inner = _inner(source, x.shape[1:-1], padding) if len(own) > 1 else None
        first, *rest = list(_taps(source, window, strides, out.shape[1:-1]))

        def run() -> None:
            if inner is not None:
                source.fill(fill)
                np.copyto(inner, part)
            if not rest:
                np.copyto(target, first)
                return
            ufunc(first, rest[0], out=target)
            for tap in rest[1:]:
                ufunc(target, tap, out=target)

        return run

    return _deal(len(x), 8.0 * x.size, scratch, job)


def max_pool(x: Any, out: Any, window: Any, strides: Any, padding: Any, scratch: Any) -> Callable[[], object]:
    """Largest element of each window."""
    lowest = least_value(x.dtype)
    return _pooled(x, out, window, strides, padding, scratch, np.maximum, lowest)


def sum_pool(x: Any, out: Any, window: Any, strides: Any, padding: Any, scratch: Any) -> Callable[[], object]:
    """Sum of each window."""
    return _pooled(x, out, window, strides, padding, scratch, np.add, 0)


def max_pool_grad(x: Any, y: Any, dy: Any, out: Any, window: Any, strides: Any, padding: Any, scratch: Any) -> Callable[[], object]:
    """`dy` at the first place of each window that holds the maximum: one compare and one mask per tap."""
    spatial, outputs = x.shape[1:-1], y.shape[1:-1]
    tiled = all(w == s for w, s in zip(window, strides, strict=True))

    def job(tile: slice, own: Any) -> Callable[[], None]:
        part, small, given, result = x[tile], y[tile], dy[tile], out[tile]
        free, hit, words = own[:3]
        source, target = (own[3], own[4]) if len(own) > 3 else (part, result)
        pairs = list(zip(_taps(source, window, strides, outputs), _taps(target, window, strides, outputs), strict=True))
        inside = _inside(source.shape[1:-1], spatial, padding, window, strides, outputs) if source is not part else [True] * len(pairs)
        covers = tiled and all(o * s == n for o, s, n in zip(outputs, strides, target.shape[1:-1], strict=True))
        chosen = _Chosen(given, hit, words)

        def run() -> None:
            if source is not part:
                source.fill(np.nan)  # which equals nothing: padding is no maximum
                np.copyto(_inner(source, spatial, padding), part)
            if not covers:
                target.fill(0)
            free.fill(True)
            has_nan = bool(np.isnan(small.sum()))
            for (tap, place), is_inside in zip(pairs, inside, strict=True):
                np.equal(tap, small, out=hit)
                if has_nan:
                    np.logical_or(hit, np.isnan(small) & np.isnan(tap) & is_inside, out=hit)
                np.logical_and(hit, free, out=hit)
                np.not_equal(free, hit, out=free)
                if tiled:
                    np.copyto(place, chosen())
                else:
                    np.add(place, chosen(), out=place)
            if target is not result:
                np.copyto(result, _inner(target, spatial, padding))

        return run

    return _deal(len(x), 30.0 * x.size, scratch, job)


def _inside(padded: Any, spatial: Any, padding: Any, window: Any, strides: Any, outputs: Any) -> list[Any]:
    """For each tap in which windows it lies in the image."""
    mask = np.zeros((1, *padded, 1), bool)
    _inner(mask, spatial, padding)[...] = True
    return list(_taps(mask, window, strides, outputs))


class _Chosen:
    """`dy` where `hit`, else 0: by a mask over the bits where the dtype allows it."""

    def __init__(self, dy: Any, hit: Any, words: Any):
        self.dy, self.hit, self.words = dy, hit, words
        self.bits = dy.view(words.dtype) if dy.dtype.kind == "f" and dy.dtype.itemsize in (4, 8) and dy.flags.c_contiguous else None
        self.result = words.view(dy.dtype) if self.bits is not None else None
        self.narrow = hit.view(np.int8)

    def __call__(self) -> Any:
        if self.bits is None:
            return np.where(self.hit, self.dy, 0)
        np.negative(self.narrow, out=self.narrow)
        np.copyto(self.words, self.narrow)
        np.bitwise_and(self.words, self.bits, out=self.words)
        return self.result


def sum_pool_grad(dy: Any, out: Any, spatial: Any, window: Any, strides: Any, padding: Any, scratch: Any) -> Callable[[], object]:
    """Each element of dy added to all of its window."""

    def job(tile: slice, own: Any) -> Callable[[], None]:
        given, result = dy[tile], out[tile]
        target = own[1] if len(own) > 1 else result
        places = list(_taps(target, window, strides, dy.shape[1:-1]))

        def run() -> None:
            target.fill(0)
            for place in places:
                np.add(place, given, out=place)
            if target is not result:
                np.copyto(result, _inner(target, spatial, padding))

        return run

    return _deal(len(dy), 8.0 * out.size, scratch, job)
