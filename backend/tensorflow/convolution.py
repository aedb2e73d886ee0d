"""Convolution and pooling: TensorFlow's kernels where it has them, else tap by tap of the window.

It has none for dilated or grouped gradients on a CPU, and those for pooling lose NaN and -inf, so they are asked only where all is finite.
Those of gradients in three dimensions take five to ten times as long as the kernel's planes where strides are larger than one (2.21).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from symkeras.backend.engine.windows import Pairs, each_plane, each_tap, out_sizes, padded_sizes
from symkeras.backend.tensorflow.real import tf

Tensor = Any
FLOATS = ("float16", "float32", "float64")
MOST_GROUPS = 64


def _padded(x: Tensor, padding: Pairs, value: Any = 0) -> Tensor:
    pads = [(0, 0), *padding, *[(0, 0)] * (len(x.shape) - 1 - len(padding))]
    return tf.pad(x, pads, constant_values=tf.cast(value, x.dtype)) if any(map(any, padding)) else x


def _unpadded(x: Tensor, spatial: Sequence[int], padding: Pairs) -> Tensor:
    if not any(map(any, padding)):
        return x
    return tf.slice(x, [0, *(a for a, _ in padding), 0], [x.shape[0], *spatial, x.shape[-1]])


def _spread(y: Tensor, where: Sequence[slice], padded: Sequence[int]) -> Tensor:
    """Zeros of the padded sizes, with y where a tap lies."""
    if 0 in y.shape:
        return tf.zeros([y.shape[0], *padded, y.shape[-1]], y.dtype)
    whole = [y.shape[0], *padded, y.shape[-1]]
    begin, end, steps = [0, *(w.start for w in where), 0], [whole[0], *(w.stop for w in where), whole[-1]], [1, *(w.step for w in where), 1]
    return tf.raw_ops.StridedSliceGrad(shape=whole, begin=begin, end=end, strides=steps, dy=y)


def _flat(x: Tensor) -> Tensor:
    """Planes of volumes (N, D, H, W, C) as images."""
    return tf.reshape(x, [-1, *x.shape[2:]])


def _in_two(x: Tensor) -> Tensor:
    """A signal as an image of one row."""
    return tf.expand_dims(x, 1)


def _sliding(strides: Sequence[int], dilation: Sequence[int], word: str) -> dict[str, Any]:
    """Attributes of TensorFlow's kernels in two dimensions."""
    along = [1] * (2 - len(strides))
    return {"strides": [1, *along, *strides, 1], "padding": word or "VALID", "dilations": [1, *along, *dilation, 1]}


def _is_depthwise(w: Sequence[int], groups: int, strides: Sequence[int], dilation: Sequence[int]) -> bool:
    """Whether TensorFlow has a kernel for channels that are groups."""
    return groups > 1 and w[-2] == 1 and len(strides) == 2 and strides[0] == strides[1] and set(dilation) == {1}


def _are_split(dtype: tf.DType, channels: int, groups: int) -> bool:
    """Whether groups of several channels are convolutions of their own, each with TensorFlow's kernel."""
    return dtype.name in FLOATS and 1 < groups <= MOST_GROUPS and channels > groups


def _row(strides: Sequence[int], padding: Pairs, dilation: Sequence[int]) -> dict[str, Any]:
    """Attributes of a convolution of signals as one of images of one row."""
    return {"strides": (*strides, *strides), "padding": ((0, 0), *padding), "dilation": (1, *dilation)}


def _word(sizes: Sequence[int], kernel: Sequence[int], strides: Any, padding: Any, dilation: Any) -> str:
    """TensorFlow's word for a padding, "" where it has none and images are padded before.

    Of numbers it forgets those of a convolution that it joins with a bias, and aborts; and its gradients take up to five times as long with them.
    """
    if not any(map(any, padding)):
        return "VALID"
    along = zip(sizes, kernel, strides, dilation, strict=False)
    totals = [max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0) for n, k, s, d in along]
    return "SAME" if all(tuple(p) == (t // 2, t - t // 2) for p, t in zip(padding, totals, strict=True)) else ""


def conv(x: Tensor, w: Tensor, strides: Any, padding: Any, dilation: Any, groups: int) -> Tensor:
    n = len(strides)
    out = out_sizes(x.shape[1:-1], w.shape[:n], strides, padding, dilation)
    if 0 in (*out, *x.shape, *w.shape):
        return tf.zeros([x.shape[0], *out, w.shape[-1]], x.dtype)
    word = _word(x.shape[1:-1], w.shape, strides, padding, dilation)
    if x.dtype.name in FLOATS and groups == 1:
        given, sliding = x if word else _padded(x, padding), _sliding(strides, dilation, word)
        if n == 2:
            return tf.raw_ops.Conv2D(input=given, filter=w, **sliding)
        if n == 1:
            return tf.squeeze(tf.raw_ops.Conv2D(input=_in_two(given), filter=tf.expand_dims(w, 0), **sliding), 1)
        if set(dilation) == {1}:
            return tf.nn.conv3d(_padded(x, padding), w, [1, *strides, 1], "VALID")
        along, attrs = each_plane(w.shape[:n], out, strides, padding, dilation, groups=groups)
        x = _padded(x, padding[:1])
        return tf.reshape(tf.add_n([conv(_flat(x[:, *where]), w[tap], **attrs) for tap, where in along]), [x.shape[0], *out, w.shape[-1]])
    if x.dtype.name in FLOATS and _is_depthwise(w.shape, groups, strides, dilation):
        return tf.nn.depthwise_conv2d(x if word else _padded(x, padding), _by_channel(w, groups), [1, *strides, 1], word or "VALID")
    if x.dtype.name in FLOATS and groups > 1 and n == 1 and w.shape[-2] == 1:
        return tf.squeeze(conv(_in_two(x), tf.expand_dims(w, 0), **_row(strides, padding, dilation), groups=groups), 1)
    if _are_split(x.dtype, x.shape[-1], groups):
        each = zip(tf.split(x, groups, -1), tf.split(w, groups, -1), strict=True)
        return tf.concat([conv(a, b, strides, padding, dilation, 1) for a, b in each], -1)
    x = _padded(x, padding)
    total: Any = 0
    for tap, where in each_tap(w.shape[:n], strides, dilation, out):
        part, weights = _grouped(x[(slice(None), *where)], groups), _grouped(w[tap], groups)
        total += part * weights[0] if w.shape[-2] == 1 else tf.einsum("...gc,cgo->...go", part, weights)
    return tf.reshape(total, [x.shape[0], *out, w.shape[-1]])


def _grouped(x: Tensor, groups: int) -> Tensor:
    return tf.reshape(x, [*x.shape[:-1], groups, x.shape[-1] // groups])


def _by_channel(w: Tensor, groups: int) -> Tensor:
    """A kernel (H, W, 1, O) of as many groups as channels as TensorFlow has it: (H, W, C, O / C)."""
    return tf.reshape(w, [*w.shape[:2], groups, w.shape[-1] // groups])


def conv_input_grad(dy: Tensor, w: Tensor, spatial: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Tensor:
    n = len(strides)
    channels = w.shape[-2] * groups
    shape = [dy.shape[0], *spatial, channels]
    if 0 in (*dy.shape, *w.shape, *shape):
        return tf.zeros(shape, dy.dtype)
    whole = _kernel_input_grad(dy, w, shape, strides, padding, dilation, groups)
    if whole is not None:
        return whole
    padded = padded_sizes(spatial, padding)
    if n == 3 and groups == 1 and dy.dtype.name in FLOATS:
        along, attrs = each_plane(w.shape[:n], dy.shape[1:-1], strides, padding, dilation, groups=groups)
        planes = [(conv_input_grad(_flat(dy), w[tap], spatial[1:], **attrs), where) for tap, where in along]
        others = tuple(slice(0, k, 1) for k in spatial[1:])
        parts = [_spread(tf.reshape(p, [*dy.shape[:2], *p.shape[1:]]), (*where, *others), [padded[0], *spatial[1:]]) for p, where in planes]
        return _unpadded(tf.add_n(parts), spatial, (padding[0], (0, 0), (0, 0)))
    if dy.dtype.name in FLOATS and groups > 1 and n == 1 and w.shape[-2] == 1:
        image = {"spatial": (1, *spatial), **_row(strides, padding, dilation), "groups": groups}
        return tf.squeeze(conv_input_grad(_in_two(dy), tf.expand_dims(w, 0), **image), 1)
    if _are_split(dy.dtype, channels, groups):
        each = zip(tf.split(dy, groups, -1), tf.split(w, groups, -1), strict=True)
        return tf.concat([conv_input_grad(a, b, spatial, strides, padding, dilation, 1) for a, b in each], -1)
    total: Any = 0
    for tap, where in each_tap(w.shape[:n], strides, dilation, dy.shape[1:-1]):
        given, weights = _grouped(dy, groups), _grouped(w[tap], groups)
        part = tf.reduce_sum(given * weights[0], -1) if w.shape[-2] == 1 else tf.einsum("...go,cgo->...gc", given, weights)
        total += _spread(tf.reshape(part, [*dy.shape[:-1], channels]), where, padded)
    return _unpadded(total, spatial, padding)


def _kernel_input_grad(dy: Tensor, w: Tensor, shape: list[int], strides: Any, padding: Any, dilation: Any, groups: int) -> Tensor | None:
    """By TensorFlow's kernel, where it has one."""
    if dy.dtype.name not in FLOATS or set(dilation) != {1}:
        return None
    n, spatial = len(strides), shape[1:-1]
    word = _word(spatial, w.shape, strides, padding, dilation)
    if _is_depthwise(w.shape, groups, strides, dilation):
        pads = [(0, 0), *padding, (0, 0)]
        return tf.nn.depthwise_conv2d_backprop_input(shape, _by_channel(w, groups), dy, [1, *strides, 1], word or pads)
    if groups != 1 or (n == 3 and set(strides) != {1}):
        return None
    whole = [shape[0], *padded_sizes(spatial, padding), shape[-1]]
    if n == 3:
        found = tf.raw_ops.Conv3DBackpropInputV2(input_sizes=whole, filter=w, out_backprop=dy, strides=[1, *strides, 1], padding="VALID")
        return _unpadded(found, spatial, padding)
    sizes, image = shape if word else whole, {"filter": w, "out_backprop": dy}
    if n == 1:
        sizes, image = [sizes[0], 1, *sizes[1:]], {"filter": tf.expand_dims(w, 0), "out_backprop": _in_two(dy)}
    found = tf.raw_ops.Conv2DBackpropInput(input_sizes=sizes, **image, **_sliding(strides, dilation, word))
    found = tf.squeeze(found, 1) if n == 1 else found
    return found if word else _unpadded(found, spatial, padding)


def conv_filter_grad(x: Tensor, dy: Tensor, kernel: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Tensor:
    n = len(strides)
    shape = [*kernel, x.shape[-1] // groups, dy.shape[-1]]
    if 0 in (*dy.shape, *x.shape, *shape):
        return tf.zeros(shape, dy.dtype)
    whole = _kernel_filter_grad(x, dy, shape, strides, padding, dilation, groups)
    if whole is not None:
        return whole
    if n == 3 and groups == 1 and x.dtype.name in FLOATS:
        along, attrs = each_plane(kernel, dy.shape[1:-1], strides, padding, dilation, groups=groups)
        x = _padded(x, padding[:1])
        return tf.stack([conv_filter_grad(_flat(x[:, *where]), _flat(dy), kernel[1:], **attrs) for _, where in along])
    if x.dtype.name in FLOATS and groups > 1 and n == 1 and x.shape[-1] == groups:
        image = {"kernel": (1, *kernel), **_row(strides, padding, dilation), "groups": groups}
        return tf.squeeze(conv_filter_grad(_in_two(x), _in_two(dy), **image), 0)
    if _are_split(x.dtype, x.shape[-1], groups):
        each = zip(tf.split(x, groups, -1), tf.split(dy, groups, -1), strict=True)
        return tf.concat([conv_filter_grad(a, b, kernel, strides, padding, dilation, 1) for a, b in each], -1)
    x, each = _padded(x, padding), _rows(_grouped(dy, groups))
    taps = [tf.einsum("ngc,ngo->cgo", _rows(_grouped(x[(slice(None), *where)], groups)), each)
            for _, where in each_tap(kernel, strides, dilation, dy.shape[1:-1])]  # fmt: skip
    return tf.reshape(tf.stack(taps), shape)


def _kernel_filter_grad(x: Tensor, dy: Tensor, shape: list[int], strides: Any, padding: Any, dilation: Any, groups: int) -> Tensor | None:
    """By TensorFlow's kernel, where it has one."""
    if x.dtype.name not in FLOATS or set(dilation) != {1}:
        return None
    n, kernel = len(strides), shape[:-2]
    word = _word(x.shape[1:-1], kernel, strides, padding, dilation)
    if _is_depthwise(shape, groups, strides, dilation):
        pads, sizes = [(0, 0), *padding, (0, 0)], [*kernel, groups, dy.shape[-1] // groups]
        return tf.reshape(tf.nn.depthwise_conv2d_backprop_filter(x, sizes, dy, [1, *strides, 1], word or pads), shape)
    if groups != 1 or (n == 3 and set(strides) != {1}):
        return None
    if n == 3:
        given = {"input": _padded(x, padding), "filter_sizes": shape, "out_backprop": dy}
        return tf.raw_ops.Conv3DBackpropFilterV2(**given, strides=[1, *strides, 1], padding="VALID")
    given, sliding = x if word else _padded(x, padding), _sliding(strides, dilation, word)
    if n == 2:
        return tf.raw_ops.Conv2DBackpropFilter(input=given, filter_sizes=shape, out_backprop=dy, **sliding)
    return tf.squeeze(tf.raw_ops.Conv2DBackpropFilter(input=_in_two(given), filter_sizes=[1, *shape], out_backprop=_in_two(dy), **sliding), 0)


def _rows(x: Tensor) -> Tensor:
    return tf.reshape(x, [-1, *x.shape[-2:]])


# ---- pooling -------------------------------------------------------------------------------------------------------


def _pooled_sizes(x: Tensor, window: Any, strides: Any, padding: Any) -> list[int]:
    return out_sizes(x.shape[1:-1], window, strides, padding, [1] * len(window))


def _max_attrs(x: Tensor, window: Any, strides: Any, padding: Any) -> dict[str, Any]:
    word = _word(x.shape[1:-1], window, strides, padding, [1] * len(window))
    pads = {} if word else {"explicit_paddings": [0, 0, *(p for pair in padding for p in pair), 0, 0]}
    return {"ksize": [1, *window, 1], "strides": [1, *strides, 1], "padding": word or "EXPLICIT", **pads}


def _pools(x: Tensor, window: Any, padding: Any) -> int:
    """In how many dimensions TensorFlow has the maximum pooling of this, 0 where it has not: it refuses windows of nothing but padding."""
    dtypes = {2: FLOATS, 3: ("float32",)}.get(len(window), ())
    has_some = 0 not in x.shape and all(max(p) < size for p, size in zip(padding, window, strict=True))
    return len(window) if x.dtype.name in dtypes and has_some else 0


def _if_finite(x: Tensor, fast: Callable[[], Tensor], slow: Callable[[], Tensor]) -> Tensor:
    """`fast()` where all of x is finite: their sum says it in one pass, and is in doubt for the slow way."""
    return tf.cond(tf.math.is_finite(tf.reduce_sum(x)), fast, slow)


def max_pool(x: Tensor, window: Any, strides: Any, padding: Any) -> Tensor:
    def by_taps() -> Tensor:
        whole = _padded(x, padding, -np.inf if x.dtype.is_floating else x.dtype.min)
        out: Any = None
        for _, where in each_tap(window, strides, [1] * len(window), _pooled_sizes(x, window, strides, padding)):
            here = whole[(slice(None), *where)]
            out = here if out is None else tf.maximum(out, here)
        return out

    pools = _pools(x, window, padding)
    if pools == 2:
        return _if_finite(x, lambda: tf.raw_ops.MaxPool(input=x, **_max_attrs(x, window, strides, padding)), by_taps)
    if pools == 3:
        return _if_finite(x, lambda: tf.raw_ops.MaxPool3D(input=_padded(x, padding, -np.inf), **_sliding_within(window, strides)), by_taps)
    return by_taps()


def _first_tops(x: Tensor, y: Tensor, window: Any, strides: Any, padding: Any) -> Iterator[tuple[Any, Tensor]]:
    """Tap by tap where in a padded x it lies, and in which windows it is the first to be the maximum y."""
    whole, inside = _padded(x, padding), np.pad(np.ones((1, *x.shape[1:-1], 1), bool), [(0, 0), *padding, (0, 0)])
    free = tf.ones(y.shape, "bool")
    for _, where in each_tap(window, strides, [1] * len(window), y.shape[1:-1]):
        here = whole[(slice(None), *where)]
        is_top = tf.equal(here, y)
        if x.dtype.is_floating:
            is_top |= tf.math.is_nan(here) & tf.math.is_nan(y)
        hit = free & inside[(slice(None), *where)] & is_top
        free &= ~hit
        yield where, hit


def max_pool_grad(x: Tensor, y: Tensor, dy: Tensor, window: Any, strides: Any, padding: Any) -> Tensor:
    def by_taps() -> Tensor:
        return _max_pool_grad_by_taps(x, y, dy, window, strides, padding)

    def of_images() -> Tensor:
        return tf.raw_ops.MaxPoolGrad(orig_input=x, orig_output=y, grad=dy, **_max_attrs(x, window, strides, padding))

    def of_volumes() -> Tensor:
        """The first plane that has the maximum of a window has its first place, too."""
        within = {"window": window[1:], "strides": strides[1:], "padding": padding[1:]}
        planes = _flat(x)
        tops = tf.raw_ops.MaxPool(input=planes, **_max_attrs(planes, **within))
        by_plane = tf.reshape(tops, [*x.shape[:2], *tops.shape[1:]])
        of_tops = _flat(_max_pool_grad_by_taps(by_plane, y, dy, (window[0], 1, 1), (strides[0], 1, 1), (padding[0], (0, 0), (0, 0))))
        return tf.reshape(tf.raw_ops.MaxPoolGrad(orig_input=planes, orig_output=tops, grad=of_tops, **_max_attrs(planes, **within)), x.shape)

    pools = _pools(x, window, padding)
    if tuple(window) == tuple(strides) and not any(map(any, padding)) and x.dtype.is_floating and 0 not in y.shape:
        return _if_finite(x, lambda: _max_pool_grad_of_tiles(x, y, dy, window), by_taps)
    return _if_finite(x, of_images if pools == 2 else of_volumes, by_taps) if pools else by_taps()


def _max_pool_grad_of_tiles(x: Tensor, y: Tensor, dy: Tensor, window: Sequence[int]) -> Tensor:
    """Where windows lie side by side their taps are axes, which takes less time than TensorFlow's kernel and than strided slices."""
    out, axes = y.shape[1:-1], range(len(window))
    whole = [o * w for o, w in zip(out, window, strict=True)]
    tiles = tf.slice(x, [0] * len(x.shape), [x.shape[0], *whole, x.shape[-1]]) if whole != x.shape[1:-1] else x
    tiles = tf.reshape(tiles, [x.shape[0], *(k for pair in zip(out, window, strict=True) for k in pair), x.shape[-1]])
    free, parts = tf.ones(y.shape, "bool"), []
    for tap in np.ndindex(*window):
        hit = free & tf.equal(tiles[:, *(s for t in tap for s in (slice(None), t))], y)
        free &= ~hit
        parts.append(tf.where(hit, dy, tf.zeros([], dy.dtype)))
    n = len(window)
    stacked = tf.transpose(tf.reshape(tf.stack(parts), [*window, *y.shape]), [n, *(a for k in axes for a in (n + 1 + k, k)), 2 * n + 1])
    rest = [(0, 0), *((0, a - b) for a, b in zip(x.shape[1:-1], whole, strict=True)), (0, 0)]
    return tf.pad(tf.reshape(stacked, [x.shape[0], *whole, x.shape[-1]]), rest) if any(map(any, rest)) else tf.reshape(stacked, x.shape)


def _max_pool_grad_by_taps(x: Tensor, y: Tensor, dy: Tensor, window: Any, strides: Any, padding: Any) -> Tensor:
    padded = padded_sizes(x.shape[1:-1], padding)
    total: Any = tf.zeros([x.shape[0], *padded, x.shape[-1]], x.dtype)
    for where, hit in _first_tops(x, y, window, strides, padding):
        total += _spread(tf.where(hit, dy, tf.zeros([], dy.dtype)), where, padded)
    return _unpadded(total, x.shape[1:-1], padding)


def max_pool_select(x: Tensor, y: Tensor, z: Tensor, window: Any, strides: Any, padding: Any) -> Tensor:
    whole, out = _padded(z, padding), tf.zeros_like(y)
    for where, hit in _first_tops(x, y, window, strides, padding):
        out = tf.where(hit, whole[(slice(None), *where)], out)
    return out


def _has_means(x: Tensor, window: Any) -> bool:
    """Whether TensorFlow has kernels for the means of windows, with the digits of their sums."""
    return x.dtype.name == "float32" or (x.dtype.name == "float64" and len(window) < 3)


def _sliding_within(window: Any, strides: Any) -> dict[str, Any]:
    """Attributes of TensorFlow's kernels without padding, which have two spatial axes at least."""
    one = [1] * (2 - len(window))
    return {"ksize": [1, *one, *window, 1], "strides": [1, *one, *strides, 1], "padding": "VALID"}


def sum_pool(x: Tensor, window: Any, strides: Any, padding: Any) -> Tensor:
    x, out = _padded(x, padding), _pooled_sizes(x, window, strides, padding)
    if _has_means(x, window) and 0 not in (*x.shape, *out):
        kernel, image = (tf.raw_ops.AvgPool3D, x) if len(window) == 3 else (tf.raw_ops.AvgPool, _in_two(x) if len(window) == 1 else x)
        mean = kernel(**{"input" if len(window) == 3 else "value": image}, **_sliding_within(window, strides))
        return tf.reshape(mean, [x.shape[0], *out, x.shape[-1]]) * math.prod(window)
    total: Any = tf.zeros([x.shape[0], *out, x.shape[-1]], x.dtype)
    for _, where in each_tap(window, strides, [1] * len(window), out):
        total += x[(slice(None), *where)]
    return total


def sum_pool_grad(dy: Tensor, spatial: Any, window: Any, strides: Any, padding: Any) -> Tensor:
    padded = padded_sizes(spatial, padding)
    whole = [dy.shape[0], *padded, dy.shape[-1]]
    if _has_means(dy, window) and 0 not in (*dy.shape, *whole):
        kernel = tf.raw_ops.AvgPool3DGrad if len(window) == 3 else tf.raw_ops.AvgPoolGrad
        grad, shape = (_in_two(dy), [whole[0], 1, *whole[1:]]) if len(window) == 1 else (dy, whole)
        total: Any = tf.reshape(kernel(orig_input_shape=shape, grad=grad, **_sliding_within(window, strides)), whole) * math.prod(window)
        return _unpadded(total, spatial, padding)
    total = tf.zeros(whole, dy.dtype)
    for _, where in each_tap(window, strides, [1] * len(window), dy.shape[1:-1]):
        total += _spread(dy, where, padded)
    return _unpadded(total, spatial, padding)
