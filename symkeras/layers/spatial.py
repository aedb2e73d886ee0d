"""What layers over space have in common: where the channels are, one integer per spatial dim, and pairs of borders."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import config
from symkeras.arguments import integers
from symkeras.errors import ConfigError, ShapeError, nearest

FORMATS = ("channels_last", "channels_first")
PADDINGS = ("valid", "same", "causal")


def data_format_of(value: str | None) -> str:
    """`value` in lower case, or the configured format when None.

    Raises:
        ConfigError: neither "channels_last" nor "channels_first".
    """
    name = config.image_data_format() if value is None else str(value).lower()
    if name not in FORMATS:
        raise ConfigError(f"data_format must be 'channels_last' or 'channels_first', received {value!r}.{nearest(name, FORMATS)}")
    return name


def padding_of(layer: str, value: str, causal: bool = False) -> str:
    """`value` in lower case, one of "valid", "same" and, where `causal`, "causal"."""
    name, allowed = str(value).lower(), PADDINGS if causal else PADDINGS[:2]
    if name not in allowed:
        raise ConfigError(f"{layer}: padding must be one of {allowed}, received {value!r}.{nearest(name, allowed)}")
    return name


def border_pairs(value: Any, rank: int, what: str) -> tuple[tuple[int, int], ...]:
    """A (before, after) pair for every spatial dim, from one integer, one per dim, or the pairs.

    >>> border_pairs((1, 2), 2, "padding")
    ((1, 1), (2, 2))
    """
    if isinstance(value, (int, np.integer)):
        return (integers(value, 2, what, 0),) * rank  # type: ignore[return-value]
    if not isinstance(value, (tuple, list)) or len(value) != rank:
        raise ConfigError(f"{what} must be an integer, {rank} integers or {rank} pairs, received {value!r}")
    return tuple(integers(v, 2, what, 0) for v in value)  # type: ignore[misc]


def channel_axis(data_format: str) -> int:
    """-1 or 1."""
    return -1 if data_format == "channels_last" else 1


def spatial_axes(data_format: str, rank: int) -> tuple[int, ...]:
    """The axes that are neither batch nor channels."""
    return tuple(range(1, rank + 1)) if data_format == "channels_last" else tuple(range(2, rank + 2))


def known_channels(layer: str, input_shape: Any, data_format: str) -> int:
    """The number of channels of `input_shape`.

    Raises:
        ShapeError: it is unknown.
    """
    channels = input_shape[channel_axis(data_format)]
    if channels is None:
        raise ShapeError(f"{layer} needs a known number of channels on axis {channel_axis(data_format)}, received {tuple(input_shape)}")
    return int(channels)
