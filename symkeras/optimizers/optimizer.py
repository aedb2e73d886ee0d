"""`Optimizer`: from gradients to updates of variables, as in Keras 3.

A subclass names its slots (one variable of the shape of each trainable variable per slot), writes `update_step` as an
elementwise formula over variable, slots and gradient, and computes in `step_scalars` what all variables of a step
share. The base does the rest: learning rate, decay, clipping, accumulation, averages, constraints, saving. The same
code runs on arrays at once and, inside a trace, records updates.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from symkeras import config as settings
from symkeras import ops
from symkeras.arguments import boolean, checked, fraction, integer, is_number, non_negative, optional, positive, positive_int, text
from symkeras.errors import ConfigError, ReadOnlyError, ShapeError, SymkerasError
from symkeras.graph import provenance, tracing
from symkeras.graph.stateless import with_values
from symkeras.graph.tensor import Tensor
from symkeras.graph.variable import Variable
from symkeras.ops.op import dtype_of
from symkeras.optimizers.clipping import clip_gradients
from symkeras.optimizers.conditional import keep_where, values_of
from symkeras.optimizers.schedules.learning_rate_schedule import LearningRateSchedule
from symkeras.optimizers.state import State


class Optimizer(State):
    """Turns gradients into new values of variables.

    Args:
        learning_rate: a number, a `LearningRateSchedule`, or a function without arguments that computes it from variables.
        weight_decay: share of each weight taken away per unit of learning rate, before the update.
        clipnorm: bound on the norm of each gradient.
        clipvalue: bound on the absolute value of each element of each gradient.
        global_clipnorm: bound on the norm of all gradients together.
        use_ema: whether to keep exponential moving averages of the variables.
        ema_momentum: how much of the average is kept per step.
        ema_overwrite_frequency: steps after which the variables take the values of their averages; None: at the end of training.
        loss_scale_factor: what the loss is multiplied and the gradients are divided by.
        gradient_accumulation_steps: steps whose mean gradient makes one update.
        name: snake case of the class name when None.
        **kwargs: the spellings of 2017: `lr` for `learning_rate`; `decay`, by which the rate of step n is `lr / (1 + decay * n)`.

    Raises:
        ConfigError: an argument that is unknown or out of range, or more than one kind of clipping.

    Example:
        >>> class Descent(Optimizer):
        ...     def update_step(self, gradient, variable, learning_rate):
        ...         variable.assign_sub(ops.multiply(gradient, learning_rate))
        >>> v = Variable([1.0, 2.0], name="v")
        >>> Descent(0.5).apply_gradients([(np.ones(2, "float32"), v)])
        >>> v.numpy().tolist()
        [0.5, 1.5]
    """

    hyperparameters: ClassVar[tuple[str, ...]] = ()
    """The attributes that `get_config` adds to what every optimizer has."""

    @checked(
        weight_decay=optional(non_negative), clipnorm=optional(positive), clipvalue=optional(positive), global_clipnorm=optional(positive),
        use_ema=boolean, ema_momentum=fraction, ema_overwrite_frequency=optional(positive_int), loss_scale_factor=optional(positive),
        gradient_accumulation_steps=optional(integer(least=2)), name=optional(text),
    )  # fmt: skip
    def __init__(self, learning_rate: Any, weight_decay: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None,
                 global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
                 ema_overwrite_frequency: int | None = None, loss_scale_factor: float | None = None,
                 gradient_accumulation_steps: int | None = None, name: str | None = None, **kwargs: Any):  # fmt: skip
        from symkeras.utils.naming import auto_name, to_snake_case

        kind = type(self).__name__
        learning_rate = kwargs.pop("lr", learning_rate)
        self.decay = float(kwargs.pop("decay", None) or 0.0)
        if kwargs:
            raise ConfigError(f"{kind}: unrecognized keyword arguments {sorted(kwargs)}")
        if sum(c is not None for c in (clipnorm, clipvalue, global_clipnorm)) > 1:
            raise ConfigError(f"{kind} takes one of clipnorm={clipnorm}, clipvalue={clipvalue}, global_clipnorm={global_clipnorm}")
        super().__init__(name if name is not None else auto_name(to_snake_case(kind)))
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self._no_decay: tuple[set[Variable], str | None] = (set(), None)
        self._scalars: list[tuple[Any, str, Any]] | None = None
        self._warned = False
        self._learning_rate = self._standardized_rate(learning_rate)
        if isinstance(self._learning_rate, Variable):
            self._variables.append(self._learning_rate)

    # ---- learning rate -------------------------------------------------------------------------------------------

    @property
    def learning_rate(self) -> Any:
        """The variable that holds the learning rate, or what the schedule gives for the current step."""
        rate = self._learning_rate
        if isinstance(rate, Variable):
            return rate
        if isinstance(rate, LearningRateSchedule):
            return rate(self._iterations)
        value = rate()
        if tracing.current() is not None and not ops.is_symbolic(value):
            raise ConfigError(
                f"optimizer {self.name!r}: the learning rate function gave the number {value!r}, which a compiled training step would never "
                "ask for again; give the number itself, a LearningRateSchedule, or use the LearningRateScheduler callback"
            )
        return value

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        before = self._learning_rate
        if isinstance(before, Variable) and not callable(value):
            before.assign(value)
            return
        if isinstance(before, LearningRateSchedule) and not callable(value):
            raise ReadOnlyError(f"optimizer {self.name!r} follows a LearningRateSchedule: its learning rate cannot be set to {value!r}")
        after = self._standardized_rate(value)
        if isinstance(before, Variable):
            self._variables = [v for v in self._variables if v is not before]
        if isinstance(after, Variable):
            self._variables.insert(1, after)
        self._learning_rate = after

    lr = learning_rate

    def _standardized_rate(self, value: Any) -> Any:
        if isinstance(value, LearningRateSchedule) or (callable(value) and not isinstance(value, (Variable, Tensor))):
            if self.decay:
                raise ConfigError(f"optimizer {self.name!r}: decay={self.decay} goes with a number as learning rate, not with a schedule")
            return value
        if isinstance(value, Mapping):
            from symkeras.optimizers import schedules

            return schedules.deserialize(value)
        rate = np.asarray(value)
        if not is_number(rate):
            raise ConfigError(f"optimizer {self.name!r}: learning_rate is a number, a schedule or a function, received {value!r}")
        with tracing.suspended():
            variable = Variable(rate, dtype=settings.floatx(), trainable=False, name="learning_rate")
        variable.path = f"{self.name}/learning_rate"
        return variable

    def _current_rate(self) -> Any:
        rate = ops.convert_to_tensor(self.learning_rate)
        if not self.decay:
            return rate
        steps = ops.cast(self._iterations, dtype_of(rate))
        return ops.divide(rate, ops.add(ops.multiply(steps, self.decay), 1.0))

    # ---- one step ------------------------------------------------------------------------------------------------

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> None:
        """Do one step with pairs of gradient and variable."""
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Do one step.

        Args:
            grads: one gradient per variable; None where there is none.
            trainable_variables: the variables; those the optimizer was built with when None.

        Raises:
            ConfigError: there is no gradient at all, or a variable is not one the optimizer was built with.
        """
        if not len(grads):
            return
        trainable_variables = self._variables_for(grads, trainable_variables)
        with provenance.part_scope("optimizer"), provenance.layer_scope(self.name):
            grads, others = self._overwriting(grads, trainable_variables)
            pairs = self._with_gradients(grads, others) if others else []
            if pairs:
                self._step([g for g, _ in pairs], [v for _, v in pairs])
            if self.use_ema:
                self._average([v for v in trainable_variables if not v.overwrite_with_gradient])
            for _, v in pairs:
                if v.constraint is not None:
                    v.assign(v.constraint(v.value))
            self._iterations.assign_add(1)

    def stateless_apply(self, optimizer_variables: Sequence[Any], grads: Sequence[Any],
                        trainable_variables: Sequence[Any]) -> tuple[list[Any], list[Any]]:  # fmt: skip
        """One step on values; the variables keep theirs.

        Args:
            optimizer_variables: one value for each of `variables`.
            grads: one gradient for each variable that the optimizer was built with; None where there is none.
            trainable_variables: one value for each of those.

        Returns:
            The values of these variables after the step, and those of `variables`.

        Raises:
            ConfigError: the optimizer is not built.
            ShapeError: another number of values, or a value of another shape.

        Example:
            >>> from symkeras.optimizers import SGD
            >>> v, optimizer = Variable([1.0], name="v"), SGD(0.5)
            >>> optimizer.build([v])
            >>> weights, state = optimizer.stateless_apply([s.value for s in optimizer.variables], [np.ones(1, "float32")], [v.value])
            >>> weights[0].tolist(), int(state[0]), v.numpy().tolist()
            ([0.5], 1, [1.0])
        """
        if not self.built:
            raise ConfigError(f"optimizer {self.name!r}: stateless_apply() needs its variables; call build(variables) first")
        trained, own = list(self._built_for), self.variables
        for what, values, expected in (("trainable variables", trainable_variables, trained), ("variables", optimizer_variables, own)):
            if len(values) != len(expected):
                raise ShapeError(f"optimizer {self.name!r} has {len(expected)} {what}, received {len(values)} values")
        values = [*trainable_variables, *optimizer_variables]
        is_symbolic = ops.is_symbolic(*values, *(g for g in grads if g is not None))
        where = f"optimizer {self.name!r}"
        _, scope = with_values(where, [*trained, *own], values, lambda: self.apply(grads, trained), is_symbolic)
        return [scope.get_current_value(v) for v in trained], [scope.get_current_value(v) for v in own]

    def _variables_for(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None) -> Sequence[Variable]:
        """The variables that gradients are of, for which the optimizer is built."""
        if trainable_variables is None:
            if not self.built:
                raise ConfigError(f"optimizer {self.name!r}: name the variables, or call build(variables) first")
            trainable_variables = list(self._built_for)
        if len(grads) != len(trainable_variables):
            raise ConfigError(f"optimizer {self.name!r}: {len(grads)} gradients came for {len(trainable_variables)} variables")
        if not self.built:
            with tracing.suspended():
                self.build(list(trainable_variables))
        self._pack()
        for v in trainable_variables:
            if not v.overwrite_with_gradient:
                self._get_variable_index(v)
        return trainable_variables

    def _overwriting(self, grads: Sequence[Any], variables: Sequence[Variable]) -> tuple[Sequence[Any], Sequence[Variable]]:
        """Give variables whose gradient is their next value that one; the others are left, with their gradients."""
        if not any(v.overwrite_with_gradient for v in variables):
            return grads, variables
        left = []
        for g, v in zip(grads, variables, strict=True):
            if not v.overwrite_with_gradient:
                left.append((g, v))
            elif g is not None:
                v.assign(self._next_value(v, ops.cast(g, v.dtype)))
        return [g for g, _ in left], [v for _, v in left]

    def _next_value(self, v: Variable, gradient: Any) -> Any:
        """The gradient; of those of several steps that make one the greatest, at the last of them."""
        if not self.gradient_accumulation_steps:
            return gradient
        due = ops.equal(ops.mod(ops.add(self._iterations, 1), self.gradient_accumulation_steps), 0)
        greatest = self._greatest[v]
        most = ops.maximum(greatest.value, gradient)
        greatest.assign(ops.where(due, 0, most))
        return ops.where(due, most, v.value)

    def _with_gradients(self, grads: Sequence[Any], variables: Sequence[Variable]) -> list[tuple[Any, Variable]]:
        """The pairs of gradient and variable to take a step with; the gradients of the loss itself, not of the scaled one."""
        pairs, scale = self._present(grads, variables), self.loss_scale_factor
        return pairs if scale is None else [(ops.divide(g, scale), v) for g, v in pairs]

    def _present(self, grads: Sequence[Any], variables: Sequence[Variable]) -> list[tuple[Any, Variable]]:
        """The pairs of gradient and variable, of those that have one."""
        pairs = [(g, v) for g, v in zip(grads, variables, strict=True) if g is not None]
        if not pairs:
            raise ConfigError(f"optimizer {self.name!r}: no variable has a gradient: the loss depends on none of them")
        if len(pairs) < len(grads) and not self._warned:
            self._warned = True
            missing = [v.path for g, v in zip(grads, variables, strict=True) if g is None]
            warnings.warn(f"the loss does not depend on the variables {missing}: they have no gradient and stay as they are")
        return pairs

    def _step(self, grads: list[Any], variables: list[Variable]) -> None:
        if not self.gradient_accumulation_steps:
            self._update(grads, variables)
        else:
            self._accumulate(grads, variables)

    def _accumulate(self, grads: list[Any], variables: list[Variable]) -> None:
        """An update with the mean gradient on every n-th step; on the others everything but the sums keeps its value."""
        steps = self.gradient_accumulation_steps
        due = ops.equal(ops.mod(ops.add(self._iterations, 1), steps), 0)
        sums = [self._accumulated_gradients[self._get_variable_index(v)] for v in variables]
        totals = [ops.add(s.value, g) for s, g in zip(sums, grads, strict=True)]
        before = values_of((*variables, *self._variables))
        self._update([ops.divide(t, steps) for t in totals], variables)
        keep_where(due, before)
        for s, total in zip(sums, totals, strict=True):
            s.assign(ops.where(due, 0, total))

    def _clip_gradients(self, grads: list[Any]) -> list[Any]:
        return clip_gradients(grads, self.clipnorm, self.clipvalue, self.global_clipnorm)

    def _update(self, grads: list[Any], variables: list[Variable]) -> None:
        rate = self._current_rate()
        grads = self._clip_gradients(grads)
        self._scalars = []
        try:
            self._apply_weight_decay(variables, rate)
            self.begin_step(rate)
            for g, v in zip(grads, variables, strict=True):
                self.update_step(ops.cast(g, v.dtype), v, rate)
        finally:
            self._scalars = None

    def begin_step(self, learning_rate: Any) -> None:
        """What a step does once, before the variables are updated."""

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Give `variable` and its slots their new values; subclasses define it.

        Args:
            gradient: of the variable, clipped.
            variable: the variable.
            learning_rate: of this step.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define update_step()")

    def step_scalars(self, learning_rate: Any, dtype: str) -> Any:
        """The scalars of a step that all variables of one dtype share; by default the learning rate."""
        return learning_rate

    def scalars(self, learning_rate: Any, variable: Variable) -> Any:
        """`step_scalars` in the dtype of `variable`, computed once per step."""
        dtype = variable.dtype
        for rate, known, values in self._scalars or ():
            if rate is learning_rate and known == dtype:
                return values
        values = self.step_scalars(ops.cast(learning_rate, dtype), dtype)
        if self._scalars is not None:
            self._scalars.append((learning_rate, dtype, values))
        return values

    def local_step(self, dtype: str, ahead: int = 1) -> Any:
        """The number of this step, from 1, as a float."""
        return ops.cast(ops.add(self.iterations, ahead), dtype)

    def scale_loss(self, loss: Any) -> Any:
        """The loss whose gradients `apply` expects."""
        return loss if self.loss_scale_factor is None else ops.multiply(loss, self.loss_scale_factor)

    # ---- weight decay and averages -----------------------------------------------------------------------------------

    def exclude_from_weight_decay(self, var_list: Sequence[Variable] | None = None, var_names: Sequence[str] | None = None) -> None:
        """Name the variables that weight decay leaves alone; to be called before the optimizer is built.

        Args:
            var_list: the variables themselves.
            var_names: texts (regular expressions) found in the names of variables.
        """
        if self.built:
            raise ConfigError(f"optimizer {self.name!r} is built: exclude_from_weight_decay() comes before")
        self._no_decay = (set(var_list or ()), "|".join(var_names) if var_names else None)

    def _use_weight_decay(self, variable: Variable) -> bool:
        excluded, pattern = self._no_decay
        return variable not in excluded and (pattern is None or re.search(pattern, variable.name) is None)

    def _apply_weight_decay(self, variables: Sequence[Variable], rate: Any) -> None:
        for v in variables:
            decay = self._weight_decay_of(v)
            if decay is not None and self._use_weight_decay(v):
                x = v.value
                v.assign(ops.subtract(x, ops.multiply(ops.multiply(x, decay), ops.cast(rate, v.dtype))))

    def _weight_decay_of(self, variable: Variable) -> float | None:
        return self.weight_decay

    def _average(self, variables: Sequence[Variable]) -> None:
        steps = self.iterations
        overwrite = None
        if self.ema_overwrite_frequency:
            overwrite = ops.equal(ops.mod(ops.add(steps, 1), self.ema_overwrite_frequency), 0)
        later = ops.not_equal(steps, 0)
        for v in variables:
            average = self.slot("average", v)
            momentum = ops.multiply(ops.cast(later, v.dtype), self.ema_momentum)
            mean = ops.add(ops.multiply(momentum, average.value), ops.multiply(ops.subtract(1, momentum), v.value))
            average.assign(mean)
            if overwrite is not None:
                v.assign(ops.where(overwrite, mean, v.value))

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Give the variables their averages, if the optimizer keeps them; done when training ends.

        Args:
            var_list: variables the optimizer was built with.
        """
        if self.use_ema and self.built:
            for v in var_list:
                if not v.overwrite_with_gradient:
                    v.assign(self.slot("average", v).value)

    # ---- config ---------------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make this optimizer again, its state aside."""
        from symkeras.saving.serialization import serialize_keras_object

        rate = self._learning_rate
        common = {
            "name": self.name,
            "learning_rate": float(rate.numpy()) if isinstance(rate, Variable) else serialize_keras_object(rate),
            "weight_decay": self.weight_decay, "clipnorm": self.clipnorm, "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue, "use_ema": self.use_ema, "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency, "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }  # fmt: skip
        if self.decay:
            common["decay"] = self.decay
        return common | {name: getattr(self, name) for name in self.hyperparameters}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """An optimizer from its config, also one written by earlier Keras.

        Args:
            config: what `get_config` gave.
            custom_objects: name -> class or function, for a schedule of one's own.
        """
        arguments = {k: v for k, v in config.items() if k not in _RETIRED}
        rate = arguments.get("learning_rate")
        if isinstance(rate, Mapping):
            from symkeras.optimizers import schedules

            arguments["learning_rate"] = schedules.deserialize(rate, custom_objects)
        try:
            return cls(**arguments)
        except SymkerasError:
            raise
        except TypeError as error:
            raise ConfigError(f"{cls.__name__}.from_config: {error}; config {dict(config)}") from error


_RETIRED = ("jit_compile", "is_legacy_optimizer")
"""Keys that Keras 2 wrote and that mean nothing to a compiled step."""
