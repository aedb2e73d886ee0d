"""Any value of one run by its name, gradients too, and where the first NaN or infinity comes from.

The graph is evaluated with the reference value of every operation on the values that the variables have; nothing is written to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symkeras.backend.denormals import Denormals
from symkeras.backend.interface import input_arrays
from symkeras.errors import InspectionError, nearest
from symkeras.foreign_dtypes import kind
from symkeras.graph import dtypes, provenance
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node
from symkeras.inspection.record import Record
from symkeras.ops.evaluation import evaluate

_MOST_SHOWN = 4


class Values(Mapping[str, np.ndarray]):
    """Name -> array of the values of one run, in the order of the graph; values with several results are tuples.

    Attributes:
        nodes: name -> node.
    """

    def __init__(self, nodes: Mapping[str, Node], arrays: Mapping[str, Any]):
        self.nodes = dict(nodes)
        self._arrays = dict(arrays)

    def __getitem__(self, name: str) -> Any:
        plain = name.strip().removeprefix("%")
        if plain not in self._arrays:
            raise InspectionError(f"no value is called {name!r}.{nearest(plain, self._arrays)}")
        return self._arrays[plain]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.strip().removeprefix("%") in self._arrays

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    @property
    def gradients(self) -> dict[str, Any]:
        """Those that belong to gradients."""
        return {name: a for name, a in self._arrays.items() if any(o.gradient_of for o in self.nodes[name].origins)}

    def of_layer(self, layer: str) -> dict[str, Any]:
        """Those that belong to a layer or to one within it.

        Raises:
            InspectionError: none does.
        """
        layers = {o.layer for n in self.nodes.values() for o in n.origins}
        found = {k: a for k, a in self._arrays.items() if any(o.layer == layer or o.layer.startswith(f"{layer}/") for o in self.nodes[k].origins)}
        if not found:
            raise InspectionError(f"no value belongs to a layer {layer!r}.{nearest(layer, layers)}")
        return found

    def __str__(self) -> str:
        return "\n".join(f"{name}: {_summary(a)}" for name, a in self._arrays.items())

    def __repr__(self) -> str:
        return f"<{len(self)} values>"


class Watch:
    """Some values by name, of as many runs as are asked for: call it with the arrays of a run.

    Args:
        names: of values of any stage.

    Raises:
        InspectionError: no stage has a value of this name.
    """

    def __init__(self, record: Record, names: Sequence[str]):
        if not names:
            raise InspectionError("watch needs the name of a value, received none")
        self._record = record
        self._where: dict[str, tuple[Graph, Node]] = {}
        for name in names:
            plain = name.strip().removeprefix("%")
            self._where[plain] = _where(record, plain)

    def __call__(self, *arrays: Any) -> Values:
        """The values for these inputs."""
        given = input_arrays(self._record.executable.source_graph, arrays)
        graphs = {id(g): g for g, _ in self._where.values()}
        computed: dict[Node, Any] = {}
        for g in graphs.values():
            wanted = [n for other, n in self._where.values() if other is g]
            computed.update(_evaluated(self._record, g, wanted, given))
        nodes = {name: n for name, (_, n) in self._where.items()}
        return Values(nodes, {name: computed[n] for name, n in nodes.items()})

    def __repr__(self) -> str:
        return f"<watch of {', '.join(self._where)}>"


def _where(record: Record, name: str) -> tuple[Graph, Node]:
    """The last stage in which a value is, and its node."""
    for stage in reversed(record.stages):
        for n in stage.graph.nodes:
            if stage.graph.names.get(n) == name:
                return stage.graph, n
    within = record.nodes_named.get(name)
    if within:
        raise InspectionError(f"{name!r} is computed once per step of a loop, or in a branch: watch what the loop gives ({within[0].op.name})")
    raise InspectionError(f"no value is called {name!r}.{nearest(name, record.nodes_named)}")


def values(record: Record, arrays: Sequence[Any]) -> Values:
    """All values of the final graph for these inputs; those within loops and branches are not among them, only what comes out of these."""
    graph = record.graph
    nodes = {graph.names[n]: n for n in (*graph.inputs, *(n for n in graph.in_order if n not in graph.inputs))}
    given = input_arrays(record.executable.source_graph, arrays)
    computed = _evaluated(record, graph, nodes.values(), given)
    return Values(nodes, {name: computed[n] for name, n in nodes.items()})


def _evaluated(record: Record, graph: Graph, nodes: Iterable[Node], given: Sequence[np.ndarray]) -> dict[Node, Any]:
    nodes = list(nodes)
    copies = {n: n.attrs["variable"].numpy() for n in graph.variables}
    with Denormals(record.executable.denormals == "flush"), provenance.inherit(()):
        found, _ = evaluate(Graph(graph.inputs, nodes, name=graph.name), [a.copy() for a in given], copies)
    return dict(zip(nodes, found, strict=True))


@dataclass(frozen=True)
class NonFinite:
    """The first value of a run that is not finite.

    Attributes:
        name, op: of the value; "input" and "variable" are ops as well.
        kind: "NaN" or "infinity".
        layer, line: where it comes from, "" where that is not known.
        count: of the elements that are not finite.
        index: of the first one.
        value: the whole.
        inputs: name -> array: what it was computed from.
    """

    name: str
    op: str
    kind: str
    layer: str
    line: str
    lines: tuple[str, ...]
    count: int
    index: tuple[int, ...]
    value: np.ndarray
    inputs: dict[str, Any]

    def __str__(self) -> str:
        where = ", ".join(filter(None, (self.layer, self.line)))
        rows = [f"the first {self.kind} is in %{self.name} = {self.op}{f' ({where})' if where else ''}"]
        rows.append(f"  {self.count} of {self.value.size} elements, the first at {self.index}")
        rows += [f"  reads %{name}: {_summary(a)}{self._element(a)}" for name, a in self.inputs.items()]
        return "\n".join(rows)

    def _element(self, a: Any) -> str:
        return f", there {a[self.index]}" if isinstance(a, np.ndarray) and a.shape == self.value.shape and a.size > 1 else ""


def first_nonfinite(record: Record, arrays: Sequence[Any]) -> NonFinite | None:
    """The first value that has a NaN or an infinity, in the order in which the graph is printed; None where there is none.

    Inputs and variables come first; a constant that was written so is no fault.
    """
    found = values(record, arrays)
    names = record.graph.names
    leaves = [n for n in found.nodes.values() if n.op.is_leaf]
    for n in (*leaves, *(n for n in found.nodes.values() if not n.op.is_leaf)):
        if n.op.name == "constant":
            continue
        for a in _results(found[names[n]]):
            bad = ~np.isfinite(a) if kind(a.dtype) in "fc" else np.zeros((), bool)
            if bad.any():
                return _nonfinite(n, a, bad, names[n], {names[i]: found[names[i]] for i in n.inputs})
    return None


def _nonfinite(n: Node, a: np.ndarray, bad: np.ndarray, name: str, inputs: dict[str, Any]) -> NonFinite:
    origin = n.origins[0] if n.origins else provenance.Origin("", ())
    index = tuple(int(k) for k in np.argwhere(bad)[0]) if a.ndim else ()
    layer = f"grad({origin.layer or origin.gradient_of})" if origin.gradient_of else origin.layer
    op = "input" if n.op.name == "placeholder" else n.op.name
    kind = "NaN" if np.isnan(a[index]) else "infinity"
    return NonFinite(name, op, kind, layer, origin.line, tuple(map(str, origin.lines)), int(bad.sum()), index, a, inputs)


def _results(value: Any) -> Sequence[np.ndarray]:
    return value if isinstance(value, tuple) else (value,)


def _summary(value: Any) -> str:
    """`float32[3, 2] from -1 to 2, mean 0.1`, with how many elements are not finite."""
    if isinstance(value, tuple):
        more = f" and {len(value) - _MOST_SHOWN} more" if len(value) > _MOST_SHOWN else ""
        return f"({'; '.join(map(_summary, value[:_MOST_SHOWN]))}{more})"
    shape = f"{value.dtype}[{', '.join(map(str, value.shape))}]"
    value = dtypes.wide(value)
    if not value.size or value.dtype.kind not in "fiu":
        return shape
    if value.size == 1:
        return f"{shape} = {value.reshape(-1)[0]:.6g}"
    finite = value[np.isfinite(value)]
    spread = f" from {finite.min():.6g} to {finite.max():.6g}, mean {finite.mean(dtype='float64'):.6g}" if finite.size else ""
    missing = value.size - finite.size
    return f"{shape}{spread}{f', {missing} not finite' if missing else ''}"
