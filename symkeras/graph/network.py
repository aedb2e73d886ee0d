"""The networkx view of a graph, for those who want to ask it questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symkeras.graph.graph import Graph

if TYPE_CHECKING:
    import networkx


def to_networkx(graph: Graph) -> networkx.MultiDiGraph:
    """One vertex per node (its printed name), with op, type, attrs, layer, line and origins; edges carry `position`."""
    import networkx

    names = graph.names
    view = networkx.MultiDiGraph(name=graph.name)
    for node in graph.nodes:
        origin = node.origins[0] if node.origins else None
        view.add_node(
            names[node],
            op=node.op.name,
            type=str(node.type),
            attrs=dict(node.attrs),
            layer=origin.layer if origin else "",
            line=origin.line if origin else "",
            origins=node.origins,
            is_output=node in graph.outputs,
        )
        for position, source in enumerate(node.inputs):
            view.add_edge(names[source], names[node], position=position)
    return view
