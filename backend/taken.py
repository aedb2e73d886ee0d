"""Refusing a graph with operations that a backend has nothing for, before anything is compiled."""

from __future__ import annotations

from collections.abc import Callable, Collection

from symkeras.errors import BackendError
from symkeras.graph import dtypes, provenance
from symkeras.graph.graph import Graph, every_node

_KINDS = {"bfloat16": "bfloat16", **dict.fromkeys(dtypes.FLOAT8, "numbers of 8 bits")}
_LEAVES = ("constant", "dim", "item", "variable", "placeholder")


def check_taken(graph: Graph, backend: str, takes: Callable[[str], bool]) -> None:
    """Raise BackendError where a backend does not take an op of an optimised graph, with the nodes and the user's lines."""
    lacking = [n for n in every_node(graph) if n.op.name not in _LEAVES and not takes(n.op.name)]
    if lacking:
        shown = "; ".join(f"{n.op.name}: {n.type}{provenance.where(n.origins)}" for n in lacking[:5])
        more = f" and {len(lacking) - 5} more" if len(lacking) > 5 else ""
        raise BackendError(f"{graph.name}: {backend} has no function for {shown}{more}; numpy and the interpreter do")


def check_held(graph: Graph, backend: str, holds: Collection[str]) -> None:
    """Raise BackendError where a graph has values in a dtype of `dtypes.FOREIGN` that a backend cannot hold."""
    found = [(n, t) for n in every_node(graph) for t in n.types if t.dtype in dtypes.FOREIGN and t.dtype not in holds]
    if found:
        n, t = next((pair for pair in found if pair[0].origins), found[0])
        raise BackendError(
            f"{graph.name}: {backend} has no {_KINDS[t.dtype]} for {n.op.name}: {t}{provenance.where(n.origins)}; numpy, jax and torch do"
        )
