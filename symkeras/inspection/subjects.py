"""What may be compared: models, executables, passes and graphs, each as the graph that is computed and how."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symkeras.backend.interface import Executable, compile_graph
from symkeras.compiler import interning
from symkeras.errors import InspectionError
from symkeras.graph.graph import Graph
from symkeras.inspection.evaluation import copied
from symkeras.inspection.passes import PassRun


class Subject:
    """A model, an executable, a pass (the graph after it) or a graph.

    Args:
        given: one of these.
        arrays: its inputs; those of a model tell whether its training step, its test step or its predictions are meant.

    Attributes:
        name: for texts.
        source: the graph as it was written.
        graph: the one that is computed.
        backend: by which; "interpreter" for passes and graphs.

    Raises:
        InspectionError: something else, or a model none of whose functions takes so many inputs.
    """

    def __init__(self, given: Any, arrays: Sequence[Any] = ()):
        self.options: dict[str, Any] = {}
        if hasattr(given, "executable") and not isinstance(given, Executable):
            given = _of_model(given, arrays)
        if isinstance(given, Executable):
            self.source, self.graph, self.backend = given.source_graph, given.graph, given.backend
            self.name = f"{given.backend}, {getattr(given, 'level', 'no passes')}"
            self.pipeline = ", ".join(s.name for s in given.history if s.name != interning.NAME)
            self.options = {"denormals": given.denormals}
        elif isinstance(given, PassRun):
            self.source, self.graph, self.backend, self.name, self.pipeline = given.source, given.after, "interpreter", f"after {given.name}", ""
        elif isinstance(given, Graph):
            self.source, self.graph, self.backend, self.name, self.pipeline = given, given, "interpreter", given.name, ""
        else:
            raise InspectionError(f"expected a model, an executable, a pass (c.inspect.passes[k]) or a graph, received {type(given).__name__}")

    def run(self) -> Executable:
        """It as it runs, on copies of its variables."""
        if self.backend == "interpreter":
            return compile_graph(copied(self.graph), "interpreter")
        return compile_graph(copied(self.source), self.backend, **passes(self.pipeline), **self.options)

    def showing_all(self) -> tuple[Executable, list[str]]:
        """What computes the same values one by one, on copies of the variables, and gives all of them out; and their names, in running order."""
        graph = copied(self.graph)
        shown = [n for n in graph.in_order if not n.op.is_leaf and not isinstance(n.type, tuple)]
        whole = Graph(graph.inputs, shown, (), graph.name)
        options = {} if self.backend == "interpreter" else {"level": "O0", **self.options}
        return compile_graph(whole, self.backend, **options), [graph.names[n] for n in shown]


def passes(pipeline: str) -> dict[str, str]:
    """The option that asks for these passes."""
    return {"pipeline": pipeline} if pipeline else {"level": "O0"}


def _of_model(model: Any, arrays: Sequence[Any]) -> Executable:
    counts = {}
    for which in ("train", "predict") if getattr(model, "compiled", False) else ("predict",):
        executable = model.executable(which)
        if not arrays or len(executable.source_graph.inputs) == len(arrays):
            return executable
        counts[which] = len(executable.source_graph.inputs)
    taken = ", ".join(f"{which!r} takes {count}" for which, count in counts.items())
    raise InspectionError(f"model {model.name!r} has no function of {len(arrays)} inputs: {taken}")
