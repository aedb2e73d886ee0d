"""`flatten-updates`: an optimizer updates every variable by the same formula. Where the variables (and their slots) lie
one after the other in packs, the formulas are generalised (anti-unified): equal scalars stay, packed variables become
their flat storage, and where the formulas differ the differing nodes (the gradients) are laid one after the other. What
was a dozen kernels per variable is then a dozen kernels in all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from symkeras.compiler.passes.base import Context, Pass
from symkeras.graph import provenance
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, make
from symkeras.graph.tensor import Tensor
from symkeras.graph.variable import Pack, Variable
from symkeras.ops.op import OPS
from symkeras.ops.shaping import reshape


def _variable(node: Node) -> Variable | None:
    return node.attrs["variable"] if node.op.name == "variable" else None


@dataclass(frozen=True)
class FlattenUpdates(Pass):
    """Merge updates of packed variables that follow one formula."""

    name: ClassVar[str] = "flatten-updates"

    def run(self, graph: Graph, context: Context) -> Graph:
        runs = _runs(graph)
        updates = dict(graph.updates)
        memo: dict[tuple[Node, ...], Node | None] = {}
        for run in runs:
            flat_new = _generalise([updates[v.node] for v in run], run, memo)
            if flat_new is None:
                continue
            first = run[0]
            assert first.pack is not None
            flat = first.pack.flat(run[0], run[-1])
            for v in run:
                context.rewrote("flatten", updates.pop(v.node), flat_new, keeps_value=False)
            updates[flat.node] = flat_new
        if not context.rewrites:
            return graph
        return Graph(graph.inputs, graph.outputs, updates.items(), graph.name)


def _runs(graph: Graph) -> list[list[Variable]]:
    """Maximal stretches of updated variables that lie one after the other in their pack and are updated alike."""
    shapes: dict[Variable, Node] = {}
    packs: dict[Pack, list[Variable]] = {}
    for node, new in graph.updates:
        v = _variable(node)
        if v is not None and v.pack is not None and v.pack not in packs:
            packs[v.pack] = list(v.pack.variables)
        if v is not None:
            shapes[v] = new
    runs: list[list[Variable]] = []
    for variables in packs.values():
        run: list[Variable] = []
        for v in variables:
            alike = v in shapes and shapes[v].op.is_elementwise and (not run or _outline(shapes[v], v) == _outline(shapes[run[-1]], run[-1]))
            if alike:
                run.append(v)
                continue
            runs.append(run)
            run = [v] if v in shapes and shapes[v].op.is_elementwise else []
        runs.append(run)
    return [r for r in runs if len(r) > 1]


def _outline(node: Node, v: Variable, depth: int = 3) -> Any:
    """The ops near the root of an update, enough to tell formulas apart."""
    if depth == 0 or not node.op.is_elementwise or node.shape != v.shape:
        own = _variable(node)
        return "packed" if own is not None and own.pack is not None else "scalar" if not node.shape else "leaf"
    return (node.op.name, *(_outline(i, v, depth - 1) for i in node.inputs))


def _generalise(roots: list[Node], run: list[Variable], memo: dict[tuple[Node, ...], Node | None]) -> Node | None:
    """One node over flat storage whose pieces are `roots`."""
    todo: list[tuple[Node, ...]] = [tuple(roots)]
    while todo:
        group = todo[-1]
        if group in memo:
            todo.pop()
            continue
        leaf = _flat_leaf(group, run)
        if leaf is not None:
            memo[group] = leaf
            continue
        if not _is_alike(group, run) or not _depends_on_packs(group):
            memo[group] = _laid_out(group, run)
            continue
        children = [tuple(n.inputs[k] for n in group) for k in range(len(group[0].inputs))]
        missing = [c for c in children if c not in memo]
        if missing:
            todo.extend(missing)
            continue
        inputs = [memo[c] for c in children]
        if any(i is None for i in inputs):
            memo[group] = None
        else:
            with provenance.replacing(*group):
                memo[group] = make(group[0].op, inputs, group[0].attrs)  # type: ignore[arg-type]
    return memo[tuple(roots)]


def _flat_leaf(group: tuple[Node, ...], run: list[Variable]) -> Node | None:
    first = group[0]
    if first.shape == () and all(n is first for n in group):
        return first
    variables = [_variable(n) for n in group]
    if any(v is None or v.pack is None or v.pack is not variables[0].pack for v in variables):  # type: ignore[union-attr]
        return None
    pack = variables[0].pack  # type: ignore[union-attr]
    assert pack is not None
    start = pack.start(variables[0])  # type: ignore[arg-type]
    for v, own in zip(variables, run, strict=True):
        if pack.start(v) != start or v.size != own.size:  # type: ignore[arg-type, union-attr]
            return None
        start += own.size
    return pack.flat(variables[0], variables[-1]).node  # type: ignore[arg-type]


def _is_alike(group: tuple[Node, ...], run: list[Variable]) -> bool:
    first = group[0]
    return all(
        n.op is first.op and n.attrs == first.attrs and n.op.is_elementwise and n.shape == v.shape and n.dtype == first.dtype
        and all(i.shape == v.shape or (i.shape == () and i is f) for i, f in zip(n.inputs, first.inputs, strict=True))
        for n, v in zip(group, run, strict=True)
    )  # fmt: skip


def _depends_on_packs(group: tuple[Node, ...]) -> bool:
    """Whether the formula goes on: a packed variable, or a scalar shared by all, is read within reach."""
    seen: list[Node] = [group[0]]
    shape = group[0].shape
    for _ in range(64):
        if not seen:
            return False
        n = seen.pop()
        v = _variable(n)
        if v is not None and v.pack is not None:
            return True
        if n.op.is_elementwise and n.shape == shape:
            if any(i.shape == () and i.op.name != "constant" for i in n.inputs) and len(n.inputs) > 1 and n is group[0]:
                return True
            if n is group[0] and any(i.op.name == "constant" and i.shape == () for i in n.inputs):
                return True
            if n is group[0] and len(n.inputs) == 1:
                return True
            seen.extend(i for i in n.inputs if i.shape == shape)
    return False


def _laid_out(group: tuple[Node, ...], run: list[Variable]) -> Node | None:
    """The pieces one after the other: the planner makes them lie so from the start."""
    if any(n.shape != v.shape for n, v in zip(group, run, strict=True)):
        return None
    pieces = []
    for n, v in zip(group, run, strict=True):
        with provenance.replacing(n):
            pieces.append(reshape(Tensor(n), (v.size,)).node)
    with provenance.replacing(*group):
        return make(OPS["concatenate"], pieces, {"axis": 0})
