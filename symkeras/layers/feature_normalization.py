"""Features with mean 0 and variance 1, by statistics that are taken from data once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from symkeras import config as settings
from symkeras import foreign_data, ops
from symkeras.arguments import axis_number, boolean, checked, either, optional, real_numbers, several
from symkeras.errors import ConfigError, DataError, ShapeError
from symkeras.foreign_dtypes import kind
from symkeras.layers.layer import Layer


class Normalization(Layer):
    """(x - mean) / sqrt(variance), with statistics that are given, or that `adapt` takes from data.

    Args:
        axis: the axis, or axes, each place of which has statistics of its own; None for one mean and one variance of all.
        mean: the mean, one number or one for each place of `axis`; comes with `variance`.
        variance: the variance.
        invert: whether x * sqrt(variance) + mean is given instead.

    Input shape:
        any

    Output shape:
        that of the input

    Raises:
        ConfigError: mean without variance, or statistics of another shape than `axis` has.
        ShapeError: an axis that the input has not, or whose size is unknown.

    Example:
        >>> import numpy as np
        >>> layer = Normalization()
        >>> layer.adapt(np.array([[1.0, 10.0], [3.0, 30.0]]))
        >>> layer(np.array([[1.0, 30.0]])).tolist()
        [[-1.0, 1.0]]
    """

    @checked(axis=optional(either(axis_number, several(axis_number))), mean=optional(real_numbers), variance=optional(real_numbers), invert=boolean)
    def __init__(self, axis: Any = -1, mean: Any = None, variance: Any = None, invert: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.input_mean, self.input_variance, self.invert = mean, variance, invert
        self.supports_masking = True
        self._sizes: tuple[int | None, ...] = ()
        self._kept: tuple[int, ...] = ()
        if (mean is None) != (variance is None):
            raise ConfigError(f"Normalization: mean and variance come together, received mean={mean!r} and variance={variance!r}")
        if mean is not None and (np.shape(mean) != np.shape(variance) or np.ndim(mean) > len(self.axis)):
            raise ConfigError(
                f"Normalization: mean and variance must have one shape, of at most {len(self.axis)} axes as axis={self.axis} has, "
                f"received shapes {np.shape(mean)} and {np.shape(variance)}"
            )

    def build(self, input_shape: Any) -> None:
        rank = len(input_shape)
        if any(not -rank <= a < rank for a in self.axis):
            raise ShapeError(f"Normalization {self.name!r} has axis={self.axis}, which an input of shape {tuple(input_shape)} has not")
        self._sizes, self._kept = tuple(input_shape), tuple(sorted(a % rank for a in self.axis))
        shape = tuple(input_shape[a] for a in self._kept)
        if None in shape:
            raise ShapeError(f"Normalization {self.name!r} needs known sizes along axis={self.axis}, received shape {tuple(input_shape)}")
        if self.input_mean is None:
            self.adapt_mean = self.add_weight(name="mean", shape=shape, initializer="zeros", trainable=False)
            self.adapt_variance = self.add_weight(name="variance", shape=shape, initializer="ones", trainable=False)
            self.count = self.add_weight(name="count", shape=(), dtype="int32", initializer="zeros", trainable=False)
        else:
            self._given(self.input_mean)

    def adapt(self, data: Any) -> None:
        """Take mean and variance from data, in place of those of an earlier call.

        Args:
            data: an array or table, or batches of arrays: a `PyDataset`, a `tf.data.Dataset`, a data set or loader of PyTorch, a list, a generator;
                of tuples the first is taken.

        Raises:
            ConfigError: the statistics were given to the constructor.
            DataError: no data.
            ShapeError: data of another shape than the layer was built for.
        """
        if self.input_mean is not None:
            raise ConfigError(f"Normalization {self.name!r} has the mean and variance it was given: adapt has nothing to do")
        total, mean, variance = 0, np.zeros(()), np.zeros(())
        for batch in _batches(data):
            if not self.built:
                self.build(batch.shape)
            self._check(batch.shape)
            count = batch.size // max(1, int(np.prod([batch.shape[a] for a in self._kept])))
            if not count:
                continue
            free = tuple(a for a in range(batch.ndim) if a not in self._kept)
            new_mean, new_variance = batch.mean(axis=free, dtype="float64"), batch.var(axis=free, dtype="float64")
            share = count / (total + count)
            middle = mean * (1 - share) + new_mean * share
            variance = (variance + (mean - middle) ** 2) * (1 - share) + (new_variance + (new_mean - middle) ** 2) * share
            mean, total = middle, total + count
        if not total:
            raise DataError(f"Normalization {self.name!r}: adapt received no data")
        self.adapt_mean.assign(mean.astype(self.adapt_mean.dtype))
        self.adapt_variance.assign(variance.astype(self.adapt_variance.dtype))

    def _check(self, shape: tuple[int, ...]) -> None:
        if len(shape) != len(self._sizes) or any(shape[a] != self._sizes[a] for a in self._kept):
            raise ShapeError(f"Normalization {self.name!r} was built for shape {self._sizes}, adapt received data of shape {shape}")

    def _given(self, values: Any) -> np.ndarray:
        """Statistics of the constructor in the shape that broadcasts to the input."""
        array = np.asarray(values, self.compute_dtype)
        form = [1] * len(self._sizes)
        for k in range(array.ndim):
            form[self._kept[len(self._kept) - array.ndim + k]] = array.shape[k]
        wide = [self._sizes[a] if a in self._kept else 1 for a in range(len(self._sizes))]
        try:
            return np.broadcast_to(array.reshape(form), wide)  # type: ignore[arg-type]
        except ValueError:
            raise ShapeError(
                f"Normalization {self.name!r}: mean and variance of shape {array.shape} do not go with axis={self.axis} of shape {self._sizes}"
            ) from None

    def _wide(self, given: Any, variable: str) -> Any:
        if given is not None:
            return self._given(given)
        form = tuple(self._sizes[a] if a in self._kept else 1 for a in range(len(self._sizes)))
        return ops.cast(ops.reshape(getattr(self, variable).value, form), self.compute_dtype)

    @property
    def mean(self) -> Any:
        """The mean, in the shape that broadcasts to the input; None before the layer is built."""
        return self._wide(self.input_mean, "adapt_mean") if self.built else None

    @property
    def variance(self) -> Any:
        """The variance, in the shape that broadcasts to the input; None before the layer is built."""
        return self._wide(self.input_variance, "adapt_variance") if self.built else None

    def call(self, inputs: Any) -> Any:
        x = ops.cast(inputs, self.compute_dtype)
        deviation = ops.maximum(ops.sqrt(self.variance), settings.epsilon())
        if self.invert:
            return ops.add(self.mean, ops.multiply(x, deviation))
        return ops.divide(ops.subtract(x, self.mean), deviation)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        given = {"mean": self.input_mean, "variance": self.input_variance}
        statistics = {name: None if value is None else np.asarray(value).tolist() for name, value in given.items()}
        return {**super().get_config(), "axis": self.axis, "invert": self.invert, **statistics}


def _is_pair(part: Any) -> bool:
    """Whether a batch comes with its targets."""
    return isinstance(part, tuple) and bool(part) and hasattr(part[0], "shape")


def _batches(data: Any) -> Iterator[np.ndarray]:
    """The arrays of `data`, one by one."""
    data = foreign_data.batches_of_samples(data, 32) if foreign_data.is_samples(data) else foreign_data.batches(data)
    is_list = isinstance(data, (list, tuple)) and not any(hasattr(part, "shape") or _is_pair(part) for part in data)
    is_one = is_list or hasattr(data, "__array__") or not (hasattr(data, "__iter__") or hasattr(data, "__getitem__"))
    parts: Any = (data,) if is_one else data if hasattr(data, "__iter__") else (data[k] for k in range(len(data)))
    for part in parts:
        part = part[0] if isinstance(part, tuple) or (isinstance(part, list) and part and hasattr(part[0], "detach")) else part
        try:
            array = foreign_data.array(part)
        except (TypeError, ValueError):
            array = np.empty(0, object)
        if kind(array.dtype) not in "biuf" or not array.ndim:
            raise DataError(f"adapt expects arrays of numbers, or batches of them, received {type(part).__name__}")
        yield array
