"""Windows for signals: functions of a length that give `floatx`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from symkeras.errors import ConfigError
from symkeras.graph import dtypes, room
from symkeras.ops import elementwise as ew
from symkeras.ops.elementwise import promoted
from symkeras.ops.leaves import cast, shape
from symkeras.ops.op import is_symbolic
from symkeras.ops.sizes import whole
from symkeras.ops.special_functions import i0


def _window(what: str, length: Any, of_places: Callable[[Any], Any]) -> Any:
    """`of_places` of numbers from 0 to 1, in `floatx`; a window of one element is 1."""
    if is_symbolic(length):
        raise ConfigError(f"{what}: the length of a window is a number, received the symbolic {length!r}")
    count = whole(length, f"{what}: the length")
    room.take((max(count, 0),), "float64", "an array")
    if count <= 1:
        return np.ones(max(count, 0), dtypes.standardize(None))
    return cast(of_places(np.arange(count, dtype="float64") / (count - 1)), None)


def bartlett(x: Any) -> Any:
    """The triangular window of `x` points, which begins and ends with 0.

    >>> bartlett(5).tolist()
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    return _window("bartlett", x, lambda t: 1 - np.abs(2 * t - 1))


def blackman(x: Any) -> Any:
    """The window of Blackman of `x` points: two terms of cosines.

    >>> blackman(3).round(2).tolist()
    [-0.0, 1.0, -0.0]
    """
    return _window("blackman", x, lambda t: 0.42 - 0.5 * np.cos(2 * math.pi * t) + 0.08 * np.cos(4 * math.pi * t))


def hamming(x: Any) -> Any:
    """The window of Hamming of `x` points, which begins and ends with 0.08.

    >>> hamming(3).round(2).tolist()
    [0.07999999821186066, 1.0, 0.07999999821186066]
    """
    return _window("hamming", x, lambda t: 0.54 - 0.46 * np.cos(2 * math.pi * t))


def hanning(x: Any) -> Any:
    """The window of Hann of `x` points: one period of a cosine, from 0 to 1.

    >>> hanning(3).tolist()
    [0.0, 1.0, 0.0]
    """
    return _window("hanning", x, lambda t: 0.5 - 0.5 * np.cos(2 * math.pi * t))


def kaiser(x: Any, beta: Any) -> Any:
    """The window of Kaiser of `x` points.

    Args:
        x: how many.
        beta: how steep it is, a number or a scalar tensor.

    Raises:
        ConfigError: `beta` is no number.

    >>> kaiser(3, 0.0).tolist()
    [1.0, 1.0, 1.0]
    """
    if shape(beta) != ():
        raise ConfigError(f"kaiser: beta is a number, received shape {shape(beta)}")
    (beta,) = promoted("float", beta if is_symbolic(beta) else np.asarray(beta, "float64"))
    return _window("kaiser", x, lambda t: ew.divide(i0(ew.multiply(beta, 2 * np.sqrt(t * (1 - t)))), i0(beta)))
