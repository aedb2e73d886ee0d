"""Tables that are updated row by row: the rows that a batch touched, equal ones among them, and all others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend.interface import compile_graph
from symkeras.compiler.program.program import RowPass
from symkeras.graph import Graph, Tensor
from symkeras.graph.variable import Variable
from tests.compiler.passes.test_update_passes import RULES, step_graph

pytestmark = pytest.mark.usefixtures("backend_native")


def embedding_step(rule: str, packed: bool = True, rows: int = 40, width: int = 6) -> tuple[Graph, list[Variable]]:
    """A training step of a table and of a product behind it."""
    rng = np.random.default_rng(3)
    table = Variable(rng.standard_normal((rows, width)).astype("float32"), name="table")
    kernel = Variable(rng.standard_normal((width, 3)).astype("float32"), name="kernel")
    words, y = ops.placeholder("i32[batch, 4]", "words"), ops.placeholder("f32[batch, 4, 3]", "y")
    loss = ops.mean(ops.square(ops.matmul(ops.take(table, words, axis=0), kernel) - y))
    graph = step_graph(RULES[rule], [table, kernel], loss, [words, y], packed)
    return graph, sorted({n.attrs["variable"] for n in graph.variables}, key=lambda v: v.uid)


def passes(f: Any) -> list[RowPass]:
    return [s for s in f.program.steps if isinstance(s, RowPass)]


def batches(count: int = 4) -> list[tuple[np.ndarray, np.ndarray]]:
    """Words among which are equal ones, negative ones, and batches of nothing."""
    rng = np.random.default_rng(4)
    return [(rng.integers(-40, 40, (b, 4), "int32"), rng.standard_normal((b, 4, 3)).astype("float32")) for b in (5, 1, 0, 50)[:count]]


@pytest.mark.parametrize("poison", [False, True])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("rule", "tables", "others"), [("sgd", 1, 0), ("adagrad", 2, 0), ("rmsprop", 2, 1)])
def test_tables_with_the_same_indices_are_updated_in_one_pass(rule: str, tables: int, others: int, packed: bool, poison: bool) -> None:
    found: dict[str, list[np.ndarray]] = {}
    for backend in ("interpreter", "native"):
        graph, variables = embedding_step(rule, packed)
        f = compile_graph(graph, backend, **({"poison": poison} if backend == "native" else {}))
        if backend == "native":
            (one,) = passes(f)
            assert (len(one.touched.outputs), len(one.others)) == (tables, others)
            assert "set_rows" not in f.source and f.source.count("sk_gather") == 1
        for _ in range(3):
            for arrays in batches():
                f(*arrays)
        found[backend] = [v.numpy() for v in variables]
    for a, b in zip(found["native"], found["interpreter"], strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


def test_an_index_out_of_range_changes_nothing() -> None:
    graph, variables = embedding_step("rmsprop")
    f = compile_graph(graph, "native")
    words, y = batches(1)[0]
    f(words, y)
    before = [v.numpy() for v in variables]
    for index in (40, -41):
        wrong = words.copy()
        wrong[-1, -1] = index
        with pytest.raises(IndexError, match=rf"index {index} is out of range for an axis of size 40"):
            f(wrong, y)
    for a, v in zip(before, variables, strict=True):
        np.testing.assert_array_equal(a, v.numpy())


def test_a_table_whose_old_rows_are_wanted_is_not_updated_in_place() -> None:
    graph, variables = embedding_step("rmsprop")
    table = next(v for v in variables if v.name == "table")
    kept = Graph(graph.inputs, [*graph.outputs, table.node], graph.updates, graph.name)
    f = compile_graph(kept, "native")
    assert not passes(f)
    before = table.numpy()
    found = f(*batches(1)[0])[-1]
    np.testing.assert_array_equal(found, before)
    assert (table.numpy() != before).any()


def test_another_variable_may_take_the_old_rows() -> None:
    graph, variables = embedding_step("sgd", packed=False)
    table = next(v for v in variables if v.name == "table")
    copy = Variable(np.zeros((40, 6), "float32"), name="copy")
    both = Graph(graph.inputs, graph.outputs, [*graph.updates, (copy.node, Tensor(table.node).node)], graph.name)
    f = compile_graph(both, "native")
    before = table.numpy()
    f(*batches(1)[0])
    np.testing.assert_array_equal(copy.numpy(), before)
    assert (table.numpy() != before).any()


def test_rows_that_somebody_else_reads_are_gathered() -> None:
    graph, _ = embedding_step("rmsprop")
    new = next(n for _, n in graph.updates if n.op.name == "set_rows") if any(n.op.name == "set_rows" for _, n in graph.updates) else None
    f = compile_graph(graph, "native")
    rows = next(n for _, n in f.graph.updates if n.op.name == "set_rows").inputs[2]
    wanted = Graph(f.graph.inputs, [*f.graph.outputs, rows], f.graph.updates, "wanted")
    g = compile_graph(wanted, "native")
    assert new is None and not passes(g)
    assert np.isfinite(g(*batches(1)[0])[-1]).all()
