"""`widen-bfloat16`, `widen-float8`: what a backend has no arithmetic for is computed in float32, and rounded once.

Values stay in their dtype wherever they are kept or moved; each operation that computes with them casts what it reads to float32, and its result
back, to nearest even. That is how the reference computes (`Op.reference`), so a backend needs no more than two casts.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

from symkeras.compiler.passes.base import Context, Pass, map_subgraphs, rewritten
from symkeras.graph import dtypes
from symkeras.graph.graph import Graph, every_node, subgraphs
from symkeras.graph.node import Node, make
from symkeras.ops.op import OPS, constant_node

_WIDE = "float32"


@dataclass(frozen=True)
class _Widen(Pass):
    """Cast what operations read in some dtypes to float32, and what they give back; `moves`: those that only move elements, too."""

    moves: int = 0
    narrow: ClassVar[Collection[str]] = ()

    def run(self, graph: Graph, context: Context) -> Graph:
        graph = map_subgraphs(graph, lambda g: self.run(g, context))
        return rewritten(graph, lambda n, inputs: self._widened(n, inputs, context))

    def _widened(self, n: Node, inputs: Sequence[Node], context: Context) -> Node | None:
        op = n.op
        if op.name == "item" and n.dtype in self.narrow and inputs[0].types[n.attrs["index"]].dtype == _WIDE:
            return context.rewrote(self.name, n, _cast(make(op, inputs, n.attrs), n.dtype))
        if op.is_leaf or subgraphs(n) or op.name == "item" or ((op.is_view or op.moves) and not self.moves):
            return None
        if not any(t.dtype in self.narrow for m in (n, *inputs) for t in m.types):
            return None
        if op.name != "cast":
            made = make(op, [self._wide(i) for i in inputs], n.attrs)
        elif _WIDE in (n.dtype, inputs[0].dtype):
            return None
        else:
            made = _cast(inputs[0], _WIDE)
        if isinstance(n.type, tuple) or made.dtype == n.dtype:
            return context.rewrote(self.name, n, made)
        return context.rewrote(self.name, n, _cast(made, n.dtype))

    def _wide(self, x: Node) -> Node:
        if x.dtype not in self.narrow:
            return x
        return constant_node(dtypes.wide(x.attrs["value"].array)) if x.op.name == "constant" else _cast(x, _WIDE)


@dataclass(frozen=True)
class WidenBfloat16(_Widen):
    """For backends that keep bfloat16 and do not compute in it."""

    name: ClassVar[str] = "widen-bfloat16"
    narrow = ("bfloat16",)


@dataclass(frozen=True)
class WidenFloat8(_Widen):
    """For backends that keep numbers of 8 bits and do not compute in them."""

    name: ClassVar[str] = "widen-float8"
    narrow = dtypes.FLOAT8


def _cast(x: Node, dtype: str) -> Node:
    return make(OPS["cast"], [x], {"dtype": dtype})


def narrow_dtypes(graph: Graph) -> set[str]:
    """The dtypes in a graph that NumPy has no arithmetic for."""
    return {t.dtype for n in every_node(graph) for t in n.types} & dtypes.FOREIGN


def widening(graph: Graph, lacks: Collection[str], moved: Collection[str] = dtypes.FOREIGN) -> str:
    """The passes that a graph needs on a backend that lacks arithmetic in some dtypes, as text; "" where it has none of them.

    Args:
        moved: the dtypes whose elements the backend can move.
    """
    found = narrow_dtypes(graph) & set(lacks)
    passes = [p for p in (WidenBfloat16, WidenFloat8) if not found.isdisjoint(p.narrow)]
    return ", ".join(str(p(moves=int(not set(p.narrow) <= set(moved)))) for p in passes)
