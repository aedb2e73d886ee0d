"""Storage that a result may take over: that of an operand which is read for the last time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from symkeras.graph import dims, dtypes
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node

if TYPE_CHECKING:
    from symkeras.backend.engine.walk import Functions


class Spare:
    """Which operands of a graph are written over, where an engine computes its nodes in order.

    Args:
        graph: what is computed.
        functions: `takes_out` names the ops that write where they are told, `is_apart` says which results have storage of their own.
        env: the sizes of its dims.
        kept: nodes whose storage outlives a call.
    """

    def __init__(self, graph: Graph, functions: Functions, env: Mapping[str, int], kept: Iterable[Node]):
        self._functions = functions
        self._env = env
        self._last: dict[Node, Node] = {}
        shown = {*graph.outputs, *(new for _, new in graph.updates), *graph.inputs, *kept}
        for n in graph.nodes:
            for i in n.inputs:
                self._last[i] = n
            if n.op.is_leaf or not functions.is_apart(n):
                shown.update((n, *n.inputs))  # others may look at the same storage
        self._shown = shown

    def for_result(self, n: Node) -> Node | None:
        """The operand whose storage the result of a node takes; None where it needs its own."""
        if n.op.name not in self._functions.takes_out or not dtypes.is_float(n.dtype):
            return None
        sizes = dims.evaluate(n.shape, self._env)
        for i in n.inputs:
            if i not in self._shown and self._last[i] is n and i.dtype == n.dtype and dims.evaluate(i.shape, self._env) == sizes:
                return i
        return None
