"""What derivatives on arrays are made of: sums of terms, and the values of nodes that were built of what is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, reachable
from symkeras.graph.recording import Recording
from symkeras.ops.evaluation import value_of


def summed(terms: list[Any]) -> Any:
    """The sum of some symbolic tensors, None of none."""
    total = terms[0] if terms else None
    for t in terms[1:]:
        total = total + t
    return total


def evaluated(nodes: Sequence[Node], recorder: Recording) -> dict[Node, Any]:
    """The values of nodes that were computed from what is recorded; they and what they need are recorded, too."""
    values = recorder.values
    graph = Graph([n for n in reachable(nodes) if n.op.name == "placeholder"], list(nodes))
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            if node not in values:
                values[node] = value_of(node, graph, values, {}, {})
    return values
