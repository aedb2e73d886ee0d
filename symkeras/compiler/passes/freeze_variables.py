"""`freeze-variables`: what depends on variables and constants alone is computed once, for graphs that leave for a file.

A model's weights may change at any time; those in a file do not. Kernels with a normalisation folded into them, scales
and sums of weights become constants; weights that are only read, or seen through a view, stay what they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from symkeras.compiler.passes.base import Context, Pass
from symkeras.graph import dims, provenance
from symkeras.graph.graph import Graph, subgraphs
from symkeras.graph.node import Node, make
from symkeras.ops.op import constant_node


@dataclass(frozen=True)
class FreezeVariables(Pass):
    """Compute what rests on variables alone and is no larger than what it is made of; a graph that updates variables is left alone."""

    name: ClassVar[str] = "freeze-variables"

    def run(self, graph: Graph, context: Context) -> Graph:
        if graph.updates:
            return graph
        values: dict[Node, Any] = {}
        computed: set[Node] = set()
        new: dict[Node, Node] = {}

        def operand(n: Node) -> Node:
            if n in computed and new.get(n) is None:
                with provenance.replacing(n):
                    new[n] = context.rewrote(n.op.name, n, constant_node(values[n]))
            return new[n]

        for n in graph.nodes:
            if self._is_fixed(n, values):
                values[n] = self._value(n, values)
                if not n.op.is_leaf and (not n.op.is_view or any(i in computed for i in n.inputs)):
                    computed.add(n)
                    continue
            inputs = [operand(i) for i in n.inputs]
            if any(a is not b for a, b in zip(inputs, n.inputs, strict=True)):
                with provenance.replacing(n):
                    new[n] = make(n.op, inputs, n.attrs, n.type)
            else:
                new[n] = n
        return Graph(graph.inputs, [operand(n) for n in graph.outputs], [], graph.name)

    @staticmethod
    def _is_fixed(n: Node, values: dict[Node, Any]) -> bool:
        if n.op.name in ("variable", "constant"):
            return True
        if n.op.is_leaf or n.op.is_random or isinstance(n.type, tuple) or subgraphs(n) or not all(i in values for i in n.inputs):
            return False
        given = sum(values[i].size for i in n.inputs)
        is_static = not dims.symbols_of(tuple(v for v in n.attrs.values() if isinstance(v, (tuple, dims.Dim))))
        return is_static and isinstance(n.type.size, int) and n.type.size <= given

    @staticmethod
    def _value(n: Node, values: dict[Node, Any]) -> Any:
        if n.op.name == "variable":
            return n.attrs["variable"].array
        if n.op.name == "constant":
            return n.attrs["value"].array
        with np.errstate(all="ignore"):
            return np.asarray(n.op.reference(*(values[i] for i in n.inputs), **n.attrs), dtype=n.types[0].dtype)
