"""Convolution and pooling: XLA's kernels, and on the processor other forms where those are slow.

On a processor XLA (JAX 0.10) hands a convolution of one or two spatial axes to Eigen's, as one product of matrices. It is slow, mostly by two to
seventy times, where that product is long and thin (a kernel's gradient sums over all pixels of a batch), where it has none (three axes, one
channel in a group, a gradient with strides, which it fills with zeros), and where there is nothing to gather (a kernel of one tap).
`docs/measurements.md` has the table.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from symkeras.backend.engine.windows import Pairs, each_plane, each_tap, out_sizes, padded_sizes

Array = Any

# ---- XLA's own -----------------------------------------------------------------------------------------------------


def conv(x: Array, w: Array, strides: Any, padding: Any, dilation: Any, groups: int) -> Array:
    letters = "DHW"[-len(strides) :]
    layout = (f"N{letters}C", f"{letters}IO", f"N{letters}C")
    return lax.conv_general_dilated(x, w, strides, padding, rhs_dilation=dilation, dimension_numbers=layout, feature_group_count=groups)


def conv_input_grad(dy: Array, w: Array, spatial: Any, groups: int, **attrs: Any) -> Array:
    x = jax.ShapeDtypeStruct((dy.shape[0], *spatial, w.shape[-2] * groups), dy.dtype)
    return jax.linear_transpose(lambda x: conv(x, w, groups=groups, **attrs), x)(dy)[0]


def conv_filter_grad(x: Array, dy: Array, kernel: Any, groups: int, **attrs: Any) -> Array:
    w = jax.ShapeDtypeStruct((*kernel, x.shape[-1] // groups, dy.shape[-1]), dy.dtype)
    return jax.linear_transpose(lambda w: conv(x, w, groups=groups, **attrs), w)(dy)[0]


# ---- on the processor ----------------------------------------------------------------------------------------------

PIECE = 2**19
"""Bytes of an output's gradient that are one product of a kernel's gradient: they stay in the second cache."""
MOST_PIECES = 32
FEW_CHANNELS = 8
"""So few come out of an input's gradient as one product for all taps sooner."""
MOST_PARTS = 64
"""So few operations stand for one: XLA compiles each of them."""
_NARROW = ("float16", "bfloat16")


def _in_wider(function: Callable[..., Array]) -> Callable[..., Array]:
    """What is summed in parts is rounded once: narrow floats are added as float32."""

    def run(a: Array, b: Array, *rest: Any, **attrs: Any) -> Array:
        if a.dtype.name not in _NARROW:
            return function(a, b, *rest, **attrs)
        return function(a.astype(np.float32), b.astype(np.float32), *rest, **attrs).astype(a.dtype)

    return run


def _total(parts: Iterable[Array]) -> Array:
    return functools.reduce(operator.add, parts)


def _is_few(*counts: int) -> bool:
    return math.prod(counts) <= MOST_PARTS


def _padded(x: Array, padding: Pairs) -> Array:
    return jnp.pad(x, [(0, 0), *padding, *[(0, 0)] * (x.ndim - 1 - len(padding))]) if any(map(any, padding)) else x


def _spread(y: Array, where: Sequence[slice], spatial: Sequence[int], padding: Pairs) -> Array:
    """Zeros whose first spatial sizes are these, with y where a tap lies in them as they are padded."""
    sides = [(w.start - a, n + a - w.stop, w.step - 1) for w, n, (a, _) in zip(where, spatial, padding, strict=True)]
    return lax.pad(y, np.zeros((), y.dtype), [(0, 0, 0), *sides, *[(0, 0, 0)] * (y.ndim - 1 - len(sides))])


def _flat(x: Array) -> Array:
    """Planes of volumes (N, D, H, W, C) as images."""
    return x.reshape(-1, *x.shape[2:])


@_in_wider
def conv_on_processor(x: Array, w: Array, strides: Any, padding: Any, dilation: Any, groups: int) -> Array:
    """Where each channel is a group: tap by tap. One tap: a product. Volumes: a sum over the kernel's planes."""
    kernel, attrs = w.shape[:-2], {"strides": strides, "padding": padding, "dilation": dilation}
    out = out_sizes(x.shape[1:-1], kernel, **attrs)
    if 0 in (*x.shape, *w.shape, *out):
        return conv(x, w, groups=groups, **attrs)
    taps = each_tap(kernel, strides, dilation, out)
    if groups > 1 and x.shape[-1] == groups and _is_few(*kernel):
        x, w = _padded(x, padding)[..., None], w.reshape(*kernel, groups, -1)
        return _total(x[:, *where] * w[tap] for tap, where in taps).reshape(x.shape[0], *out, -1)
    if groups == 1 and set(kernel) == {1}:
        ((tap, where),) = taps
        return _padded(x, padding)[:, *where] @ w[tap]
    if len(kernel) == 3 and _is_few(kernel[0]):
        x = _padded(x, padding[:1])
        along, attrs = each_plane(kernel, out, groups=groups, **attrs)
        return _total(conv_on_processor(_flat(x[:, *where]), w[tap], **attrs) for tap, where in along).reshape(x.shape[0], *out, -1)
    return conv(x, w, groups=groups, **attrs)


@_in_wider
def conv_input_grad_on_processor(dy: Array, w: Array, spatial: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Array:
    """As `conv_on_processor`; with strides the phases of the input apart from each other."""
    kernel, out, attrs = w.shape[:-2], dy.shape[1:-1], {"strides": strides, "padding": padding, "dilation": dilation}
    if 0 in (*dy.shape, *w.shape, *spatial):
        return conv_input_grad(dy, w, spatial, groups, **attrs)
    taps = each_tap(kernel, strides, dilation, out)
    if groups > 1 and w.shape[-2] == 1 and _is_few(*kernel, w.shape[-1] // groups):
        dy, w = dy.reshape(*dy.shape[:-1], groups, -1), w.reshape(*kernel, groups, -1)
        each = (_total(dy[..., k] * w[*tap, :, k] for k in range(w.shape[-1])) for tap in np.ndindex(*kernel))
        return _total(_spread(y, where, spatial, padding) for y, (_, where) in zip(each, taps, strict=True))
    if groups == 1 and set(kernel) == {1}:
        ((tap, where),) = taps
        return _spread(dy @ w[tap].T, where, spatial, padding)
    if len(kernel) == 3 and _is_few(kernel[0]):
        along, attrs = each_plane(kernel, out, groups=groups, **attrs)
        planes = ((conv_input_grad_on_processor(_flat(dy), w[tap], spatial[1:], **attrs), where) for tap, where in along)
        return _total(_spread(p.reshape(*dy.shape[:2], *p.shape[1:]), where, spatial[:1], padding[:1]) for p, where in planes)
    if groups == 1 and w.shape[-2] <= FEW_CHANNELS and _is_few(*kernel):
        parts = (dy @ w.reshape(-1, w.shape[-1]).T).reshape(*dy.shape[:-1], *kernel, -1)
        return _total(_spread(parts[..., *tap, :], where, spatial, padding) for tap, where in taps)
    if groups == 1 and set(dilation) == {1} and set(strides) != {1} and _is_few(*strides):
        return _by_phases(dy, w, spatial, strides, padding)
    return conv_input_grad(dy, w, spatial, groups, **attrs)


def _by_phases(dy: Array, w: Array, spatial: Sequence[int], strides: Sequence[int], padding: Pairs) -> Array:
    """The gradient of an input by the remainders of its places, of which each sees every so many taps: convolutions without strides, interleaved."""
    count = [-(-n // s) for n, s in zip(padded_sizes(spatial, padding), strides, strict=True)]
    phases = []
    for phase in np.ndindex(*strides):
        seen = w[tuple(slice(r, None, s) for r, s in zip(phase, strides, strict=True))]
        if 0 in seen.shape:  # strides longer than the kernel leave some out
            phases.append(jnp.zeros((dy.shape[0], *count, w.shape[-2]), dy.dtype))
            continue
        sides = [(k - 1, c - o) for k, c, o in zip(seen.shape, count, dy.shape[1:-1], strict=False)]
        ones = (1,) * len(strides)
        phases.append(conv(dy, jnp.flip(seen, range(len(strides))).swapaxes(-1, -2), ones, sides, ones, 1))
    n = len(strides)
    whole = jnp.stack(phases).reshape(*strides, dy.shape[0], *count, -1)
    whole = whole.transpose(n, *(axis for k in range(n) for axis in (n + 1 + k, k)), 2 * n + 1)
    whole = whole.reshape(dy.shape[0], *(c * s for c, s in zip(count, strides, strict=True)), -1)
    return whole[:, *(slice(a, a + k) for (a, _), k in zip(padding, spatial, strict=True))]


@_in_wider
def conv_filter_grad_on_processor(x: Array, dy: Array, kernel: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Array:
    """As `conv_on_processor`; each group by itself, and in pieces of the batch."""
    out, attrs = dy.shape[1:-1], {"strides": strides, "padding": padding, "dilation": dilation}
    if 0 in (*x.shape, *dy.shape, *kernel):
        return conv_filter_grad(x, dy, kernel, groups, **attrs)
    taps = each_tap(kernel, strides, dilation, out)
    if groups > 1 and x.shape[-1] == groups and _is_few(*kernel, dy.shape[-1] // groups):
        x, dy = _padded(x, padding), dy.reshape(*dy.shape[:-1], groups, -1)
        places, each = [where for _, where in taps], range(dy.shape[-1])
        found = [jnp.stack([(x[:, *where] * dy[..., k]).sum(range(x.ndim - 1)) for k in each], -1) for where in places]
        return jnp.stack(found).reshape(*kernel, 1, -1)
    if groups > 1 and _is_few(groups):
        parts = zip(jnp.split(x, groups, -1), jnp.split(dy, groups, -1), strict=True)
        return jnp.concatenate([conv_filter_grad_on_processor(a, b, kernel, groups=1, **attrs) for a, b in parts], -1)
    if groups == 1 and set(kernel) == {1}:
        ((_, where),) = taps
        return (_rows(_padded(x, padding)[:, *where]).T @ _rows(dy)).reshape(*kernel, x.shape[-1], dy.shape[-1])
    if len(kernel) == 3 and _is_few(kernel[0]):
        x = _padded(x, padding[:1])
        along, attrs = each_plane(kernel, out, groups=groups, **attrs)
        return jnp.stack([conv_filter_grad_on_processor(_flat(x[:, *where]), _flat(dy), kernel[1:], **attrs) for _, where in along])
    rows = rows_of_a_piece(len(x), dy.nbytes)
    return _total(conv_filter_grad(x[k : k + rows], dy[k : k + rows], kernel, groups, **attrs) for k in range(0, len(x), rows))


def rows_of_a_piece(rows: int, size: int) -> int:
    """How many rows of so many bytes together are one product: a power of two, as Eigen likes them."""
    fit, least = max(1, rows * PIECE // size), -(-rows // MOST_PIECES)
    return max(1 << fit.bit_length() - 1, 1 << (least - 1).bit_length())


def _rows(x: Array) -> Array:
    return x.reshape(-1, x.shape[-1])


# ---- pooling -------------------------------------------------------------------------------------------------------


def _lowest(dtype: Any) -> Any:
    return np.array(-np.inf if jnp.issubdtype(dtype, jnp.floating) else jnp.iinfo(dtype).min, dtype)


def _window(x: Array, start: Any, of: Any, window: Any, strides: Any, padding: Any) -> Array:
    return lax.reduce_window(x, start, of, (1, *window, 1), (1, *strides, 1), ((0, 0), *padding, (0, 0)))


def max_pool(x: Array, **attrs: Any) -> Array:
    return _window(x, _lowest(x.dtype), lax.max, **attrs)


def sum_pool(x: Array, **attrs: Any) -> Array:
    return _window(x, np.array(0, x.dtype), lax.add, **attrs)


def sum_pool_grad(dy: Array, spatial: Any, **attrs: Any) -> Array:
    x = jax.ShapeDtypeStruct((dy.shape[0], *spatial, dy.shape[-1]), dy.dtype)
    return jax.linear_transpose(lambda x: sum_pool(x, **attrs), x)(dy)[0]


def _places(window: Any, strides: Any, out: Sequence[int]) -> list[tuple[slice, ...]]:
    return [where for _, where in each_tap(window, strides, [1] * len(window), out)]


def _is_by_taps(window: Any, strides: Any, sizes: Sequence[int]) -> bool:
    """Whether a processor pools sooner tap by tap: where windows overlap and have few."""
    return _is_few(*window) and any(w > s for w, s in zip(window, strides, strict=True)) and 0 not in sizes


def _pool_by_taps(x: Array, start: Any, of: Any, window: Any, strides: Any, padding: Any) -> Array:
    padded = jnp.pad(x, [(0, 0), *padding, (0, 0)], constant_values=start)
    out = out_sizes(x.shape[1:-1], window, strides, padding, [1] * len(window))
    return functools.reduce(of, [padded[:, *where] for where in _places(window, strides, out)])


def max_pool_on_processor(x: Array, **attrs: Any) -> Array:
    return (_pool_by_taps if _is_by_taps(attrs["window"], attrs["strides"], x.shape) else _window)(x, _lowest(x.dtype), lax.max, **attrs)


def sum_pool_on_processor(x: Array, **attrs: Any) -> Array:
    return (_pool_by_taps if _is_by_taps(attrs["window"], attrs["strides"], x.shape) else _window)(x, np.array(0, x.dtype), lax.add, **attrs)


def sum_pool_grad_on_processor(dy: Array, spatial: Any, window: Any, strides: Any, padding: Any) -> Array:
    if not _is_by_taps(window, strides, (*dy.shape, *spatial)):
        return sum_pool_grad(dy, spatial, window=window, strides=strides, padding=padding)
    return _total(_spread(dy, where, spatial, padding) for where in _places(window, strides, dy.shape[1:-1]))


def _first_top(x: Array, out: Sequence[int], window: Any, strides: Any, padding: Any) -> tuple[list[tuple[slice, ...]], Array]:
    """Where the taps of a window lie in a padded x, and which of them is in each window the first to be the maximum.

    That is decided once: XLA computes x anew, and rounds it otherwise, where it reads it again, so that none need equal the maximum. Where there is a
    choice it computes nothing again of what was chosen, for each tap: that of whether there may be NaN does, which saves what looks for one, too.
    """
    places = _places(window, strides, out)
    pads = [(0, 0), *padding, (0, 0)]
    inside = np.pad(np.ones((1, *x.shape[1:-1], 1), bool), pads)

    def found(x: Array, has_nan: bool) -> Array:
        padded = jnp.pad(x, pads)
        first, best = jnp.full((x.shape[0], *out, x.shape[-1]), -1, np.int8 if len(places) < 128 else np.int32), None
        for k, where in enumerate(places):
            here, is_more = padded[:, *where], first < 0
            if best is not None:
                is_more |= (here > best) | (jnp.isnan(here) & ~jnp.isnan(best)) if has_nan else here > best
            is_more &= inside[:, *where]
            first, best = jnp.where(is_more, first.dtype.type(k), first), here if best is None else jnp.where(is_more, here, best)
        return first

    if not jnp.issubdtype(x.dtype, jnp.floating):
        return places, found(x, False)
    return places, lax.cond(jnp.isfinite(x.sum()), lambda x: found(x, False), lambda x: found(x, True), x)


def max_pool_grad(x: Array, y: Array, dy: Array, window: Any, strides: Any, padding: Any) -> Array:
    if 0 in (*x.shape, *y.shape):
        return jnp.zeros_like(x)
    places, first = _first_top(x, y.shape[1:-1], window, strides, padding)
    zero = np.zeros((), dy.dtype)
    return _total(_spread(jnp.where(first == k, dy, zero), where, x.shape[1:-1], padding) for k, where in enumerate(places))


def max_pool_select(x: Array, y: Array, z: Array, window: Any, strides: Any, padding: Any) -> Array:
    places, first = _first_top(x, y.shape[1:-1], window, strides, padding)
    padded, out = jnp.pad(z, [(0, 0), *padding, (0, 0)]), jnp.zeros_like(y)
    for k, where in enumerate(places):
        out = jnp.where(first == k, padded[:, *where], out)
    return out
