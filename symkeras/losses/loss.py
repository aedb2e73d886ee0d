"""`Loss`: what training minimises, from targets and predictions to one number."""

from __future__ import annotations

from typing import Any, ClassVar

from symkeras import config, dtype_policies, ops, tree
from symkeras.arguments import checked, optional, text
from symkeras.graph import dtypes
from symkeras.layers.calls import mask_of
from symkeras.losses.weighting import check_reduction, reduce_weighted
from symkeras.ops.op import dtype_of


class Loss:
    """A loss; subclasses give `call`, the loss of every position.

    Args:
        name: shown in logs; made from the class name when None.
        reduction: "sum_over_batch_size" (the mean of all values, the default), "mean" (the same), "mean_with_sample_weight"
            (weighted values over the sum of the weights), "sum", "none" or None (values as they are).
        dtype: dtype of the computation, `floatx` when None.

    Raises:
        ConfigError: an unknown reduction.

    Example:
        >>> import numpy as np
        >>> class Gap(Loss):
        ...     def call(self, y_true, y_pred):
        ...         return ops.max(ops.absolute(y_true - y_pred), axis=-1)
        >>> float(Gap()(np.zeros((2, 2)), np.array([[1.0, 3.0], [2.0, 0.0]])))
        2.5
    """

    casts_targets: ClassVar[bool] = True
    """Whether `call` gets the targets in `dtype`; integer labels keep theirs where False."""

    @checked(name=optional(text))
    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None):
        from symkeras.utils.naming import auto_name, to_snake_case

        self.name = name or auto_name(to_snake_case(type(self).__name__))
        self.reduction = check_reduction(reduction, self.name)
        self._dtype = dtype_policies.get(config.floatx() if dtype is None else dtype).compute_dtype

    @property
    def dtype(self) -> str:
        """The dtype of the computation."""
        return self._dtype

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The reduced loss.

        Args:
            y_true: targets.
            y_pred: predictions; positions that their Keras mask leaves out do not count.
            sample_weight: one weight per sample, or per position.
        """
        mask = None if tree.is_nested(y_pred) else mask_of(y_pred)
        y_pred = tree.map_structure(self._converted, y_pred) if _is_structure(y_pred) else self._converted(y_pred)
        if _is_structure(y_true):
            y_true = tree.map_structure(self._converted_target, y_true)
        else:
            y_true = self._converted_target(y_true)
        values = self.call(y_true, y_pred)
        own = self.value_mask(y_true, values)
        if own is not None:
            mask = own if mask is None else ops.logical_and(mask, own)
        return reduce_weighted(values, sample_weight, mask, self.reduction, self.dtype)

    def _converted(self, x: Any) -> Any:
        return ops.cast(ops.convert_to_tensor(x), self.dtype)

    def _converted_target(self, x: Any) -> Any:
        x = ops.convert_to_tensor(x)
        return x if not self.casts_targets and dtypes.is_int(dtype_of(x)) else ops.cast(x, self.dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The losses of all positions, not reduced; subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} does not define call(y_true, y_pred)")

    def value_mask(self, y_true: Any, values: Any) -> Any:
        """Which of the values that `call` gave count, or None for all."""
        return mask_of(values)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make this loss again."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A loss from its config."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _is_structure(x: Any) -> bool:
    """Whether `x` holds several tensors: a list of numbers does not."""
    if not tree.is_nested(x):
        return False
    return any(hasattr(leaf, "shape") and len(leaf.shape) > 0 for leaf in tree.flatten(x))
