"""`symkeras.bisect`: which pass, and which of its rewrites, changes what a graph computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symkeras.backend.interface import compile_graph, get
from symkeras.compiler.history import Step
from symkeras.compiler.passes.base import Allowance, Rewrite
from symkeras.compiler.pipeline import Pipeline
from symkeras.graph import provenance
from symkeras.graph.graph import Graph
from symkeras.inspection.evaluation import Valuation, copied, difference, given_or_drawn, results
from symkeras.inspection.subjects import Subject, passes
from symkeras.inspection.verification import name_of, wrong


@dataclass(frozen=True)
class Guilty:
    """What `bisect` found; true where nothing is wrong.

    Attributes:
        step: the first pass after which a result differs; None where none does.
        rewrite: of it, the one that changes a value; None where no one of them does by itself.
        tried: graphs evaluated.
        backend: whose lowering or kernels are wrong, where the graphs are right and the results are not; "" else.
        result: the result that differs, and by how much.
    """

    step: Step | None
    rewrite: Rewrite | None
    tried: int
    backend: str = ""
    result: str = ""

    def __bool__(self) -> bool:
        return self.step is None and not self.backend

    def __str__(self) -> str:
        if self.backend:
            return f"every pass keeps the results; {self.backend} does not: {self.result}"
        if self.step is None:
            return f"nothing is wrong: every pass keeps the results ({self.tried} graphs evaluated)"
        rows = [f"pass {self.step.name}: {self.result}"]
        if self.rewrite is not None:
            old, new = self.rewrite.old, self.rewrite.new
            name = name_of(old, self.step)
            rows.append(
                f"  rule {self.rewrite.rule}: %{name} = {old.op.name}: {old.type} became {new.op.name}: {new.type}{provenance.where(old.origins)}"
            )
        return "\n".join(rows)


def bisect(subject: Any, *inputs: Any, backend: str | None = None) -> Guilty:
    """Find the pass, and the rewrite, that makes a result differ from that of the graph as it was written.

    Passes are halved, then the rewrites of the guilty one (only its first n are done); all on copies of the variables.

    Args:
        subject: a model, an executable or a graph.
        *inputs: one array per input; random ones where there are none.
        backend: for which it is compiled; that of the executable, or "numpy" for a graph, when None.

    >>> import numpy as np, symkeras
    >>> print(bisect(symkeras.function(lambda x: x * 1 + 1).executable(np.ones(3, "float32"))))
    nothing is wrong: every pass keeps the results (3 graphs evaluated)
    """
    found = Subject(subject, inputs)
    name = backend or ("numpy" if isinstance(subject, Graph) else found.backend)
    is_own = not isinstance(subject, Graph) and name == found.backend
    pipeline = Pipeline.parse(found.pipeline) if is_own else Pipeline.level("O2")
    if name == "interpreter":
        pipeline = Pipeline(())
    return _Search(copied(found.source), given_or_drawn(found.source, inputs), name, pipeline).found()


class _Search:
    def __init__(self, graph: Graph, arrays: Sequence[Any], backend: str, pipeline: Pipeline):
        self._graph = graph
        self._arrays = arrays
        self._backend = backend
        self._takes: Callable[[str], bool] = get(backend).takes
        self._pipeline = pipeline
        self._tried = 0
        self._written = [v for v, _ in graph.updates]
        self._reference = Valuation(graph, arrays)
        self._tried += 1
        self._expected = results(graph, self._reference, self._written)

    def _results(self, graph: Graph) -> list[tuple[str, Any]]:
        self._tried += 1
        return results(graph, Valuation(graph, self._arrays), self._written)

    def _fault(self, graph: Graph) -> str:
        """The first result that differs, "" where none does."""
        return self._first(self._results(graph))

    def _first(self, found: list[tuple[str, Any]]) -> str:
        for k, ((what, value), (_, expected)) in enumerate(zip(found, self._expected, strict=True)):
            off = difference(value, expected)
            if off is not None and not self._reference.is_rounding(off[0], lambda v, k=k: results(self._graph, v, self._written)[k][1]):
                return f"{what} differs by up to {off[0]:.3g}"
        return ""

    def found(self) -> Guilty:
        after, history = self._pipeline.run(self._graph, self._takes)
        fault = self._fault(after)
        if not fault:
            fault = self._first(self._computed())
            return Guilty(None, None, self._tried, self._backend if fault else "", fault)
        good, bad = -1, len(history) - 1
        while bad - good > 1:
            middle = (good + bad) // 2
            now = self._fault(history[middle].after)
            good, bad, fault = (good, middle, now) if now else (middle, bad, fault)
        return Guilty(history[bad], self._rewrite(history[bad], bad), self._tried, "", fault)

    def _computed(self) -> list[tuple[str, Any]]:
        """What the backend gives."""
        options = {} if self._backend == "interpreter" else passes(str(self._pipeline))
        fresh = copied(self._graph)
        outputs = compile_graph(fresh, self._backend, **options)(*self._arrays)
        self._tried += 1
        variables = [(v.attrs["variable"].path, np.asarray(v.attrs["variable"].numpy())) for v, _ in fresh.updates]
        return [*((f"output {k}", v) for k, v in enumerate(outputs)), *variables]

    def _rewrite(self, step: Step, number: int) -> Rewrite | None:
        first = Pipeline(self._pipeline.passes[:number])
        good, bad = 0, len(step.rewrites)
        is_by_rules = number > 0 and not self._only(first, 0)[0].rewrites
        if not is_by_rules:
            one = wrong(step, self._arrays)
            return None if one is None else one.rewrite
        while bad - good > 1:
            middle = (good + bad) // 2
            good, bad = (good, middle) if self._fault(self._only(first, middle)[0].after) else (middle, bad)
        last, allowance = self._only(first, bad)
        return next((r for r in reversed(last.rewrites) if (r.rule, r.old) == allowance.last), None)

    def _only(self, passes: Pipeline, count: int) -> tuple[Step, Allowance]:
        """The last of the passes with its first rewrites alone."""
        allowance = Allowance(count)
        return passes.run(self._graph, self._takes, allowance=allowance)[1][-1], allowance
