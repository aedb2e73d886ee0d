"""Tracing: while a function is turned into a graph, variables are symbolic and assignments become updates.

Inside a `Trace`, reading a variable gives the value last assigned in the same trace, or its leaf node; assigning
records an update. So Python code that reads after it writes (a metric's `result`) means what it says, and the graph
that comes out is pure. What is read of a trainable variable after it was assigned is a version of it: its gradient counts
as that of the variable, as it does in TensorFlow, and flows no further into what was assigned.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from symkeras.graph.node import OPS
from symkeras.graph.tensor import Tensor

if TYPE_CHECKING:
    from symkeras.graph.variable import Variable


class _State(threading.local):
    trace: Trace | None = None


_state = _State()


class Trace:
    """A context in which computation is recorded.

    Args:
        stand_in: in the body of a loop or branch, what gives a variable's value at its start; else its leaf node does.

    Attributes:
        pending: variables assigned so far, with their new symbolic values, in order of first assignment.
        versions: what was read of trainable variables after assignments.
        stand_ins: what `stand_in` gave for the variables read so far.
    """

    def __init__(self, stand_in: Callable[[Variable], Tensor] | None = None) -> None:
        self.pending: dict[Variable, Tensor] = {}
        self.versions: dict[Variable, list[Tensor]] = {}
        self.stand_ins: dict[Variable, Tensor] = {}
        self._stand_in = stand_in

    def __enter__(self) -> Trace:
        self._before = _state.trace
        _state.trace = self
        return self

    def __exit__(self, *_: object) -> None:
        _state.trace = self._before

    def read(self, variable: Variable) -> Tensor:
        """The value of `variable` at this point of the trace."""
        pending = self.pending.get(variable)
        if pending is None:
            return self.start(variable)
        return self._version(variable, pending) if variable.is_parameter else pending

    def _version(self, variable: Variable, value: Tensor) -> Tensor:
        versions = self.versions.setdefault(variable, [])
        if not versions or versions[-1].node.inputs[0] is not value.node:
            versions.append(OPS["boundary"].apart(value, variable.name))  # type: ignore[attr-defined]
        return versions[-1]

    def start(self, variable: Variable) -> Tensor:
        """The value of `variable` at the start of the trace."""
        if self._stand_in is None:
            return Tensor(variable.node)
        if variable not in self.stand_ins:
            self.stand_ins[variable] = self._stand_in(variable)
        return self.stand_ins[variable]

    def write(self, variable: Variable, value: Tensor) -> None:
        """Record an assignment."""
        self.pending[variable] = value

    def updates(self) -> list[tuple[Any, Any]]:
        """(variable node, new value node) of all that was assigned and differs from the old value."""
        return [(v.node, t.node) for v, t in self.pending.items() if t.node is not v.node]


def current() -> Trace | None:
    """The innermost trace, or None when computing with arrays."""
    return _state.trace


class suspended:
    """Context that leaves every trace: what runs inside computes with arrays (building weights, say)."""

    def __enter__(self) -> None:
        self._before = _state.trace
        _state.trace = None

    def __exit__(self, *_: object) -> None:
        _state.trace = self._before
