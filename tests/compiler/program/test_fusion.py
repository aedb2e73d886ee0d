"""Which nodes become one kernel, and in which order kernels run."""

from __future__ import annotations

import numpy as np
import pytest

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.compiler.program.fusion import LONGEST_ROW, MOST_NODES, Fusion, FusionGroup
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, reachable
from tests.compiler.passes.check_pass import check_pass


def _may_fuse(n: Node) -> bool:
    return n.op.is_elementwise or n.op.name in ("sum", "max")


def _units(*outputs) -> list[Node | FusionGroup]:
    nodes = [t.node for t in outputs]
    graph = Graph(_placeholders(nodes), nodes)
    return Fusion(graph.nodes, _may_fuse, graph.users, nodes).units()


def _placeholders(nodes: list[Node]) -> list[Node]:
    return [n for n in reachable(nodes) if n.op.name == "placeholder"]


def _groups(*outputs) -> list[list[str]]:
    return [[n.op.name for n in u.nodes] for u in _units(*outputs) if isinstance(u, FusionGroup)]


def _check_order(units: list[Node | FusionGroup]) -> None:
    """Everything is computed before it is read."""
    known: set[Node] = set()
    for u in units:
        reads = u.operands if isinstance(u, FusionGroup) else u.inputs
        assert set(reads) <= known, "a unit runs before what it reads"
        known |= set(u.results) if isinstance(u, FusionGroup) else {u}


def test_softmax_is_one_fusion_group_of_three_passes() -> None:
    x = ops.placeholder("f32[batch, 10]")
    shifted = ops.exp(x - ops.max(x, axis=1, keepdims=True))
    (group,) = [u for u in _units(shifted / ops.sum(shifted, axis=1, keepdims=True)) if isinstance(u, FusionGroup)]
    assert [n.op.name for n in group.nodes] == ["max", "subtract", "exp", "sum", "divide"]
    assert group.pass_count == 3
    assert [group.levels[n] for n in group.nodes] == ["row", "element", "element", "row", "element"]


def test_a_value_read_twice_within_a_fusion_group_stays_inside() -> None:
    x = ops.placeholder("f32[8, 3]")
    y = ops.tanh(x)
    (group,) = [u for u in _units(y * y + ops.exp(y)) if isinstance(u, FusionGroup)]
    assert len(group.results) == 1


def test_two_chains_that_meet_become_one_fusion_group() -> None:
    a, b = ops.placeholder("f32[4, 5]"), ops.placeholder("f32[4, 5]")
    assert _groups(ops.exp(a) * 2.0 + ops.tanh(b) * 3.0) == [["exp", "multiply", "tanh", "multiply", "add"]]


def test_nothing_joins_across_a_product_that_needs_the_fusion_group() -> None:
    x, w = ops.placeholder("f32[6, 6]"), ops.placeholder("f32[6, 6]")
    y = ops.exp(x)
    units = _units(ops.matmul(y, w) + y)
    computed = [u for u in units if not (isinstance(u, Node) and u.op.is_leaf)]
    assert [[n.op.name for n in u.nodes] if isinstance(u, FusionGroup) else u.op.name for u in computed] == [["exp"], "matmul", ["add"]]
    _check_order(units)


def test_a_total_is_no_operand_of_its_own_fusion_group() -> None:
    x = ops.placeholder("f32[batch, 4]")
    squares = ops.square(x)
    total = ops.sum(squares, axis=0)
    assert _groups(squares / total) == [["square", "sum"], ["divide"]]


def test_a_reduction_does_not_take_a_row_of_one_element_in_another_shape_for_an_element() -> None:
    x, y = ops.placeholder("f32[batch, 1]"), ops.placeholder("f32[batch, 1]")
    total = ops.reshape(ops.sum(ops.tanh(x) * y, 1), (-1, 1))
    for others in (ops.sum(total, 0), ops.max(total, 1)):
        groups = [u for u in _units(ops.tanh(x) * total, others) if isinstance(u, FusionGroup)]
        assert not any(n in u.aliases for u in groups for r in u.nodes if r.op.name in ("sum", "max") for n in r.inputs)


def test_a_row_too_long_to_be_read_twice_is_not_repeated() -> None:
    short, long = (ops.placeholder(f"f32[2, {n}]") for n in (LONGEST_ROW, LONGEST_ROW + 1))
    for x, expected in ((short, 1), (long, 2)):
        assert len(_groups(x - ops.sum(x, axis=1, keepdims=True))) == expected


def test_long_chains_are_cut() -> None:
    x = ops.placeholder("f32[3]")
    for _ in range(2 * MOST_NODES + 1):
        x = ops.sin(x)
    assert [len(names) for names in _groups(x)] == [MOST_NODES, MOST_NODES, 1]


_STEPS = [
    lambda a, b: a + b,
    lambda a, b: ops.matmul(a, b),
    lambda a, b: ops.exp(a),
    lambda a, b: a - ops.sum(b, axis=1, keepdims=True),
    lambda a, b: b * ops.max(a, axis=0),
    lambda a, b: ops.transpose(a) * b,
]


@pytest.mark.parametrize("seed", range(20))
def test_random_graphs_run_in_an_order_that_works(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pool = [ops.placeholder("f32[4, 4]", name=f"x{k}") for k in range(3)]
    for _ in range(60):
        a, b = (pool[int(k)] for k in rng.integers(max(0, len(pool) - 8), len(pool), 2))
        pool.append(_STEPS[int(rng.integers(len(_STEPS)))](a, b))
    loss = ops.sum(pool[-1]) + ops.sum(pool[-5])
    found = [g for g in gradients(loss, pool[:3]) if g is not None]
    units = _units(loss, *found)
    _check_order(units)
    kept = {n for u in units if isinstance(u, FusionGroup) for n in u.nodes}
    assert sum(len(u.nodes) for u in units if isinstance(u, FusionGroup)) == len(kept), "no node is in two fusion groups"


def test_slices_sink_below_the_sum_that_only_they_read() -> None:
    check_pass(
        "sink-slices",
        """
        graph main(%x: f32[batch, 4], %b: f32[4]) {
          %0 = add(%x, %b): f32[batch, 4]
          %1 = slice(%0, starts=(0, 0), stops=(batch, 2), strides=(1, 1)): f32[batch, 2]
          %2 = slice(%0, starts=(0, 2), stops=(batch, 4), strides=(1, 1)): f32[batch, 2]
          return %1, %2
        }
        """,
        """
        graph main(%x: f32[batch, 4], %b: f32[4]) {
          %0 = slice(%x, starts=(0, 0), stops=(batch, 2), strides=(1, 1)): f32[batch, 2]
          %1 = slice(%b, starts=(0,), stops=(2,), strides=(1,)): f32[2]
          %2 = add(%0, %1): f32[batch, 2]
          %3 = slice(%x, starts=(0, 2), stops=(batch, 4), strides=(1, 1)): f32[batch, 2]
          %4 = slice(%b, starts=(2,), stops=(4,), strides=(1,)): f32[2]
          %5 = add(%3, %4): f32[batch, 2]
          return %2, %5
        }
        """,
    )


def test_slices_stay_above_what_is_read_whole_or_twice() -> None:
    for text in (
        """
        graph main(%x: f32[6]) {
          %0 = exp(%x): f32[6]
          %1 = slice(%0, starts=(0,), stops=(2,), strides=(1,)): f32[2]
          return %0, %1
        }
        """,
        """
        graph main(%x: f32[6]) {
          %0 = exp(%x): f32[6]
          %1 = slice(%0, starts=(0,), stops=(5,), strides=(1,)): f32[5]
          %2 = slice(%0, starts=(1,), stops=(6,), strides=(1,)): f32[5]
          return %1, %2
        }
        """,
    ):
        check_pass("sink-slices", text, text)
