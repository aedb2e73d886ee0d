"""The program: what an optimised graph becomes before it is text, shared by every backend that emits code.

A program is a list of steps (one kernel each, or a loop of steps) over values. A value is a buffer, or a view of one
(a slice, a transpose, ...): moving elements about costs nothing until somebody needs them contiguous. Buffers are
variables, constants, or pieces of one arena; how long each lives is known, so `memory` can lay them over each other.
Everything here is decided once per graph, with symbolic sizes; offsets are computed when sizes are known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from symkeras.compiler.fusion import Fused
from symkeras.errors import ShapeError
from symkeras.graph import dims
from symkeras.graph.dims import Size
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType


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
        kind: "kernel", "copy" (moves elements), or "fused" (a cluster: `fused` says of what; its operands are the inputs,
            its results the outputs, and `node` is the last of them).
    """

    kind: str
    node: Node
    inputs: list[Value]
    outputs: list[Value]
    scratch: list[Value] = field(default_factory=list)
    position: int = 0
    fused: Fused | None = None


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


AnyStep: TypeAlias = "Step | Loop | Branch | While | Group"


@dataclass
class Program:
    """A lowered graph.

    Attributes:
        inputs: a value per input of the graph; the caller's arrays are copied there.
        outputs: the values copied out at the end.
        commits: (new value, variable's value) copied after everything is computed; other updates are written in place.
        values: in the order in which they can be bound.
    """

    graph: Graph
    inputs: list[Value]
    outputs: list[Value]
    commits: list[tuple[Value, Value]]
    steps: list[AnyStep]
    values: list[Value]
    end: int

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

    @cached_property
    def symbols(self) -> list[str]:
        """The dims that must be known to bind."""
        names: set[str] = set()
        for v in self.values:
            names |= dims.symbols_of(v.type.shape)
        for n in self.graph.nodes:
            names |= dims.symbols_of(tuple(a for a in n.attrs.values() if isinstance(a, (tuple, dims.Dim))))
        return sorted(names)


def check_sizes(program: Program, env: dict[str, int]) -> None:
    """Raise ShapeError where these sizes make an axis negative or a slice reach over its axis."""
    for n in program.graph.nodes:
        if n.op.name == "slice" and dims.symbols_of((n.attrs["starts"], n.attrs["stops"], n.inputs[0].shape)):
            sizes = dims.evaluate(n.inputs[0].shape, env)
            for axis, (a, b, size) in enumerate(zip(dims.evaluate(n.attrs["starts"], env), dims.evaluate(n.attrs["stops"], env), sizes, strict=True)):
                if not 0 <= a <= b <= size:
                    where = f" ({n.origins[0]})" if n.origins else ""
                    raise ShapeError(f"slice {a}:{b} of axis {axis} of size {size}: the bounds lie outside{where}")
        if n.op.name in ("max", "min") and any(dims.evaluate(n.inputs[0].shape[a], env) == 0 for a in n.attrs["axes"]):
            raise ShapeError(f"{n.op.name} over axes {n.attrs['axes']} of {n.inputs[0].type}: there is no {n.op.name} of nothing, received {env}")
        for t in n.types:
            if any(not isinstance(d, int) and d.evaluate(env) < 0 for d in t.shape):
                raise ShapeError(f"{n.op.name}: {t} has a negative size for {env}")


def inner_steps(step: AnyStep) -> list[AnyStep]:
    """The steps within a loop, branch or group; none in a kernel."""
    if isinstance(step, Branch):
        return [*step.then, *step.otherwise]
    if isinstance(step, While):
        return [*step.condition, *step.steps]
    return list(step.steps) if isinstance(step, (Loop, Group)) else []


def flat(steps: Sequence[AnyStep]) -> Iterator[Step]:
    """Every kernel among `steps`, those within others too."""
    for s in steps:
        if isinstance(s, Step):
            yield s
        else:
            yield from flat(inner_steps(s))
