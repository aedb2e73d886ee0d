"""What engines compute in another way, or not at all, means the same as in the reference: some cases that went wrong once."""

from __future__ import annotations

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph
from tests.backend.engines.engines import ENGINES, each

EVERY_ENGINE = pytest.mark.parametrize("engine", each(ENGINES))


@EVERY_ENGINE
def test_sizes_that_an_operation_refuses_are_an_error_where_it_runs_and_nowhere_else(engine: str) -> None:
    go, x = ops.placeholder("bool[]"), ops.placeholder("f32[batch]")
    y = ops.cond(go, lambda: ops.max(x) + x[0], lambda: ops.as_tensor(np.float32(5)))
    step = compile_graph(Graph([go.node, x.node], [y.node]), backend=engine)
    empty = np.zeros(0, "float32")
    assert step(np.bool_(False), empty)[0] == 5
    assert step(np.bool_(True), np.ones(3, "float32"))[0] == 2
    with pytest.raises(ValueError, match=r"test_same_meaning.py"):
        step(np.bool_(True), empty)


@EVERY_ENGINE
def test_whole_numbers_of_64_bits_keep_all_their_digits_and_their_order(engine: str) -> None:
    value = np.array([[2**63 + 5, 3, 2**64 - 1], [2**53, 1, 1]], "uint64")
    x = ops.placeholder("u64[batch, 3]")
    outputs = [ops.sum(x, 1), ops.prod(x, 1), ops.max(x, 1), ops.argmin(x, 1), ops.argsort(x, 1)]
    found = compile_graph(Graph([x.node], [t.node for t in outputs]), backend=engine)(value)
    for a, e in zip(found, [value.sum(1), value.prod(1), value.max(1), value.argmin(1), value.argsort(1, kind="stable")], strict=True):
        np.testing.assert_array_equal(a, e)


@EVERY_ENGINE
def test_negative_numbers_become_unsigned_ones_as_their_bits_say(engine: str) -> None:
    x = ops.placeholder("i64[2]")
    (found,) = compile_graph(Graph([x.node], [(ops.cast(x, "uint64") + np.uint64(1)).node]), backend=engine)(np.array([-7, 7]))
    np.testing.assert_array_equal(found, np.array([2**64 - 6, 8], "uint64"))


@EVERY_ENGINE
def test_the_inverse_of_erf_is_good_near_0_and_near_1(engine: str) -> None:
    value = np.array([1e-30, -0.3, 1 - 1e-16, 1.0, -1.0])
    x = ops.placeholder("f64[5]")
    (found,) = compile_graph(Graph([x.node], [ops.erfinv(x).node]), backend=engine)(value)
    np.testing.assert_allclose(found, ops.erfinv(value), rtol=1e-11)
