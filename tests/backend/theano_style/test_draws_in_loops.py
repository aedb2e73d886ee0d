"""Random draws in loops and branches that are built outside of any trace, as scripts of 2017 build them before K.function."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import backend as K
from symkeras import ops, random
from symkeras.errors import GraphError


def _drawing_loops() -> dict[str, Any]:
    """By name a graph of (4, 3) draws, made by a loop or branch outside of any trace."""
    x, flag = K.placeholder((4, 3)), K.placeholder(())
    kept = random.SeedGenerator(3)
    step = K.rnn(lambda x, s: (K.random_uniform((4, 3)) + 0 * (x + s[0]), [s[0]]), K.reshape(x, (4, 1, 3)) * K.ones((1, 4, 1)), [K.zeros((4, 3))])
    return {
        "map_fn": ([x], K.map_fn(lambda row: K.random_normal((3,)), x)),
        "dropout": ([x], K.map_fn(lambda row: K.dropout(row + K.random_uniform((3,)), 0.0), x)),
        "foldl": ([x], K.foldl(lambda a, row: K.concatenate([a[1:], K.random_uniform((1, 3))], 0), x, K.zeros((4, 3)))),
        "a generator of the user's": ([x], K.map_fn(lambda row: random.normal((3,), seed=kept), x)),
        "inside of a loop": ([x], K.map_fn(lambda row: K.map_fn(lambda e: K.random_normal(()), row), x)),
        "rnn": ([x], step[1][0]),
        "while_loop": ([x], ops.while_loop(lambda i, y: i < 4, lambda i, y: (i + 1, K.concatenate([y[1:], K.random_normal((1, 3))], 0)), (0, x))[1]),
        "switch": ([flag], K.switch(flag, lambda: K.random_normal((4, 3)), lambda: K.zeros((4, 3)))),
    }


@pytest.mark.parametrize("level", ["O0", "O2"])
@pytest.mark.parametrize("name", sorted(_drawing_loops()))
def test_draws_in_a_loop_outside_of_a_trace_are_new_at_every_step_and_call(name: str, level: str, backend: str) -> None:
    inputs, drawn = _drawing_loops()[name]
    f = K.function(inputs, [drawn], backend=backend, level=level)
    value = 1.0 if inputs[0].ndim == 0 else np.zeros((4, 3))
    found = np.stack([f([value])[0] for _ in range(3)])
    assert np.unique(found).size == found.size


def test_loops_that_share_a_generator_outside_of_a_trace_draw_apart() -> None:
    x, generator = K.placeholder((4, 3)), random.SeedGenerator(3)
    a, b = (K.map_fn(lambda row: random.normal((3,), seed=generator), x) for _ in range(2))
    both, first = K.function([x], [a, b]), K.function([x], [a])
    found = [*both([np.zeros((4, 3))]), *both([np.zeros((4, 3))]), *first([np.zeros((4, 3))])]
    assert np.unique(np.stack(found)).size == 60


def test_a_branch_that_is_not_taken_draws_nothing() -> None:
    flag = K.placeholder(())
    drawn = K.switch(flag, lambda: K.random_normal((3,), seed=5), lambda: K.zeros((3,)))
    a, b = (K.function([flag], [drawn]) for _ in range(2))
    first = a([1.0])[0]
    state = a.source_graph.variables[0].attrs["variable"]
    state.set(np.uint64([5, 0]))
    b([0.0])
    np.testing.assert_array_equal(b([1.0])[0], first)


def test_a_loop_outside_of_a_trace_assigns_no_other_variable() -> None:
    v, x = K.variable(0.0, name="total"), K.placeholder((4, 3))

    def body(row: Any) -> Any:
        v.assign(v.value + 1.0)
        return row

    with pytest.raises(GraphError, match="assigns variable 'total' outside of a traced function"):
        K.map_fn(body, x)
