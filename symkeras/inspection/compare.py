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
from symkeras.inspection.evaluation import SHAKES, SLACK, difference, given_or_drawn, largest_move, shaken
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
        compared: how many results, and where these differ how many values, are in both.
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
            return f"{title}: all results are alike ({self.compared} compared)"
        rows = [f"{title}: the first of {self.compared} values that differs", f"  {self.first}"]
        if self.first.node is None:
            rows[0] = f"{title}: {_alone(self.compared)}"
        return "\n".join([*rows, *(f"  {r}" for r in self.results if r is not self.first)])


def _alone(compared: int) -> str:
    if not compared:
        return "the results differ, and no value in between is in both"
    return f"{compared} values are alike one by one, the results differ: look at what computes them together"


def compare(a: Any, b: Any, *inputs: Any, rtol: float | None = None, atol: float = 0.0) -> Comparison:
    """Compute the same twice and find where it begins to differ; nothing is written to the variables of either.

    Results (outputs, and what updates write) are compared as they are computed. Where they differ, so are all values that
    are in both, each computed by its own backend but alone, in running order. What a few roundings of inputs and weights would
    change as much is alike (a gradient that is noise, which an optimizer makes large). Where both were written alike, operation by
    operation, values are the same by where they stand; else by name.

    Args:
        a, b: models, executables, passes (`c.inspect.passes[k]`: the graph after it, by the reference) or graphs.
        *inputs: one array per input; random ones where there are none.
        rtol: a difference allowed, relative to the largest element; by dtype when None.
        atol: an absolute one, with `rtol`.

    Raises:
        InspectionError: something else, or two that have not as many inputs or outputs, or no result in common.

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
    same = _Same(one, other)
    found, expected = _results(one, arrays), _results(other, arrays)
    shared = [k for k in found if same.results.get(k, k) in expected]
    names = (one.name, other.name)
    if not shared:
        raise InspectionError(f"{names[0]} and {names[1]} have no outputs, and write no variable of the same name: there is nothing to compare")
    results = [d for k in shared if (d := _difference(k, None, found[k], expected[same.results.get(k, k)], tolerance)) is not None]
    if results and tolerance is None:
        moved = [_results(other, arrays, seed) for seed in SHAKES]
        results = [d for d in results if not _is_rounding(d, *(e[same.results.get(d.name, d.name)] for e in (expected, *moved)))]
    if not results:
        return Comparison(names, [], None, len(shared))
    compared, first = _first(one, other, same, arrays, tolerance)
    return Comparison(names, results, first or results[0], compared)


class _Same:
    """What of one is what of the other.

    Attributes:
        results: path of a variable -> that in the other; those that are not there have the same.
        values: name of a value that both were written with -> its name in the other; None where all names mean the same.
    """

    def __init__(self, one: Subject, other: Subject):
        a, b = one.source, other.source
        pairs = _paired(a, b)
        if pairs is None:
            self.results: dict[str, str] = {}
            self.values: dict[str, str] | None = {n: n for n in _written(a) & _written(b)}
            return
        self.results = {n.attrs["variable"].path: m.attrs["variable"].path for n, m in pairs.items() if n.op.name == "variable"}
        is_one = a is b and one.graph.compilation is other.graph.compilation
        self.values = None if is_one else {a.names[n]: b.names[m] for n, m in pairs.items()}


def _paired(a: Graph, b: Graph) -> dict[Node, Node] | None:
    """The nodes of two graphs that were written alike, operation by operation; None where they were not."""
    found: dict[Node, Node] = {}
    firsts, seconds = ([*g.inputs, *(v for v, _ in g.updates), *g.roots] for g in (a, b))
    todo = list(zip(firsts, seconds, strict=False))
    while todo:
        n, m = todo.pop()
        if n.op is not m.op or n.type != m.type or len(n.inputs) != len(m.inputs):
            return None
        if found.get(n) is m or n.op.name == "constant":  # equal constants are one, unequal ones are a difference to be found
            continue
        if n in found:
            return None
        found[n] = m
        todo += zip(n.inputs, m.inputs, strict=True)
    return found if len(firsts) == len(seconds) else None


def _written(graph: Graph) -> set[str]:
    return {graph.names[n] for n in graph.nodes}


def _is_rounding(found: Difference, expected: Any, *moved: Any) -> bool:
    """Whether it is no larger than what the value moves by itself where all that it is computed from moves by a few roundings."""
    return found.largest <= SLACK * largest_move(expected, moved)


def _results(subject: Subject, arrays: Sequence[Any], seed: int | None = None) -> dict[str, Any]:
    """What it gives, and what variables hold afterwards; from inputs and variables moved by a few roundings where there is a seed."""
    executable = subject.run()
    if seed is not None:
        _shake(executable, seed)
        arrays = [shaken(a, seed) for a in arrays]
    outputs = executable(*arrays)
    found: dict[str, Any] = {f"output {k}": v for k, v in enumerate(outputs)}
    for node, _ in executable.source_graph.updates:
        v = node.attrs["variable"]
        parts = [v] if v.flat_of is None else v.flat_of.variables
        found.update((p.path, p.numpy()) for p in parts)
    return found


def _first(
    one: Subject, other: Subject, same: _Same, arrays: Sequence[Any], tolerance: tuple[float, float] | None
) -> tuple[int, Difference | None]:
    """How many values can be compared, and the first that differs."""
    (a, names), (b, others) = one.showing_all(), other.showing_all()
    nodes, matched = dict(zip(names, a.source_graph.outputs, strict=True)), dict(zip(others, b.source_graph.outputs, strict=True))
    values, expected = dict(zip(names, a(*arrays), strict=True)), dict(zip(others, b(*arrays), strict=True))
    moved: list[dict[str, Any]] = []
    pairs = [(n, n if same.values is None else same.values.get(n)) for n in names]
    shared = [(n, m) for n, m in pairs if m in matched and nodes[n].type == matched[m].type]
    for name, there in shared:
        found = _difference(name, nodes[name], values[name], expected[there], tolerance)
        if found is None:
            continue
        if tolerance is None and not moved:
            for seed in SHAKES:
                _shake(b, seed)
                moved.append(dict(zip(others, b(*[shaken(x, seed) for x in arrays]), strict=True)))
        if not _is_rounding(found, expected[there], *(m[there] for m in moved)):
            return len(shared), found
    return len(shared), None


def _shake(executable: Executable, seed: int) -> None:
    for n in executable.source_graph.variables:
        v = n.attrs["variable"]
        v.set(shaken(v.numpy(), seed))


def _difference(name: str, node: Node | None, found: Any, expected: Any, tolerance: tuple[float, float] | None) -> Difference | None:
    off = difference(found, expected, tolerance)
    if off is None:
        return None
    values = (found[off[1]], expected[off[1]]) if np.shape(found) == np.shape(expected) else ()
    origin = node.origins[0] if node is not None and node.origins else None
    return Difference(name, node, off[0], off[1], values, origin.layer if origin else "", origin.line if origin else "")
