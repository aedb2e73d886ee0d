"""Random numbers belong to places in the whole tensor: the bits of a batch do not depend on who computes its rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.distribution.processes import lines, run

SCRIPT = """
from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph
from symkeras.ops.random import random_bits
if COUNT > 1:
    join()
x, state = ops.placeholder("f32[batch, 5]", name="x"), ops.placeholder("u64[2]", name="state")
drawn = random_bits(state, 3, ops.shape(x), "uint32")
dropped = ops.where(drawn < ops.cast(2**31, "uint32"), x, ops.zeros_like(x))
graph = Graph([x.node, state.node], [drawn.node, dropped.node])
many = compile_graph(graph, os.environ["ENGINE"], distribution.DataParallel())
for rows in (24, 16, 11, 3, 1):
    given = [np.ones((rows, 5), "float32"), np.array([2**63 + 11, 2**40 + 3], "uint64")]
    for a, b in zip(many(*given), compile_graph(graph, "interpreter")(*given), strict=True):
        np.testing.assert_array_equal(a, b)
print(">good")
"""


@pytest.mark.parametrize(("engine", "count", "devices"), [("jax", 1, 8), ("jax", 2, 2), ("torch", 3, 1)])
def test_bits_of_a_shared_batch_are_those_of_one_device(tmp_path: Path, engine: str, count: int, devices: int) -> None:
    pytest.importorskip(engine, reason=f"{engine} is not installed: pip install 'symkeras[{engine}]'")
    for done in run(SCRIPT, engine=engine, count=count, devices=devices, folder=tmp_path):
        assert lines(done) == ["good"]
