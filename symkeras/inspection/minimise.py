"""`symkeras.minimise`: a graph with a fault made small, down to a script that shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from symkeras.errors import InspectionError, SymkerasError
from symkeras.graph import dims, provenance
from symkeras.graph.compilation import Compilation
from symkeras.graph.graph import Graph, subgraphs, substitute
from symkeras.graph.node import Node, make, placeholder_node
from symkeras.graph.types import TensorType
from symkeras.ops.op import constant_node

_SCRIPT = '''"""{title}: {count} operations. Prints, for each output, how far {backend} is from the reference."""

import numpy as np

from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph
from symkeras.inspection.evaluation import drawn
from symkeras.ops.evaluation import evaluate

graph = Graph.parse("""\\
{text}
""")
sizes = {sizes}
arrays = [drawn(n.tensor_type, sizes, n.attrs["name"]) for n in graph.inputs]
for n in graph.variables:
    n.attrs["variable"].set(drawn(n.tensor_type, sizes, n.attrs["name"]))
expected, updates = evaluate(graph, arrays)
found = compile_graph(graph, backend={backend!r})(*arrays)
for k, (a, b) in enumerate(zip(found, expected)):
    print(f"output {{k}}: {{np.abs(np.asarray(a, float) - np.asarray(b, float)).max(initial=0):.3g}}")
for (v, _), b in zip(graph.updates, updates):
    print(f"{{v.attrs['name']}}: {{np.abs(v.attrs['variable'].numpy().astype(float) - np.asarray(b, float)).max(initial=0):.3g}}")
'''


@dataclass(frozen=True)
class Minimised:
    """What `minimise` left.

    Attributes:
        graph: the small graph.
        before: operations of the one it began with.
        tried: graphs given to `fails`.
    """

    graph: Graph
    before: int
    tried: int

    def script(self, backend: str = "numpy") -> str:
        """A Python file of its own that runs the graph on a backend and beside it by the reference."""
        text = Graph.to_text(self.graph).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
        symbols = sorted({s for n in self.graph.inputs for s in dims.symbols_of(n.shape)})
        title = f"Graph {self.graph.name}".replace("\\", "").replace('"', "")
        return _SCRIPT.format(title=title, count=self.graph.count(), text=text, sizes=dict.fromkeys(symbols, 4), backend=backend)

    def save(self, path: Any, backend: str = "numpy") -> None:
        """Write the script to a file."""
        Path(path).write_text(self.script(backend), encoding="utf-8")

    def __str__(self) -> str:
        return f"{self.before} operations became {self.graph.count()} ({self.tried} graphs tried)\n{self.graph}"


def minimise(graph: Graph, fails: Callable[[Graph], bool], most: int = 2000) -> Minimised:
    """The smallest graph found that still fails.

    Outputs and updates are dropped, values become inputs, constants or what they are computed from, sizes shrink.

    Args:
        fails: whether a graph shows the fault. A graph on which it raises does not.
        most: how many graphs to try.

    Raises:
        InspectionError: `graph` itself does not fail.

    >>> from symkeras import ops
    >>> x = ops.placeholder("f32[batch, 8]", name="x")
    >>> g = Graph([x.node], [ops.tanh(ops.exp(x) + 1).node, ops.sin(x).node])
    >>> small = minimise(g, lambda g: any(n.op.name == "tanh" for n in g.nodes)).graph
    >>> small.count(), [str(n.type) for n in small.inputs]
    (1, ['f32[1, 1]'])
    """
    search = _Search(fails, most)
    if not search.fails(graph):
        raise InspectionError(f"graph {graph.name!r} does not fail: `fails` gave False for it")
    before = graph.count()
    while True:
        smaller = next((g for candidates in (_fewer_results, _cut, _by_an_input, _shorter) for g in candidates(graph) if search.fails(g)), None)
        if smaller is None:
            return Minimised(graph, before, search.tried)
        graph = smaller


class _Search:
    def __init__(self, fails: Callable[[Graph], bool], most: int):
        self._fails = fails
        self._most = most
        self.tried = 0

    def fails(self, graph: Graph) -> bool:
        if self.tried >= self._most:
            return False
        self.tried += 1
        try:
            return bool(self._fails(graph))
        except Exception:  # whatever goes wrong elsewhere is another fault
            return False


def _closed(outputs: list[Node], updates: list[tuple[Node, Node]], like: Graph) -> Graph:
    """A graph with the inputs that it needs."""
    from symkeras.graph.node import reachable

    needed = reachable([*outputs, *(n for _, n in updates)])
    old = [n for n in like.inputs if n in set(needed)]
    return Graph([*old, *(n for n in needed if n.op.name == "placeholder" and n not in set(old))], outputs, updates, like.name)


def _fewer_results(graph: Graph) -> Iterator[Graph]:
    """One result alone; or all but one."""
    outputs, updates = list(graph.outputs), list(graph.updates)
    if len(outputs) + len(updates) == 1:
        if len(graph.inputs) > sum(n.op.name == "placeholder" for n in _closed(outputs, updates, graph).nodes):
            yield _closed(outputs, updates, graph)
        for v, n in updates:  # the new value itself
            if v.op.name == "variable":
                yield _closed([n], [], graph)
        return
    for o in outputs:
        yield _closed([o], [], graph)
    for u in updates:
        yield _closed([u[1]], [], graph)
        yield _closed([], [u], graph)
    for k in range(len(outputs)):
        yield _closed(outputs[:k] + outputs[k + 1 :], updates, graph)
    for k in range(len(updates)):
        yield _closed(outputs, updates[:k] + updates[k + 1 :], graph)


def _replaced(graph: Graph, old: Node, new: Node) -> Graph:
    with provenance.inherit(()), Compilation({}):
        found = substitute(graph.roots, {old: new})
        return _closed([found[n] for n in graph.outputs], [(v, found[n]) for v, n in graph.updates], graph)


def _cut(graph: Graph) -> Iterator[Graph]:
    """A value becomes an input, or where it is small zeros: the later it is, the more goes away."""
    updated = {v for v, _ in graph.updates}
    for n in reversed(graph.nodes):
        if n.op.name in ("placeholder", "dim") or isinstance(n.type, tuple) or (n in updated and n.op.name == "variable"):
            continue
        if n.op.name == "constant" and n.attrs["value"].array.size <= 4:
            continue
        if n in graph.roots and graph.count() == 1:
            continue
        yield _replaced(graph, n, placeholder_node(n.tensor_type, graph.names[n]))
        if all(isinstance(d, int) for d in n.shape) and np.prod(n.shape, dtype=int) <= 4:
            yield _replaced(graph, n, constant_node(np.zeros(n.shape, n.dtype)))


def _by_an_input(graph: Graph) -> Iterator[Graph]:
    """A value becomes one that it is computed from."""
    for n in reversed(graph.nodes):
        for i in n.inputs:
            if i.type == n.type:
                yield _replaced(graph, n, i)


def _shorter(graph: Graph) -> Iterator[Graph]:
    """One size, wherever an input or an attribute has it, becomes 1, 2, or half."""
    found: dict[Any, None] = {}
    for n in graph.inputs:
        found.update(dict.fromkeys(d for d in n.shape if not isinstance(d, int) or d > 1))
    for old in found:
        smaller = (1, 2, 3) if not isinstance(old, int) else dict.fromkeys(k for k in (1, 2, old // 2) if 0 < k < old)
        for new in smaller:
            try:
                yield _resized(graph, {old: new})
            except (SymkerasError, TypeError, ValueError):
                continue


def _resized(graph: Graph, sizes: Mapping[Any, int]) -> Graph:
    """The graph with other sizes: all types are inferred anew."""
    if any(subgraphs(n) for n in graph.nodes):
        raise InspectionError("graphs within keep their sizes")
    new: dict[Node, Node] = {}
    with provenance.inherit(()), Compilation({}):
        for n in graph.nodes:
            if n.op.name == "placeholder":
                new[n] = placeholder_node(TensorType(_sized(n.shape, sizes), n.dtype), n.attrs["name"])
            elif n.op.is_leaf:
                new[n] = n
            else:
                attrs = {k: _sized(v, sizes) if k == "shape" else v for k, v in n.attrs.items()}
                new[n] = make(n.op, [new[i] for i in n.inputs], attrs)
        return Graph([new[n] for n in graph.inputs], [new[n] for n in graph.outputs], [(v, new[n]) for v, n in graph.updates], graph.name)


def _sized(shape: Any, sizes: Mapping[Any, int]) -> Any:
    symbols = {s: k for d, k in sizes.items() if not isinstance(d, int) for s in dims.symbols_of(d) if d == dims.symbol(s)}
    return tuple(sizes.get(d, d) if isinstance(d, int) or not d.symbols() <= symbols.keys() else d.evaluate(symbols) for d in shape)
