"""Losses made from functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symkeras import tree
from symkeras.arguments import checked, function
from symkeras.losses.loss import Loss
from symkeras.losses.weighting import same_rank, value_mask


class LossFunctionWrapper(Loss):
    """A `Loss` from a function of targets and predictions.

    Args:
        fn: `fn(y_true, y_pred, **kwargs)` gives the losses of all positions.
        reduction, name, dtype: as for `Loss`.
        **kwargs: passed on to `fn`.

    Example:
        >>> import numpy as np
        >>> loss = LossFunctionWrapper(lambda t, p: (t - p) ** 2, name="squares")
        >>> float(loss(np.zeros(2), np.array([1.0, 3.0])))
        5.0
    """

    @checked(fn=function)
    def __init__(self, fn: Callable[..., Any], reduction: str | None = "sum_over_batch_size", name: str | None = None,
                 dtype: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if not tree.is_nested(y_pred) and not tree.is_nested(y_true):
            y_true, y_pred = same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def value_mask(self, y_true: Any, values: Any) -> Any:
        return value_mask(self.fn, y_true, values, self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        from symkeras.saving.serialization import serialize_keras_object

        arguments = {k: serialize_keras_object(v) for k, v in self._fn_kwargs.items()}
        return {**super().get_config(), "fn": serialize_keras_object(self.fn), **arguments}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A loss from its config; a serialized function in it is looked up."""
        if "fn" in config:
            from symkeras.saving.serialization import deserialize_keras_object

            config = {k: deserialize_keras_object(v) if isinstance(v, dict) or k == "fn" else v for k, v in config.items()}
        return cls(**config)


class NamedLoss(LossFunctionWrapper):
    """A loss whose class says its function: the config holds the arguments only, and they are attributes."""

    def __init__(self, fn: Callable[..., Any], reduction: str | None, name: str | None, dtype: Any, **kwargs: Any):
        super().__init__(fn, reduction=reduction, name=name, dtype=dtype, **kwargs)
        for key, value in kwargs.items():
            setattr(self, key, value)

    def get_config(self) -> dict[str, Any]:
        return {**Loss.get_config(self), **self._fn_kwargs}
