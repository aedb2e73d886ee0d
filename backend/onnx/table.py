"""Which ONNX operators every operation becomes, and what of a graph cannot be written so."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from symkeras.backend.onnx import composites, control, elementwise, indexing, movement, random, recurrence, reductions, windows
from symkeras.backend.onnx.writer import Expression
from symkeras.errors import BackendError
from symkeras.graph import dims, dtypes, provenance
from symkeras.graph.dims import Dim
from symkeras.graph.graph import Graph, every_node
from symkeras.graph.node import Node
from symkeras.ops.op import OPS

TABLE: dict[str, Expression] = {
    **elementwise.TABLE, **movement.TABLE, **reductions.TABLE, **indexing.TABLE, **windows.TABLE, **control.TABLE, **composites.TABLE,
    **random.TABLE, **recurrence.TABLE,
}  # fmt: skip
UNWANTED = ("flatten-updates", "sparse-updates")
"""Passes for engines that update variables in place."""
_LEAVES = ("constant", "variable", "placeholder", "item")


def takes(op: str) -> bool:
    """Whether an op is written by itself; composites that are not are expanded before."""
    return op in TABLE


def check_expressible(graph: Graph, what: str) -> None:
    """Raise BackendError that names every node which ONNX cannot express, with its layer and the user's line."""
    ends = [n for n in (*graph.inputs, *graph.outputs, *(v for v, _ in graph.updates)) if n.dtype == "bfloat16"]
    if ends:
        shown = "; ".join(f"{n.op.name}: {n.type}{provenance.where(n.origins)}" for n in ends)
        raise BackendError(f"{what}: what ONNX' engines are given and give back is no bfloat16; cast {shown}")
    lacking = [f"{n.op.name} ({reason}){provenance.where(n.origins)}" for n, reason in _lacking(graph)]
    if lacking:
        raise BackendError(f"{what}: ONNX has no operators for {'; '.join(dict.fromkeys(lacking))}")


def _lacking(graph: Graph) -> Iterator[tuple[Node, str]]:
    solved = _known_symbols(graph)
    for n in every_node(graph):
        if n.op.name not in TABLE and n.op.name not in _LEAVES and not (n.op.name in OPS and OPS[n.op.name].is_composite):
            yield n, f"it gives {n.type}"
            continue
        reason = _REASONS.get(n.op.name, lambda _: "")(n) or _of_types(n)
        unsolved = _symbols(n) - solved
        if reason or unsolved:
            yield n, reason or f"the size {min(unsolved)} follows from no input"


def _of_types(n: Node) -> str:
    return next((f"it gives {t}" for t in n.types if t.dtype.startswith("complex") or t.dtype in dtypes.FLOAT8), "")


def _symbols(n: Node) -> set[str]:
    """The sizes that writing a node asks for."""
    own = dims.symbols_of(tuple(v for v in n.attrs.values() if isinstance(v, (Dim, tuple))))
    return own.union(*(dims.symbols_of(t.shape) for t in n.types)) if n.op.name in ("broadcast_to", "scatter_add", "combine_rows") else own


def _known_symbols(graph: Graph) -> set[str]:
    found: set[str] = set()
    for d in (d for n in graph.inputs for d in n.shape if isinstance(d, Dim)):
        names = d.symbols()
        if len(names) == 1 and all(m in ((), tuple(names)) for m, _ in d.terms):
            found |= names
    return found


def _of_booleans(n: Node) -> str:
    return f"of {n.inputs[0].dtype}" if n.inputs[0].dtype == "bool" else ""


_REASONS: dict[str, Callable[[Node], str]] = {
    "subtract": _of_booleans, "negative": _of_booleans, "sign": _of_booleans, "mod": _of_booleans,
    "floor_divide": _of_booleans,
}  # fmt: skip
