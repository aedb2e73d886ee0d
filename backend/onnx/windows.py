"""Convolution and pooling as ONNX operators, which have channels first.

In double and in integers, for which ONNX Runtime has no kernel, and for gradients with respect to kernels, windows are taken tap by tap: a slice of
all windows for every place in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from symkeras.backend.onnx.elementwise import choose, greatest
from symkeras.backend.onnx.movement import cut, padded, reshaped, transposed
from symkeras.backend.onnx.reductions import is_nan, is_number, product
from symkeras.backend.onnx.writer import Expression, Term, Writer
from symkeras.graph import dims, dtypes
from symkeras.graph.dims import Size
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType

_KERNELS = ("float32", "float16")
"""Dtypes for which ONNX Runtime has kernels of convolution and of the mean of windows."""


def _first(w: Writer, x: Term, ndim: int) -> Term:
    """(B, *S, C) with channels first."""
    return transposed(w, x, [0, ndim - 1, *range(1, ndim - 1)])


def _last(w: Writer, x: Term, ndim: int) -> Term:
    return transposed(w, x, [0, *range(2, ndim), 1])


def _are_known(padding: Any) -> bool:
    """Whether ONNX can pad by itself."""
    return all(isinstance(p, int) and p >= 0 for pair in padding for p in pair)


def _spaced(w: Writer, x: Term, shape: Sequence[Size], padding: Any, fill: Any) -> tuple[Term, list[Size]]:
    """(B, *S, C), padded, and its shape."""
    wide = [shape[0], *(s + a + b for s, (a, b) in zip(shape[1:-1], padding, strict=True)), shape[-1]]
    return padded(w, x, shape, [(0, 0, 0), *((a, b, 0) for a, b in padding), (0, 0, 0)], fill), wide


# ---- tap by tap --------------------------------------------------------------------------------------------------------


class _Taps:
    """Where the elements of all windows lie in a padded image.

    Args:
        wide: the shape of the padded image.
        outs: how many windows there are along each axis.
    """

    def __init__(self, wide: Sequence[Size], kernel: Sequence[int], strides: Sequence[int], dilation: Sequence[int], outs: Sequence[Size]):
        self.wide, self.kernel, self.strides, self.dilation, self.outs = wide, kernel, strides, dilation, outs

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        return iter(np.ndindex(*self.kernel))

    def read(self, w: Writer, x: Term, tap: tuple[int, ...]) -> Term:
        """The element of every window at a tap: (B, *O, C)."""
        starts = [t * d for t, d in zip(tap, self.dilation, strict=True)]
        stops = [a + (o - 1) * s + 1 for a, o, s in zip(starts, self.outs, self.strides, strict=True)]
        return cut(w, x, self.wide, [0, *starts, 0], [self.wide[0], *stops, self.wide[-1]], [1, *self.strides, 1])

    def write(self, w: Writer, y: Term, shape: Sequence[Size], tap: tuple[int, ...]) -> Term:
        """Values (B, *O, C) for the windows at their place in the padded image, zero elsewhere."""
        gaps: list[tuple[Size, Size, Size]] = [(0, 0, 0)]
        for t, d, o, s, n in zip(tap, self.dilation, self.outs, self.strides, self.wide[1:-1], strict=True):
            gaps.append((t * d, n - t * d - (o - 1) * s - 1, s - 1))
        return padded(w, y, shape, [*gaps, (0, 0, 0)], 0)


def _sum(parts: Sequence[Term]) -> Term:
    total = parts[0]
    for p in parts[1:]:
        total = total + p
    return total


def _cropped(w: Writer, x: Term, wide: Sequence[Size], padding: Any, shape: Sequence[Size]) -> Term:
    """A padded image without its padding."""
    starts = [0, *(a for a, _ in padding), 0]
    return cut(w, x, wide, starts, [a + n for a, n in zip(starts, shape, strict=True)], [1] * len(shape))


def _group(w: Writer, x: Term, shape: Sequence[Size], g: int, groups: int) -> Term:
    """The channels of one group."""
    if groups == 1:
        return x
    each, k = dims.floor_divide(shape[-1], groups), len(shape)
    return cut(w, x, shape, [0] * (k - 1) + [each * g], [*shape[:-1], each * (g + 1)], [1] * k)


def _joined(w: Writer, parts: Sequence[Term], axis: int) -> Term:
    return parts[0] if len(parts) == 1 else w.op("Concat", *parts, axis=axis)


def _matrix(w: Writer, kernel: Term, n: Node, tap: tuple[int, ...], g: int, groups: int) -> Term:
    """(C / groups, O / groups) of a kernel (*K, C / groups, O) at a tap."""
    shape, k = n.shape, len(tap)
    each = dims.floor_divide(shape[-1], groups)
    starts, stops = [*tap, 0, each * g], [*(t + 1 for t in tap), shape[-2], each * (g + 1)]
    return reshaped(w, cut(w, kernel, shape, starts, stops, [1] * (k + 2)), (shape[-2], each))


# ---- convolution -------------------------------------------------------------------------------------------------------


def _sliding(n: Node, kernel: Sequence[int], wide: Sequence[Size], outs: Sequence[Size]) -> _Taps:
    return _Taps(wide, kernel, n.attrs["strides"], n.attrs["dilation"], outs)


def _conv(w: Writer, n: Node, x: Term, kernel: Term) -> Term:
    (image, weights), a = n.inputs, n.attrs
    padding, groups, k = a["padding"], a["groups"], n.ndim - 2
    if x.dtype in _KERNELS:
        if not _are_known(padding):
            x, _ = _spaced(w, x, image.shape, padding, 0)
            padding = ((0, 0),) * k
        pads = [p for p, _ in padding] + [p for _, p in padding]
        turned = transposed(w, kernel, [k + 1, k, *range(k)])
        y = w.op("Conv", _first(w, x, n.ndim), turned, kernel_shape=list(weights.shape[:k]), strides=list(a["strides"]), pads=pads,
                 dilations=list(a["dilation"]), group=groups)  # fmt: skip
        return _last(w, y, n.ndim)
    x, wide = _spaced(w, x, image.shape, padding, 0)
    taps, parts = _sliding(n, weights.shape[:k], wide, n.shape[1:-1]), []
    for g in range(groups):
        each = [product(w, _group(w, taps.read(w, x, t), [n.shape[0], *n.shape[1:-1], wide[-1]], g, groups),
                        _matrix(w, kernel, weights, t, g, groups)) for t in taps]  # fmt: skip
        parts.append(_sum(each))
    return _joined(w, parts, n.ndim - 1)


def _conv_input_grad(w: Writer, n: Node, dy: Term, kernel: Term) -> Term:
    (result, weights), a = n.inputs, n.attrs
    padding, groups, k = a["padding"], a["groups"], n.ndim - 2
    if dy.dtype in _KERNELS:
        turned = transposed(w, kernel, [k + 1, k, *range(k)])
        y = w.op("ConvTranspose", _first(w, dy, n.ndim), turned, kernel_shape=list(weights.shape[:k]), strides=list(a["strides"]),
                 dilations=list(a["dilation"]), group=groups)  # fmt: skip
        return _fitted(w, _last(w, y, n.ndim), n)
    wide = [n.shape[0], *(s + p + q for s, (p, q) in zip(n.shape[1:-1], padding, strict=True)), weights.shape[-2]]
    taps, parts = _sliding(n, weights.shape[:k], wide, result.shape[1:-1]), []
    for g in range(groups):
        rows = _group(w, dy, result.shape, g, groups)
        each = [taps.write(w, product(w, rows, transposed(w, _matrix(w, kernel, weights, t, g, groups), [1, 0])),
                           [*result.shape[:-1], wide[-1]], t) for t in taps]  # fmt: skip
        parts.append(_cropped(w, _sum(each), wide, padding, [*n.shape[:-1], wide[-1]]))
    return _joined(w, parts, n.ndim - 1)


def _fitted(w: Writer, x: Term, n: Node) -> Term:
    """What ConvTranspose gives without padding, cut to the size that the node has, or filled up with zeros."""
    (result, weights), a = n.inputs, n.attrs
    gaps: list[tuple[Size, Size, Size]] = [(0, 0, 0)]
    shape = [n.shape[0]]
    along = zip(result.shape[1:-1], weights.shape[:-2], a["strides"], a["dilation"], n.shape[1:-1], a["padding"], strict=True)
    for o, kernel, s, d, size, (before, _) in along:
        natural = (o - 1) * s + (kernel - 1) * d + 1
        shape.append(natural)
        gaps.append((-before, before + size - natural, 0))
    return padded(w, x, [*shape, n.shape[-1]], [*gaps, (0, 0, 0)], 0)


def _conv_filter_grad(w: Writer, n: Node, x: Term, dy: Term) -> Term:
    (image, result), a = n.inputs, n.attrs
    groups, kernel = a["groups"], n.shape[:-2]
    x, wide = _spaced(w, x, image.shape, a["padding"], 0)
    taps, parts = _sliding(n, kernel, wide, result.shape[1:-1]), []
    rows, channels, outputs = dims.product(result.shape[:-1]), n.shape[-2], dims.floor_divide(n.shape[-1], groups)
    for g in range(groups):
        right = reshaped(w, _group(w, dy, result.shape, g, groups), (rows, outputs))
        for_tap = []
        for t in taps:
            left = _group(w, taps.read(w, x, t), [*result.shape[:-1], wide[-1]], g, groups)
            left = transposed(w, reshaped(w, left, (rows, channels)), [1, 0])
            for_tap.append(reshaped(w, product(w, left, right), (1, channels, outputs)))
        parts.append(_joined(w, for_tap, 0))
    return reshaped(w, _joined(w, parts, 2), n.shape)


# ---- pooling -----------------------------------------------------------------------------------------------------------


def _pooling(n: Node, wide: Sequence[Size], outs: Sequence[Size]) -> _Taps:
    return _Taps(wide, n.attrs["window"], n.attrs["strides"], (1,) * len(outs), outs)


def _lowest(dtype: str) -> Any:
    return -np.inf if dtypes.is_float(dtype) else np.iinfo(dtype).min


def _max_pool(w: Writer, n: Node, x: Term) -> Term:
    """ONNX' own operator; where engines would lose a NaN in it, or an infinity, or where windows lie in padding alone, the largest of slices."""
    padding = n.attrs["padding"]
    if not dtypes.is_float(x.dtype) or not _are_known(padding) or any(max(p) >= size for p, size in zip(padding, n.attrs["window"], strict=True)):
        return _max_of_slices(w, n, x)
    image = _first(w, x, n.ndim)
    pads = [p for p, _ in padding] + [p for _, p in padding]

    def own() -> list[Term]:
        return [w.op("MaxPool", image, kernel_shape=list(n.attrs["window"]), strides=list(n.attrs["strides"]), pads=pads)]

    def exact() -> list[Term]:
        return [_first(w, _max_of_slices(w, n, _last(w, image, n.ndim)), n.ndim)]

    if not w.is_exact or n in w.finite:
        return _last(w, own()[0], n.ndim)
    shape = (n.shape[0], n.shape[-1], *n.shape[1:-1])
    (found,) = w.choice(is_number(w, w.op("ReduceSum", image, keepdims=0)), own, exact, [TensorType(shape, x.dtype)])
    return _last(w, found, n.ndim)


def _max_of_slices(w: Writer, n: Node, x: Term) -> Term:
    """Axis by axis; a window of nothing but -inf and padding has -inf."""
    x, wide = _spaced(w, x, n.inputs[0].shape, n.attrs["padding"], _lowest(x.dtype))
    for k, (size, stride) in enumerate(zip(n.attrs["window"], n.attrs["strides"], strict=True)):
        outs = [n.shape[k + 1] if axis == k else d for axis, d in enumerate(wide[1:-1])]
        line = [size if axis == k else 1 for axis in range(len(outs))]
        taps = _Taps(wide, line, [stride if axis == k else 1 for axis in range(len(outs))], (1,) * len(outs), outs)
        parts = [taps.read(w, x, t) for t in taps]
        x = parts[0] if size == 1 else greatest(w, parts)
        wide = [wide[0], *outs, wide[-1]]
    return x


def _tops(w: Writer, n: Node, x: Term, y: Term, image: Node, top: Node) -> Iterator[tuple[_Taps, tuple[int, ...], Term]]:
    """Tap by tap in which windows this is the first to be the maximum y; padding never is."""
    padding = n.attrs["padding"]
    wide_x, wide = _spaced(w, x, image.shape, padding, 0)
    taps = _pooling(n, wide, top.shape[1:-1])
    inside = w.op("Expand", w.constant(np.array(True)), w.sizes((1, *image.shape[1:-1], 1)))
    inside, flat = _spaced(w, inside, (1, *image.shape[1:-1], 1), padding, False)
    within = _pooling(n, flat, top.shape[1:-1])
    free: Term | None = None
    for t in taps:
        here = taps.read(w, wide_x, t)
        hit = here.equals(y)
        if dtypes.is_float(x.dtype):
            hit = hit | (is_nan(w, here) & is_nan(w, y))
        hit = hit & within.read(w, inside, t)
        if free is not None:
            hit = hit & free
        free = ~hit if free is None else free & ~hit
        yield taps, t, hit


def _max_pool_grad(w: Writer, n: Node, x: Term, y: Term, dy: Term) -> Term:
    image, top = n.inputs[0], n.inputs[1]
    parts, taps = [], None
    for taps, t, hit in _tops(w, n, x, y, image, top):
        parts.append(taps.write(w, choose(w, hit, dy, 0), top.shape, t))
    assert taps is not None
    return _cropped(w, _sum(parts), taps.wide, n.attrs["padding"], n.shape)


def _max_pool_select(w: Writer, n: Node, x: Term, y: Term, z: Term) -> Term:
    image, top = n.inputs[0], n.inputs[1]
    wide_z, _ = _spaced(w, z, image.shape, n.attrs["padding"], 0)
    out: Any = w.like(y, 0)
    for taps, t, hit in _tops(w, n, x, y, image, top):
        out = choose(w, hit, taps.read(w, wide_z, t), out)
    return out


def _sum_pool(w: Writer, n: Node, x: Term) -> Term:
    image, a = n.inputs[0], n.attrs
    if x.dtype in _KERNELS:
        x, _ = _spaced(w, x, image.shape, a["padding"], 0)
        mean = w.op("AveragePool", _first(w, x, n.ndim), kernel_shape=list(a["window"]), strides=list(a["strides"]))
        return _last(w, mean, n.ndim) * float(np.prod(a["window"]))
    x, wide = _spaced(w, x, image.shape, a["padding"], 0)
    taps = _pooling(n, wide, n.shape[1:-1])
    return _sum([taps.read(w, x, t) for t in taps])


def _sum_pool_grad(w: Writer, n: Node, dy: Term) -> Term:
    result, padding = n.inputs[0], n.attrs["padding"]
    wide = [n.shape[0], *(s + p + q for s, (p, q) in zip(n.shape[1:-1], padding, strict=True)), n.shape[-1]]
    taps = _pooling(n, wide, result.shape[1:-1])
    return _cropped(w, _sum([taps.write(w, dy, result.shape, t) for t in taps]), wide, padding, n.shape)


TABLE: dict[str, Expression] = {
    "conv": _conv, "conv_input_grad": _conv_input_grad, "conv_filter_grad": _conv_filter_grad, "max_pool": _max_pool,
    "max_pool_grad": _max_pool_grad, "max_pool_select": _max_pool_select, "sum_pool": _sum_pool, "sum_pool_grad": _sum_pool_grad,
}  # fmt: skip
