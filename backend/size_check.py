"""Sizes that a graph takes to be equal: found once, checked for every new combination of input shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symkeras.errors import ShapeError
from symkeras.graph import dims
from symkeras.graph.graph import Graph, every_node
from symkeras.ops.evaluation import solve_dims
from symkeras.recent import Recent

MOST_SHAPES = 1024
"""How many combinations of shapes are remembered as checked."""


class SizeCheck:
    """Refuses inputs whose sizes break an equality that the nodes of `graph` rest on.

    `x + y` over the symbolic sizes n and m is built in the trust that n equals m; only a call can tell.
    """

    def __init__(self, graph: Graph):
        self._graph = graph
        self._types = [n.tensor_type for n in graph.inputs]
        self._names = [n.attrs["name"] for n in graph.inputs]
        self._passed: Recent[tuple[tuple[int, ...], ...], bool] = Recent(MOST_SHAPES)
        self._equal: list[tuple[dims.Size, dims.Size]] = []
        if not all(t.is_static for t in self._types):
            with dims.collecting_assumptions() as assumed:
                for node in every_node(graph):
                    if not node.op.is_leaf:
                        node.op.infer(*(i.type for i in node.inputs), **node.attrs)
            self._equal = list(dict.fromkeys(assumed))

    def __call__(self, arrays: Sequence[Any]) -> None:
        """Check the shapes of `arrays`, one per input.

        Raises:
            ShapeError: an input does not have its shape, or two sizes differ that must be equal.
        """
        if self._equal:
            self.check(tuple(np.shape(a) for a in arrays))

    def check(self, shapes: tuple[tuple[int, ...], ...]) -> None:
        """Check shapes, one per input; raises as a call does."""
        if not self._equal:
            return
        if shapes in self._passed or len(shapes) != len(self._types):
            return
        env = solve_dims(self._types, shapes, self._names)
        for a, b in self._equal:
            if dims.symbols_of((a, b)) <= env.keys() and dims.evaluate(a, env) != dims.evaluate(b, env):
                given = ", ".join(f"{name} {tuple(shape)}" for name, shape in zip(self._names, shapes, strict=True))
                raise ShapeError(
                    f"{self._graph.name}: the sizes {a} and {b} must be equal, they are {dims.evaluate(a, env)} and {dims.evaluate(b, env)} "
                    f"for inputs of shapes {given}"
                )
        self._passed.put(shapes, True)
