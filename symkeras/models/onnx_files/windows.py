"""Convolution and pooling of ONNX, which have channels first and pad by pairs of numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symkeras import ops
from symkeras.graph import dims
from symkeras.graph.tensor import Tensor
from symkeras.layers import convolution, transposed_convolution
from symkeras.models.onnx_files.operators import Reader

if TYPE_CHECKING:
    from symkeras.models.onnx_files.building import Call

_CONV = {1: convolution.Conv1D, 2: convolution.Conv2D, 3: convolution.Conv3D}
_TRANSPOSED = {
    1: transposed_convolution.Conv1DTranspose, 2: transposed_convolution.Conv2DTranspose, 3: transposed_convolution.Conv3DTranspose,
}  # fmt: skip


class _Window:
    """The attributes that convolutions and pools share."""

    def __init__(self, c: Call, kernel: Sequence[int], sizes: Sequence[Any]):
        n = len(kernel)
        self.kernel = [int(k) for k in kernel]
        self.strides = c.attribute("strides") or [1] * n
        self.dilation = c.attribute("dilations") or [1] * n
        pads = c.attribute("pads") or [0] * (2 * n)
        c.require(len(self.strides) == len(self.dilation) == n and len(pads) == 2 * n, "strides, dilations and pads must go with the kernel")
        c.require(min(*self.kernel, *self.strides, *self.dilation) >= 1, "a kernel, stride or dilation is below 1")
        auto = c.attribute("auto_pad", "NOTSET")
        c.require(auto in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"), f"auto_pad {auto!r} is not covered")
        extents = [(k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True)]
        if auto.startswith("SAME"):
            self.pads = []
            for size, e, s in zip(sizes, extents, self.strides, strict=True):
                total = dims.maximum((dims.ceil_divide(size, s) - 1) * s + e - size, 0) if s > 1 else e - 1
                half = dims.floor_divide(total, 2)
                self.pads.append((half, total - half) if auto == "SAME_UPPER" else (total - half, half))
        elif auto == "VALID":
            self.pads = [(0, 0)] * n
        else:
            c.require(min(pads) >= 0, f"pads {pads} below 0 are not covered")
            self.pads = list(zip(pads[:n], pads[n:], strict=True))
        self.extents = extents
        self.beyond = [0] * n
        if c.attribute("ceil_mode", 0) and auto == "NOTSET":
            self._reach_up(c, sizes)

    def _reach_up(self, c: Call, sizes: Sequence[Any]) -> None:
        """Pad so that a last window counts that lies partly beyond; one that begins in the padding behind does not."""
        c.require(all(isinstance(s, int) for s in sizes), "ceil_mode over sizes that are not known is not covered")
        for k, (size, e, s, (a, b)) in enumerate(zip(sizes, self.extents, self.strides, self.pads, strict=True)):
            count = math.ceil((size + a + b - e) / s) + 1
            if (count - 1) * s >= size + a:
                count -= 1
            self.beyond[k] = max(0, (count - 1) * s + e - (size + a + b))

    @property
    def is_padded(self) -> bool:
        return any(p != 0 for pair in self.pads for p in pair)


def _spatial(x: Any) -> tuple[Any, ...]:
    return (x.dims if isinstance(x, Tensor) else x.shape)[2:]


def _conv(c: Call) -> Any:
    x, kernel = c.tensor(), c.constant(1)
    bias = c.constant(2) if c.input(2) is not None else None
    n = kernel.ndim - 2
    c.require(n in _CONV, f"{n} spatial axes are not covered")
    w = _Window(c, c.attribute("kernel_shape") or kernel.shape[2:], _spatial(x))
    c.require(tuple(w.kernel) == kernel.shape[2:], f"kernel_shape {w.kernel} is not that of the weight, {kernel.shape}")
    c.require(max(w.strides) == 1 or max(w.dilation) == 1, "strides and dilations above 1 together are not covered")
    if w.is_padded:
        pairs = ((0, 0, 0), (0, 0, 0), *((a, b, 0) for a, b in w.pads))
        x = c.apply(lambda t: ops.op.apply(ops.OPS["pad"], [t], {"padding": pairs, "value": 0.0}), x)
    layer = _CONV[n](
        kernel.shape[0], tuple(w.kernel), strides=tuple(w.strides), dilation_rate=tuple(w.dilation), groups=c.attribute("group", 1),
        use_bias=bias is not None, data_format="channels_first", name=c.name(), dtype=str(kernel.dtype),
    )  # fmt: skip
    weights = [kernel.transpose((*range(2, n + 2), 1, 0)), *([] if bias is None else [bias])]
    return c.layer(layer, x, weights)


def _conv_transpose(c: Call) -> Any:
    x, kernel = c.tensor(), c.constant(1)
    bias = c.constant(2) if c.input(2) is not None else None
    n = kernel.ndim - 2
    c.require(n in _TRANSPOSED, f"{n} spatial axes are not covered")
    is_plain = c.attribute("output_shape") is None and c.attribute("auto_pad", "NOTSET") in ("NOTSET", "VALID")
    c.require(is_plain, "output_shape and auto_pad are not covered")
    w = _Window(c, c.attribute("kernel_shape") or kernel.shape[2:], _spatial(x))
    c.require(tuple(w.kernel) == kernel.shape[2:], f"kernel_shape {w.kernel} is not that of the weight, {kernel.shape}")
    c.require(max(w.strides) == 1 or max(w.dilation) == 1, "strides and dilations above 1 together are not covered")
    more = c.attribute("output_padding") or [0] * n
    groups = c.attribute("group", 1)
    c.require(groups >= 1 and kernel.shape[0] % groups == 0, f"{groups} groups do not fit a weight of shape {kernel.shape}")
    is_within = all(m <= b for m, (_, b) in zip(more, w.pads, strict=True))
    c.require(is_within or bias is None, "output_padding beyond the pads with a bias is not covered")
    pieces = ops.split(x, groups, axis=1) if groups > 1 else [x]
    found = []
    for g, (piece, own) in enumerate(zip(pieces, np.split(kernel, groups), strict=True)):
        layer = _TRANSPOSED[n](
            kernel.shape[1], tuple(w.kernel), strides=tuple(w.strides), dilation_rate=tuple(w.dilation), output_padding=0 if n == 1 else (0,) * n,
            use_bias=bias is not None, data_format="channels_first", name=c.name(), dtype=str(kernel.dtype),
        )  # fmt: skip
        weights = [own.transpose((*range(2, n + 2), 1, 0)), *([] if bias is None else [np.split(bias, groups)[g]])]
        found.append(c.layer(layer, piece, weights, part=g))
    y = found[0] if groups == 1 else ops.concatenate(found, 1)
    cuts = ((0, 0, 0), (0, 0, 0), *((-a, m - b, 0) for m, (a, b) in zip(more, w.pads, strict=True)))
    return c.apply(lambda t: _cut(t, cuts), y)


def _cut(x: Any, cuts: Any) -> Any:
    """Padding by numbers below and above zero."""
    key = tuple(slice(-a, d + b if b < 0 else None) for d, (a, b, _) in zip(x.dims, cuts, strict=True))
    x = x[key]
    grown = tuple((0, max(b, 0), 0) for _, b, _ in cuts)
    return ops.op.apply(ops.OPS["pad"], [x], {"padding": grown, "value": 0.0}) if any(map(any, grown)) else x


# ---- pooling -----------------------------------------------------------------------------------------------------------


def _pool(op: str, x: Any, w: _Window, padding: Any) -> Any:
    n = len(w.kernel)
    last = ops.transpose(x, (0, *range(2, n + 2), 1))
    attrs = {"window": tuple(w.kernel), "strides": tuple(w.strides), "padding": tuple(padding)}
    return ops.transpose(ops.op.apply(ops.OPS[op], [last], attrs), (0, n + 1, *range(1, n + 1)))


def _max_pool(c: Call) -> Any:
    x = c.tensor()
    w = _Window(c, c.needed("kernel_shape"), _spatial(x))
    c.require(max(w.dilation) == 1, "dilations are not covered")
    is_small = all(not isinstance(p, int) or p < k for k, pair in zip(w.kernel, w.pads, strict=True) for p in pair)
    c.require(is_small, f"pads {w.pads} reach beyond a window {w.kernel}")
    c.require(len(c.outputs) == 1 or not c.outputs[1], "the places of the maxima are not covered")
    padding = [(a, b + more) for (a, b), more in zip(w.pads, w.beyond, strict=True)]
    return c.apply(lambda t: _pool("max_pool", t, w, padding), x)


def _average_pool(c: Call) -> Any:
    x = c.tensor()
    w = _Window(c, c.needed("kernel_shape"), _spatial(x))
    c.require(max(w.dilation) == 1, "dilations are not covered")
    is_small = all(not isinstance(p, int) or p < k for k, pair in zip(w.kernel, w.pads, strict=True) for p in pair)
    c.require(is_small, f"pads {w.pads} reach beyond a window {w.kernel}")
    padding = [(a, b + more) for (a, b), more in zip(w.pads, w.beyond, strict=True)]
    whole = float(np.prod(w.kernel))
    if not w.is_padded and not any(w.beyond):
        return c.apply(lambda t: _pool("sum_pool", t, w, padding) / whole, x)
    counts_pads = bool(c.attribute("count_include_pad", 0))

    def mean(t: Any) -> Any:  # what lies beyond the pads, by ceil_mode, never counts
        ones = ops.broadcast_to(ops.as_tensor(np.ones((), t.dtype)), (1, 1, *t.dims[2:]))
        if counts_pads:
            pairs = ((0, 0, 0), (0, 0, 0), *((a, b, 0) for a, b in w.pads))
            ones = ops.op.apply(ops.OPS["pad"], [ones], {"padding": pairs, "value": 1.0})
        count = _pool("sum_pool", ones, w, [(0, more) for more in w.beyond] if counts_pads else padding)
        return _pool("sum_pool", t, w, padding) / count

    return c.apply(mean, x)


def _global(function: Any) -> Reader:
    return lambda c: c.apply(lambda x: function(x, axis=tuple(range(2, x.ndim)), keepdims=True), c.tensor())


TABLE: dict[str, Reader] = {
    "Conv": _conv, "ConvTranspose": _conv_transpose, "MaxPool": _max_pool, "AveragePool": _average_pool,
    "GlobalAveragePool": _global(ops.mean), "GlobalMaxPool": _global(ops.max),
}  # fmt: skip
