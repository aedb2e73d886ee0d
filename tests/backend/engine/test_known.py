"""What sizes alone decide is computed once, by the reference, and never by an engine's step."""

from __future__ import annotations

from typing import Any

import numpy as np

import symkeras
from symkeras import ops
from symkeras.backend.engine.known import known_scalars
from symkeras.backend.engine.walk import Functions, Walk
from symkeras.graph.graph import Graph
from symkeras.ops.leaves import placeholder


class Counted(Functions):
    """Multiplications alone."""

    plain = {"multiply": np.multiply}

    def constant(self, array: Any) -> Any:
        return array


def graph() -> Graph:
    x = placeholder("f32[batch, 3]", "x")
    share = ops.divide(1.0, ops.cast(ops.size(x), "float32"))
    return Graph([x.node], [ops.multiply(x, share).node], (), "shares")


def test_a_share_of_the_batch_is_no_part_of_the_step() -> None:
    walk = Walk(graph(), Counted(), {"batch": 4})
    (found,), _ = walk([np.full((4, 3), 6, "float32")])
    np.testing.assert_allclose(found, np.full((4, 3), 0.5))
    assert walk.source.count("multiply(") == 1 and "divide(" not in walk.source


def test_what_reads_values_or_is_larger_or_may_raise_is_left() -> None:
    x, v = placeholder("f32[batch, 3]", "x"), symkeras.Variable(np.float32(2), name="v")
    size = ops.cast(ops.size(x), "float32")
    nodes = [ops.multiply(size, v), ops.broadcast_to(size, (2, 3)), ops.power(ops.size(x), -1 * ops.size(x))]
    known = known_scalars(Graph([x.node], [n.node for n in nodes], (), "left"), {"batch": 4})
    assert size.node in known and not known.keys() & {n.node for n in nodes}
