"""Where the taps of a window lie: what convolutions and pooling of engines share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

Pairs = Sequence[tuple[int, int]]


def out_sizes(sizes: Sequence[int], kernel: Sequence[int], strides: Sequence[int], padding: Pairs, dilation: Sequence[int]) -> list[int]:
    """How many windows there are along each axis."""
    pairs = zip(sizes, kernel, strides, padding, dilation, strict=True)
    return [max(0, (n + a + b - (k - 1) * d - 1) // s + 1) for n, k, s, (a, b), d in pairs]


def padded_sizes(sizes: Sequence[int], padding: Pairs) -> list[int]:
    return [n + a + b for n, (a, b) in zip(sizes, padding, strict=True)]


def each_tap(
    kernel: Sequence[int], strides: Sequence[int], dilation: Sequence[int], out: Sequence[int]
) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    """Taps of a window, and where in a padded input each of them lies for all windows."""
    for tap in np.ndindex(*kernel):
        yield tap, tuple(slice(t * d, t * d + (o - 1) * s + 1 if o else 0, s) for t, d, o, s in zip(tap, dilation, out, strides, strict=True))


def each_plane(
    kernel: Sequence[int], out: Sequence[int], strides: Sequence[int], padding: Pairs, dilation: Sequence[int], **rest: Any
) -> tuple[Iterator[tuple[tuple[int, ...], tuple[slice, ...]]], dict[str, Any]]:
    """The taps along the first axis, and the attributes of the convolution over the others that each of them is."""
    along = each_tap(kernel[:1], strides[:1], dilation[:1], out[:1])
    return along, {"strides": strides[1:], "padding": padding[1:], "dilation": dilation[1:], **rest}
