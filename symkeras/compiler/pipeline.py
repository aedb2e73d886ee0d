"""The pipeline: a readable list of passes, run in order, verified and recorded after each.

>>> str(Pipeline.parse("strip, simplify, fold-constants"))
'strip, simplify, fold-constants'
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from symkeras.compiler import interning
from symkeras.compiler.history import History, Step
from symkeras.compiler.interning import interned
from symkeras.compiler.passes import (
    flatten_updates,
    fold_batch_norm,
    fold_constants,
    hoist_from_scans,
    legalize,
    merge_matmuls,
    merge_scans,
    multiply_tables,
    multiply_unique_rows,
    prune_scans,
    simplify,
    sink_slices,
    sparse_updates,
    stabilise,
    strip,
    whole_gradients,
    widen_narrow,
    widen_products,
)
from symkeras.compiler.passes.base import Allowance, Context, Pass, parse_pass
from symkeras.errors import CompileError
from symkeras.graph import provenance
from symkeras.graph.compilation import Compilation
from symkeras.graph.graph import Graph, every_node

LEVELS = {
    "O0": "legalize",
    "O1": "strip, stabilise, simplify, fold-constants, legalize, simplify",
    "O2": (
        "strip, stabilise, simplify, fold-constants, fold-batch-norm, legalize, merge-scans, simplify, hoist-from-scans, prune-scans, "
        "merge-matmuls, simplify, "
        "sparse-updates, flatten-updates, simplify, fold-constants"
    ),
}
"""What each optimisation level runs; "O2" is the default."""


_LONGEST = 10_000


@dataclass(frozen=True)
class Pipeline:
    """Passes in the order in which they run."""

    passes: tuple[Pass, ...]

    @classmethod
    def parse(cls, text: str) -> Pipeline:
        """A pipeline from its text: pass names, with options in braces, separated by commas.

        Raises:
            CompileError: a pass that there is not, or too long a text.
        """
        if len(text) > _LONGEST:
            raise CompileError(f"a pipeline is a text of at most {_LONGEST} characters, received {len(text)}")
        return cls(tuple(parse_pass(part) for part in re.split(r",\s*(?![^{]*\})", text) if part.strip()))

    @classmethod
    def level(cls, name: str) -> Pipeline:
        """The pipeline of an optimisation level."""
        if name not in LEVELS:
            raise CompileError(f"unknown optimisation level {name!r}; expected one of {', '.join(LEVELS)}")
        return cls.parse(LEVELS[name])

    def then(self, text: str) -> Pipeline:
        """This pipeline, and then the passes of `text`."""
        return Pipeline((*self.passes, *Pipeline.parse(text).passes))

    def without(self, names: Sequence[str]) -> Pipeline:
        """This pipeline less the passes named."""
        return Pipeline(tuple(p for p in self.passes if p.name not in names))

    def __str__(self) -> str:
        return ", ".join(map(str, self.passes))

    def run(
        self, graph: Graph, takes: Callable[[str], bool], check: Callable[[Step], None] | None = None, allowance: Allowance | None = None
    ) -> tuple[Graph, History]:
        """The graph after all passes, and the record.

        Args:
            takes: whether the backend runs an op itself.
            check: called after every pass.
            allowance: of rewrites of the last pass.

        Raises:
            CompileError: a pass failed, or gave a graph of another type; the message names it.
        """
        history = History(graph)
        with Compilation({n: graph.names[n] for n in every_node(graph)}) as compilation, provenance.inherit(()):
            for k, (name, run) in enumerate([(interning.NAME, interned), *((str(p), p.run) for p in self.passes)]):
                context = Context(takes, allowance=allowance if k == len(self.passes) else None)
                start = time.perf_counter()
                after = _ran(run, graph, context, name)
                verify(graph, after, name)
                if after is not graph:
                    compilation.names.settle(every_node(after))
                history.steps.append(Step(name, graph, after, context.rewrites, context.refusals, time.perf_counter() - start))
                if check is not None:
                    check(history.steps[-1])
                graph = after
        return graph, history


def _ran(run: Callable[[Graph, Context], Graph], graph: Graph, context: Context, name: str) -> Graph:
    try:
        return run(graph, context)
    except CompileError:
        raise
    except Exception as error:
        raise CompileError(f"pass {name} failed on graph {graph.name!r}: {type(error).__name__}: {error}") from error


def verify(before: Graph, after: Graph, what: str) -> None:
    """Raise CompileError unless `after` has the interface of `before`: inputs, output types, updates.

    That every node is well typed and every placeholder an input is checked where nodes and graphs are made.
    """
    if after.inputs != before.inputs:
        raise CompileError(f"pass {what} changed the inputs of graph {before.name!r}")
    if [n.type for n in after.outputs] != [n.type for n in before.outputs]:
        raise CompileError(f"pass {what}: outputs were {[n.type for n in before.outputs]} and are {[n.type for n in after.outputs]}")
    written = {v for v, _ in after.updates}
    for v, _ in before.updates:
        if v not in written and not any(w.attrs["variable"].array.base is not None and _covers(w, v) for w in written):
            raise CompileError(f"pass {what} lost the update of variable {v.attrs['name']!r}")
    wanted = {v for v, _ in before.updates}
    for w in written - wanted:
        if not any(_covers(w, v) for v in wanted):
            raise CompileError(f"pass {what} added an update of variable {w.attrs['name']!r}")


def _covers(flat: object, part: object) -> bool:
    import numpy as np

    return np.shares_memory(flat.attrs["variable"].array, part.attrs["variable"].array)  # type: ignore[attr-defined]
