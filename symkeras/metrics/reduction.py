"""Means and sums of values over batches, and metrics that are the mean of a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symkeras import ops
from symkeras.arguments import checked, function
from symkeras.layers.calls import mask_of
from symkeras.losses.weighting import divide_no_nan, same_rank, value_mask, weights_with_mask
from symkeras.metrics.metric import Metric


def _over_rows(values: Any, weights: Any, reduce: Callable[..., Any], dtype: str) -> tuple[Any, Any]:
    """Values and weights with one number per sample at most: `reduce` takes the other axes away."""
    values = ops.cast(ops.convert_to_tensor(values), dtype)
    if weights is not None:
        values, weights = same_rank(values, ops.cast(ops.convert_to_tensor(weights), dtype))
        ndim = len(weights.shape)
        if len(values.shape) > ndim:
            values = reduce(values, axis=tuple(range(ndim, len(values.shape))))
        weights = ops.broadcast_to(weights, ops.shape(values))
        values = ops.multiply(values, weights)
        if ndim > 1:
            weights = reduce(weights, axis=tuple(range(1, ndim)))
    if len(values.shape) > 1:
        values = reduce(values, axis=tuple(range(1, len(values.shape))))
    return values, weights


class Sum(Metric):
    """The sum of all values given.

    Args:
        name, dtype: as for `Metric`.

    Example:
        >>> import numpy as np
        >>> total = Sum()
        >>> total.update_state(np.array([1.0, 3.0]), sample_weight=np.array([1.0, 0.0])); float(total.result())
        1.0
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable(shape=(), dtype=self._floating_dtype, name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, _ = _over_rows(values, sample_weight, ops.sum, self.dtype)
        self.total.assign(self.total + ops.sum(values))

    def result(self) -> Any:
        return ops.cast(self.total.value, self.dtype)


class Mean(Metric):
    """The weighted mean of all values given; one weight per sample, or per position.

    Args:
        name, dtype: as for `Metric`.

    Example:
        >>> import numpy as np
        >>> mean = Mean()
        >>> mean.update_state(np.array([1.0, 3.0])); mean.update_state(np.array([5.0])); float(mean.result())
        3.0
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable(shape=(), dtype=self._floating_dtype, name="total")
        self.count = self.add_variable(shape=(), dtype=self._floating_dtype, name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, weights = _over_rows(values, sample_weight, ops.mean, self.dtype)
        if weights is not None:
            count = ops.sum(weights)
        else:
            count = ops.cast(ops.shape(values)[0] if len(values.shape) else 1, self.dtype)
        self.total.assign(self.total + ops.sum(values))
        self.count.assign(self.count + count)

    def result(self) -> Any:
        return divide_no_nan(self.total.value, self.count.value)


class MeanMetricWrapper(Mean):
    """The mean of a function of targets and predictions.

    Args:
        fn: `fn(y_true, y_pred, **kwargs)` gives a value per sample, or per position.
        name, dtype: as for `Metric`.
        **kwargs: passed on to `fn`.

    Example:
        >>> import numpy as np
        >>> gap = MeanMetricWrapper(lambda t, p: np.abs(t - p), name="gap")
        >>> gap.update_state(np.array([0.0, 0.0]), np.array([1.0, 3.0])); float(gap.result())
        2.0
    """

    @checked(fn=function)
    def __init__(self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(name=name, dtype=dtype)
        self._fn = fn
        self._fn_kwargs = kwargs

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        weights = weights_with_mask(sample_weight, mask_of(y_pred), self.dtype, is_mean=False)
        if weights is not None:
            weights = weights_with_mask(weights, value_mask(self._fn, y_true, values, self._fn_kwargs), self.dtype, is_mean=False)
        super().update_state(values, sample_weight=weights)

    def get_config(self) -> dict[str, Any]:
        from symkeras.saving.serialization import serialize_keras_object

        arguments = {k: serialize_keras_object(v) for k, v in self._fn_kwargs.items()}
        return {**super().get_config(), "fn": serialize_keras_object(self._fn), **arguments}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A metric from its config; a serialized function in it is looked up."""
        if "fn" in config:
            from symkeras.saving.serialization import deserialize_keras_object

            config = {k: deserialize_keras_object(v) if isinstance(v, dict) or k == "fn" else v for k, v in config.items()}
        return cls(**config)


class NamedMean(MeanMetricWrapper):
    """A mean whose class says its function: the config holds the arguments only, and they are attributes."""

    def __init__(self, fn: Callable[..., Any], name: str | None, dtype: Any, **kwargs: Any):
        super().__init__(fn, name=name, dtype=dtype, **kwargs)
        for key, value in kwargs.items():
            setattr(self, key, value)

    def get_config(self) -> dict[str, Any]:
        return {**Metric.get_config(self), **self._fn_kwargs}


