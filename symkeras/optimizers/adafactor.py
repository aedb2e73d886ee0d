"""Adafactor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symkeras import ops
from symkeras.arguments import boolean, checked, non_negative, number, positive
from symkeras.graph.variable import Variable
from symkeras.optimizers.optimizer import Optimizer


class Adafactor(Optimizer):
    """RMSprop whose average of squares is kept, for matrices, as the product of its row and column means.

    Args:
        learning_rate: as in `Optimizer`, like everything that is not named here.
        beta_2_decay: the average keeps `1 - n ** beta_2_decay` at step n.
        epsilon_1: added to the squares of gradients.
        epsilon_2: least size of a variable, relative to which steps are taken.
        clip_threshold: bound on the root mean square of a step.
        relative_step: part of Keras' config; there and here the rate of step n is at most `1 / sqrt(n)` with either value.

    Reference: Shazeer and Stern, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost, 2018.

    Example:
        >>> v = Variable([1.0], name="v")
        >>> Adafactor(0.1).apply_gradients([(ops.full((1,), 3.0), v)])
        >>> round(float(v.numpy()[0]), 4)
        0.9
    """

    hyperparameters = ("beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold", "relative_step")

    @checked(beta_2_decay=number(most=0), epsilon_1=non_negative, epsilon_2=non_negative, clip_threshold=positive, relative_step=boolean)
    def __init__(self, learning_rate: Any = 0.001, beta_2_decay: float = -0.8, epsilon_1: float = 1e-30, epsilon_2: float = 1e-3,
                 clip_threshold: float = 1.0, relative_step: bool = True, weight_decay: float | None = None, clipnorm: float | None = None,
                 clipvalue: float | None = None, global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
                 ema_overwrite_frequency: int | None = None, loss_scale_factor: float | None = None,
                 gradient_accumulation_steps: int | None = None, name: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
                         loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    def build(self, variables: Sequence[Variable]) -> None:
        new = self._unknown(variables)
        if not self.built:
            self._rows: list[Variable] = []
            self._columns: list[Variable] = []
        super().build(variables)
        for v in new:
            # where nothing is factored Keras saves a scalar, and so do we
            shapes = (v.shape[:-1], (*v.shape[:-2], v.shape[-1])) if v.ndim >= 2 else ((), ())
            path = v.path.replace("/", "_")
            self._rows.append(self.add_variable(shapes[0], dtype=v.dtype, name=f"{path}_row_mean"))
            self._columns.append(self.add_variable(shapes[1], dtype=v.dtype, name=f"{path}_column_mean"))
            self.add_variable_from_reference(v, "velocity")
        self._pack()

    def step_scalars(self, learning_rate: Any, dtype: str) -> Any:
        n = self.local_step(dtype)
        rate = ops.minimum(learning_rate, ops.divide(1, ops.sqrt(n)))
        return rate, ops.subtract(1, ops.power(n, self.beta_2_decay))

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        rate, keep = self.scalars(learning_rate, variable)
        squares = ops.add(ops.square(gradient), self.epsilon_1)
        slot = self.slot("velocity", variable)
        if variable.ndim >= 2:
            k = self._get_variable_index(variable)
            rows = self._keep(self._rows[k], ops.mean(squares, axis=-1), keep)
            columns = self._keep(self._columns[k], ops.mean(squares, axis=-2), keep)
            v = ops.multiply(
                ops.expand_dims(ops.divide(rows, ops.mean(rows, axis=-1, keepdims=True)), -1), ops.expand_dims(columns, -2)
            )
            slot.assign(v)
        else:
            v = self._keep(slot, squares, keep)
        step = ops.divide(gradient, ops.sqrt(v))
        step = ops.divide(step, ops.maximum(ops.divide(_size(step), self.clip_threshold), 1))
        w = variable.value
        scale = ops.multiply(ops.maximum(_size(w), self.epsilon_2), rate)
        variable.assign(ops.subtract(w, ops.multiply(step, scale)))

    def _keep(self, slot: Variable, value: Any, keep: Any) -> Any:
        new = ops.add(ops.multiply(slot.value, keep), ops.multiply(value, ops.subtract(1, keep)))
        slot.assign(new)
        return new


def _size(x: Any) -> Any:
    """The root mean square of the elements."""
    return ops.sqrt(ops.mean(ops.square(x)))
