"""Convolutions and pools of PyTorch on channels-last tensors: permuted views of the layout that PyTorch calls channels_last, nothing is copied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from symkeras.backend.torch.dtypes import Tensor

_aten = torch.ops.aten


def channels_first(x: Tensor) -> Tensor:
    """(B, *S, C) seen as (B, C, *S)."""
    return x.movedim(-1, 1)


def channels_last(x: Tensor) -> Tensor:
    """(B, C, *S) seen as (B, *S, C)."""
    return x.movedim(1, -1)


def _kernel(w: Tensor) -> Tensor:
    """(*K, I, O) seen as (O, I, *K)."""
    n = w.ndim - 2
    return w.permute(n + 1, n, *range(n))


def _split(padding: Any, sizes: Any) -> tuple[list[int], list[int] | None]:
    """The padding that PyTorch takes, the same on both sides, and the one to lay around before, as `pad` wants it; None for none.

    Nothing is padded before: PyTorch convolves no image without elements.
    """
    if all(a == b for a, b in padding) and 0 not in sizes:
        return [a for a, _ in padding], None
    return [0] * len(padding), [n for pair in reversed(padding) for n in pair]


def _padded(x: Tensor, padding: Any, value: float = 0) -> Tensor:
    """A tensor with channels first, padded."""
    return functional.pad(x, [n for pair in reversed(padding) for n in pair], value=value) if any(map(any, padding)) else x


def conv(x: Tensor, w: Tensor, strides: Any, padding: Any, dilation: Any, groups: int) -> Tensor:
    x = channels_first(x)
    own, around = _split(padding, x.shape[2:])
    if around is not None:
        x = functional.pad(x, around)
    if 0 in x.shape[2:]:
        sizes = [(n - (k - 1) * d - 1) // s + 1 for n, k, d, s in zip(x.shape[2:], w.shape[:-2], dilation, strides, strict=True)]
        return x.new_zeros((x.shape[0], *sizes, w.shape[-1]))
    return channels_last(torch.convolution(x, _kernel(w), None, strides, own, dilation, False, [0], groups))


def _gradients(dy: Tensor, x: Tensor, w: Tensor, padding: Any, mask: list[bool], strides: Any, dilation: Any, groups: int) -> Any:
    own, around = _split(padding, x.shape[2:])
    if around is not None and mask[0]:
        sizes = [n + a + b for n, (a, b) in zip(x.shape[2:], padding, strict=True)]
        x = x.new_empty((*x.shape[:2], *sizes))
    elif around is not None:
        x = functional.pad(x, around)
    if 0 in x.shape[2:]:
        return [torch.zeros_like(t) for t in (x, w)]
    return _aten.convolution_backward(channels_first(dy), x, w, None, strides, own, dilation, False, [0] * len(strides), groups, mask)


def conv_input_grad(dy: Tensor, w: Tensor, spatial: Any, padding: Any, groups: int, **attrs: Any) -> Tensor:
    x = dy.new_empty((dy.shape[0], *spatial, w.shape[-2] * groups))
    dx = channels_last(_gradients(dy, channels_first(x), _kernel(w), padding, [True, False, False], groups=groups, **attrs)[0])
    return _within(dx, spatial, padding) if _split(padding, spatial)[1] is not None else dx


def _within(x: Tensor, spatial: Any, padding: Any) -> Tensor:
    """What lies within the padding."""
    return x[(slice(None), *(slice(a, a + n) for n, (a, _) in zip(spatial, padding, strict=True)))]


def conv_filter_grad(x: Tensor, dy: Tensor, kernel: Any, padding: Any, groups: int, **attrs: Any) -> Tensor:
    if all(k == 1 for k in kernel):
        return _of_one_element(_around(x, padding, 0), dy, kernel, groups, attrs["strides"])
    w = x.new_empty((dy.shape[-1], x.shape[-1] // groups, *kernel))  # for its shape
    dw = _gradients(dy, channels_first(x), w, padding, [False, True, False], groups=groups, **attrs)[1]
    return dw.permute(*range(2, dw.ndim), 1, 0)


def _of_one_element(x: Tensor, dy: Tensor, kernel: Any, groups: int, strides: Any) -> Tensor:
    """A product of matrices; oneDNN's kernel for it gives wrong sums or reads outside (PyTorch 2.13, channels last, strides of 2, a few channels)."""
    seen = x[(slice(None), *(slice(0, (o - 1) * s + 1 if o else 0, s) for o, s in zip(dy.shape[1:-1], strides, strict=True)))]
    a, b = seen.reshape(-1, groups, x.shape[-1] // groups), dy.reshape(-1, groups, dy.shape[-1] // groups)
    found = torch.matmul(a.permute(1, 2, 0), b.transpose(0, 1))  # (groups, I, O / groups)
    return found.transpose(0, 1).reshape(*kernel, a.shape[-1], dy.shape[-1])


def _lowest(dtype: torch.dtype) -> Any:
    return -torch.inf if dtype.is_floating_point else torch.iinfo(dtype).min


def _pools(x: Tensor, window: Any, strides: Any, padding: Any) -> tuple[int, ...]:
    """The spatial sizes of what a pool gives."""
    return tuple((n + a + b - k) // s + 1 for n, k, s, (a, b) in zip(x.shape[1:-1], window, strides, padding, strict=True))


def _taps(window: Any, strides: Any, out: Any) -> Iterator[tuple[slice, ...]]:
    """Where each tap of all windows lies in a padded tensor."""
    for tap in np.ndindex(*window):
        yield (slice(None), *(slice(t, t + (o - 1) * s + 1 if o else 0, s) for t, o, s in zip(tap, out, strides, strict=True)))


def _around(x: Tensor, padding: Any, value: Any) -> Tensor:
    """A channels-last tensor, padded."""
    return functional.pad(x, [0, 0, *(n for pair in reversed(padding) for n in pair)], value=value) if any(map(any, padding)) else x


def _is_plain(x: Tensor, window: Any) -> bool:
    """Whether PyTorch's pools take it."""
    return x.dtype in (torch.float32, torch.float64) and x.numel() > 0 and len(window) > 1


def _own_padding(x: Tensor, window: Any, padding: Any, value: float) -> tuple[Tensor, list[int]]:
    """x with channels first, with a padding that PyTorch's pools take, which is at most half a window and the same on both sides."""
    own, around = _split(padding, x.shape[1:-1])
    if around is None and all(2 * p <= k for p, k in zip(own, window, strict=True)):
        return channels_first(x), own
    return _padded(channels_first(x), padding, value), [0] * len(own)


def max_pool(x: Tensor, window: Any, strides: Any, padding: Any) -> Tensor:
    if _is_plain(x, window):
        given, own = _own_padding(x, window, padding, -torch.inf)
        pool = torch.max_pool2d if len(window) == 2 else torch.max_pool3d
        return channels_last(pool(given, window, strides, own))
    padded, out = _around(x, padding, _lowest(x.dtype)), None
    for where in _taps(window, strides, _pools(x, window, strides, padding)):
        out = padded[where] if out is None else torch.maximum(out, padded[where])
    assert out is not None
    return out.clone()


def sum_pool(x: Tensor, window: Any, strides: Any, padding: Any) -> Tensor:
    if _is_plain(x, window):
        given, own = _own_padding(x, window, padding, 0)
        pool = _aten.avg_pool2d if len(window) == 2 else _aten.avg_pool3d
        return channels_last(pool(given, window, strides, own, False, True, 1))
    padded = _around(x, padding, 0)
    out = x.new_zeros((x.shape[0], *_pools(x, window, strides, padding), x.shape[-1]))
    for where in _taps(window, strides, out.shape[1:-1]):
        out += padded[where]
    return out


def sum_pool_grad(dy: Tensor, spatial: Any, window: Any, strides: Any, padding: Any) -> Tensor:
    dx = dy.new_zeros((dy.shape[0], *(n + a + b for n, (a, b) in zip(spatial, padding, strict=True)), dy.shape[-1]))
    for where in _taps(window, strides, dy.shape[1:-1]):
        dx[where] += dy
    return _within(dx, spatial, padding)


def _tops(x: Tensor, y: Tensor, window: Any, strides: Any, padding: Any) -> Iterator[tuple[Any, Tensor]]:
    """Tap by tap where it lies in a padded x, and in which windows it is the first to be the maximum y."""
    padded = _around(x, padding, 0)
    inside = _around(torch.ones((1, *x.shape[1:-1], 1), dtype=torch.bool, device=x.device), padding, False)
    free = torch.ones_like(y, dtype=torch.bool)
    for where in _taps(window, strides, y.shape[1:-1]):
        here = padded[where]
        hit = free & inside[where] & ((here == y) | ((here != here) & (y != y)))
        free = free & ~hit
        yield where, hit


def max_pool_grad(x: Tensor, y: Tensor, dy: Tensor, window: Any, strides: Any, padding: Any) -> Tensor:
    if len(window) == 2 and _is_plain(x, window) and x.device.type == "cpu" and not torch.isnan(y.sum()):  # of several NaNs PyTorch takes the last
        given, own = _own_padding(x, window, padding, -torch.inf)
        if own != [0, 0] or not any(map(any, padding)):
            indices = _aten.max_pool2d_with_indices(given, window, strides, own)[1]
            return channels_last(_aten.max_pool2d_with_indices_backward(channels_first(dy), given, window, strides, own, [1, 1], False, indices))
    dx = x.new_zeros((x.shape[0], *(n + a + b for n, (a, b) in zip(x.shape[1:-1], padding, strict=True)), x.shape[-1]))
    for where, hit in _tops(x, y, window, strides, padding):
        dx[where] += torch.where(hit, dy, 0)
    return _within(dx, x.shape[1:-1], padding)


def max_pool_select(x: Tensor, y: Tensor, z: Tensor, window: Any, strides: Any, padding: Any) -> Tensor:
    padded, out = _around(z, padding, 0), torch.zeros_like(y)
    for where, hit in _tops(x, y, window, strides, padding):
        out = torch.where(hit, padded[where], out)
    return out
