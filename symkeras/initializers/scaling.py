"""Initializers whose spread follows from the number of inputs and outputs of a weight, so that signals keep their size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from symkeras.arguments import axis_numbers, checked, one_of, optional, positive
from symkeras.initializers.initializer import RandomInitializer
from symkeras.random import draws

_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")
_KEPT_STDDEV = 0.87962566103423978  # standard deviation of a standard normal cut off at two


def compute_fans(shape: Sequence[int], input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None) -> tuple[int, int]:
    """How many inputs each output of a weight sums, and how many outputs each input feeds.

    Args:
        shape: of the weight; for more than two axes (*K, I, O), the window times the channels.
        input_axes, output_axes: which axes count as which, where both are given.

    >>> compute_fans((784, 10)), compute_fans((3, 3, 16, 32)), compute_fans((8, 2, 4), (0,), (1, 2))
    ((784, 10), (144, 288), (8, 8))
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[a] for a in input_axes), math.prod(shape[a] for a in output_axes)
    if len(shape) < 2:
        size = int(shape[0]) if shape else 1
        return size, size
    window = math.prod(shape[:-2])
    return int(shape[-2]) * window, int(shape[-1]) * window


class VarianceScaling(RandomInitializer):
    """Numbers with variance scale / n, where n is the number of inputs, of outputs, or the mean of both.

    Args:
        scale: positive factor.
        mode: "fan_in", "fan_out" or "fan_avg": what n is.
        distribution: "truncated_normal" (also "normal"), "untruncated_normal" or "uniform".
        seed: an int, a `SeedGenerator`, or None.
        input_axes, output_axes: which axes of the weight are inputs and outputs, where the shape does not tell.

    >>> w = VarianceScaling(scale=2.0, seed=1)((400, 300))
    >>> round(float(w.var() * 400), 1)
    2.0
    """

    @checked(
        scale=positive, mode=one_of(*_MODES), distribution=one_of("normal", *_DISTRIBUTIONS), input_axes=optional(axis_numbers),
        output_axes=optional(axis_numbers),
    )  # fmt: skip
    def __init__(self, scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal", seed: Any = None,
                 input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None):  # fmt: skip
        super().__init__(seed)
        distribution = {"normal": "truncated_normal"}.get(distribution, distribution)
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """Numbers of `shape`."""
        fan_in, fan_out = compute_fans(tuple(shape), self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return draws.uniform(shape, -limit, limit, dtype, self.seed)
        if self.distribution == "untruncated_normal":
            return draws.normal(shape, 0.0, math.sqrt(variance), dtype, self.seed)
        return draws.truncated_normal(shape, 0.0, math.sqrt(variance) / _KEPT_STDDEV, dtype, self.seed)

    def get_config(self) -> dict[str, Any]:
        names = ("scale", "mode", "distribution", "input_axes", "output_axes")
        return {**super().get_config(), **{k: getattr(self, k) for k in names}}


class _Preset(VarianceScaling):
    """A `VarianceScaling` with a name: scale, mode and distribution are fixed by the class."""

    _scaling: ClassVar[tuple[float, str, str]]

    def __init__(self, seed: Any = None, input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None):
        super().__init__(*self._scaling, seed=seed, input_axes=input_axes, output_axes=output_axes)

    def get_config(self) -> dict[str, Any]:
        return {k: v for k, v in super().get_config().items() if k in ("seed", "input_axes", "output_axes")}


class GlorotNormal(_Preset):
    """Truncated normal with standard deviation sqrt(2 / (I + O)) (Glorot and Bengio 2010).

    Args:
        seed: of the draws; an int, a `SeedGenerator`, or None for one that is drawn.
        input_axes, output_axes: axes of a weight that count as inputs and outputs; the last two when None.

    >>> w = GlorotNormal(seed=1)((500, 300))
    >>> round(float(w.var() * (500 + 300)), 1)
    2.0
    """

    _scaling = (1.0, "fan_avg", "truncated_normal")


class GlorotUniform(_Preset):
    """Uniform within ±sqrt(6 / (I + O)) (Glorot and Bengio 2010).

    Args:
        seed: of the draws; an int, a `SeedGenerator`, or None for one that is drawn.
        input_axes, output_axes: axes of a weight that count as inputs and outputs; the last two when None.

    >>> bool(np.abs(GlorotUniform(seed=1)((2, 4))).max() <= 1)
    True
    """

    _scaling = (1.0, "fan_avg", "uniform")


class HeNormal(_Preset):
    """Truncated normal with standard deviation sqrt(2 / I) (He et al. 2015, arXiv:1502.01852).

    Args:
        seed: of the draws; an int, a `SeedGenerator`, or None for one that is drawn.
        input_axes, output_axes: axes of a weight that count as inputs and outputs; the last two when None.

    >>> w = HeNormal(seed=1)((500, 300))
    >>> round(float(w.var() * 500), 1)
    2.0
    """

    _scaling = (2.0, "fan_in", "truncated_normal")


class HeUniform(_Preset):
    """Uniform within ±sqrt(6 / I) (He et al. 2015, arXiv:1502.01852).

    Args:
        seed: of the draws; an int, a `SeedGenerator`, or None for one that is drawn.
        input_axes, output_axes: axes of a weight that count as inputs and outputs; the last two when None.

    >>> bool(np.abs(HeUniform(seed=1)((6, 4))).max() <= 1)
    True
    """

    _scaling = (2.0, "fan_in", "uniform")


class LecunNormal(_Preset):
    """Truncated normal with standard deviation sqrt(1 / I) (LeCun et al. 1998, "Efficient BackProp").

    Args:
        seed: of the draws; an int, a `SeedGenerator`, or None for one that is drawn.
        input_axes, output_axes: axes of a weight that count as inputs and outputs; the last two when None.

    >>> w = LecunNormal(seed=1)((500, 300))
    >>> round(float(w.var() * 500), 1)
    1.0
    """

    _scaling = (1.0, "fan_in", "truncated_normal")


class LecunUniform(_Preset):
    """Uniform within ±sqrt(3 / I) (LeCun et al. 1998, "Efficient BackProp").

    Args:
        seed: of the draws; an int, a `SeedGenerator`, or None for one that is drawn.
        input_axes, output_axes: axes of a weight that count as inputs and outputs; the last two when None.

    >>> bool(np.abs(LecunUniform(seed=1)((3, 4))).max() <= 1)
    True
    """

    _scaling = (1.0, "fan_in", "uniform")
