"""Max and sum pooling over spatial windows, channels last, with explicit padding; average pooling is built on sum."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from symkeras import config
from symkeras.errors import DtypeError, ShapeError
from symkeras.graph import dims, dtypes
from symkeras.graph.dtypes import least_value
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType
from symkeras.ops import attributes as at
from symkeras.ops import elementwise as ew
from symkeras.ops.convolution import conv_output_size, explicit_padding, spread_argument, windows
from symkeras.ops.leaves import cast, shape
from symkeras.ops.numpy import full
from symkeras.ops.op import OPS, Op, Sample, apply, dtype_of, register
from symkeras.ops.shaping import transpose

_CASES = (
    ("2, 6, 3", {"window": (2,), "strides": (2,), "padding": ((0, 0),)}),
    ("2, 5, 5, 2", {"window": (2, 2), "strides": (2, 2), "padding": ((0, 1), (0, 1))}),
    ("1, 5, 6, 2", {"window": (3, 2), "strides": (1, 2), "padding": ((1, 1), (0, 0))}),
    ("0, 4, 4, 2", {"window": (2, 2), "strides": (2, 2), "padding": ((0, 0), (0, 0))}),
    ("1, 4, 4, 4, 2", {"window": (2, 2, 2), "strides": (2, 2, 2), "padding": ((0, 0), (0, 0), (0, 0))}),
)


def _pooled(x: TensorType, window: Any, strides: Any, padding: Any) -> TensorType:
    if x.ndim < 3:
        raise ShapeError(f"pooling expects (B, *S, C), received {x}")
    if x.dtype == "bool":
        raise DtypeError(f"pooling works on numbers, received {x}")
    spatial = tuple(conv_output_size(s, k, st, p, 1) for s, k, st, p in zip(x.shape[1:-1], window, strides, padding, strict=True))
    if any(isinstance(s, int) and s <= 0 for s in spatial):
        raise ShapeError(f"pooling: a window {window} does not fit into {x} with padding {padding}")
    return x.with_shape((x.shape[0], *spatial, x.shape[-1]))


def _check_alike(name: str, expected: TensorType, *types: TensorType) -> None:
    for t in types:
        if t.dtype != expected.dtype or t.ndim != expected.ndim or not all(map(dims.same, t.shape, expected.shape)):
            raise ShapeError(f"{name} expects {expected}, received {t}")


class _Pooling(Op):
    def flops(self, node: Node) -> dims.Size:
        return max((n.tensor_type.size for n in (node, *node.inputs)), key=str) * 2


@register
class MaxPool(_Pooling):
    """Largest element of each window; NaN where one is NaN."""

    name = "max_pool"
    is_real = True
    attributes = at.WINDOW
    samples = tuple(Sample((f"{k}[{x}]",), a) for k in ("f32", "f64") for x, a in _CASES)

    def infer(self, x: TensorType, *, window: Any, strides: Any, padding: Any) -> TensorType:  # type: ignore[override]
        return _pooled(x, window, strides, padding)

    def value(self, x: Any, *, window: Any, strides: Any, padding: Any) -> Any:  # type: ignore[override]
        n = len(window)
        lowest = least_value(x.dtype)
        return windows(x, window, strides, padding, (1,) * n, fill=lowest).max(axis=tuple(range(n + 1, 2 * n + 1)))

    def vjp(self, dy: Any, out: Any, x: Any, **attrs: Any) -> Any:  # type: ignore[override]
        return (apply(OPS["max_pool_grad"], [x, out, dy], attrs),)


def first_tops(x: Any, y: Any, window: Any, strides: Any, padding: Any) -> Iterator[tuple[Any, Any]]:
    """Tap by tap where in a padded x the taps of all windows lie, and in which windows this is the first of x that is the maximum y.

    Padding is no part of x: it never is a maximum, also of a window in which all is -inf.
    """
    padded = np.pad(x, [(0, 0), *padding, (0, 0)])
    inside = np.pad(np.ones((1, *x.shape[1:-1], 1), bool), [(0, 0), *padding, (0, 0)])
    free = np.ones(y.shape, bool)
    for tap in np.ndindex(*window):
        where = (slice(None), *(slice(t, t + (o - 1) * s + 1 if o else 0, s) for t, o, s in zip(tap, y.shape[1:-1], strides, strict=True)))
        here = padded[where]
        hit = free & inside[where] & ((here == y) | (np.isnan(here) & np.isnan(y)))
        free &= ~hit
        yield where, hit


@register
class MaxPoolGrad(_Pooling):
    """`dy` at the first position of each window where x equals the maximum y; 0 elsewhere."""

    name = "max_pool_grad"
    is_real = True
    attributes = at.WINDOW
    samples = ()

    def infer(self, x: TensorType, y: TensorType, dy: TensorType, **attrs: Any) -> TensorType:  # type: ignore[override]
        _check_alike("max_pool_grad", _pooled(x, **attrs), y, dy)
        return x

    def value(self, x: Any, y: Any, dy: Any, *, window: Any, strides: Any, padding: Any) -> Any:  # type: ignore[override]
        dx = np.zeros((x.shape[0], *(n + a + b for n, (a, b) in zip(x.shape[1:-1], padding, strict=True)), x.shape[-1]), x.dtype)
        for where, hit in first_tops(x, y, window, strides, padding):
            dx[where] += np.where(hit, dy, 0)
        return dx[(slice(None), *(slice(a, a + s) for s, (a, _) in zip(x.shape[1:-1], padding, strict=True)))]

    def vjp(self, dz: Any, out: Any, x: Any, y: Any, dy: Any, **attrs: Any) -> Any:  # type: ignore[override]
        return None, None, apply(OPS["max_pool_select"], [x, y, dz], attrs)


@register
class MaxPoolSelect(_Pooling):
    """`z` (shaped like x) at the first position of each window where x equals the maximum y."""

    name = "max_pool_select"
    is_real = True
    attributes = at.WINDOW
    samples = ()

    def infer(self, x: TensorType, y: TensorType, z: TensorType, **attrs: Any) -> TensorType:  # type: ignore[override]
        _check_alike("max_pool_select", _pooled(x, **attrs), y)
        _check_alike("max_pool_select", x, z)
        return y

    def value(self, x: Any, y: Any, z: Any, *, window: Any, strides: Any, padding: Any) -> Any:  # type: ignore[override]
        padded = np.pad(z, [(0, 0), *padding, (0, 0)])
        out = np.zeros_like(y)
        for where, hit in first_tops(x, y, window, strides, padding):
            out = np.where(hit, padded[where], out)
        return out

    def vjp(self, dy: Any, out: Any, x: Any, y: Any, z: Any, **attrs: Any) -> Any:  # type: ignore[override]
        return None, None, apply(OPS["max_pool_grad"], [x, y, dy], attrs)


@register
class SumPool(_Pooling):
    """Sum over each window; padding counts as zero."""

    name = "sum_pool"
    attributes = at.WINDOW
    samples = tuple(Sample((f"{k}[{x}]",), a) for k in ("f32", "f64") for x, a in _CASES)

    def infer(self, x: TensorType, *, window: Any, strides: Any, padding: Any) -> TensorType:  # type: ignore[override]
        return _pooled(x, window, strides, padding)

    def value(self, x: Any, *, window: Any, strides: Any, padding: Any) -> Any:  # type: ignore[override]
        n = len(window)
        return windows(x, window, strides, padding, (1,) * n).sum(axis=tuple(range(n + 1, 2 * n + 1)), dtype=x.dtype)

    def vjp(self, dy: Any, out: Any, x: Any, **attrs: Any) -> Any:  # type: ignore[override]
        return (apply(OPS["sum_pool_grad"], [dy], {"spatial": x.dims[1:-1], **attrs}),)


@register
class SumPoolGrad(_Pooling):
    """Each element of dy added to all of its window."""

    name = "sum_pool_grad"
    attributes = {"spatial": at.SPATIAL, **at.WINDOW}
    samples = (Sample(("f64[2, 3, 3]",), {"spatial": (6,), "window": (2,), "strides": (2,), "padding": ((0, 0),)}),)

    def infer(self, dy: TensorType, *, spatial: Any, **attrs: Any) -> TensorType:  # type: ignore[override]
        x = dy.with_shape((dy.shape[0], *spatial, dy.shape[-1]))
        _check_alike("sum_pool_grad", _pooled(x, **attrs), dy)
        return x

    def value(self, dy: Any, *, spatial: Any, window: Any, strides: Any, padding: Any) -> Any:  # type: ignore[override]
        padded = np.zeros((dy.shape[0], *(s + a + b for s, (a, b) in zip(spatial, padding, strict=True)), dy.shape[-1]), dy.dtype)
        for tap in np.ndindex(*window):
            where = (slice(None), *(slice(t, t + (o - 1) * s + 1 if o else 0, s) for t, o, s in zip(tap, dy.shape[1:-1], strides, strict=True)))
            padded[where] += dy
        return padded[(slice(None), *(slice(a, a + s) for s, (a, _) in zip(spatial, padding, strict=True)))]

    def vjp(self, dz: Any, out: Any, dy: Any, *, spatial: Any, **attrs: Any) -> Any:  # type: ignore[override]
        return (apply(OPS["sum_pool"], [dz], attrs),)


def _pool(op: str, x: Any, pool_size: Any, strides: Any, padding: str, data_format: str | None) -> tuple[Any, Any]:
    channels_first = (data_format or config.image_data_format()) == "channels_first"
    n = len(shape(x)) - 2
    x = transpose(x, (0, *range(2, n + 2), 1)) if channels_first else x
    window = spread_argument(pool_size, n, "pool_size")
    steps = window if strides is None else spread_argument(strides, n, "strides")
    sizes = shape(x)
    attrs = {"window": window, "strides": steps, "padding": explicit_padding(padding, sizes[1:-1], window, steps, (1,) * n)}
    y = apply(OPS[op], [x], attrs)
    count = None
    if op == "sum_pool":
        count = float(np.prod(window))
        if padding == "same":
            count = apply(OPS[op], [full((1, *sizes[1:-1], 1), 1, dtype_of(x))], attrs)
        y = ew.divide(y, count)
    return (transpose(y, (0, n + 1, *range(1, n + 1))) if channels_first else y), count


def max_pool(inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None) -> Any:
    """Largest element of each window of (B, *S, C); strides default to the window. Of booleans it is whether one is true.

    Args:
        pool_size: size of a window, one number or one per spatial dim.
        strides: steps of the window; its size when None.
        padding: "valid" or "same".
        data_format: where the channels are; `config.image_data_format()` when None.

    >>> max_pool(np.arange(4.0).reshape(1, 4, 1), 2).tolist()
    [[[1.0], [3.0]]]
    """
    if dtype_of(inputs) == "bool":
        return cast(max_pool(cast(inputs, "uint8"), pool_size, strides, padding, data_format), "bool")
    return _pool("max_pool", inputs, pool_size, strides, padding, data_format)[0]


def average_pool(inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None) -> Any:
    """Mean of each window of (B, *S, C); padded places do not count.

    Args:
        pool_size: size of a window, one number or one per spatial dim.
        strides: steps of the window; its size when None.
        padding: "valid" or "same".
        data_format: where the channels are; `config.image_data_format()` when None.

    >>> average_pool(np.arange(4.0).reshape(1, 4, 1), 2).tolist()
    [[[0.5], [2.5]]]
    """
    inputs = cast(inputs, dtypes.inexact(dtypes.result_type(dtype_of(inputs))))
    return _pool("sum_pool", inputs, pool_size, strides, padding, data_format)[0]
