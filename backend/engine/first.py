"""Indices that inputs alone decide, such as word numbers and labels: looked at on the arrays as they come, before the engine runs.

So an engine does not compute their extents, need not keep what a step writes over until it has seen them, and does not wait for them.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symkeras.graph import dims, dtypes
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node
from symkeras.ops.evaluation import sizes

_SAME_EXTENT = frozenset({"reshape", "transpose", "flip", "broadcast_to"})
"""Ops whose results have the elements that they read, all of them."""
_EXACT = frozenset({"cast", "where"})
"""What may be done to floats: their arithmetic is rounded by each engine in its own way, so that here an index might be another one than there."""
_MOST = 12
"""Operations between inputs and indices; more are left to the engine."""
_LARGEST = 1 << 20
"""Elements that each of them gives at the most."""


class First:
    """The checks of a graph that are done first, in running order.

    Args:
        graph: whose inputs are known.
        env: the sizes of its dims.
    """

    def __init__(self, graph: Graph, env: Mapping[str, int]):
        self._env = env
        self._places = {n: k for k, n in enumerate(graph.inputs)}
        self._checks: list[tuple[Callable[[int, int], None], Node]] = []
        self._chain: dict[Node, Callable[..., Any]] = {}
        """What computes each node that a check needs from its operands, in running order."""

    def take(self, check: Callable[[int, int], None], indices: Node) -> bool:
        """Take a check over, if inputs alone decide its indices by a few exact operations, element by element."""
        source = indices
        while source.op.name in _SAME_EXTENT:
            source = source.inputs[0]
        chain = self._chain_to(source)
        if chain is None or 0 in dims.evaluate(source.shape, self._env):
            return False
        for n in chain:
            if n not in self._chain:
                self._chain[n] = functools.partial(n.op.reference, **{k: dims.evaluate(v, self._env) for k, v in n.attrs.items()})
        self._checks.append((check, source))
        return True

    def _chain_to(self, node: Node) -> dict[Node, None] | None:
        """What computes a node from inputs, in order; None where that is more than is done first."""
        found: dict[Node, None] = {}
        todo = [node]
        while todo:
            n = todo.pop()
            if n in self._places or n in found:
                continue
            if len(found) == _MOST or not (n.op.name in ("constant", "dim") or self._is_plain(n)):
                return None
            found[n] = None
            todo += n.inputs
        return dict.fromkeys(sorted(found, key=lambda n: n.uid))

    def _is_plain(self, n: Node) -> bool:
        """Whether a node treats elements alike, or only renames them, exactly, and gives few of them."""
        if n.op.name == "item" or not (n.op.is_elementwise or n.op.is_view) or n.op.may_raise(n):
            return False
        has_floats = any(dtypes.is_inexact(m.dtype) for m in (n, *n.inputs))
        return (n.op.is_view or not has_floats or n.op.name in _EXACT) and math.prod(dims.evaluate(n.shape, self._env)) <= _LARGEST

    def __call__(self, arrays: Sequence[np.ndarray]) -> None:
        """Look at the inputs of a call.

        Raises:
            IndexError: an index is out of range; with layer and line.
        """
        if not self._checks:
            return
        values: dict[Node, Any] = {n: arrays[k] for n, k in self._places.items()}
        if self._chain:
            with sizes(self._env), np.errstate(all="ignore"):
                for n, computed in self._chain.items():  # none of them raises for these sizes
                    values[n] = np.asarray(computed(*(values[i] for i in n.inputs)), n.dtype)
        for check, n in self._checks:
            check(int(values[n].min()), int(values[n].max()))
