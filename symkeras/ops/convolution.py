"""Convolution in one, two and three dimensions: forward and its two gradients as primitives, channels last.

x is (B, *S, C), the kernel w is (*K, C / groups, O), the result (B, *S', O). Padding is explicit, a pair per spatial
dim. The gradient of each of the three is made of the other two, so convolutions differentiate to any order. The
function `conv` adds Keras' padding names and channels_first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symkeras import config
from symkeras.errors import DtypeError, ShapeError
from symkeras.graph import dims
from symkeras.graph.dims import Size
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType
from symkeras.ops import attributes as at
from symkeras.ops.elementwise import promoted
from symkeras.ops.leaves import shape
from symkeras.ops.op import OPS, Op, Sample, apply, register
from symkeras.ops.shaping import reshape, transpose
from symkeras.ops.sizes import listed, whole

type_pairs = tuple[tuple[Size, Size], ...]


def conv_output_size(size: Size, kernel: Size, stride: int, padding: tuple[Size, Size], dilation: int) -> Size:
    """Number of positions of a kernel along one axis."""
    covered = size + padding[0] + padding[1] - (kernel - 1) * dilation - 1
    if isinstance(covered, int) and covered < 0:
        return 0
    return dims.floor_divide(covered, stride) + 1


def windows(x: Any, kernel: Sequence[int], strides: Sequence[int], padding: Any, dilation: Sequence[int], fill: float = 0.0) -> Any:
    """A strided view (B, *S', *K, C) of all windows of a padded copy of x (B, *S, C)."""
    x = np.pad(x, [(0, 0), *padding, (0, 0)], constant_values=fill) if any(map(any, padding)) else x
    spatial = x.shape[1:-1]
    out = [max(0, (n - (k - 1) * d - 1) // s + 1) for n, k, s, d in zip(spatial, kernel, strides, dilation, strict=True)]
    st = x.strides
    shape_ = (x.shape[0], *out, *kernel, x.shape[-1])
    strides_ = (st[0], *(a * s for a, s in zip(st[1:-1], strides, strict=True)), *(a * d for a, d in zip(st[1:-1], dilation, strict=True)), st[-1])
    return np.lib.stride_tricks.as_strided(x, shape_, strides_, writeable=False)


_CASES = (
    (("2, 6, 3", "3, 3, 4"), {"strides": (1,), "padding": ((0, 0),), "dilation": (1,), "groups": 1}),
    (("2, 7, 3", "2, 3, 4"), {"strides": (2,), "padding": ((1, 0),), "dilation": (2,), "groups": 1}),
    (("2, 5, 6, 2", "3, 2, 2, 3"), {"strides": (1, 2), "padding": ((1, 1), (0, 1)), "dilation": (1, 1), "groups": 1}),
    (("1, 4, 4, 4", "3, 3, 2, 6"), {"strides": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 2}),
    (("0, 4, 4, 2", "3, 3, 2, 2"), {"strides": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}),
    (("1, 3, 4, 3, 2", "2, 2, 2, 2, 2"), {"strides": (1, 1, 1), "padding": ((0, 0), (1, 0), (0, 0)), "dilation": (1, 1, 1), "groups": 1}),
)


def sides(node: Node) -> tuple[TensorType, TensorType, TensorType]:
    """The types of x, w and y of a convolution, whichever of them `node` computes."""
    if node.op.name == "conv":
        return node.inputs[0].tensor_type, node.inputs[1].tensor_type, node.tensor_type
    if node.op.name == "conv_input_grad":
        return node.tensor_type, node.inputs[1].tensor_type, node.inputs[0].tensor_type
    return node.inputs[0].tensor_type, node.tensor_type, node.inputs[1].tensor_type


class _Convolution(Op):
    def flops(self, node: Node) -> dims.Size:
        _, w, y = sides(node)
        return y.size * 2 * dims.product(w.shape[:-1])


@register
class Conv(_Convolution):
    """Sum of products of a sliding kernel with its window (cross-correlation, as in all of deep learning)."""

    name = "conv"
    attributes = at.SLIDING
    samples = tuple(Sample((f"{k}[{x}]", f"{k}[{w}]"), a) for k in ("f32", "f64") for (x, w), a in _CASES)

    def infer(self, x: TensorType, w: TensorType, *, strides: Any, padding: Any, dilation: Any, groups: int) -> TensorType:  # type: ignore[override]
        n = x.ndim - 2
        if n not in (1, 2, 3) or w.ndim != n + 2 or x.dtype != w.dtype:
            raise DtypeError(f"conv expects x (B, *S, C) and a kernel (*K, C / groups, O) of one dtype, received {x} and {w}")
        if not dims.same(x.shape[-1], w.shape[-2] * groups) or (isinstance(w.shape[-1], int) and w.shape[-1] % groups):
            raise ShapeError(f"conv: the input channels must match the kernel: {w} in {groups} groups takes {w.shape[-2] * groups}, received {x}")
        spatial = tuple(conv_output_size(*v) for v in zip(x.shape[1:-1], w.shape[:n], strides, padding, dilation, strict=True))
        if any(isinstance(s, int) and s <= 0 for s in spatial) and all(x.shape[1:-1]):
            raise ShapeError(f"conv: the kernel {w} does not fit into {x} with padding {padding}")
        return x.with_shape((x.shape[0], *spatial, w.shape[-1]))

    def value(self, x: Any, w: Any, *, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:  # type: ignore[override]
        n = x.ndim - 2
        cols = windows(x, w.shape[:n], strides, padding, dilation)
        outputs = w.shape[-1] // groups
        inner = tuple(range(n + 1, 2 * n + 2))
        parts = [
            np.tensordot(cols[..., g * w.shape[-2] : (g + 1) * w.shape[-2]], w[..., g * outputs : (g + 1) * outputs], (inner, tuple(range(n + 1))))
            for g in range(groups)
        ]
        return np.concatenate(parts, -1)

    def vjp(self, dy: Any, out: Any, x: Any, w: Any, **attrs: Any) -> Any:  # type: ignore[override]
        dx = apply(OPS["conv_input_grad"], [dy, w], {"spatial": x.dims[1:-1], **attrs})
        dw = apply(OPS["conv_filter_grad"], [x, dy], {"kernel": w.dims[:-2], **attrs})
        return dx, dw


def _check_result(name: str, y: TensorType, x: TensorType, w: TensorType, **attrs: Any) -> None:
    """Raise ShapeError unless `y` is what a convolution of x with w may give."""
    expected = OPS["conv"].infer(x, w, **attrs)
    if not isinstance(expected, TensorType) or y.dtype != expected.dtype or not all(map(dims.same, y.shape, expected.shape)):
        raise ShapeError(f"{name}: a convolution of {x} with {w} gives {expected}, received {y}")


@register
class ConvInputGrad(_Convolution):
    """The gradient of conv with respect to x; also the transposed convolution. `spatial` is the size of x."""

    name = "conv_input_grad"
    attributes = {"spatial": at.SPATIAL, **at.SLIDING}
    samples = tuple(
        Sample((f"f64[{dy}]", f"f64[{w}]"), a)
        for dy, w, a in (
            ("2, 4, 4", "3, 3, 4", {"spatial": (6,), "strides": (1,), "padding": ((0, 0),), "dilation": (1,), "groups": 1}),
            ("2, 5, 3, 3", "3, 2, 2, 3", {"spatial": (5, 6), "strides": (1, 2), "padding": ((1, 1), (0, 1)), "dilation": (1, 1), "groups": 1}),
            ("1, 4, 4, 6", "3, 3, 2, 6", {"spatial": (4, 4), "strides": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 2}),
        )
    )

    def infer(self, dy: TensorType, w: TensorType, *, spatial: Any, groups: int, **attrs: Any) -> TensorType:  # type: ignore[override]
        if dy.dtype != w.dtype:
            raise DtypeError(f"conv_input_grad expects a result and a kernel of one dtype, received {dy} and {w}")
        if w.ndim != dy.ndim or w.ndim < 3:
            raise ShapeError(f"conv_input_grad expects a result (B, *S, O) and a kernel (*K, C / groups, O), received {dy} and {w}")
        x = dy.with_shape((dy.shape[0], *spatial, w.shape[-2] * groups))
        _check_result("conv_input_grad", dy, x, w, groups=groups, **attrs)
        return x

    def value(self, dy: Any, w: Any, *, spatial: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:  # type: ignore[override]
        n = dy.ndim - 2
        kernel, channels = w.shape[:n], w.shape[-2]
        padded = np.zeros((dy.shape[0], *(s + a + b for s, (a, b) in zip(spatial, padding, strict=True)), channels * groups), dy.dtype)
        outputs = w.shape[-1] // groups
        for tap in np.ndindex(*kernel):
            window = tuple(
                slice(t * d, t * d + (o - 1) * s + 1 if o else 0, s) for t, d, o, s in zip(tap, dilation, dy.shape[1:-1], strides, strict=True)
            )
            for g in range(groups):
                part = np.matmul(dy[..., g * outputs : (g + 1) * outputs], w[tap][:, g * outputs : (g + 1) * outputs].T)
                padded[(slice(None), *window, slice(g * channels, (g + 1) * channels))] += part
        return padded[(slice(None), *(slice(a, a + s) for s, (a, _) in zip(spatial, padding, strict=True)))]

    def vjp(self, dy: Any, out: Any, y: Any, w: Any, *, spatial: Any, **attrs: Any) -> Any:  # type: ignore[override]
        return apply(OPS["conv"], [dy, w], attrs), apply(OPS["conv_filter_grad"], [dy, y], {"kernel": w.dims[:-2], **attrs})


@register
class ConvFilterGrad(_Convolution):
    """The gradient of conv with respect to the kernel, of size `kernel`."""

    name = "conv_filter_grad"
    attributes = {"kernel": at.SPATIAL, **at.SLIDING}
    samples = tuple(
        Sample((f"f64[{x}]", f"f64[{dy}]"), a)
        for x, dy, a in (
            ("2, 6, 3", "2, 4, 4", {"kernel": (3,), "strides": (1,), "padding": ((0, 0),), "dilation": (1,), "groups": 1}),
            ("2, 5, 6, 2", "2, 5, 3, 3", {"kernel": (3, 2), "strides": (1, 2), "padding": ((1, 1), (0, 1)), "dilation": (1, 1), "groups": 1}),
            ("1, 4, 4, 4", "1, 4, 4, 6", {"kernel": (3, 3), "strides": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 2}),
        )
    )

    def infer(self, x: TensorType, dy: TensorType, *, kernel: Any, groups: int, **attrs: Any) -> TensorType:  # type: ignore[override]
        if x.ndim != dy.ndim or x.ndim < 3:
            raise ShapeError(f"conv_filter_grad expects x (B, *S, C) and a result (B, *S, O), received {x} and {dy}")
        w = x.with_shape((*kernel, dims.floor_divide(x.shape[-1], groups), dy.shape[-1]))
        _check_result("conv_filter_grad", dy, x, w, groups=groups, **attrs)
        return w

    def value(self, x: Any, dy: Any, *, kernel: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:  # type: ignore[override]
        n = x.ndim - 2
        cols = windows(x, kernel, strides, padding, dilation)[(slice(None), *(slice(0, o) for o in dy.shape[1:-1]))]
        channels, outputs = x.shape[-1] // groups, dy.shape[-1] // groups
        outer = tuple(range(n + 1))
        parts = [
            np.tensordot(cols[..., g * channels : (g + 1) * channels], dy[..., g * outputs : (g + 1) * outputs], (outer, outer))
            for g in range(groups)
        ]
        return np.concatenate(parts, -1)

    def vjp(self, dy: Any, out: Any, x: Any, y: Any, *, kernel: Any, **attrs: Any) -> Any:  # type: ignore[override]
        return apply(OPS["conv_input_grad"], [y, dy], {"spatial": x.dims[1:-1], **attrs}), apply(OPS["conv"], [x, dy], attrs)


def spread_argument(value: Any, n: int, what: str) -> tuple[int, ...]:
    """One int for every spatial dim, or the ints given."""
    out = tuple(whole(v, what) for v in listed(value, what))
    out = out * n if len(out) == 1 and not isinstance(value, (list, tuple)) else out
    if len(out) != n or any(v < 1 for v in out):
        raise ShapeError(f"{what} must be a positive integer or {n} of them, received {value!r}")
    return out


def explicit_padding(
    padding: str, sizes: Sequence[Size], kernel: Sequence[int], strides: Sequence[int], dilation: Sequence[int]
) -> tuple[tuple[Size, Size], ...]:
    """Keras' "valid", "same" or "causal", in letters of any size, as pairs; "same" puts the odd one behind, as TensorFlow does."""
    padding = str(padding).lower()
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if padding == "causal":
        return tuple(((k - 1) * d, 0) for k, d in zip(kernel, dilation, strict=True))
    if padding != "same":
        raise ShapeError(f'padding must be "valid", "same" or "causal", received {padding!r}')
    pairs = []
    for n, k, s, d in zip(sizes, kernel, strides, dilation, strict=True):
        total = _same_padding(n, (k - 1) * d + 1, s)
        pairs.append((total // 2, total - total // 2))
    return tuple(pairs)


def _same_padding(size: Size, extent: int, stride: int) -> Size:
    """How much an axis is padded so that a window of `extent` has a position for every `stride` of its elements."""
    if stride == 1:
        return extent - 1
    total = (dims.ceil_divide(size, stride) - 1) * stride + extent - size
    return total if extent >= stride else dims.maximum(total, 0)  # the last position reaches 1 to `stride` elements


def conv(inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid", data_format: str | None = None, dilation_rate: Any = 1) -> Any:
    """Convolution of (B, *S, C) with a kernel (*K, C / groups, O), in 1, 2 or 3 spatial dims.

    The number of groups is C over the kernel's channels. `data_format="channels_first"` takes and gives (B, C, *S).

    Args:
        strides: steps of the kernel, one number or one per spatial dim.
        padding: "valid" (none), "same" (as large as the input where strides are 1) or "causal" (before the first element).
        data_format: where the channels are; `config.image_data_format()` when None.
        dilation_rate: distance between the elements a kernel sees.

    Raises:
        ShapeError: shapes, numbers or a padding that do not fit.

    >>> conv(np.arange(4.0).reshape(1, 4, 1), np.ones((2, 1, 1))).tolist()
    [[[1.0], [3.0], [5.0]]]
    """
    channels_first = (data_format or config.image_data_format()) == "channels_first"
    n = len(shape(kernel)) - 2
    inputs, kernel = promoted("float", inputs, kernel)
    x = transpose(inputs, (0, *range(2, n + 2), 1)) if channels_first else inputs
    sizes, k = shape(x), shape(kernel)
    if len(sizes) != n + 2:
        raise ShapeError(f"conv: a kernel of shape {k} expects an input of {n + 2} axes, received shape {sizes}")
    if not k[-2]:
        raise ShapeError(f"conv: a kernel of shape {k} has no channels")
    groups = sizes[-1] // k[-2] if isinstance(sizes[-1], int) else 1
    strides, dilation = spread_argument(strides, n, "strides"), spread_argument(dilation_rate, n, "dilation_rate")
    pairs = explicit_padding(padding, sizes[1:-1], k[:n], strides, dilation)  # type: ignore[arg-type]
    y = apply(OPS["conv"], [x, kernel], {"strides": strides, "padding": pairs, "dilation": dilation, "groups": max(1, groups)})  # type: ignore[type-var]
    return transpose(y, (0, n + 1, *range(1, n + 1))) if channels_first else y


def depthwise_conv(
    inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid", data_format: str | None = None, dilation_rate: Any = 1
) -> Any:
    """The convolution of every channel of (B, *S, C) with kernels (*K, C, M) of its own, as (B, *S', C * M); see `conv`.

    Args:
        kernel: (*K, C, M).
        strides: steps of the kernel, one number or one per spatial dim.
        padding: "valid" (none), "same" (as large as the input where strides are 1) or "causal" (before the first element).
        data_format: where the channels are; `config.image_data_format()` when None.
        dilation_rate: distance between the elements a kernel sees.

    Raises:
        ShapeError: a kernel of fewer than three axes, or shapes that do not fit.

    >>> import numpy as np
    >>> depthwise_conv(np.ones((1, 3, 2), "float32"), np.ones((3, 2, 1), "float32")).tolist()
    [[[3.0, 3.0]]]
    """
    sizes = shape(kernel)
    if len(sizes) < 3:
        raise ShapeError(f"depthwise_conv expects a kernel of shape (*K, C, M), received {sizes}")
    return conv(inputs, reshape(kernel, (*sizes[:-2], 1, sizes[-2] * sizes[-1])), strides, padding, data_format, dilation_rate)


def separable_conv(inputs: Any, depthwise_kernel: Any, pointwise_kernel: Any, strides: Any = 1, padding: str = "valid",
                   data_format: str | None = None, dilation_rate: Any = 1) -> Any:  # fmt: skip
    """A depthwise convolution with (*K, C, M), whose channels a kernel (1.., C * M, O) mixes; see `conv`.

    Args:
        depthwise_kernel: (*K, C, M).
        pointwise_kernel: (1.., C * M, O).
        strides: steps of the kernel, one number or one per spatial dim.
        padding: "valid" (none), "same" (as large as the input where strides are 1) or "causal" (before the first element).
        data_format: where the channels are; `config.image_data_format()` when None.
        dilation_rate: distance between the elements a kernel sees.

    >>> import numpy as np
    >>> separable_conv(np.ones((1, 3, 2), "float32"), np.ones((3, 2, 1), "float32"), np.ones((1, 2, 1), "float32")).tolist()
    [[[6.0]]]
    """
    apart = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(apart, pointwise_kernel, 1, "valid", data_format)


def conv_transpose(inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid", output_padding: Any = None, data_format: str | None = None,
                   dilation_rate: Any = 1) -> Any:  # fmt: skip
    """The transpose of a convolution: each element of (B, *S, C) spreads a kernel (*K, O, C) over the output.

    Args:
        strides: distance between the places of neighbouring elements in the output.
        padding: "valid" (all that kernels reach) or "same" (strides times as large as the input).
        output_padding: elements added at the end of each spatial dim, below the strides; worked out when None.
        data_format: where the channels are; `config.image_data_format()` when None.
        dilation_rate: distance between the elements of a kernel.

    Raises:
        ShapeError: shapes, numbers or a padding that do not fit.

    >>> import numpy as np
    >>> conv_transpose(np.ones((1, 2, 1)), np.ones((2, 1, 1)), data_format="channels_last").tolist()
    [[[1.0], [2.0], [1.0]]]
    """
    x, kernel = promoted("float", inputs, kernel)
    n = len(shape(x)) - 2
    if n < 1 or len(shape(kernel)) != n + 2:
        raise ShapeError(f"conv_transpose takes (B, *S, C) and a kernel (*K, O, C), received shapes {shape(x)} and {shape(kernel)}")
    channels_first = (data_format or config.image_data_format()) == "channels_first"
    channels = shape(x)[1 if channels_first else -1]
    if not dims.same(channels, shape(kernel)[-1]):
        raise ShapeError(f"conv_transpose: the input channels must match the kernel's, {shape(kernel)[-1]} in {shape(kernel)}, received {shape(x)}")
    padding = str(padding).lower()
    if padding not in ("valid", "same"):
        raise ShapeError(f'conv_transpose: padding must be "valid" or "same", received {padding!r}')
    x = transpose(x, (0, *range(2, n + 2), 1)) if channels_first else x
    steps, dilation = spread_argument(strides, n, "strides"), spread_argument(dilation_rate, n, "dilation_rate")
    added = (None,) * n if output_padding is None else _added(output_padding, n, steps)
    reaches = [(int(k) - 1) * d + 1 for k, d in zip(shape(kernel)[:n], dilation, strict=True)]  # type: ignore[arg-type]
    extents, pads = zip(*map(_transposed_extent, steps, reaches, added, (padding,) * n), strict=True)
    attrs = {
        "spatial": tuple((size - 1) * stride + extent for size, stride, extent in zip(shape(x)[1:-1], steps, extents, strict=True)),
        "strides": steps, "padding": pads, "dilation": dilation, "groups": 1,
    }  # fmt: skip
    y = apply(OPS["conv_input_grad"], [x, kernel], attrs)
    return transpose(y, (0, n + 1, *range(1, n + 1))) if channels_first else y


def _added(output_padding: Any, n: int, strides: Sequence[int]) -> tuple[int, ...]:
    given = tuple(whole(v, "output_padding") for v in listed(output_padding, "output_padding"))
    given = given * n if len(given) == 1 else given
    if len(given) != n or any(not 0 <= p < s for p, s in zip(given, strides, strict=False)):
        raise ShapeError(f"conv_transpose: output_padding {output_padding!r} must be from 0 to below strides {tuple(strides)}")
    return given


def _transposed_extent(stride: int, reach: int, added: int | None, padding: str) -> tuple[int, tuple[int, int]]:
    """What one input element adds to the output's size beyond a stride, and what the matching convolution pads."""
    if padding == "valid":
        return (max(reach, stride) if added is None else reach + added), (0, 0)
    extent = stride if added is None else reach % 2 + added
    total = max(reach - extent, 0)
    return extent, (total // 2, total - total // 2)
