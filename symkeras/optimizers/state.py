"""The state of an optimizer: its variables, slots per trainable variable, how they lie in memory and are saved."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, ClassVar

import numpy as np

from symkeras import ops
from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import dtypes, tracing
from symkeras.graph.variable import Variable
from symkeras.optimizers.packing import pack_together


class State:
    """What an optimizer remembers; the base of `Optimizer`.

    Attributes:
        name: of the optimizer.
        built: whether the slots exist.
        slots: kind of slot -> one variable per trainable variable, in their order.
    """

    slot_groups: ClassVar[Sequence[Mapping[str, Any]]] = ()
    """Groups of {kind of slot: initial value}: variable by variable within a group, group after group; may be a property."""

    use_ema: bool
    gradient_accumulation_steps: int | None

    def __init__(self, name: str):
        self.name = name
        self.built = False
        self.slots: dict[str, list[Variable]] = {}
        self._variables: list[Variable] = []
        self._trainable_variables: list[Variable] = []
        self._built_for: dict[Variable, None] = {}  # the trainable ones, and those whose gradient is their next value
        self._greatest: dict[Variable, Variable] = {}  # of the gradients of those, since the last step
        self._index: dict[Variable, int] = {}
        self._owner: dict[Variable, Variable] = {}
        self._iterations = self.add_variable((), dtype="int32", name="iteration")

    @property
    def variables(self) -> list[Variable]:
        """All state in the order it is saved: iteration, learning rate, averages, accumulators, slots per variable."""
        return list(self._variables)

    @property
    def iterations(self) -> Any:
        """Number of updates done: a variable, or computed from it when gradients are accumulated."""
        if self.gradient_accumulation_steps:
            return ops.floor_divide(self._iterations, self.gradient_accumulation_steps)
        return self._iterations

    def add_variable(self, shape: Sequence[int], initializer: Any = "zeros", dtype: Any = None, name: str | None = None) -> Variable:
        """A new variable of the optimizer's state.

        Args:
            shape: its shape.
            initializer: a number, or the name, object or function of an initializer.
            dtype: `floatx` when None.
            name: shown behind the optimizer's name.
        """
        dtype = dtypes.standardize(dtype)
        with tracing.suspended():
            variable = Variable(_initializer(initializer), shape=tuple(shape), dtype=dtype, trainable=False, name=name, autocast=False)
        variable.path = f"{self.name}/{variable.name}"
        self._variables.append(variable)
        return variable

    def add_variable_from_reference(self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros") -> Variable:
        """A new variable of the shape and dtype of `reference_variable`.

        Args:
            reference_variable: the trainable variable it belongs to.
            name: what it is: "momentum". Variables of one name are laid out together.
            initializer: as in `add_variable`.
        """
        name = name or "var"
        path = f"{reference_variable.path.replace('/', '_')}_{name}"
        variable = self.add_variable(reference_variable.shape, initializer, reference_variable.dtype, path)
        variable.place = f"{self.name}/{reference_variable.place.replace('/', '_')}_{name}"
        self.slots.setdefault(name, []).append(variable)
        self._owner[variable] = variable.like = reference_variable
        return variable

    def add_optimizer_variables(self, trainable_variables: Sequence[Variable], name: Any, initializer: Any = "zeros") -> Any:
        """One variable per trainable variable for a name, or lists of them for several names.

        Args:
            trainable_variables: the variables they belong to.
            name: one name or several.
            initializer: one for all, or one per name.
        """
        names = [name] if isinstance(name, str) else list(name)
        initial = list(initializer) if isinstance(initializer, (list, tuple)) else [initializer] * len(names)
        made = [[self.add_variable_from_reference(v, n, i) for n, i in zip(names, initial, strict=True)] for v in trainable_variables]
        lists = tuple([row[k] for row in made] for k in range(len(names)))
        return lists[0] if isinstance(name, str) else lists

    def assign(self, variable: Variable, value: Any) -> None:
        """Give a variable a new value: `variable.assign(value)`, as an `update_step` written for Keras calls it.

        Args:
            variable: a weight, or a variable of the optimizer.
            value: the new value.
        """
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Any) -> None:
        """Add to a variable; see `assign`."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """Subtract from a variable; see `assign`."""
        variable.assign_sub(value)

    def slot(self, name: str, variable: Variable) -> Variable:
        """The slot `name` of a trainable variable."""
        return self.slots[name][self._get_variable_index(variable)]

    def build(self, variables: Sequence[Variable]) -> None:
        """Make all slots and lay variables and slots out in flat arrays, so that one update can serve them all.

        An optimizer that is shared by several models, as scripts of 2017 do, is built for the variables of each in turn.

        Args:
            variables: the variables to be trained; those it knows already keep their slots.
        """
        self._built_for.update(dict.fromkeys(variables))
        if self.gradient_accumulation_steps:
            for v in variables:
                if v.overwrite_with_gradient and v not in self._greatest:
                    self._greatest[v] = self.add_variable(v.shape, dtype=v.dtype, name=f"gradient_accumulator_{v.name}")
        new = self._unknown(variables)
        if self.built and not new:
            return
        self._index.update((v, len(self._trainable_variables) + k) for k, v in enumerate(new))
        self._trainable_variables += new
        if self.use_ema:
            self.add_optimizer_variables(new, "average")
            self._model_variables_moving_average = self.slots.setdefault("average", [])
            for v in new if self.built else ():  # the first step of the others is over
                self.slot("average", v).set(v.array)
        if self.gradient_accumulation_steps:
            self.add_optimizer_variables(new, "gradient_accumulator")
            self._accumulated_gradients = self.slots.setdefault("gradient_accumulator", [])
        self._add_slots(new)
        self.built = True
        self._pack()

    def _add_slots(self, variables: Sequence[Variable]) -> None:
        """Make the slots of some trainable variables: those of `slot_groups`."""
        for group in self.slot_groups:
            self.add_optimizer_variables(variables, list(group), list(group.values()))

    def _unknown(self, variables: Sequence[Variable]) -> list[Variable]:
        """Those that have no slots yet, and are to have some."""
        return [v for v in variables if v not in self._index and not v.overwrite_with_gradient]

    def _pack(self) -> None:
        pack_together(self.name, self._trainable_variables, self.slots, self._owner)

    def _get_variable_index(self, variable: Variable) -> int:
        if variable not in self._index:
            raise ConfigError(f"optimizer {self.name!r} was built for other variables than {variable.path!r}: make a new optimizer for them")
        return self._index[variable]

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all state, in the order of `variables`."""
        return [v.numpy() for v in self.variables]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all state; nothing changes when something does not fit.

        Args:
            weights: one array per variable, in the order of `variables`.

        Raises:
            ShapeError: another number of arrays, or another shape.
        """
        if not self.built:
            raise ConfigError(f"optimizer {self.name!r} has no slots yet: call build(variables) before set_weights()")
        own = self.variables
        if len(weights) != len(own):
            raise ShapeError(f"optimizer {self.name!r} has {len(own)} variables, received {len(weights)} arrays")
        arrays = [np.asarray(w) for w in weights]
        for v, w in zip(own, arrays, strict=True):
            if v.shape != w.shape:
                raise ShapeError(f"optimizer {self.name!r}: variable {v.path!r} expects shape {v.shape}, received {w.shape}")
        for v, w in zip(own, arrays, strict=True):
            v.set(w)

    _state_kind = "optimizer"

    def _state_names(self) -> tuple[str, ...]:
        """Nothing that a file holds lies below an optimizer."""
        return ()

    def _state_variables(self) -> list[Variable] | None:
        """All state, in the order of files; None for a class that reads it in its own way."""
        return self.variables if type(self).load_own_variables is State.load_own_variables else None

    def _variables_written(self) -> list[Variable]:
        """What reading this optimizer from a file may write."""
        return self.variables

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Write all state into `store`, under "0", "1", ..."""
        for k, v in enumerate(self.variables):
            store[str(k)] = v.numpy()

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Read all state from `store`; another number of variables gives a warning and changes nothing."""
        own = self.variables
        if len(store.keys()) != len(own):
            warnings.warn(
                f"optimizer {self.name!r} has {len(own)} variables, the saved one {len(store.keys())}: its state is not loaded"
                + ("" if self.built else "; build it before loading")
            )
            return
        weights = [np.asarray(store[str(k)]) for k in range(len(own))]
        for v, w in zip(own, weights, strict=True):
            v.set(w)



def _initializer(initial: Any) -> Any:
    """A function of shape and dtype for a number, a name or an initializer."""
    if isinstance(initial, str) and initial in ("zeros", "ones"):
        initial = float(initial == "ones")
    if isinstance(initial, (int, float)):
        return lambda shape, dtype: np.full(shape, initial, dtype)
    from symkeras import initializers

    return initializers.get(initial)
