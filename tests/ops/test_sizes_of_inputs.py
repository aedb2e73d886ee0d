"""Symbolic sizes are found from the shapes of inputs, also where they stand in expressions alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import backend as K
from symkeras import ops
from symkeras.errors import ShapeError
from symkeras.graph.types import parse_type
from symkeras.ops.evaluation import solve_dims


@pytest.mark.parametrize(("types", "shapes", "expected"), [
    (["f32[2*n, 3]"], [(8, 3)], {"n": 4}),
    (["f32[max(2*n, 1) - 1]"], [(5,)], {"n": 3}),
    (["f32[10 - n]"], [(4,)], {"n": 6}),
    (["f32[n*m]", "f32[m]"], [(6,), (2,)], {"n": 3, "m": 2}),
    (["f32[n + m]", "f32[2*m]"], [(7,), (4,)], {"n": 5, "m": 2}),
    (["f32[n*n]"], [(49,)], {"n": 7}),
])  # fmt: skip
def test_a_size_follows_from_an_expression(types: list[str], shapes: list[Any], expected: dict[str, int]) -> None:
    assert solve_dims([parse_type(t) for t in types], shapes, [f"x{k}" for k in range(len(types))]) == expected


@pytest.mark.parametrize(("types", "shapes"), [
    (["f32[2*n]"], [(5,)]), (["f32[(n + 1)//2]"], [(3,)]), (["f32[10 - n]"], [(11,)]), (["f32[0*n + n - n + 2*n + 4]"], [(2,)]),
])  # fmt: skip
def test_a_size_that_no_value_or_several_explain_is_an_error_that_names_it(types: list[str], shapes: list[Any]) -> None:
    with pytest.raises(ShapeError, match=r"input 'x0' .* no one value of n makes"):
        solve_dims([parse_type(t) for t in types], shapes, [f"x{k}" for k in range(len(types))])


def test_what_is_known_already_need_not_follow() -> None:
    assert solve_dims([parse_type("f32[n*m]")], [(15,)], ["x"], {"n": 3, "m": 5}) == {"n": 3, "m": 5}
    with pytest.raises(ShapeError, match="axis 0 is 16"):
        solve_dims([parse_type("f32[n*m]")], [(16,)], ["x"], {"n": 3, "m": 5})


BETWEEN = [
    lambda x: ops.concatenate([x, x], 0), lambda x: ops.concatenate([x, x], 0)[1:], lambda x: ops.reshape(x, (-1,)), lambda x: ops.pad(x, 1),
    lambda x: ops.repeat(x, 3, axis=0), lambda x: ops.transpose(x),
]  # fmt: skip


@pytest.mark.parametrize("build", BETWEEN)
@pytest.mark.parametrize("rows", [1, 3])
def test_a_tensor_from_the_middle_of_a_graph_is_an_input_whatever_its_sizes_are_made_of(build: Any, rows: int) -> None:
    x = K.placeholder((None, 2))
    middle = build(x)
    loss = K.sum(middle * middle)
    value = build(np.arange(rows * 2, dtype="float32").reshape(rows, 2))
    found = K.function([middle], [middle * 2.0, loss, *K.gradients(loss, middle)])([value])
    for a, b in zip(found, [value * 2, (value * value).sum(), value * 2], strict=True):
        np.testing.assert_allclose(a, b)
