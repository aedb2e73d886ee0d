"""Layers that make training harder: dropped elements, dropped channels, noise, and a penalty on activity."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from symkeras import ops, random, regularizers
from symkeras.arguments import checked, fraction
from symkeras.errors import ConfigError
from symkeras.layers.input_spec import InputSpec
from symkeras.layers.layer import Layer
from symkeras.layers.spatial import data_format_of, spatial_axes
from symkeras.ops.random import keep_mask

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


class _Random(Layer):
    """Changes its input while training only; owns a seed where it has something to draw."""

    _needs_no_build = True
    _settings: ClassVar[tuple[str, ...]] = ("rate", "seed")

    def __init__(self, seed: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.seed = seed
        self.supports_masking = True

    def _check_rate(self, rate: Any) -> float:
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
            raise ConfigError(f"{type(self).__name__} expects a rate between 0 and 1, received {rate!r}")
        if rate > 0:
            self.seed_generator = random.SeedGenerator(self.seed)
        return rate

    def call(self, inputs: Any, training: Any = False) -> Any:
        return self._perturb(inputs) if training else inputs

    def _perturb(self, inputs: Any) -> Any:
        raise NotImplementedError

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{name: getattr(self, name) for name in self._settings}}


class Dropout(_Random):
    """Sets elements to 0 with probability `rate` while training, and scales the others by 1 / (1 - rate) (Srivastava et al. 2014).

    The probability is rounded to a multiple of 1/65536.

    Args:
        rate: the probability.
        noise_shape: sizes of what is drawn; 1 where a draw is shared along an axis, None where the input's size is meant.
        seed: an integer for draws that repeat.

    Input shape:
        any

    Output shape:
        that of the input

    Raises:
        ConfigError: a rate outside of 0 to 1, or a noise shape that is none.

    Example:
        >>> import numpy as np
        >>> sorted(set(Dropout(0.5, seed=1)(np.ones(100), training=True).tolist()))
        [0.0, 2.0]
    """

    _settings = ("rate", "seed", "noise_shape")

    def __init__(self, rate: float, noise_shape: Any = None, seed: Any = None, **kwargs: Any):
        super().__init__(seed, **kwargs)
        self.rate = self._check_rate(rate)
        self.noise_shape = _checked_noise_shape(noise_shape)

    def _perturb(self, inputs: Any) -> Any:
        return drop(inputs, self.rate, full_noise_shape(inputs, self.noise_shape), self.seed_generator) if self.rate > 0 else inputs


def drop(x: Any, rate: float, noise_shape: Any, seed: Any) -> Any:
    """`x` with elements set to 0 with probability `rate` and the others scaled, so that the mean stays."""
    if rate >= 1:
        return ops.zeros_like(x)
    keep = keep_mask(seed.next(), 0, noise_shape, 1 - rate)
    return ops.where(keep, ops.multiply(x, 1 / (1 - rate)), 0)


def full_noise_shape(x: Any, noise_shape: Any) -> tuple[Any, ...]:
    """`noise_shape` with the sizes of `x` for None; the shape of `x` where it is None altogether."""
    sizes = ops.shape(x)
    if noise_shape is None:
        return sizes
    if len(noise_shape) != len(sizes):
        raise ConfigError(f"noise_shape {tuple(noise_shape)} has {len(noise_shape)} sizes, the input has shape {tuple(x.shape)}")
    return tuple(size if d is None else d for size, d in zip(sizes, noise_shape, strict=True))


def _checked_noise_shape(value: Any) -> tuple[int | None, ...] | None:
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or any(d is not None and (isinstance(d, bool) or not isinstance(d, int) or d < 1) for d in value):
        raise ConfigError(f"noise_shape must hold positive integers or None, received {value!r}")
    return tuple(value)


class _SpatialDropout(_Random):
    rank: ClassVar[int]

    def __init__(self, rate: float, seed: Any = None, data_format: str | None = "channels_last", **kwargs: Any):
        super().__init__(seed, **kwargs)
        self.rate = self._check_rate(rate)
        self.data_format = data_format_of(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _perturb(self, inputs: Any) -> Any:
        if self.rate == 0:
            return inputs
        shared = spatial_axes(self.data_format, self.rank)
        shape = tuple(1 if axis in shared else size for axis, size in enumerate(ops.shape(inputs)))
        return drop(inputs, self.rate, shape, self.seed_generator)

    def get_config(self) -> dict[str, Any]:
        # Keras' own constructor takes no `trainable` here.
        return {**{k: v for k, v in super().get_config().items() if k != "trainable"}, "dtype": self.dtype}


class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole channels of sequences (Tompson et al. 2014).

    Args:
        rate: the probability that a channel is dropped.
        seed: an integer for draws that repeat.
        dtype: as for `Layer`.

    Input shape:
        (B, T, C)

    Output shape:
        (B, T, C)

    Example:
        >>> import numpy as np
        >>> y = SpatialDropout1D(0.5, seed=1)(np.ones((2, 5, 8)), training=True)
        >>> bool((y == y[:, :1]).all())
        True
    """

    rank = 1

    def __init__(self, rate: float, seed: Any = None, name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(rate, seed, name=name, dtype=dtype, **kwargs)


class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole channels of images (Tompson et al. 2014).

    Args:
        rate: the probability that a channel is dropped.
        data_format: where the channels are.
        seed: an integer for draws that repeat.
        dtype: as for `Layer`.

    Input shape:
        (B, H, W, C), or (B, C, H, W) for "channels_first"

    Output shape:
        that of the input

    Example:
        >>> import numpy as np
        >>> y = SpatialDropout2D(0.5, seed=1)(np.ones((2, 3, 3, 8)), training=True)
        >>> bool((y == y[:, :1, :1]).all())
        True
    """

    rank = 2
    _settings = ("rate", "seed", "data_format")

    def __init__(self, rate: float, data_format: str | None = None, seed: Any = None, name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(rate, seed, data_format, name=name, dtype=dtype, **kwargs)


class SpatialDropout3D(SpatialDropout2D):
    """Dropout of whole channels of volumes (Tompson et al. 2014).

    Args:
        rate: the probability that a channel is dropped.
        data_format: where the channels are.
        seed: an integer for draws that repeat.
        dtype: as for `Layer`.

    Input shape:
        (B, D, H, W, C), or (B, C, D, H, W) for "channels_first"

    Output shape:
        that of the input

    Example:
        >>> import numpy as np
        >>> SpatialDropout3D(0.5)(np.ones((1, 2, 2, 2, 3))).shape
        (1, 2, 2, 2, 3)
    """

    rank = 3


class GaussianNoise(_Random):
    """Adds normal noise while training.

    Args:
        stddev: standard deviation of the noise.
        seed: an integer for draws that repeat.

    Input shape:
        any

    Output shape:
        that of the input

    Raises:
        ConfigError: `stddev` is outside of 0 to 1.

    Example:
        >>> import numpy as np
        >>> GaussianNoise(0.1)(np.ones(3)).tolist()
        [1.0, 1.0, 1.0]
    """

    _settings = ("stddev", "seed")

    @checked(stddev=fraction)
    def __init__(self, stddev: float, seed: Any = None, **kwargs: Any):
        super().__init__(seed, **kwargs)
        self.stddev = stddev
        if stddev > 0:
            self.seed_generator = random.SeedGenerator(seed)

    def _perturb(self, inputs: Any) -> Any:
        if self.stddev == 0:
            return inputs
        noise = random.normal(ops.shape(inputs), mean=0.0, stddev=self.stddev, dtype=self.compute_dtype, seed=self.seed_generator)
        return ops.add(inputs, noise)


class GaussianDropout(_Random):
    """Multiplies with normal noise of mean 1 and variance rate / (1 - rate) while training (Srivastava et al. 2014).

    Args:
        rate: the dropout rate that gives the same variance; below 1.
        seed: an integer for draws that repeat.

    Input shape:
        any

    Output shape:
        that of the input

    Raises:
        ConfigError: a rate below 0, or of 1 and above, whose noise would have no finite variance.

    Example:
        >>> import numpy as np
        >>> GaussianDropout(0.5)(np.ones(3)).tolist()
        [1.0, 1.0, 1.0]
    """

    def __init__(self, rate: float, seed: Any = None, **kwargs: Any):
        super().__init__(seed, **kwargs)
        if rate == 1:
            raise ConfigError("GaussianDropout expects a rate below 1, received 1: the noise would have no finite variance")
        self.rate = self._check_rate(rate)

    def _perturb(self, inputs: Any) -> Any:
        if self.rate == 0:
            return inputs
        stddev = math.sqrt(self.rate / (1 - self.rate))
        noise = random.normal(ops.shape(inputs), mean=1.0, stddev=stddev, dtype=self.compute_dtype, seed=self.seed_generator)
        return ops.multiply(inputs, noise)


class AlphaDropout(_Random):
    """Dropout that keeps mean and variance of what SELU units give (Klambauer et al. 2017).

    Args:
        rate: the probability that an element is set to SELU's negative limit; below 1.
        noise_shape: as that of `Dropout`.
        seed: an integer for draws that repeat.

    Input shape:
        any

    Output shape:
        that of the input

    Raises:
        ConfigError: a rate below 0, or of 1 and above, or a noise shape that is none.

    Example:
        >>> import numpy as np
        >>> AlphaDropout(0.5)(np.ones(3)).tolist()
        [1.0, 1.0, 1.0]
    """

    _settings = ("rate", "seed", "noise_shape")

    def __init__(self, rate: float, noise_shape: Any = None, seed: Any = None, **kwargs: Any):
        super().__init__(seed, **kwargs)
        if rate == 1:
            raise ConfigError("AlphaDropout expects a rate below 1, received 1: nothing would be left to keep the variance of")
        self.rate = self._check_rate(rate)
        self.noise_shape = _checked_noise_shape(noise_shape)

    def _perturb(self, inputs: Any) -> Any:
        if self.rate == 0:
            return inputs
        limit = -SELU_ALPHA * SELU_SCALE
        keep = keep_mask(self.seed_generator.next(), 0, full_noise_shape(inputs, self.noise_shape), 1 - self.rate)
        scale = ((1 - self.rate) * (1 + self.rate * limit**2)) ** -0.5
        return ops.add(ops.multiply(ops.where(keep, inputs, limit), scale), -scale * limit * self.rate)


class ActivityRegularization(Layer):
    """Passes its input on and adds a penalty on it to the loss.

    Args:
        l1: factor of the sum of absolute values.
        l2: factor of the sum of squares.

    Input shape:
        any

    Output shape:
        that of the input

    Example:
        >>> import numpy as np
        >>> ActivityRegularization(l2=0.1)(np.ones((1, 2))).tolist()
        [[1.0, 1.0]]
    """

    _needs_no_build = True

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any):
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.supports_masking = True
        self.l1 = l1
        self.l2 = l2

    def call(self, inputs: Any) -> Any:
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        base = {k: v for k, v in super().get_config().items() if k != "activity_regularizer"}
        return {**base, "l1": self.l1, "l2": self.l2}
