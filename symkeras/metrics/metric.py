"""`Metric`: a number that is gathered batch by batch in variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any, ClassVar

import numpy as np

from symkeras import config, dtype_policies, ops, tree
from symkeras.arguments import checked, optional, text
from symkeras.errors import ShapeError, SymkerasError
from symkeras.graph import dtypes, provenance, tracing
from symkeras.graph.stateless import with_values
from symkeras.graph.variable import Variable
from symkeras.layers.tracking import Tracker, restore, state_of


class Metric:
    """State that `update_state` adds to, `result` reads and `reset_state` clears.

    Args:
        dtype: dtype of the result, `floatx` when None.
        name: shown in logs; made from the class name when None.

    Example:
        >>> class Largest(Metric):
        ...     def __init__(self, name="largest"):
        ...         super().__init__(name=name)
        ...         self.top = self.add_weight(name="top")
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         self.top.assign(ops.maximum(self.top, ops.max(y_pred)))
        ...     def result(self):
        ...         return self.top.value
        >>> metric = Largest()
        >>> metric.update_state(None, np.array([1.0, 3.0])); metric.update_state(None, np.array([2.0]))
        >>> float(metric.result())
        3.0
    """

    _tracked_as = "metrics"
    _tracker: Tracker

    _direction: ClassVar[str | None] = None
    """"up" where larger is better, "down" where smaller is, for callbacks that compare epochs."""

    @checked(name=optional(text))
    def __init__(self, dtype: Any = None, name: str | None = None):
        from symkeras.utils.naming import auto_name, to_snake_case

        self.name = name or auto_name(to_snake_case(type(self).__name__))
        self._dtype = dtype_policies.get(config.floatx() if dtype is None else dtype).compute_dtype
        object.__setattr__(self, "_tracker", Tracker())

    def __setattr__(self, name: str, value: Any) -> None:
        if "_tracker" in self.__dict__:
            value = self._tracker.renew(self.__dict__.get(name), value)
        object.__setattr__(self, name, value)

    def __getstate__(self) -> dict[str, Any]:
        return state_of(self, frozenset())

    def __setstate__(self, state: dict[str, Any]) -> None:
        restore(self, state)

    @property
    def dtype(self) -> str:
        """The dtype of the result."""
        return self._dtype

    @property
    def variables(self) -> list[Variable]:
        """Own state, then that of metrics among the attributes."""
        return self._tracker.variables

    def add_variable(self, shape: Sequence[int], initializer: Any = None, dtype: Any = None, aggregation: str = "sum",
                     name: str | None = None) -> Variable:  # fmt: skip
        """A new state variable.

        Args:
            shape: sizes of its axes.
            initializer: name, object or function; zeros when None.
            dtype: `floatx` when None: counts in 16 bits would soon stand still.
            aggregation: accepted for Keras' signature; one process needs none.
            name: shown in graphs.
        """
        if "_tracker" not in self.__dict__:
            raise SymkerasError(f"{type(self).__name__}.__init__ must call super().__init__() before it adds variables")
        dtype = dtypes.standardize(dtype or config.floatx())
        with tracing.suspended(), provenance.layer_scope(self.name):
            variable = Variable(_initializer(initializer), shape=tuple(shape), dtype=dtype, trainable=False, name=name, autocast=False)
        self._tracker.add(variable)
        return variable

    @property
    def _floating_dtype(self) -> str:
        """The metric's own dtype where it is floating, else `floatx`."""
        return self.dtype if dtypes.is_float(self.dtype) else config.floatx()

    def add_weight(self, shape: Sequence[int] = (), initializer: Any = None, dtype: Any = None, name: str | None = None) -> Variable:
        """A new state variable: `add_variable` with a scalar by default."""
        return self.add_variable(shape=shape, initializer=initializer, dtype=dtype, name=name)

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take one batch into account; subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} does not define update_state()")

    def result(self) -> Any:
        """The value for all batches since the last reset, a tensor or a dict of them; subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} does not define result()")

    def reset_state(self) -> None:
        """Forget all batches: every variable becomes zero."""
        for v in self.variables:
            v.assign(np.zeros(v.shape, v.dtype))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Take one batch into account and give the result so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    # ---- files ---------------------------------------------------------------------------------------------------

    _state_kind = "metric"

    def _state_names(self) -> list[str]:
        """The attributes in which metrics within this one lie."""
        return sorted(vars(self).keys() - {"_tracker"}, key=lambda n: (n.startswith("_"), n))

    def _state_variables(self) -> list[Variable] | None:
        """The variables that a file has, in order; None for a class that reads them in its own way."""
        return self.variables if type(self).load_own_variables is Metric.load_own_variables else None

    def _variables_written(self) -> list[Variable]:
        """What reading this metric from a file may write."""
        return self.variables

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put the variables into `store` under "0", "1", ..."""
        for k, v in enumerate(self.variables):
            store[str(k)] = v.numpy()

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Read the variables from `store`.

        Raises:
            ShapeError: it holds another number of them.
        """
        own = self.variables
        if len(store.keys()) != len(own):
            raise ShapeError(f"metric {self.name!r} has {len(own)} variables, the file holds {len(store.keys())}")
        for k, v in enumerate(own):
            v.set(np.asarray(store[str(k)]))

    # ---- state passed in and out ---------------------------------------------------------------------------------

    def stateless_update_state(self, metric_variables: Sequence[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """The state after one batch, from the state before; the variables keep theirs.

        Args:
            metric_variables: one value for each of `variables`.
            *args, **kwargs: as for `update_state`.
        """
        return self._stateless(metric_variables, lambda: self.update_state(*args, **kwargs), (args, tuple(kwargs.values())))[1]

    def stateless_result(self, metric_variables: Sequence[Any]) -> Any:
        """The result that a state means; the variables keep theirs."""
        return self._stateless(metric_variables, self.result, ())[0]

    def stateless_reset_state(self) -> list[Any]:
        """The state after a reset; the variables keep theirs."""
        return self._stateless([v.numpy() for v in self.variables], self.reset_state, ())[1]

    def _stateless(self, values: Sequence[Any], action: Callable[[], Any], arguments: Any) -> tuple[Any, list[Any]]:
        """What `action` gives and the state it leaves, when the variables hold `values`."""
        own = self.variables
        is_symbolic = ops.is_symbolic(*values, *tree.flatten(arguments))
        found, scope = with_values(f"metric {self.name!r}", own, values, action, is_symbolic)
        return found, [scope.get_current_value(v) for v in self.variables]

    # ---- config --------------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make this metric again."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A metric from its config."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _initializer(initializer: Any) -> Any:
    if initializer is None or (isinstance(initializer, str) and initializer == "zeros"):
        return lambda shape, dtype=None: np.zeros(shape, dtype)
    from symkeras import initializers

    return initializers.get(initializer)
