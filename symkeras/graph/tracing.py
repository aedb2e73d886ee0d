"""Tracing: while a function is turned into a graph, variables are symbolic and assignments become updates.

Inside a `Trace`, reading a variable gives the value last assigned in the same trace, or its leaf node; assigning
records an update. So Python code that reads after it writes (a metric's `result`) means what it says, and the graph
that comes out is pure. What is read of a trainable variable after it was assigned is a version of it: its gradient counts
as that of the variable, as it does in TensorFlow, and flows no further into what was assigned.
"""

from __future__ import annotations

import threading
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

    Attributes:
        pending: variables assigned so far, with their new symbolic values, in order of first assignment.
        versions: what was read of trainable variables after assignments.
    """

    def __init__(self) -> None:
        self.pending: dict[Variable, Tensor] = {}
        self.versions: dict[Variable, list[Tensor]] = {}

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
            return Tensor(variable.node)
        return self._version(variable, pending) if variable.trainable else pending

    def _version(self, variable: Variable, value: Tensor) -> Tensor:
        versions = self.versions.setdefault(variable, [])
        if not versions or versions[-1].node.inputs[0] is not value.node:
            versions.append(OPS["boundary"].apart(value, variable.name))  # type: ignore[attr-defined]
        return versions[-1]

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
