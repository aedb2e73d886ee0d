"""`LossScaleOptimizer`: another optimizer, for losses whose gradients are too small for float16."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from symkeras import ops
from symkeras.arguments import checked, instance, optional, positive, positive_int, text
from symkeras.errors import ConfigError
from symkeras.graph import provenance
from symkeras.graph.variable import Variable
from symkeras.optimizers.conditional import keep_where, values_of
from symkeras.optimizers.optimizer import Optimizer

# What Keras wrote into configs once, with the values that mean nothing.
_OF_THE_INNER = {
    "weight_decay": None, "clipnorm": None, "global_clipnorm": None, "clipvalue": None, "use_ema": False, "ema_momentum": 0.99,
    "ema_overwrite_frequency": None, "loss_scale_factor": None, "gradient_accumulation_steps": None,
}  # fmt: skip


class LossScaleOptimizer(Optimizer):
    """Multiplies the loss by a scale before gradients are taken and divides the gradients by it, so that they do not vanish in float16.

    A step whose gradients are not all finite changes nothing but the scale, which it halves; after `dynamic_growth_steps`
    steps in a row with finite gradients the scale is doubled. `compile` puts this around the optimizer of a model whose policy
    is "mixed_float16".

    Args:
        inner_optimizer: what does the steps; its own `loss_scale_factor` becomes None.
        initial_scale: the scale at the start.
        dynamic_growth_steps: finite steps in a row after which the scale is doubled.
        name: made from the class name when None.
        **kwargs: nothing; what other optimizers take is given to `inner_optimizer`.

    Raises:
        ConfigError: an argument that belongs to the inner optimizer, or `dynamic=False`.

    Reference: Micikevicius et al., Mixed Precision Training, 2017.

    Example:
        >>> import numpy as np
        >>> from symkeras.optimizers import SGD
        >>> v = Variable([1.0], name="v")
        >>> optimizer = LossScaleOptimizer(SGD(0.5), initial_scale=8.0)
        >>> optimizer.apply([np.float32([8.0])], [v]); v.numpy().tolist()
        [0.5]
        >>> optimizer.apply([np.float32([np.inf])], [v]); v.numpy().tolist(), float(optimizer.dynamic_scale)
        ([0.5], 4.0)
    """

    @checked(inner_optimizer=instance(Optimizer, "an Optimizer"), initial_scale=positive, dynamic_growth_steps=positive_int, name=optional(text))
    def __init__(self, inner_optimizer: Any, initial_scale: float = 2.0**15, dynamic_growth_steps: int = 2000, name: str | None = None,
                 **kwargs: Any):  # fmt: skip
        if not kwargs.pop("dynamic", True):
            raise ConfigError("LossScaleOptimizer: dynamic=False is not offered: set `loss_scale_factor` on the inner optimizer instead")
        for key in [k for k in kwargs if k in _OF_THE_INNER]:
            if (value := kwargs.pop(key)) != _OF_THE_INNER[key]:
                raise ConfigError(f"LossScaleOptimizer: set {key}={value!r} on the `inner_optimizer`, which does the steps")
        if isinstance(inner_optimizer, LossScaleOptimizer):
            raise ConfigError("LossScaleOptimizer: inner_optimizer scales the loss itself, and twice is once too often")
        super().__init__(0.0, name=name, **kwargs)
        self.inner_optimizer = inner_optimizer
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps
        inner_optimizer.loss_scale_factor = None
        self.step_counter = self.add_variable((), dtype="int32", name="step_counter")
        self.dynamic_scale = self.add_variable((), initial_scale, dtype="float32", name="dynamic_scale")

    @property
    def variables(self) -> list[Variable]:
        """Own state, then that of the inner optimizer."""
        return [*self._variables, *self.inner_optimizer.variables]

    @property
    def learning_rate(self) -> Any:
        """That of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    lr = learning_rate

    @property
    def iterations(self) -> Any:
        """Number of updates that the inner optimizer did."""
        return self.inner_optimizer.iterations

    def build(self, variables: Sequence[Variable]) -> None:
        self.inner_optimizer.build(variables)
        super().build(variables)

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        if not len(grads):
            return
        variables = self._variables_for(grads, trainable_variables)
        with provenance.part_scope("optimizer"), provenance.layer_scope(self.name):
            finite: Any = True
            for g in grads:
                if g is not None:
                    finite = ops.logical_and(finite, ops.all(ops.isfinite(g)))
            scale, counter = self.dynamic_scale.value, self.step_counter.value
            unscaled = [g if g is None or v.overwrite_with_gradient else ops.divide(g, scale) for g, v in zip(grads, variables, strict=True)]
        before = values_of([*variables, *self.inner_optimizer.variables])
        self.inner_optimizer.apply(unscaled, variables)
        with provenance.part_scope("optimizer"), provenance.layer_scope(self.name):
            keep_where(finite, before)
            grows = ops.equal(counter, self.dynamic_growth_steps - 1)
            self.step_counter.assign(ops.where(ops.logical_and(finite, ops.logical_not(grows)), ops.add(counter, 1), 0))
            larger = ops.where(grows, ops.multiply(scale, 2.0), scale)
            self.dynamic_scale.assign(ops.where(finite, larger, ops.multiply(scale, 0.5)))

    def scale_loss(self, loss: Any) -> Any:
        return ops.multiply(loss, self.dynamic_scale)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        self.inner_optimizer.finalize_variable_values(var_list)

    def _state_names(self) -> tuple[str, ...]:
        """Keras' files have the state of the inner optimizer a second time, below its attribute."""
        return ("inner_optimizer",)

    def get_config(self) -> dict[str, Any]:
        from symkeras.saving.serialization import serialize_keras_object

        return {
            "name": self.name, "inner_optimizer": serialize_keras_object(self.inner_optimizer), "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }  # fmt: skip

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        from symkeras.optimizers.registry import deserialize

        inner = config.get("inner_optimizer")
        if not isinstance(inner, Mapping):
            raise ConfigError(f"LossScaleOptimizer.from_config: inner_optimizer must be the config of an optimizer, received {inner!r}")
        return cls(deserialize(inner, custom_objects), **{k: v for k, v in config.items() if k not in ("inner_optimizer", "learning_rate")})
