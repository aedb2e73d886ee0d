"""The networkx view of a graph, for those who want to ask it questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symkeras.graph.graph import Graph
from symkeras.graph.text import HIDDEN

if TYPE_CHECKING:
    import networkx


def to_networkx(graph: Graph) -> networkx.MultiDiGraph:
    """One vertex per node (its name in text and code), with op, type, attrs, layer, line and origins; edges carry `position`.

    All of these are text, numbers or booleans, so that `networkx.write_graphml` and `networkx.node_link_data` take the graph.
    """
    import networkx

    names = graph.names
    view = networkx.MultiDiGraph(name=graph.name)
    for node in graph.nodes:
        origin = node.origins[0] if node.origins else None
        view.add_node(
            names[node],
            op=node.op.name,
            type=str(node.type),
            attrs=", ".join(f"{k}={v!r}" if not isinstance(v, Graph) else f"{k}={v.name}" for k, v in node.attrs.items() if k not in HIDDEN),
            layer=origin.layer if origin else "",
            line=origin.line if origin else "",
            origins="; ".join(map(str, node.origins)),
            is_output=node in graph.outputs,
        )
        for position, source in enumerate(node.inputs):
            view.add_edge(names[source], names[node], position=position)
    return view
