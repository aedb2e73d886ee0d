"""A graph as calls of an engine's functions, for known sizes: one instruction per node, which reads and drops values by number.

An engine brings two tables. `plain` maps an op to a function of tensors and attributes, sizes among them evaluated. `special` maps an op to a
function that is given the node (`Here`) and returns what computes it: for control flow, and where a result's own shape or dtype matters.

Values that would be out of range raise in the reference and are clamped, or worse, by engines. Such an op adds a check: the engine computes
the least and the largest of its indices beside the results, and who runs the walk compares them with the bounds afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from symkeras.errors import BackendError, DataError
from symkeras.graph import dims, dtypes, provenance
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node

AXIS_OF_INDICES: dict[str, Callable[[Node], tuple[int, dims.Size]]] = {
    "gather": lambda n: (1, n.inputs[0].shape[0]),
    "scatter_add": lambda n: (0, n.attrs["rows"]),
    "combine_rows": lambda n: (0, n.attrs["rows"]),
    "set_rows": lambda n: (1, n.shape[0]),
    "take_along_axis": lambda n: (1, n.inputs[0].shape[n.attrs["axis"]]),
    "add_along_axis": lambda n: (0, n.attrs["size"]),
}
"""Ops that refuse indices: which input has them, and the size of the axis they point into."""


class Functions(Protocol):
    """What a walk asks of an engine."""

    plain: Mapping[str, Callable[..., Any]]
    special: Mapping[str, Callable[[Here], Callable[..., Any]]]

    def constant(self, array: Any) -> Any:
        """A tensor with these numbers."""
        ...

    def extent(self, indices: Any) -> Any:
        """The least and the largest of a tensor of integers that is not empty: an int64 tensor (2)."""
        ...


@dataclass(frozen=True)
class Check:
    """Bounds that an extent must keep, and the node that is wrong where it does not."""

    node: Node
    low: int
    high: int | None

    def error(self, least: int, largest: int) -> Exception | None:
        """What to raise for an extent; None where it keeps the bounds."""
        if least >= self.low and (self.high is None or largest <= self.high):
            return None
        where = provenance.where(self.node.origins)
        if self.high is None:
            return DataError(f"{self.node.op.name}: integers to negative integer powers are not allowed{where}")
        bad = least if least < self.low else largest
        return IndexError(f"index {bad} is out of range for an axis of size {self.high + 1}{where}")


@dataclass
class Here:
    """A node, for a function of the table `special`.

    Attributes:
        node: it; attrs: its attributes, with sizes evaluated.
        shapes, dtypes: of its results.
        checks: filled by who walks through graphs within; what computes the node then returns (value, list of extents).
    """

    node: Node
    attrs: dict[str, Any]
    env: Mapping[str, int]
    functions: Functions
    checks: list[Check] = field(default_factory=list)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        return [dims.evaluate(t.shape, self.env) for t in self.node.types]

    @property
    def dtypes(self) -> list[str]:
        return [t.dtype for t in self.node.types]

    def walk(self, graph: Graph) -> Walk:
        """A graph within the node; its checks become checks of the node."""
        inner = Walk(graph, self.functions, self.env)
        self.checks += inner.checks
        return inner


@dataclass(frozen=True)
class _Instruction:
    run: Callable[..., Any]
    inputs: tuple[int, ...]
    output: int
    drops: tuple[int, ...]
    has_extents: bool
    checked: int | None


class Walk:
    """See the module.

    Args:
        graph: what to compute; closed, of ops that the engine takes.
        functions: those of the engine.
        env: the sizes of its dims.

    Attributes:
        checks: one for each extent that a call gives.
        variables: the nodes of variables that it reads.
        env: the sizes of its dims.
    """

    def __init__(self, graph: Graph, functions: Functions, env: Mapping[str, int]):
        self.graph = graph
        self.checks: list[Check] = []
        self._functions = functions
        self.env = env
        self._number: dict[Node, int] = {}
        for n in graph.inputs:
            self._number[n] = len(self._number)
        self.variables = [n for n in graph.nodes if n.op.name == "variable"]
        for n in self.variables:
            self._number[n] = len(self._number)
        self._start: dict[int, Any] = {}
        self._code = [i for n in graph.nodes if (i := self._instruction(n)) is not None]
        self._results = [self._number[n] for n in (*graph.outputs, *(new for _, new in graph.updates))]
        self._code = self._with_drops(self._code)

    def _instruction(self, n: Node) -> _Instruction | None:
        if n in self._number:
            return None
        self._number[n] = len(self._number)
        if n.op.name == "constant":
            self._start[self._number[n]] = self._functions.constant(n.attrs["value"].array)
            return None
        attrs = {k: dims.evaluate(v, self.env) for k, v in n.attrs.items()}
        if n.op.name == "dim":
            self._start[self._number[n]] = self._functions.constant(np.array(attrs["size"], n.dtype))
            return None
        inputs = tuple(self._number[i] for i in n.inputs)
        checked = self._checked(n)
        if n.op.name == "item":
            index = attrs["index"]
            return _Instruction(lambda x: x[index], inputs, self._number[n], (), False, None)
        special = self._functions.special.get(n.op.name)
        if special is not None:
            here = Here(n, attrs, self.env, self._functions)
            run = special(here)
            self.checks += here.checks
            return _Instruction(run, inputs, self._number[n], (), bool(here.checks), checked)
        plain = self._functions.plain.get(n.op.name)
        if plain is None:
            raise BackendError(f"no function for {n.op.name}{provenance.where(n.origins)}")
        run = (lambda *x, plain=plain, attrs=attrs: plain(*x, **attrs)) if attrs else plain
        return _Instruction(run, inputs, self._number[n], (), False, checked)

    def _checked(self, n: Node) -> int | None:
        """Which input of a node is checked; the check is noted."""
        if n.op.name == "power" and dtypes.is_int(n.dtype):
            if 0 in dims.evaluate(n.inputs[1].shape, self.env) or n.inputs[1].dtype.startswith("u"):
                return None
            self.checks.append(Check(n, 0, None))
            return 1
        place = AXIS_OF_INDICES.get(n.op.name)
        if place is None:
            return None
        k, size = place(n)
        if 0 in dims.evaluate(n.inputs[k].shape, self.env):
            return None
        size = dims.evaluate(size, self.env)
        self.checks.append(Check(n, -size, size - 1))
        return k

    def _with_drops(self, code: list[_Instruction]) -> list[_Instruction]:
        """Each value is let go of with its last reader."""
        kept, out = {*self._results, *self._start, *range(len(self.graph.inputs) + len(self.variables))}, []
        for i in reversed(code):
            drops = tuple(k for k in dict.fromkeys((*i.inputs, i.output)) if k not in kept)
            kept.update(drops)
            out.append(_Instruction(i.run, i.inputs, i.output, drops, i.has_extents, i.checked))
        return out[::-1]

    def __call__(self, inputs: Sequence[Any], variables: Sequence[Any] = ()) -> tuple[list[Any], list[Any]]:
        """(outputs and new values of updates, extents in the order of `checks`)."""
        values: list[Any] = [None] * len(self._number)
        for k, v in enumerate((*inputs, *variables)):
            values[k] = v
        for k, v in self._start.items():
            values[k] = v
        extents: list[Any] = []
        for i in self._code:
            given = [values[k] for k in i.inputs]
            if i.checked is not None:
                extents.append(self._functions.extent(given[i.checked]))
            found = i.run(*given)
            if i.has_extents:
                found, more = found
                extents += more
            values[i.output] = found
            for k in i.drops:
                values[k] = None
        return [values[k] for k in self._results], extents
