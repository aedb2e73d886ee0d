"""`sparse-updates`: an embedding's update touches the rows of the batch, where its formula leaves the others as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from symkeras.compiler.passes.base import Context, Pass
from symkeras.graph import provenance
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, make
from symkeras.ops.op import OPS


@dataclass(frozen=True)
class SparseUpdates(Pass):
    """Updates by the gradient of a gather write only the rows it touched, where the formula leaves the others exact.

    A row whose gradient is zero must keep its value (or, for a slot, go on to what the formula gives for a zero
    gradient, computed for all rows without the gradient). The rows touched are updated by the whole formula.
    """

    name: ClassVar[str] = "sparse-updates"

    def run(self, graph: Graph, context: Context) -> Graph:
        updates = []
        for node, new in graph.updates:
            sparse = _sparse(node, new)
            if sparse is not None:
                context.rewrote("sparse-update", new, sparse)
            updates.append((node, new if sparse is None else sparse))
        return Graph(graph.inputs, graph.outputs, updates, graph.name) if context.rewrites else graph


def _formula(root: Node) -> list[Node]:
    """The elementwise nodes of an update, of the variable's shape, in topological order, leaves included."""
    seen: dict[int, Node] = {}
    todo = [root]
    while todo:
        n = todo.pop()
        if n.uid in seen:
            continue
        seen[n.uid] = n
        if n.op.is_elementwise and n.shape == root.shape:
            todo.extend(n.inputs)
    return [seen[u] for u in sorted(seen)]


def _sparse(variable: Node, new: Node) -> Node | None:
    nodes = _formula(new)
    grads = [n for n in nodes if n.op.name == "scatter_add"]
    if len(grads) != 1 or not new.op.is_elementwise:
        return None
    grad = grads[0]
    indices, values = grad.inputs
    if not _is_smaller(indices, variable):
        return None
    leaves = [n for n in nodes if n is not grad and not (n.op.is_elementwise and n.shape == new.shape)]
    if any(n.shape != () and n.op.name != "variable" for n in leaves):
        return None
    untouched = _for_zero_gradient(nodes, grad, new)
    if untouched is None:
        return None
    with provenance.replacing(new):
        rows: dict[Node, Node] = {grad: make(OPS["combine_rows"], (indices, values), {"rows": new.shape[0]})}
        for n in leaves:
            rows[n] = make(OPS["gather"], (n, indices), {}) if n.op.name == "variable" and n.shape == new.shape else n
        for n in nodes:
            if n not in rows:
                rows[n] = make(n.op, [rows[i] for i in n.inputs], n.attrs)
        return make(OPS["set_rows"], (untouched, indices, rows[new]), {})


def _is_smaller(indices: Node, variable: Node) -> bool:
    rows = variable.shape[0]
    size = indices.tensor_type.size
    return isinstance(rows, int) and (not isinstance(size, int) or size < rows)


def _for_zero_gradient(nodes: list[Node], grad: Node, root: Node) -> Node | None:
    """The update where the gradient is zero, simplified for finite values: None unless it is cheap."""
    zero = object()
    value: dict[Node, Any] = {grad: zero}
    for n in nodes:
        if n in value:
            continue
        if not (n.op.is_elementwise and n.shape == root.shape):
            value[n] = n
            continue
        v = [value[i] for i in n.inputs]
        value[n] = _zero_rule(n, v, zero)
        if value[n] is None:
            return None
    result = value[root]
    return result if result is not zero else None


def _zero_rule(n: Node, v: list[Any], zero: object) -> Any:
    name = n.op.name
    if zero not in v:
        return n if all(a is b for a, b in zip(v, n.inputs, strict=True)) else make(n.op, v, n.attrs)
    if name in ("multiply", "square", "negative", "cast") or (name == "divide" and v[0] is zero):
        return zero
    if name == "add":
        return v[1] if v[0] is zero else v[0]
    if name == "subtract":
        return v[0] if v[1] is zero else None
    return None
