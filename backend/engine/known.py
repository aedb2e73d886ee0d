"""Scalars that sizes and constants alone decide, such as the `1 / (B * H)` of a mean: computed once, where the sizes get known."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from symkeras.graph import dims
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node
from symkeras.ops.evaluation import sizes, value_of


def known_scalars(graph: Graph, env: Mapping[str, int]) -> dict[Node, np.ndarray]:
    """The values, of one element each, of what a graph computes from its dims: those of the reference.

    Engines would compute them in every step, and PyTensor 3.0 cannot fuse a loop without an input.
    """
    values: dict[Node, np.ndarray] = {}
    with sizes(env), np.errstate(all="ignore"):
        for n in graph.nodes:
            if _is_decided(n, values) and math.prod(dims.evaluate(n.shape, env)) == 1:
                values[n] = value_of(n, graph, values, env, {})
    return {n: v for n, v in values.items() if n.op.name != "constant"}


def _is_decided(n: Node, values: Mapping[Node, np.ndarray]) -> bool:
    if n.op.name in ("constant", "dim"):
        return True
    computes = n.op.is_elementwise or n.op.is_view
    return bool(n.inputs) and computes and not n.op.may_raise(n) and all(i in values for i in n.inputs)
