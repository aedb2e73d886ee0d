"""Updates of tables by rows: what a program does with the rows that a batch touched, and with all others, in one pass over the tables.

`sparse-updates` leaves, for each table, `set_rows(others, indices, rows, guard)`: new rows computed from old ones (`gather`) and from the
gradient (`combine_rows`), and what the formula makes of all others. Tables with the same indices (an embedding and its optimizer's slots)
are updated together here, where the backend can: row by row, in place, and nothing is gathered or laid out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from symkeras.compiler.program.fusion import Fusion, FusionGroup
from symkeras.graph.dims import product
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, unreshaped


@dataclass(frozen=True, eq=False)
class RowUpdate:
    """One pass over tables.

    Attributes:
        indices: of the rows that are touched.
        combined: what gives each of them its gradient: `combine_rows`, or the `gather` (maybe in another shape) of rows that were
            added up already.
        unique: the `unique_indices` of those rows.
        tables: variable -> the node of its new rows.
        touched: the fusion group that computes these, from gathered rows, the gradient, and numbers.
        guards: for tables whose other rows become NaN where a number is NaN, that number.
        others: for tables whose other rows change too, the fusion group that computes them; its one result is the whole table.
        replaced: the nodes that need not be computed.
    """

    indices: Node
    combined: Node
    unique: Node | None
    tables: dict[Node, Node]
    guards: dict[Node, Node]
    touched: FusionGroup
    others: dict[Node, FusionGroup]
    replaced: frozenset[Node]


def row_updates(graph: Graph, may_fuse: Callable[[Node], bool]) -> list[RowUpdate]:
    """The updates of a graph that can be made row by row."""
    groups: dict[Node, dict[Node, Node]] = {}
    for variable, new in graph.updates:
        if new.op.name == "set_rows" and not graph.users[new] and new not in graph.outputs:
            groups.setdefault(new.inputs[1], {})[variable] = new
    found = [_update(graph, indices, news, may_fuse) for indices, news in groups.items()]
    return [u for u in found if u is not None]


def _update(graph: Graph, indices: Node, news: dict[Node, Node], may_fuse: Callable[[Node], bool]) -> RowUpdate | None:
    rows = {variable: new.inputs[2] for variable, new in news.items()}
    shape = next(iter(rows.values())).shape
    inside, leaves = _formula(rows.values(), lambda n: may_fuse(n) and n.shape == shape)
    combined = [n for n in leaves if (n.op.name == "combine_rows" and n.inputs[0] is indices) or _unique_of(n, indices) is not None]
    gathers = [n for n in leaves if n.op.name == "gather" and n.inputs[1] is indices and n.inputs[0].op.name == "variable"]
    row = shape[indices.ndim :]
    rest = leaves - {*combined, *gathers}
    if len(combined) != 1 or any(r.shape != shape for r in rows.values()) or any(n.shape not in ((), row) for n in rest):
        return None
    if not _only_for(graph, inside, set(news.values())) or any(u not in inside for u in graph.users[combined[0]]):
        return None
    touched = _group(graph, inside, rows.values())
    others: dict[Node, FusionGroup] = {}
    replaced = {*inside, *news.values(), *(g for g in gathers if all(u in inside for u in graph.users[g]))}
    for variable, new in news.items():
        whole = new.inputs[0]
        if whole is variable:
            continue
        own, reads = _formula([whole], lambda n: may_fuse(n) and n.shape == variable.shape)  # noqa: B023 - used at once
        foreign = any(n.shape not in ((), row) and (n.op.name != "variable" or (n in news and n is not variable)) for n in reads)
        group = _group(graph, own, [whole])
        if foreign or not _only_for(graph, own, {new}) or group is None:
            return None
        others[variable] = group
        replaced |= own
    unique = _unique_of(combined[0], indices)
    if touched is None or product(row) == 0 or (unique is not None and any(unique.attrs["rows"] != v.shape[0] for v in news)):
        return None
    if unique is not None:
        replaced |= {combined[0], unreshaped(combined[0])}
    guards = {variable: new.inputs[3] for variable, new in news.items() if len(new.inputs) == 4}
    return RowUpdate(indices, combined[0], unique, rows, guards, touched, others, frozenset(replaced))


def _unique_of(n: Node, indices: Node) -> Node | None:
    """The `unique_indices` of `indices` in whose order a gather takes rows."""
    gather = unreshaped(n)
    place = gather.inputs[1] if gather.op.name == "gather" else gather
    unique = place.inputs[0] if place.op.name == "item" and place.attrs["index"] == 1 else place
    return unique if unique.op.name == "unique_indices" and unreshaped(unique.inputs[0]) is unreshaped(indices) else None


def _formula(roots: Iterable[Node], is_inside: Callable[[Node], bool]) -> tuple[set[Node], set[Node]]:
    """The nodes of a formula, and what it reads."""
    inside: set[Node] = set()
    leaves: set[Node] = set()
    todo = list(roots)
    while todo:
        n = todo.pop()
        if n in inside or n in leaves:
            continue
        (inside if is_inside(n) else leaves).add(n)
        if n in inside:
            todo.extend(n.inputs)
    return inside, leaves


def _only_for(graph: Graph, nodes: set[Node], readers: set[Node]) -> bool:
    """Whether nobody else reads the nodes."""
    return all(u in nodes or u in readers for n in nodes for u in graph.users[n]) and not nodes & {*graph.outputs}


def _group(graph: Graph, nodes: set[Node], results: Iterable[Node]) -> FusionGroup | None:
    """The nodes as one fusion group; None where they make several."""
    order = sorted(nodes, key=lambda n: n.uid)
    units = Fusion(order, nodes.__contains__, graph.users, results).units()
    one = units[0] if len(units) == 1 else None
    return replace(one, is_told=True) if isinstance(one, FusionGroup) and set(one.nodes) == nodes else None
