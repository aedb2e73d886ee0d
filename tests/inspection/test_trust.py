"""Comparing, bisecting and verifying: an injected fault is named, and nothing is written to what is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import ops
from symkeras.backend.interface import compile_graph
from symkeras.compiler.passes import simplify
from symkeras.compiler.passes.rules import Rule
from symkeras.errors import CompileError, InspectionError
from symkeras.graph import Graph
from tests.inspection.workloads import WORKLOADS


@contextmanager
def injected(*rules: Rule) -> Iterator[None]:
    """Within it `simplify` has these rules too, before its own."""
    before = simplify._SIMPLIFICATION
    simplify._SIMPLIFICATION = simplify._Simplification((*rules, *before.rules))
    try:
        yield
    finally:
        simplify._SIMPLIFICATION = before


def tanh_graph() -> Graph:
    x = ops.placeholder("f32[batch, 3]", name="x")
    y = ops.exp(x * 1.0) - 0.0
    return Graph([x.node], [(ops.tanh(y) + ops.sin(x)).node], name="tanhs")


def state(model: Any) -> list[np.ndarray]:
    return [v.numpy() for v in (*model.variables, *model.optimizer.variables)]


def test_a_wrong_rule_in_a_training_step_is_named_by_bisect_and_no_weight_is_written() -> None:
    model, x, y = WORKLOADS["dense"]()
    model.build((None, 4))
    with injected(Rule("relu-of-nothing", "maximum(x, 0)", "x")):
        c = model.executable("train")
        before = state(model)
        found = symkeras.bisect(c, x, y)
    assert found.step.name == "simplify" and found.rewrite.rule == "relu-of-nothing"
    assert "hidden" in str(found)
    for a, b in zip(state(model), before, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["dense", "lstm", "embedding"])
def test_bisect_finds_nothing_where_nothing_is_wrong(name: str) -> None:
    model, x, y = WORKLOADS[name]()
    found = symkeras.bisect(model, x, y)
    assert found, str(found)
    assert "nothing is wrong" in str(found)


def test_verify_names_the_layer() -> None:
    model, _, _ = WORKLOADS["dense"]()
    model.compile("sgd", "sparse_categorical_crossentropy", backend="numpy", verify=True)
    wrong = Rule("relu-of-nothing", "maximum(x, 0)", "x")
    with injected(wrong), pytest.raises(CompileError, match=r"relu-of-nothing of pass simplify.*\(hidden, workloads.py:"):
        model.executable("predict")


def test_a_stage_runs_on_copies() -> None:
    model, x, y = WORKLOADS["dense"]()
    c = model.executable("train")
    before = state(model)
    for run in c.inspect.passes:
        program = run.program("interpreter")
        program(x, y)
    for a, b in zip(state(model), before, strict=True):
        np.testing.assert_array_equal(a, b)
    changed = [n.attrs["variable"] for n, _ in program.source_graph.updates]
    assert changed and not {id(v) for v in changed} & {id(v) for v in (*model.variables, *model.optimizer.variables)}
    assert c.inspect.passes["simplify"].program("numpy").graph.count() > 0


def test_a_stage_has_the_names_that_it_has_in_the_compilation() -> None:
    c = compile_graph(tanh_graph(), backend="numpy")
    run = c.inspect.passes["simplify"]
    assert str(run.program("interpreter").graph) == str(run.after)


def test_compare_finds_levels_alike() -> None:
    a, b = (compile_graph(tanh_graph(), backend="numpy", level=level) for level in ("O0", "O2"))
    found = symkeras.compare(a, b, np.ones((2, 3), "float32"))
    assert found and found.first is None and "alike" in str(found)


def test_compare_refuses_what_does_not_compute_the_same() -> None:
    x = ops.placeholder("f32[3]", name="x")
    with pytest.raises(InspectionError, match="1 inputs and 2 outputs"):
        symkeras.compare(Graph([x.node], [x.node]), Graph([x.node], [x.node, x.node]))
    with pytest.raises(InspectionError, match="received int"):
        symkeras.compare(1, 2)
