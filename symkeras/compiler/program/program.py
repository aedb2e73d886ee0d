"""The program: what an optimised graph becomes before it is text, shared by every backend that emits code.

A program is a list of steps (one kernel each, or a loop of steps) over values. A value is a buffer, or a view of one
(a slice, a transpose, ...): moving elements about costs nothing until somebody needs them contiguous. Buffers are
variables, constants, or pieces of one arena; how long each lives is known, so `memory_plan` can lay them over each other.
Everything here is decided once per graph, with symbolic sizes; offsets are computed when sizes are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from symkeras.compiler.program.fusion import FusionGroup
from symkeras.compiler.program.refusals import Refusal
from symkeras.errors import ShapeError, SymkerasError
from symkeras.graph import dims, provenance
from symkeras.graph.dims import Size
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType
from symkeras.lazy import lazy
from symkeras.ops.reductions import meets_nothing


@dataclass(eq=False)
class Buffer:
    """A piece of storage.

    Attributes:
        type: shape and dtype of the whole; contiguous.
        kind: "arena" (planned), "variable", "constant", or "bound" (a small value computed when sizes are known).
        source: the leaf node of a variable or constant, the node of a bound value.
        first, last: positions of the first write and the last read.
        inside: the buffer this one is a stretch of, and where it begins there, in elements.
        loop: the loop whose step t uses the t-th part of `inside`, where it is a stack over time.
        merged: the buffer that took this one over (written in place).
    """

    type: TensorType
    kind: str = "arena"
    source: Node | None = None
    first: int = 1 << 60
    last: int = -1
    inside: Buffer | None = None
    offset: Size = 0
    loop: Loop | None = None
    merged: Buffer | None = None

    @property
    def root(self) -> Buffer:
        """The buffer that this one was merged into, or itself."""
        b = self
        while b.merged is not None:
            b = b.merged
        return b

    @property
    def storage(self) -> Buffer:
        """The outermost buffer: what the planner places."""
        b = self.root
        while b.inside is not None:
            b = b.inside.root
        return b


@dataclass(eq=False)
class Value:
    """What a name in the program stands for: a whole buffer, or a view of another value.

    Attributes:
        view: None for the whole buffer, else the node whose view op makes it of `base` ("element" for the t-th part).
        is_contiguous: elements lie one after the other.
    """

    type: TensorType
    buffer: Buffer
    node: Node | None = None
    base: Value | None = None
    view: tuple[str, dict[str, Any]] | None = None
    is_contiguous: bool = True
    name: str = ""

    @property
    def loop(self) -> Loop | None:
        """The loop that has one such value per step, or None."""
        v: Value = self
        while True:
            if v.view is not None and v.view[0] == "element":
                return v.view[1]["loop"]
            if v.base is None:
                return v.buffer.root.loop
            v = v.base


@dataclass(eq=False)
class Step:
    """One kernel: `node` computed from `inputs` into `outputs`.

    Attributes:
        kind: "kernel", "copy" (moves elements), "fused" (a fusion group: `fused` says of what; its operands are the inputs,
            its results the outputs, and `node` is the last of them), or "combine" (a `combine_rows` whose rows matter at the first of
            equal indices alone, and whose second output says which is the first for every row of a table; see `RowPass`), or "check"
            (what may not be negative is looked at before `node` is computed; its output is of no account).
        is_ready: the first scratch keeps from call to call what is made of an input that is kept as well (see `Preparation`).
    """

    kind: str
    node: Node
    inputs: list[Value]
    outputs: list[Value]
    scratch: list[Value] = field(default_factory=list)
    position: int = 0
    fused: FusionGroup | None = None
    is_ready: bool = False

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes that it computes."""
        return (self.node,) if self.fused is None else self.fused.nodes


@dataclass(eq=False)
class Loop:
    """Steps repeated `length` times, from the last to the first when `reverse`."""

    node: Node
    length: Size
    reverse: bool
    steps: list[AnyStep] = field(default_factory=list)
    start: int = 0
    end: int = 0


@dataclass(eq=False)
class Branch:
    """Steps of which one list or the other runs, as `predicate` says."""

    node: Node
    predicate: Value
    then: list[AnyStep] = field(default_factory=list)
    otherwise: list[AnyStep] = field(default_factory=list)
    start: int = 0
    end: int = 0


@dataclass(eq=False)
class While:
    """Steps repeated as long as `predicate`, computed by `condition`, holds."""

    node: Node
    condition: list[AnyStep] = field(default_factory=list)
    predicate: Value | None = None
    steps: list[AnyStep] = field(default_factory=list)
    start: int = 0
    end: int = 0


@dataclass(eq=False)
class Group:
    """Elementwise steps over one shape that run together, a stretch of the first axis at a time."""

    steps: list[Step]
    shape: tuple[Size, ...]

    @property
    def start(self) -> int:
        return self.steps[0].position

    @property
    def end(self) -> int:
        return self.steps[-1].position


@dataclass(eq=False)
class BatchTile:
    """Steps that run together, some samples at a time, by several threads (see `batch_tiling`).

    Attributes:
        samples: the size that counts them.
        least, most: how many at a time; so few as `least` or fewer in all run step after step.
        members: the most threads.
        locals: storage, by id, of which there is room for the samples at hand of every thread only, and its elements per sample.
    """

    steps: list[AnyStep]
    samples: Size
    least: int
    most: int
    members: int
    locals: dict[int, Size] = field(default_factory=dict)

    @property
    def start(self) -> int:
        return min(s.position if isinstance(s, Step) else s.start for s in self.steps)

    @property
    def end(self) -> int:
        return max(s.position if isinstance(s, Step) else s.end for s in self.steps)


@dataclass(eq=False)
class RowPass:
    """One pass over the rows of tables, each row by the steps that are for it (see `row_updates`).

    Attributes:
        node: one of the updates.
        first: for every row the number of the first index that is the row's; negative where there is none.
        touched: computes the new rows at the indices; it reads and writes tables as if they were arrays over the indices.
        others: compute the rows at no index.
        guards: (number, table): where the number is NaN the table's rows at no index become NaN.
        rows: of the tables; count: of the indices; width: elements of a row.
    """

    node: Node
    first: Value
    steps: list[AnyStep] = field(default_factory=list)
    guards: list[tuple[Value, Value]] = field(default_factory=list)
    rows: Size = 0
    count: Size = 0
    width: Size = 0
    start: int = 0
    end: int = 0

    @property
    def touched(self) -> Step:
        return self.steps[0]  # type: ignore[return-value]

    @property
    def others(self) -> list[Step]:
        return self.steps[1:]  # type: ignore[return-value]


@dataclass(eq=False)
class Preparation:
    """Steps that depend on variables and constants alone, of a program that writes none: what they make is kept in the arena, and they
    run again when a variable was written.

    Not among the steps, but to be done here, is what kernels with `is_ready` make in their first scratch: again for other sizes, too.
    """

    steps: list[Step]
    start: int = -1
    end: int = -1


AnyStep: TypeAlias = "Step | Loop | Branch | While | Group | BatchTile | RowPass | Preparation"


@dataclass
class Program:
    """A lowered graph.

    Attributes:
        inputs: a value per input of the graph; the caller's arrays are copied there.
        outputs: the values copied out at the end.
        commits: (new value, variable's value) copied after everything is computed; other updates are written in place.
        values: in the order in which they can be bound.
        refusals: why steps do not run together, or in the same storage.
    """

    graph: Graph
    inputs: list[Value]
    outputs: list[Value]
    commits: list[tuple[Value, Value]]
    steps: list[AnyStep]
    values: list[Value]
    end: int
    refusals: list[Refusal] = field(default_factory=list)

    def all_steps(self) -> Iterator[Step]:
        """Every kernel, those of loops once."""
        return flat(self.steps)

    @property
    def buffers(self) -> list[Buffer]:
        """The storage the planner places, in order of first use."""
        found: dict[int, Buffer] = {}
        for v in self.values:
            b = v.buffer.storage
            if b.kind == "arena":
                found.setdefault(id(b), b)
        return sorted(found.values(), key=lambda b: b.first)

    @lazy
    def unwritten_inputs(self) -> list[int]:
        """The inputs in whose storage nothing is written: the caller's arrays serve as well."""
        written = {id(v.buffer.storage) for s in self.all_steps() for v in (*s.outputs, *s.scratch)}
        own = [k for k, v in enumerate(self.inputs) if v.buffer.kind == "arena" and v.buffer.storage is v.buffer and v.base is None]
        return [k for k in own if id(self.inputs[k].buffer) not in written]

    @lazy
    def symbols(self) -> list[str]:
        """The dims that must be known to bind."""
        names: set[str] = set()
        for v in self.values:
            names |= dims.symbols_of(v.type.shape)
        for n in self.graph.nodes:
            names |= dims.symbols_of(tuple(a for a in n.attrs.values() if isinstance(a, (tuple, dims.Dim))))
        return sorted(names)


def check_sizes(graph: Graph, env: Mapping[str, int]) -> None:
    """Raise ShapeError where sizes leave an op of `graph` without meaning; what is in branches, and in loops of no steps, may never run."""
    for n in graph.nodes:
        if (problem := size_problem(n, env)) is not None and not meets_nothing(n, graph):
            raise ShapeError(problem)
        if n.op.name == "scan" and dims.evaluate(n.attrs["length"], env) > 0:
            check_sizes(n.attrs["body"], env)


def size_problem(n: Node, env: Mapping[str, int]) -> str | None:
    """What is wrong with an op for these sizes, None for nothing."""
    check = _SIZE_CHECKS.get(n.op.name)
    problem = check(n, env) if check is not None else ""
    if not problem and any(map(dims.symbols_of, n.attrs.values())):
        problem = _check_attributes(n, env)
    if not problem:
        negative = next((t for t in n.types if any(not isinstance(d, int) and d.evaluate(env) < 0 for d in t.shape)), None)
        problem = f"{n.op.name}: {negative} has a negative size" if negative is not None else ""
    return f"{problem} for {dict(env)}{provenance.where(n.origins)}" if problem else None


def _check_attributes(n: Node, env: Mapping[str, int]) -> str:
    """What an attribute cannot be that sizes decide, such as a padding below zero."""
    types = [t.with_shape(dims.evaluate(t.shape, env)) for i in n.inputs for t in i.types]
    try:
        n.op.checked(types, {k: dims.evaluate(v, env) for k, v in n.attrs.items()})
    except SymkerasError as error:
        return str(error)
    return ""


def _check_slice(n: Node, env: Mapping[str, int]) -> str:
    a = n.attrs
    if not dims.symbols_of((a["starts"], a["stops"], n.inputs[0].shape)):
        return ""
    bounds = zip(*(dims.evaluate(v, env) for v in (a["starts"], a["stops"], n.inputs[0].shape)), strict=True)
    outside = next(((k, *b) for k, b in enumerate(bounds) if not 0 <= b[0] <= b[1] <= b[2]), None)
    return "slice {1}:{2} of axis {0} of size {3}: the bounds lie outside".format(*outside) if outside is not None else ""


def _check_extreme(n: Node, env: Mapping[str, int]) -> str:
    x, axes = n.inputs[0], n.attrs["axes"] if "axes" in n.attrs else (n.attrs["axis"],)
    is_empty = any(dims.evaluate(x.shape[a], env) == 0 for a in axes)
    return f"{n.op.name} over axes {axes} of {x.type}: there is no {n.op.name} of nothing" if is_empty else ""


def _check_top_k(n: Node, env: Mapping[str, int]) -> str:
    x, k = n.inputs[0], n.attrs["k"]
    return f"top_k: there are no {k} largest among the last axis of {x.type}" if dims.evaluate(x.shape[-1], env) < k else ""


_SIZE_CHECKS: dict[str, Callable[[Node, Mapping[str, int]], str]] = {
    "slice": _check_slice, "max": _check_extreme, "min": _check_extreme, "argmax": _check_extreme, "argmin": _check_extreme, "top_k": _check_top_k,
}  # fmt: skip
"""What is wrong with an op for known sizes, "" for nothing; inference has refused what it could."""


def inner_steps(step: AnyStep) -> list[AnyStep]:
    """The steps within a loop, branch or group; none in a kernel."""
    if isinstance(step, Branch):
        return [*step.then, *step.otherwise]
    if isinstance(step, While):
        return [*step.condition, *step.steps]
    return list(step.steps) if isinstance(step, (Loop, Group, BatchTile, RowPass, Preparation)) else []


def flat(steps: Sequence[AnyStep]) -> Iterator[Step]:
    """Every kernel among `steps`, those within others too."""
    for s in steps:
        if isinstance(s, Step):
            yield s
        else:
            yield from flat(inner_steps(s))


def first_node(step: AnyStep) -> Node:
    """The node of a step, or of the first one within a group."""
    return next(flat([step])).node if isinstance(step, (Group, BatchTile, Preparation)) else step.node
