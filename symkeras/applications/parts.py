"""The layers that the architectures are made of, applied at once; the channels are where the configuration says."""

from __future__ import annotations

from typing import Any

from symkeras import layers
from symkeras.applications.building import channel_axis, size_of


def conv(x: Any, filters: int, size: Any, name: str | None = None, strides: int = 1, padding: str = "same", bias: bool = False,
         **options: Any) -> Any:  # fmt: skip
    return layers.Conv2D(filters, size, strides=strides, padding=padding, use_bias=bias, name=name, **options)(x)


def depthwise(x: Any, size: int, name: str, strides: int = 1, **options: Any) -> Any:
    """A filter for each channel; with strides what comes before has padded."""
    padding = "same" if strides == 1 else "valid"
    return layers.DepthwiseConv2D(size, strides=strides, padding=padding, use_bias=False, name=name, **options)(x)


def norm(x: Any, name: str | None = None, **options: Any) -> Any:
    return layers.BatchNormalization(axis=channel_axis(), name=name, **options)(x)


def act(x: Any, function: Any, name: str | None = None) -> Any:
    return layers.Activation(function, name=name)(x)


def concat(values: list[Any], name: str | None = None) -> Any:
    return layers.Concatenate(axis=channel_axis(), name=name)(values)


def pad(x: Any, padding: Any, name: str | None = None) -> Any:
    return layers.ZeroPadding2D(padding, name=name)(x)


def pad_for_strides(x: Any, size: int, name: str | None = None) -> Any:
    """Borders with which a kernel of `size` in steps of two gives half of the size, rounded up; one less on the near side where it is even."""
    half = size // 2
    near = tuple(half - (1 if d is None else 1 - d % 2) for d in size_of(x))
    return pad(x, ((near[0], half), (near[1], half)), name)


def channels_of(x: Any) -> int:
    return int(x.shape[channel_axis()])


def divisible(value: float, divisor: int = 8, least: int | None = None) -> int:
    """The multiple of `divisor` that is nearest to `value`, but no more than a tenth below it."""
    rounded = max(least or divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded
