"""Operations that move elements, as ONNX operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symkeras.backend.onnx.writer import Expression, Term, Writer
from symkeras.graph.dims import Size
from symkeras.graph.node import Node

_LAST, _FIRST = np.iinfo(np.int64).max, np.iinfo(np.int64).min


def reshaped(w: Writer, x: Term, shape: Sequence[Size]) -> Term:
    """The elements in another shape; one symbolic size is left to ONNX."""
    unknown = [k for k, d in enumerate(shape) if not isinstance(d, int)]
    if len(unknown) == 1 and 0 not in shape:
        return w.op("Reshape", x, np.array([-1 if k in unknown else d for k, d in enumerate(shape)], np.int64))
    return w.op("Reshape", x, w.sizes(shape), allowzero=1)


def transposed(w: Writer, x: Term, axes: Sequence[int]) -> Term:
    if list(axes) == list(range(len(axes))):
        return x
    if x.name in w.arrays:
        return w.constant(np.transpose(w.arrays[x.name], axes), x.name)
    return w.op("Transpose", x, perm=list(axes))


def expanded(w: Writer, x: Term, shape: Sequence[Size]) -> Term:
    return w.op("Expand", x, w.sizes(shape))


def cut(w: Writer, x: Term, shape: Sequence[Size], starts: Sequence[Size], stops: Sequence[Size], strides: Sequence[int]) -> Term:
    """`x[starts:stops:strides]` of a tensor of this shape; axes that stay whole are not named."""
    axes = [k for k, d in enumerate(shape) if not (starts[k] == 0 and stops[k] == d and strides[k] == 1)]
    if not axes:
        return x
    ends = [_LAST if stops[k] == shape[k] else stops[k] for k in axes]
    begins, steps = [starts[k] for k in axes], [strides[k] for k in axes]
    return w.op("Slice", x, w.sizes(begins), w.sizes(ends), np.array(axes, np.int64), np.array(steps, np.int64))


def padded(w: Writer, x: Term, shape: Sequence[Size], padding: Sequence[tuple[Size, Size, Size]], value: Any) -> Term:
    """A constant before, after and between the elements of each axis: (before, after, between)."""
    fill = np.asarray(value, x.dtype)
    between = [g for _, _, g in padding]
    if any(g != 0 for g in between):  # every element with its gap behind it, and the last gap cut off
        wide = [d for n in shape for d in (n, 1)]
        gaps = [(0, 0) if k % 2 == 0 else (0, between[k // 2]) for k in range(len(wide))]
        x = _padded(w, reshaped(w, x, wide), gaps, fill)
        x = reshaped(w, x, [n * (g + 1) for n, g in zip(shape, between, strict=True)])
    return _padded(w, x, [(a, b - g) for a, b, g in padding], fill)


def _padded(w: Writer, x: Term, padding: Sequence[tuple[Size, Size]], fill: np.ndarray) -> Term:
    if all(a == 0 and b == 0 for a, b in padding):
        return x
    if x.dtype in ("int16", "uint16", "uint64"):
        return _padded(w, x.cast("int64"), padding, fill.astype("int64")).cast(x.dtype)
    return w.op("Pad", x, w.sizes([a for a, _ in padding] + [b for _, b in padding]), fill)


def _slice(w: Writer, n: Node, x: Term) -> Term:
    return cut(w, x, n.inputs[0].shape, n.attrs["starts"], n.attrs["stops"], n.attrs["strides"])


def flipped(w: Writer, x: Term, axes: Sequence[int]) -> Term:
    k = len(axes)
    return w.op("Slice", x, *(np.array(v, np.int64) for v in ([-1] * k, [_FIRST] * k, list(axes), [-1] * k)))


def _concatenate(w: Writer, n: Node, *x: Term) -> Term:
    return x[0] if len(x) == 1 else w.op("Concat", *x, axis=n.attrs["axis"])


def scalar(w: Writer, size: Size) -> Term:
    """A size as an int64 without axes."""
    return w.op("Reshape", w.size(size), np.zeros(0, np.int64))


def _dim(w: Writer, n: Node) -> Term:
    return scalar(w, n.attrs["size"]).cast(n.dtype)




TABLE: dict[str, Expression] = {
    "stop_gradient": lambda w, n, x: x, "boundary": lambda w, n, x: x, "dim": _dim, "custom_gradient": lambda w, n, *xs: xs[: n.attrs["outputs"]],
    "reshape": lambda w, n, x: reshaped(w, x, n.shape), "transpose": lambda w, n, x: transposed(w, x, n.attrs["axes"]),
    "broadcast_to": lambda w, n, x: expanded(w, x, n.shape), "slice": _slice,
    "pad": lambda w, n, x: padded(w, x, n.inputs[0].shape, n.attrs["padding"], n.attrs["value"]),
    "concatenate": _concatenate, "flip": lambda w, n, x: flipped(w, x, n.attrs["axes"]) if n.attrs["axes"] else x,
}  # fmt: skip
