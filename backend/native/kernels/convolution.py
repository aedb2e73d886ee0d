"""Convolution and pooling: calls, and working memory as `include/symkeras/convolution.h` describes it.

The size of the memory depends on kernel and channels, which are known, never on images or batch: kernels copy one piece at a time. It
holds for vectors of any width up to 64 bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symkeras.backend.emitted import threads as thread_count
from symkeras.backend.native import text
from symkeras.backend.native.emission import Emitter
from symkeras.backend.native.kernels.matmul import IN_PLACE, ROWS_COPIED
from symkeras.compiler.program.batch_tiling import counted
from symkeras.compiler.program.program import Step
from symkeras.graph import dims
from symkeras.graph.dims import Dim, Size
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType
from symkeras.ops.convolution import sides

JOB = 256
"""SK_CONV_JOB: elements for what is to be done."""
PIECE = 8192
"""SK_CONV_PIECE: elements of x that a piece reads, beyond those that eight outputs read."""
MOST_SLICES, EASILY, PARTIAL = 8, 1 << 18, 1 << 20
"""SK_CONV_MOST_SLICES, SK_CONV_EASILY and SK_CONV_PARTIAL: slices of a filter gradient, and elements of their sums."""
WINOGRAD_ROOM = 2 * 16 * (2048 + 16)
"""SK_WINOGRAD_ROOM: elements of transformed tiles."""
WINOGRAD_MOST = 256
"""SK_WINOGRAD_MOST: channels that Winograd's way takes."""


LEAST_PLACES = 64
"""Outputs that a call should have."""


def conv(e: Emitter, s: Step) -> None:
    """A convolution or one of its gradients; of the samples at hand, or with what is kept, where `ready` was called."""
    op, suffix = s.node.op.name, _include(e, s)
    pointers, scratch = (", ".join(e.pointer(v) for v in some) for some in ((*s.outputs, *s.inputs), s.scratch))
    if e.span is not None:
        images = s.outputs[0].type.shape[0]
        e.say(f"sk_{op}_images_{suffix}({pointers}, {scratch}, call->blas, member, {e.span.first(images)}, {e.span.last(images)});", s)
    elif s.is_ready:
        e.say(f"sk_{op}_kept_{suffix}({pointers}, {scratch}, call->blas, threads);", s)
    else:
        e.say(f"sk_{op}_{suffix}({pointers}, {_conv_shape(s)}, {scratch}, call->blas, threads);", s)


def ready(e: Emitter, s: Step) -> None:
    """What is made of the weights before calls for some samples, or before calls that find it there."""
    e.say(f"sk_{s.node.op.name}_ready_{_include(e, s)}({e.pointer(s.inputs[1])}, {_conv_shape(s)}, {e.pointer(s.scratch[0])}, threads);", s)


def _include(e: Emitter, s: Step) -> str:
    e.include("gemm.h")
    e.include("convolution.h")
    return text.SUFFIXES[s.outputs[0].type.dtype]


def _conv_shape(s: Step) -> str:
    a = s.node.attrs
    xs, ws, ys = (t.shape for t in sides(s.node))
    fields = [
        text.size(xs[0]), _three(xs[1:-1], 1), _three(ys[1:-1], 1), _three(ws[:-2], 1), _three(a["strides"], 1), _three(a["dilation"], 1),
        _three([before for before, _ in a["padding"]], 0), text.size(xs[-1]), text.size(ys[-1]), str(a["groups"]),
    ]  # fmt: skip
    return f"&(const sk_conv_shape){{{', '.join(fields)}}}"


def _three(values: Sequence[Size], lead: int) -> str:
    """Sizes of one to three spatial axes, lifted to three."""
    return "{" + ", ".join(text.size(v) for v in (*(lead,) * (3 - len(values)), *values)) + "}"


def pool(e: Emitter, s: Step) -> None:
    """A kernel of `pooling.h`; of the samples at hand by one thread."""
    op, a = s.node.op.name, s.node.attrs
    e.include("pooling.h")
    dtype = s.outputs[0].type.dtype
    e.define(f"SK_DEFINE_{op.upper()}({text.TYPES[dtype]}, {text.SUFFIXES[dtype]})")
    x = s.outputs[0].type.shape if op == "sum_pool_grad" else s.inputs[0].type.shape
    y = {"max_pool_grad": s.inputs[1:2], "sum_pool_grad": s.inputs}.get(op, s.outputs)[0].type.shape
    images, pointers = text.size(x[0]), [e.pointer(v) for v in (*s.outputs, *s.inputs)]
    if e.span is not None:
        images, pointers = e.span.length(x[0]), [f"{e.pointer(v)} + {e.span.first(v.type.size)}" for v in (*s.outputs, *s.inputs)]
    fields = [
        images, _three(x[1:-1], 1), _three(y[1:-1], 1), _three(a["window"], 1), _three(a["strides"], 1),
        _three([before for before, _ in a["padding"]], 0), text.size(x[-1]),
    ]  # fmt: skip
    shape, threads = f"&(const sk_pool_shape){{{', '.join(fields)}}}", "threads" if e.span is None else "1"
    e.say(f"sk_{op}_{text.SUFFIXES[dtype]}({', '.join(pointers)}, {shape}, {threads});", s)


def least_images(s: Step, samples: Dim) -> int:
    """The fewest samples that a call of a convolution or a pooling is worth; 0 where it cannot be cut by samples at no loss."""
    out = s.outputs[0].type.shape
    places = counted(dims.product(out[:-1]), samples)
    if counted(out[0], samples) is None or not isinstance(places, int) or places == 0:
        return 0
    if s.node.op.name in ("conv", "conv_input_grad"):
        x, w, y = sides(s.node)
        if _is_product(s.node, x, y, w.shape[:-2]) and not (isinstance(w.size, int) and w.size <= IN_PLACE) and places < ROWS_COPIED:
            return 0
    return -(-LEAST_PLACES // places)


def scratch_types(node: Node, threads: int | None = None) -> list[TensorType]:
    """Arrays for a convolution or an input gradient: what is made of the weights, and room for threads; one for a filter gradient.

    Args:
        threads: the most that will share the kernel; None: all that compute in this process.
    """
    threads = threads or thread_count.count()
    x, w, y = sides(node)
    a, groups = node.attrs, node.attrs["groups"]
    kernel, inner, outer = w.shape[:-2], w.shape[-2], dims.floor_divide(w.shape[-1], groups)
    room: Size = WINOGRAD_ROOM if _may_be_winograd(node, w) else 0
    transformed: Size = inner * outer * 16 if room else 0
    if node.op.name == "conv_filter_grad":
        per_thread = _up(_piece(kernel, a["strides"], a["dilation"], x.shape[-1] * _repeat(inner, outer, groups)) + 16)
        is_padded = not _fills_vectors(outer) and not _is_depthwise(inner, groups)
        wide = groups * (_up(outer) if is_padded else outer)
        if is_padded:
            per_thread += _up(PIECE + wide * 8)
        sums = _partial_sums(dims.product(kernel) * inner * wide, is_padded, False)
        if room and isinstance(sums, int) and isinstance(transformed, int):
            sums = max(sums, _partial_sums(transformed, False, True))
        return [x.with_shape(((per_thread + room) * threads + sums,))]
    if _is_product(node, x, y, kernel):
        return [x.with_shape((JOB,)), x.with_shape((0,))]
    if node.op.name == "conv_input_grad":
        by_channel = _is_depthwise(inner, groups) and outer == 1
        weights = dims.product(kernel) * (_up(x.shape[-1]) if by_channel else w.shape[-1] * _up(inner))
        piece = _piece(kernel, (1,) * len(kernel), a["dilation"], y.shape[-1])
    else:
        of = (1, w.shape[-1]) if _is_depthwise(inner, groups) else (inner * groups, outer)
        weights = 0 if _fills_vectors(of[1]) and of[1] <= 64 else dims.product(kernel) * of[0] * _up(of[1])
        piece = _piece(kernel, a["strides"], a["dilation"], x.shape[-1] * _repeat(inner, outer, groups))
    return [x.with_shape((JOB + _up(weights) + transformed,)), x.with_shape(((_up(piece + 16) + room) * threads,))]


def _up(n: Size) -> Size:
    return dims.ceil_divide(n, 16) * 16


def _fills_vectors(n: Size) -> bool:
    return isinstance(n, int) and n % 16 == 0


def _is_depthwise(inner: Size, groups: int) -> bool:
    return groups > 1 and inner == 1


def _repeat(inner: Size, outer: Size, groups: int) -> Size:
    """How often the copy of x holds each channel."""
    return outer if _is_depthwise(inner, groups) else 1


def _is_product(node: Node, x: TensorType, y: TensorType, kernel: Any) -> bool:
    """As sk_conv_is_product; only where it is sure."""
    a = node.attrs
    ones = all(v == 1 for v in (*kernel, *a["strides"], a["groups"]))
    return ones and not any(before for before, _ in a["padding"]) and x.shape[1:-1] == y.shape[1:-1]


def _may_be_winograd(node: Node, w: TensorType) -> bool:
    """As sk_conv_is_winograd, whatever the sizes of images."""
    a, channels = node.attrs, w.shape[-2:]
    is_plain = a["groups"] == 1 and all(v == 1 for v in (*w.shape[:-4], *a["strides"], *a["dilation"]))
    return is_plain and w.shape[-4:-2] == (3, 3) and all(_fills_vectors(n) and n <= WINOGRAD_MOST for n in channels)


def _piece(kernel: Any, strides: Any, dilation: Any, channels: Size) -> Size:
    """As sk_conv_buffer: room for the part of x that one piece of outputs reads."""
    extents: list[Size] = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    depth: Size = kernel[0] if len(kernel) == 3 else 1
    height: Size = extents[-2] if len(kernel) > 1 else 1
    return depth * height * (extents[-1] + 7 * strides[-1]) * channels + PIECE


def _slices(size: int) -> int:
    """As sk_conv_slices, where there is work enough."""
    slices = MOST_SLICES
    while slices > 2 and slices * size > EASILY:
        slices //= 2
    return slices if slices * size <= PARTIAL else 1


def _partial_sums(size: Size, is_padded: bool, is_first_apart: bool) -> Size:
    """Partial kernels of `size` each, of which the first may be the result itself; where rows are padded `size` is the most."""
    if not isinstance(size, int):
        return size * MOST_SLICES
    if is_padded:
        return max(size, min(MOST_SLICES * size, EASILY), min(2 * size, PARTIAL))
    return (_slices(size) - (not is_first_apart)) * size
