"""`sparse-updates`: an embedding's update touches the rows of the batch, where its formula leaves the others as they are."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import ClassVar

from symkeras.compiler.passes.base import Context, Pass
from symkeras.compiler.passes.zero_gradient import for_zero_gradient, formula, never_negative
from symkeras.graph import provenance
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, make
from symkeras.ops.op import OPS


@dataclass(frozen=True)
class SparseUpdates(Pass):
    """Updates by the gradient of a gather write only the rows it touched, where the formula leaves the others exact.

    A row whose gradient is zero must keep its value (or, for a slot, go on to what the formula gives for a zero
    gradient, computed for all rows without the gradient). The rows touched are updated by the whole formula.

    What must hold of what meets the gradient is found by `zero_gradient`; numbers that may break it become the guard of `set_rows`.
    """

    name: ClassVar[str] = "sparse-updates"

    def run(self, graph: Graph, context: Context) -> Graph:
        formulas = {node: formula(new) for node, new in graph.updates if new.op.is_elementwise}
        tables = {node: grad for node, nodes in formulas.items() if (grad := _gradient(node, nodes)) is not None}
        if not tables:
            return graph
        slots = never_negative([(node, new) for node, new in graph.updates if node in formulas])
        updates = []
        for node, new in graph.updates:
            sparse = _sparse(formulas[node], tables[node], slots) if node in tables else None
            if sparse is not None:
                context.rewrote("sparse-update", new, sparse)
            updates.append((node, new if sparse is None else sparse))
        return Graph(graph.inputs, graph.outputs, updates, graph.name) if context.rewrites else graph


def _gradient(variable: Node, nodes: list[Node]) -> Node | None:
    """The gradient in the formula of a table, if it touches fewer rows than there are."""
    grads = [n for n in nodes if n.op.name == "scatter_add"]
    return grads[0] if len(grads) == 1 and grads[0].shape == variable.shape and _is_smaller(grads[0].inputs[0], variable) else None


def _is_smaller(indices: Node, variable: Node) -> bool:
    rows = variable.shape[0]
    size = indices.tensor_type.size
    return isinstance(rows, int) and (not isinstance(size, int) or size < rows)


def _sparse(nodes: list[Node], grad: Node, slots: Set[Node]) -> Node | None:
    new = nodes[-1]
    leaves = [n for n in nodes if n is not grad and not (n.op.is_elementwise and n.shape == new.shape)]
    if any(n.shape != () and not (n.op.name == "variable" and (n.shape == new.shape or n.ndim < new.ndim)) for n in leaves):
        return None
    with provenance.replacing(new):
        untouched = for_zero_gradient(nodes, grad, slots)
        if untouched is None:
            return None
        indices, values = grad.inputs
        rows: dict[Node, Node] = {grad: make(OPS["combine_rows"], (indices, values), {"rows": new.shape[0]})}
        for n in leaves:
            rows[n] = make(OPS["gather"], (n, indices), {}) if n.op.name == "variable" and n.shape == new.shape else n
        for n in nodes:
            if n not in rows:
                rows[n] = make(n.op, [rows[i] for i in n.inputs], n.attrs)
        table, guard = untouched
        return make(OPS["set_rows"], [n for n in (table, indices, rows[new], guard) if n is not None], {})
