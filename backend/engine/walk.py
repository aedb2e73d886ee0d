"""A graph as calls of an engine's functions, for known sizes: one Python function, with a line for each node (`text.py`).

An engine brings two tables. `plain` maps an op to a function of tensors and attributes, sizes among them evaluated. `special` maps an op to a
function that is given the node (`Here`) and returns what computes it: for control flow, and where a result's own shape or dtype matters.

Values that would be out of range raise in the reference and are clamped, or worse, by engines. Such an op adds a check: the engine computes
the least and the largest of its indices beside the results, and who runs the walk compares them with the bounds afterwards. An engine that
has numbers at once (`raises_at_once`) compares them before the op runs. Where inputs alone decide them they are looked at before all (`first.py`).

An op that an engine lets write where it is told (`takes_out`) writes over an operand that nobody reads any more: never over inputs, variables or
constants, and never over what a view may show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symkeras.backend.engine.first import First
from symkeras.backend.engine.known import known_scalars
from symkeras.backend.engine.spare import Spare
from symkeras.backend.engine.text import Text, is_shown
from symkeras.errors import BackendError, DataError
from symkeras.graph import dims, provenance
from symkeras.graph.graph import Graph, subgraphs
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType
from symkeras.ops.elementwise import NEGATIVE_POWER, checks_exponents
from symkeras.ops.reductions import meets_nothing

AXIS_OF_INDICES: dict[str, Callable[[Node], tuple[int, dims.Size]]] = {
    "gather": lambda n: (1, n.inputs[0].shape[0]),
    "scatter_add": lambda n: (0, n.attrs["rows"]),
    "set_rows": lambda n: (1, n.shape[0]),
    "take_along_axis": lambda n: (1, n.inputs[0].shape[n.attrs["axis"]]),
    "add_along_axis": lambda n: (0, n.attrs["size"]),
}
"""Ops that refuse indices: which input has them, and the size of the axis they point into."""
NO_RESULT = {"solve": "singular matrix", "solve_triangular": "singular matrix", "cholesky": "matrix is not positive definite"}
"""Ops that refuse matrices which have no result, and what NumPy says of them; an engine that gives NaN or infinity instead adds a check."""
NO_EXTENTS = np.zeros((0, 2), np.int64)
"""Of a walk without checks."""
HARMLESS = np.array([0, -1])
"""The extent of no index: it keeps all bounds, those of an axis without elements too, and no other extent gets worse beside it."""
BROKEN = np.array([1, 1], np.int64)
"""An extent that breaks the bounds of what is refused: 0 and 0."""
_HIGHEST = np.iinfo(np.int64).max


class Functions:
    """What a walk asks of an engine. Subclasses give the tables, and the methods that are not written here."""

    raises_at_once: bool = False
    takes_out: Set[str] = frozenset()
    plain: Mapping[str, Callable[..., Any]] = {}
    special: Mapping[str, Callable[[Here], Callable[..., Any]]] = {}

    def is_apart(self, node: Node) -> bool:
        """Whether what computes a node gives storage of its own, never that of an operand; asked where `takes_out` names ops."""
        return False

    def named(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """The function that computes the value of this name, for engines whose own text has names."""
        return function

    def constant(self, array: Any) -> Any:
        """A tensor with these numbers."""
        raise NotImplementedError

    def extent(self, indices: Any) -> Any:
        """The least and the largest of a tensor of integers that is not empty: an int64 tensor (2)."""
        raise NotImplementedError


@dataclass(frozen=True)
class Check:
    """Bounds that an extent must keep, and the node that is wrong where it does not.

    Attributes:
        refusal: what the reference raises for the sizes at hand, whatever the numbers are; None where it depends on them.
    """

    node: Node
    low: int
    high: int | None
    refusal: Exception | None = None

    def __call__(self, least: int, largest: int) -> None:
        """Raise the error of an extent, where it is one."""
        error = self.error(least, largest)
        if error is not None:
            raise error

    def error(self, least: int, largest: int) -> Exception | None:
        """What to raise for an extent; None where it keeps the bounds."""
        if least >= self.low and (self.high is None or largest <= self.high):
            return None
        where = provenance.where(self.node.origins)
        if self.refusal is not None:
            return type(self.refusal)(f"{self.refusal}{where}")
        if self.node.op.name in NO_RESULT:
            return np.linalg.LinAlgError(f"{self.node.op.name}: {NO_RESULT[self.node.op.name]}{where}")
        if self.high is None:
            return DataError(f"{NEGATIVE_POWER}{where}")
        bad = least if least < self.low else largest
        return IndexError(f"index {bad} is out of range for an axis of size {self.high + 1}{where}")


def bounds(checks: Sequence[Check]) -> tuple[np.ndarray, np.ndarray]:
    """The least and the largest number that each check allows: two arrays int64 (N)."""
    low, high = [c.low for c in checks], [_HIGHEST if c.high is None else c.high for c in checks]
    return np.array(low, np.int64), np.array(high, np.int64)


@dataclass
class Here:
    """A node, for a function of the table `special`.

    Attributes:
        node: it; attrs: its attributes, with sizes evaluated.
        shapes, dtypes: of its results.
        checks, walks: filled by `walk`, of graphs within; where there are checks, what computes the node returns (value, list of extents).
    """

    node: Node
    attrs: dict[str, Any]
    env: Mapping[str, int]
    functions: Functions
    checks: list[Check] = field(default_factory=list)
    walks: list[Walk] = field(default_factory=list)

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
        self.walks.append(inner)
        return inner

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """See `bounds`; a loop ends where an extent breaks them, as the reference does: by clamped indices it might go on for ever."""
        return bounds(self.checks)


class Walk:
    """See the module; a call gives (outputs and new values of updates, extents in the order of `checks`).

    Args:
        graph: what to compute; closed, of ops that the engine takes.
        functions: those of the engine.
        env: the sizes of its dims.
        looks_first: whether who calls it calls `first` before, with the inputs as NumPy arrays.

    Attributes:
        first: the checks of indices that inputs alone decide.
        checks: one for each extent that a call gives.
        variables: the nodes of variables that it reads.
        run: the emitted function, of inputs and values of variables.
        env: the sizes of its dims.
    """

    def __init__(self, graph: Graph, functions: Functions, env: Mapping[str, int], looks_first: bool = False):
        self.graph = graph
        self.first = First(graph, env)
        self._looks_first = looks_first
        self.checks: list[Check] = []
        self._functions = functions
        self.env = env
        self._within: list[tuple[Node, Walk]] = []
        self._at_once = functions.raises_at_once
        self.variables = [n for n in graph.nodes if n.op.name == "variable"]
        self._scalars = known_scalars(graph, env)
        self._spare = Spare(graph, functions, env, self._scalars) if functions.takes_out else None
        self._text = Text(graph, self.variables)
        for n in graph.nodes:
            if n not in self._text.names:
                self._add(n)
        self.run = self._text.function()

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """See `bounds`."""
        return bounds(self.checks)

    def error(self, extents: np.ndarray) -> Exception | None:
        """What to raise for extents (N, 2); None where each keeps its bounds."""
        return next((e for c, (a, b) in zip(self.checks, extents, strict=True) if (e := c.error(int(a), int(b))) is not None), None)

    def node_at(self, filename: str, line: int) -> Node | None:
        """The node that a line of the function computes, or of a function within."""
        if filename == self.run.__code__.co_filename:
            return self._text.on_line(line)
        return next((n for _, walk in self._within if (n := walk.node_at(filename, line)) is not None), None)

    @property
    def source(self) -> str:
        """The text of the function, then those of graphs within."""
        within = [f"\n# {walk.graph.name}, within {self._text.names[n]}:\n{walk.source}" for n, walk in self._within]
        return "".join([self._text.source, *within])

    def __call__(self, inputs: Sequence[Any], variables: Sequence[Any] = ()) -> tuple[list[Any], list[Any]]:
        return self.run(inputs, variables)

    def _add(self, n: Node) -> None:
        text, name = self._text, n.op.name
        if name == "constant":
            text.bind(n, self._functions.constant(n.attrs["value"].array))
            return
        if n in self._scalars:
            text.bind(n, self._functions.constant(self._scalars[n]))
            return
        attrs = {k: dims.evaluate(v, self.env) for k, v in n.attrs.items()}
        if name == "item":
            text.item(n, attrs["index"])
            return
        if name in ("max", "min") and 0 in dims.evaluate(n.inputs[0].shape, self.env) and meets_nothing(n, self.graph):
            text.bind(n, self._functions.constant(np.zeros(dims.evaluate(n.shape, self.env), n.dtype)))
            return
        refusal = self._refusal(n, attrs)
        if refusal is not None:
            self._refuse(n, refusal)
            return
        self._add_check(n)
        out = self._spare.for_result(n) if self._spare is not None else None
        special, shown = self._functions.special.get(name), self.graph.names.get(n, name)
        if name == "cond" and n.inputs[0] in self._scalars:
            special = self._branch_of_sizes
        if special is not None:
            here = Here(n, attrs, self.env, self._functions)
            run = self._functions.named(special(here), shown)
            self.checks += here.checks
            self._within += [(n, walk) for walk in here.walks]
            text.call(n, run, {}, bool(here.checks), ", ".join(f"{k}={v!a}" for k, v in attrs.items() if is_shown(v)), out)
            return
        plain = self._functions.plain.get(name)
        if plain is None:
            raise BackendError(f"no function for {name}{provenance.where(n.origins)}")
        text.call(n, self._functions.named(plain, shown), attrs, False, out=out)

    def _branch_of_sizes(self, here: Here) -> Callable[..., Any]:
        """The one branch of a `cond` that these sizes take; an engine is not asked for the other, which may not even be possible for them."""
        branch = here.walk(here.attrs["then" if self._scalars[here.node.inputs[0]] else "otherwise"])

        def run(predicate: Any, *given: Any) -> Any:
            found, extents = branch(given, [])
            return (found, list(extents)) if here.checks else found

        return run

    def _refusal(self, n: Node, attrs: Mapping[str, Any]) -> Exception | None:
        """What the reference raises for these sizes, where it does; an engine may not even be asked, be it in a body that does not run."""
        if not n.op.may_raise(n) or subgraphs(n):
            return None
        try:
            n.op.infer(*(TensorType(dims.evaluate(i.shape, self.env), i.dtype) for i in n.inputs), **attrs)
        except (IndexError, ValueError) as error:
            return error
        return None

    def _refuse(self, n: Node, refusal: Exception) -> None:
        """Zeros for the node, and a check that fails wherever it runs."""
        zeros = [self._functions.constant(np.zeros(dims.evaluate(t.shape, self.env), t.dtype)) for t in n.types]
        self._text.bind(n, zeros if isinstance(n.type, tuple) else zeros[0])
        check = Check(n, 0, 0, refusal)
        if self._at_once:
            self._text.look(n, lambda _: BROKEN, check)
        else:
            broken = self._functions.constant(BROKEN)
            self.checks.append(check)
            self._text.note(n, lambda _: broken)

    def _add_check(self, n: Node) -> None:
        """Look at the indices of a node first, where it has some: at once, or by an extent for afterwards."""
        found = self._check(n)
        if found is None:
            return
        check, indices = found
        if self._looks_first and self.first.take(check, indices):
            return
        if self._at_once:
            self._text.look(indices, self._functions.extent, check)
        else:
            self.checks.append(check)
            self._text.note(indices, self._functions.extent)

    def _check(self, n: Node) -> tuple[Check, Node] | None:
        """The bounds that a node needs, and the input that has to keep them."""
        if checks_exponents(n):
            return None if 0 in dims.evaluate(n.shape, self.env) else (Check(n, 0, None), n.inputs[1])
        place = AXIS_OF_INDICES.get(n.op.name)
        if place is None:
            return None
        k, size = place(n)
        if 0 in dims.evaluate(n.inputs[k].shape, self.env):
            return None
        size = dims.evaluate(size, self.env)
        return Check(n, -size, size - 1), n.inputs[k]
