"""Stateless scopes: computation in which variables hold other values, and what is assigned comes out instead of staying.

On arrays the variables are given the values, and get their own back at the end; while something is traced the values are
what reading gives, and assignments stay in a trace of the scope's own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from symkeras import locks
from symkeras.errors import ConfigError, ShapeError, SymkerasError
from symkeras.graph import tracing
from symkeras.graph.tensor import Tensor

if TYPE_CHECKING:
    from symkeras.graph.variable import Variable


class _State(threading.local):
    scope: StatelessScope | None = None


_state = _State()
_alone = locks.reentrant_lock()


class StatelessScope:
    """A context in which variables hold given values, and assignments to variables last no longer than it does.

    Args:
        state_mapping: pairs of variable and value, an array or a tensor.
        collect_losses: whether what layers add with `add_loss` is gathered in `losses`.
        initialize_variables: accepted for Keras' signature: a variable has its value from the start.

    Raises:
        ConfigError: a key that is no variable.
        ShapeError: a value has another shape than its variable.

    Example:
        >>> import numpy as np
        >>> from symkeras import Variable
        >>> v = Variable([1.0], name="v")
        >>> with StatelessScope([(v, np.ones(1, "float32") * 5)]) as scope:
        ...     _ = v.assign_add([1.0])
        >>> scope.get_current_value(v).tolist(), v.numpy().tolist()
        ([6.0], [1.0])
    """

    def __init__(self, state_mapping: Iterable[tuple[Variable, Any]] | None = None, collect_losses: bool = False, initialize_variables: bool = True):
        self.collect_losses = collect_losses
        self.initialize_variables = initialize_variables
        self.losses: list[Any] = []
        self.state_mapping: dict[Variable, Any] = {}
        self.is_symbolic = False
        for variable, value in state_mapping or ():
            if not hasattr(variable, "assign"):
                raise ConfigError(f"StatelessScope: state_mapping has pairs of variable and value, received {variable!r} for a variable")
            shape = tuple(getattr(value, "shape", None) or ()) if hasattr(value, "shape") else None
            if shape is not None and shape != variable.shape:
                raise ShapeError(f"StatelessScope: variable {variable.path!r} expects shape {variable.shape}, received a value of shape {shape}")
            self.state_mapping[variable] = value
        self._found: dict[Variable, Any] = {}
        self._before: dict[Variable, Any] = {}
        self._trace: tracing.Trace | None = None

    def __enter__(self) -> StatelessScope:
        self._outer_scope, self._outer_trace = _state.scope, tracing.current()
        if self.is_symbolic or self._outer_trace is not None or any(isinstance(value, Tensor) for value in self.state_mapping.values()):
            self._trace = tracing.Trace(self._at_start)
            self._trace.__enter__()
        else:
            _alone.__enter__()
        _state.scope = self
        try:
            for variable, value in self.state_mapping.items() if self._trace is None else ():
                variable.set(value)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        _state.scope = self._outer_scope
        if self._trace is not None:
            self._trace.__exit__()
            return
        try:
            self._found = {v: v.numpy() for v in self._before}
            for variable, value in self._before.items():
                variable.set(value)
            self._before = {}
        finally:
            _alone.__exit__(None, None, None)

    def _at_start(self, variable: Variable) -> Tensor:
        if variable in self.state_mapping:
            return variable._as_assigned(self.state_mapping[variable])
        return Tensor(variable.node) if self._outer_trace is None else self._outer_trace.read(variable)

    def noted(self, variable: Variable) -> None:
        """A variable is about to be written; called by those who write."""
        if self._trace is None and variable not in self._before:
            self._before[variable] = variable.numpy()

    def get_current_value(self, variable: Variable) -> Any:
        """What a variable holds in the scope, or held at its end."""
        if self._trace is not None:
            pending = self._trace.pending.get(variable)
            return self._trace.start(variable) if pending is None else pending
        return self._found[variable] if variable in self._found else variable.numpy()

    def add_update(self, update: tuple[Variable, Any]) -> None:
        """Give a variable another value for the rest of the scope: a pair of both."""
        variable, value = update
        if _state.scope is not self:
            raise SymkerasError("StatelessScope.add_update: the scope is not the innermost one that is entered")
        variable.assign(value)

    def add_loss(self, loss: Any) -> None:
        """Gather a loss."""
        self.losses.append(loss)


def current() -> StatelessScope | None:
    """The innermost scope that is entered, or None."""
    return _state.scope


def with_values(owner: str, variables: Sequence[Variable], values: Sequence[Any], action: Callable[[], Any],
                is_symbolic: bool, collect_losses: bool = False) -> tuple[Any, StatelessScope]:  # fmt: skip
    """What `action` gives while `variables` hold `values`, and the scope in which it ran.

    Raises:
        ShapeError: another number of values, or a value of another shape.
    """
    if len(values) != len(variables):
        raise ShapeError(f"{owner} has {len(variables)} variables, received {len(values)} values")
    scope = StatelessScope(zip(variables, values, strict=True), collect_losses)
    scope.is_symbolic = is_symbolic
    with scope:
        return action(), scope


class SymbolicScope:
    """A context in which variables are read as symbolic tensors, so that computation with them is recorded and nothing is computed.

    Example:
        >>> from symkeras import Variable, ops
        >>> v = Variable([1.0, 2.0], name="v")
        >>> with SymbolicScope():
        ...     ops.sum(v).shape
        ()
    """

    def __enter__(self) -> SymbolicScope:
        self._trace = tracing.Trace()
        self._trace.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._trace.__exit__()
