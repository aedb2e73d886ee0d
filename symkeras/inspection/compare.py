"""`symkeras.compare`: the first value that differs between two ways of computing the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symkeras.backend.interface import Executable
from symkeras.errors import InspectionError
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node
from symkeras.inspection.evaluation import difference, given_or_drawn
from symkeras.inspection.subjects import Subject


@dataclass(frozen=True)
class Difference:
    """A value that differs.

    Attributes:
        name: of the value, or of the result ("output 0", a variable's path).
        node: what it is in the first of the two; None for a result.
        largest: the largest difference; infinite where one is no number, or the shapes differ.
        index: where that is.
        values: the two elements there; none where the shapes differ.
        layer, line: where it comes from, "" where that is not known.
    """

    name: str
    node: Node | None
    largest: float
    index: tuple[int, ...]
    values: tuple[Any, ...]
    layer: str = ""
    line: str = ""

    def __str__(self) -> str:
        what = self.name if self.node is None else f"%{self.name} = {self.node.op.name}: {self.node.type}"
        at = f" at {self.index}: {self.values[0]} and {self.values[1]}" if self.values else ": the shapes differ"
        place = ", ".join(p for p in (self.layer, self.line) if p)
        return f"{what} differs by up to {self.largest:.3g}{at}{f'  ({place})' if place else ''}"


@dataclass(frozen=True)
class Comparison:
    """What `compare` found; true where the results of the two are alike.

    Attributes:
        names: of the two.
        results: the results that differ.
        first: the first value that differs, in running order; the first result where no value of the same name does; None where the
            results are alike.
        compared: how many values have the same name and type in both.
    """

    names: tuple[str, str]
    results: list[Difference]
    first: Difference | None
    compared: int

    def __bool__(self) -> bool:
        return self.first is None

    def __str__(self) -> str:
        title = f"{self.names[0]} and {self.names[1]}"
        if self.first is None:
            return f"{title}: the results are alike"
        rows = [f"{title}: the first of {self.compared} values that differs", f"  {self.first}"]
        if self.first.node is None:
            rows[0] = f"{title}: {self.compared} values are alike one by one, the results differ: look at what computes them together"
        return "\n".join([*rows, *(f"  {r}" for r in self.results if r is not self.first)])


def compare(a: Any, b: Any, *inputs: Any, rtol: float | None = None, atol: float = 0.0) -> Comparison:
    """Compute the same twice and find where it begins to differ; nothing is written to the variables of either.

    Results (outputs, and what updates write) are compared as they are computed. Where they differ, so are all values that
    have the same name in both, each computed by its own backend but alone, in running order.

    Args:
        a, b: models, executables, passes (`c.inspect.passes[k]`: the graph after it, by the reference) or graphs.
        *inputs: one array per input; random ones where there are none.
        rtol: a difference allowed, relative to the largest element; by dtype when None.
        atol: an absolute one, with `rtol`.

    Raises:
        InspectionError: something else, or two that have not as many inputs or outputs.

    >>> import numpy as np, symkeras
    >>> a = symkeras.function(lambda x: x * 2 + 1).executable(np.ones(3, "float32"))
    >>> b = symkeras.function(lambda x: x * 3 + 1).executable(np.ones(3, "float32"))
    >>> compare(a, b, np.ones(3, "float32")).first.name
    'product'
    """
    one, other = Subject(a, inputs), Subject(b, inputs)
    if len(one.source.inputs) != len(other.source.inputs) or len(one.source.outputs) != len(other.source.outputs):
        counts = [f"{len(s.source.inputs)} inputs and {len(s.source.outputs)} outputs" for s in (one, other)]
        raise InspectionError(f"{one.name} has {counts[0]}, {other.name} has {counts[1]}: they do not compute the same")
    arrays = given_or_drawn(one.source, inputs)
    tolerance = None if rtol is None else (rtol, atol)
    found, expected = _results(one, arrays), _results(other, arrays)
    results = [d for k in found if k in expected if (d := _difference(k, None, found[k], expected[k], tolerance)) is not None]
    names = (one.name, other.name)
    if not results:
        return Comparison(names, [], None, 0)
    compared, first = _first(one, other, arrays, tolerance)
    return Comparison(names, results, first or results[0], compared)


def _results(subject: Subject, arrays: Sequence[Any]) -> dict[str, Any]:
    executable = subject.run()
    outputs = executable(*arrays)
    found: dict[str, Any] = {f"output {k}": v for k, v in enumerate(outputs)}
    for node, _ in executable.source_graph.updates:
        v = node.attrs["variable"]
        parts = [v] if v.flat_of is None else v.flat_of.variables
        found.update((p.path, p.numpy()) for p in parts)
    return found


def _first(one: Subject, other: Subject, arrays: Sequence[Any], tolerance: tuple[float, float] | None) -> tuple[int, Difference | None]:
    """How many values can be compared, and the first that differs."""
    (a, names), (b, others) = one.showing_all(), other.showing_all()
    nodes = dict(zip(names, a.source_graph.outputs, strict=True))
    matched = dict(zip(others, b.source_graph.outputs, strict=True))
    known = None if one.source is other.source and one.graph.compilation is other.graph.compilation else _written(one.source) & _written(other.source)
    values, expected = dict(zip(names, _run(a, arrays), strict=True)), dict(zip(others, _run(b, arrays), strict=True))
    shared = [n for n in names if n in matched and nodes[n].type == matched[n].type and (known is None or n in known)]
    for name in shared:
        found = _difference(name, nodes[name], values[name], expected[name], tolerance)
        if found is not None:
            return len(shared), found
    return len(shared), None


def _run(executable: Executable, arrays: Sequence[Any]) -> list[np.ndarray]:
    return executable(*arrays)


def _written(graph: Graph) -> set[str]:
    """The names that two compilations of one graph mean the same by: those of the values written."""
    return {graph.names[n] for n in graph.nodes}


def _difference(name: str, node: Node | None, found: Any, expected: Any, tolerance: tuple[float, float] | None) -> Difference | None:
    off = difference(found, expected, tolerance)
    if off is None:
        return None
    values = (found[off[1]], expected[off[1]]) if np.shape(found) == np.shape(expected) else ()
    origin = node.origins[0] if node is not None and node.origins else None
    return Difference(name, node, off[0], off[1], values, origin.layer if origin else "", origin.line if origin else "")
