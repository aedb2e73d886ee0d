"""The record of one compilation, ordered for questions: stages, values, kernels, and who stands for whom.

The compiler writes down what it does while it does it (`History`, `Program`, the emission's spans); here it is indexed, once,
when somebody first asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from symkeras.compiler.history import History
from symkeras.compiler.passes.base import Rewrite
from symkeras.compiler.program.program import Program, Step
from symkeras.graph.graph import Graph, every_node
from symkeras.graph.naming import named_after
from symkeras.graph.node import Node
from symkeras.graph.provenance import Origin
from symkeras.lazy import lazy

if TYPE_CHECKING:
    from symkeras.backend.interface import Executable


class Stage(NamedTuple):
    """A graph on the way: "written", or what a pass made; `number` is that of the pass in the history, -1 for the written one."""

    number: int
    name: str
    graph: Graph


class Applied(NamedTuple):
    """A rewrite, and the pass that did it."""

    stage: Stage
    rewrite: Rewrite


@dataclass(eq=False)
class Kernel:
    """What runs as one: a step of the program.

    Attributes:
        number: in the order of running.
        name: of the first value that it gives.
        step: of the program.
        values: the names of what it gives to others.
        lines: (first, last) of each piece of emitted text that it has, alone or with others.
    """

    number: int
    name: str
    step: Step
    values: list[str]
    lines: list[tuple[int, int]] = field(default_factory=list)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All that it computes."""
        return self.step.nodes

    def __repr__(self) -> str:
        return f"<kernel {self.number} {self.name}: {', '.join(n.op.name for n in self.nodes)}>"


class Record:
    """Everything known of how an executable came about.

    Args:
        executable: of any backend; without a program (an engine, the interpreter) there are no kernels.
    """

    def __init__(self, executable: Executable):
        self.executable = executable
        self.history: History = executable.history
        self.graph: Graph = executable.graph
        self.program: Program | None = getattr(executable, "program", None)
        self.source = executable.source

    def now(self) -> Record:
        """This record, or a new one where the executable was compiled again since."""
        now = self.executable
        return self if now.history is self.history and getattr(now, "program", None) is self.program else Record(now)

    @lazy
    def stages(self) -> list[Stage]:
        """The written graph, and the graph after each pass."""
        return [Stage(-1, "written", self.history.source), *(Stage(k, s.name, s.after) for k, s in enumerate(self.history))]

    @lazy
    def rewrites(self) -> list[Applied]:
        """All rewrites in order."""
        return [Applied(self.stages[k + 1], r) for k, s in enumerate(self.history) for r in s.rewrites]

    @lazy
    def kernels(self) -> list[Kernel]:
        """The kernels in the order in which they run, those of loops and branches once."""
        if self.program is None:
            return []
        found: dict[int, Kernel] = {}
        for step in self.program.all_steps():
            values = [self.name(v.node) for v in step.outputs if v.node is not None]
            found[id(step)] = Kernel(len(found), values[0] if values else step.node.op.name, step, values)
        emission = getattr(self.executable, "emission", None)
        for first, last, step in emission.spans() if emission is not None else ():
            if id(step) in found:
                found[id(step)].lines.append((first, last))
        return list(found.values())

    @lazy
    def kernels_of(self) -> dict[Node, list[Kernel]]:
        """Node of the final graph -> the kernels that compute it; views and what sizes alone decide have none."""
        found: dict[Node, list[Kernel]] = {}
        for kernel in self.kernels:
            for n in kernel.nodes:
                found.setdefault(n, []).append(kernel)
        return found

    @lazy
    def names(self) -> dict[Node, str]:
        """The names of all nodes of all stages."""
        found: dict[Node, str] = {}
        for stage in self.stages:
            found.update(stage.graph.names)
        return found

    def name(self, node: Node) -> str:
        """The name of a node; of one that no stage holds, that between two rewrites of a pass, what it would be called."""
        return self.names.get(node) or named_after(node)

    @lazy
    def nodes_named(self) -> dict[str, list[Node]]:
        """Name -> the nodes that have it, from stage to stage."""
        found: dict[str, list[Node]] = {}
        for node, name in self.names.items():
            found.setdefault(name, []).append(node)
        return found

    def nodes(self, graph: Graph) -> Iterator[Node]:
        """The operations of a graph and of the graphs within, each once, in the order of the text."""
        yield from dict.fromkeys(n for n in every_node(graph) if not n.op.is_leaf)

    def from_origin(self, matches: Iterable[Origin]) -> dict[Node, None]:
        """The nodes of all stages that come from one of these places."""
        wanted = set(matches)
        return {n: None for stage in self.stages for n in self.nodes(stage.graph) if not wanted.isdisjoint(n.origins)}

    @lazy
    def origins(self) -> list[Origin]:
        """All places that nodes come from, in order of the written graph."""
        return list(dict.fromkeys(o for stage in self.stages for n in self.nodes(stage.graph) for o in n.origins))

    def became(self, nodes: Iterable[Node]) -> dict[Node, None]:
        """These nodes and all that was put in their place, by name and by rewrite, up to the final graph."""
        found = dict.fromkeys(nodes)
        names = {self.names[n] for n in found if n in self.names}
        for applied in self.rewrites:
            old, new = applied.rewrite.old, applied.rewrite.new
            if old in found or self.names.get(old) in names:
                found[new] = None
                if new in self.names and not new.op.is_leaf:
                    names.add(self.names[new])
        found.update(dict.fromkeys(n for name in names for n in self.nodes_named.get(name, ())))
        return found

    def came_from(self, nodes: Iterable[Node]) -> dict[Node, None]:
        """These nodes and all in whose place they were put, back to the written graph."""
        found = dict.fromkeys(nodes)
        names = {self.names[n] for n in found if n in self.names}
        for applied in reversed(self.rewrites):
            old, new = applied.rewrite.old, applied.rewrite.new
            if new in found or self.names.get(new) in names:
                found[old] = None
                if old in self.names and not old.op.is_leaf:
                    names.add(self.names[old])
        found.update(dict.fromkeys(n for name in names for n in self.nodes_named.get(name, ())))
        return found
