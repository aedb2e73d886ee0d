"""Rows by index, lines along an axis, running sums and the largest few: against the reference over shapes that take every way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph
from symkeras.ops.op import OPS, apply_symbolic, compute, is_symbolic
from tests.tolerances import assert_alike

from .check_op import as_tuple, placeholders


def check(op: str, arrays: list[np.ndarray], attrs: dict[str, Any], backend: str, row: str = "layer") -> None:
    """An op of some arrays is its reference value."""
    inputs = placeholders(arrays)
    outputs = as_tuple(apply_symbolic(OPS[op], inputs, attrs))
    assert is_symbolic(*outputs)
    found = compile_graph(Graph([t.node for t in inputs], [t.node for t in outputs]), backend=backend)(*arrays)
    for f, e in zip(found, as_tuple(compute(OPS[op], arrays, attrs)), strict=True):
        assert_alike(f, e, row, backend, f"{op} {[a.shape for a in arrays]} {attrs}")


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize(
    ("rows", "count", "width"), [(1, 0, (3,)), (5, 3, (2,)), (4, 200, ()), (50, 400, (8,)), (9, 300, (64,)), (1000, 20, (4,)), (3, 90, (2, 5))]
)
def test_rows_are_added_where_indices_point(rows: int, count: int, width: tuple[int, ...], dtype: str, backend: str) -> None:
    rng = np.random.default_rng(0)
    indices, values = rng.integers(-rows, rows, count).astype("int32"), (rng.normal(size=(count, *width)) * 9).astype(dtype)
    check("scatter_add", [indices, values], {"rows": rows}, backend, "graph")


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize(
    ("shape", "axis", "count"), [((4,), 0, 3), ((1, 3), 0, 5), ((3, 5, 2), 1, 4), ((40, 30), 1, 50), ((40, 30), 0, 50), ((2, 3, 4), 2, 0)]
)
def test_lines_along_an_axis_are_read_and_added_to(shape: tuple[int, ...], axis: int, count: int, dtype: str, backend: str) -> None:
    rng = np.random.default_rng(0)
    size = shape[axis]
    lead = tuple(count if k == axis else n for k, n in enumerate(shape))
    indices, values = rng.integers(-size, size, lead).astype("int32"), (rng.normal(size=lead) * 9).astype(dtype)
    check("take_along_axis", [(rng.normal(size=shape) * 9).astype(dtype), indices], {"axis": axis}, backend)
    check("add_along_axis", [indices, values], {"axis": axis, "size": size}, backend)


@pytest.mark.parametrize("op", ["take_along_axis", "add_along_axis"])
def test_an_index_beyond_the_line_is_an_error(op: str, backend: str) -> None:
    indices, values = np.array([[0, 3]], "int32"), np.ones((1, 2), "float32")
    arrays, attrs = ([np.ones((1, 3), "float32"), indices], {"axis": 1}) if op == "take_along_axis" else ([indices, values], {"axis": 1, "size": 3})
    with pytest.raises(IndexError, match="3 is out of range"):
        check(op, arrays, attrs, backend)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("op", ["cumsum", "cumprod"])
@pytest.mark.parametrize(
    ("shape", "axis"), [((7,), 0), ((0, 3), 0), ((3, 0), 1), ((300, 5), 1), ((5, 300), 0), ((300, 70), 1), ((9, 4, 200), 1), ((2, 1, 300), 1)]
)
def test_running_sums_and_products_along_an_axis(op: str, shape: tuple[int, ...], axis: int, dtype: str, backend: str) -> None:
    x = np.random.default_rng(0).uniform(0.9, 1.1, shape).astype(dtype)
    check(op, [x], {"axis": axis}, backend, "graph")


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize(
    ("shape", "k"),
    [((5,), 2), ((3, 0), 0), ((0, 9), 1), ((4, 9), 0), ((3, 100), 1), ((2, 7, 100), 9), ((3, 100), 13), ((1, 9000), 64), ((1, 9000), 65)],
)
def test_the_largest_few_come_with_their_places_first_of_equals_first(shape: tuple[int, ...], k: int, dtype: str, backend: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(-9, 9, shape).astype(dtype)  # many equals
    check("top_k", [x], {"k": k}, backend)
    if x.size > 100 and dtype != "int32":
        x.reshape(-1, shape[-1])[:, 3:9] = [np.nan, np.inf, -np.inf, 0.0, -0.0, np.nan]
        check("top_k", [x], {"k": k}, backend)
        x[...] = -np.inf
        x[..., 5:7] = 1
        check("top_k", [x], {"k": k}, backend)


@pytest.mark.parametrize("dtype", ["float32", "int32"])
@pytest.mark.parametrize(("filled", "often"), [(400, 1), (26, 5), (300, 4), (60, 60)])
def test_one_row_may_be_added_to_hundreds_of_times_and_others_a_few(filled: int, often: int, dtype: str, backend: str) -> None:
    rng = np.random.default_rng(0)
    indices = rng.permutation(np.concatenate([np.zeros(filled, "int32"), np.repeat(np.arange(2, 90, dtype="int32"), rng.integers(1, often + 1, 88))]))
    check("scatter_add", [indices, (rng.normal(size=(len(indices), 40)) * 9).astype(dtype)], {"rows": 100}, backend, "graph")


@pytest.mark.parametrize("on", ["interpreter", "numpy", "native"])
def test_sums_of_a_hundred_thousand_values_keep_their_digits(on: str) -> None:
    where, values = np.arange(131_072, dtype="int32") % 3, np.full((131_072, 1), 0.67, "float32")
    exact = np.bincount(where, np.float64(values[:, 0]))[:, None]
    inputs = placeholders([where, values])
    f = compile_graph(Graph([t.node for t in inputs], [apply_symbolic(OPS["scatter_add"], inputs, {"rows": 3}).node]), on)
    np.testing.assert_allclose(f(where, values)[0], exact, rtol=2e-7)


@pytest.mark.parametrize(("rows", "width"), [(64, ()), (300_000, ()), (50, (3,)), (50, (40,)), (3000, (40,))])
def test_very_many_numbers_that_go_to_one_place_are_all_counted(rows: int, width: tuple[int, ...], backend: str) -> None:
    places, given = np.full(40_000, 7, "int32"), (np.random.default_rng(0).random((40_000, *width)) + 1).astype("float32")
    inputs = placeholders([places, given])
    out = apply_symbolic(OPS["scatter_add"], inputs, {"rows": rows})
    (found,) = compile_graph(Graph([t.node for t in inputs], [out.node]), backend=backend)(places, given)
    np.testing.assert_allclose(found[7], given.sum(0, dtype="float64"), rtol=2e-5)
