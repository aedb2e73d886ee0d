"""Comparing, bisecting and verifying: an injected fault is named, and nothing is written to what is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symkeras
from symkeras import ops
from symkeras.backend.interface import compile_graph
from symkeras.backend.numpy.kernels import table
from symkeras.compiler.passes import hoist_from_scans, legalize, simplify
from symkeras.compiler.passes.rules import Rule
from symkeras.errors import BackendError, CompileError, InspectionError
from symkeras.graph import Graph, Tensor
from symkeras.graph.node import Node
from symkeras.graph.variable import Variable
from tests.compiler.test_random_graphs import CALM, graphs, values
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


WRONG = Rule("tanh-of-nothing", "tanh(x)", "x")


def tanh_graph() -> Graph:
    x = ops.placeholder("f32[batch, 3]", name="x")
    y = ops.exp(x * 1.0) - 0.0
    return Graph([x.node], [(ops.tanh(y) + ops.sin(x)).node], name="tanhs")


def state(model: Any) -> list[np.ndarray]:
    return [v.numpy() for v in (*model.variables, *model.optimizer.variables)]


def test_a_wrong_rule_is_named_by_bisect() -> None:
    with injected(WRONG):
        found = symkeras.bisect(tanh_graph(), backend="numpy")
    assert not found and found.step.name == "simplify" and found.rewrite.rule == "tanh-of-nothing"
    assert "rule tanh-of-nothing: %tanh_ = tanh: f32[batch, 3]" in str(found) and "test_trust.py:" in str(found)


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


@pytest.mark.parametrize("name", WORKLOADS)
def test_bisect_finds_nothing_where_nothing_is_wrong(name: str) -> None:
    model, *arrays = WORKLOADS[name]()
    found = symkeras.bisect(model, *arrays)
    assert found, str(found)
    assert "nothing is wrong" in str(found)


def test_verify_names_rule_pass_value_and_line() -> None:
    text = r"rule tanh-of-nothing of pass simplify changed %tanh_ = tanh: f32\[batch, 3\].*test_trust.py:"
    with injected(WRONG), pytest.raises(CompileError, match=text):
        compile_graph(tanh_graph(), backend="numpy", verify=True)


def test_a_fault_in_a_pass_without_rules_is_named_by_its_rewrite(monkeypatch: pytest.MonkeyPatch) -> None:
    expand = legalize._expand

    def wrong(node: Node, inputs: list[Node]) -> Node:
        made = expand(node, inputs)
        return (Tensor(made) * 2).node if node.op.name == "softmax" else made

    monkeypatch.setattr(legalize, "_expand", wrong)
    model, x, _ = WORKLOADS["dense"]()
    found = symkeras.bisect(model, x)
    assert found.step.name == "legalize" and found.rewrite.rule == "softmax" and "head" in str(found)
    model.compile("sgd", "sparse_categorical_crossentropy", backend="numpy", verify=True)
    with pytest.raises(CompileError, match=r"rule softmax of pass legalize.*\(head, workloads.py:"):
        model.executable("predict")


def test_a_pass_that_takes_loops_apart_wrongly_is_named_by_what_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    total = hoist_from_scans._total
    monkeypatch.setattr(hoist_from_scans, "_total", lambda *args: (Tensor(total(*args)) * 2).node)
    model, *arrays = WORKLOADS["lstm"]()
    found = symkeras.bisect(model, *arrays)
    assert found.step.name == "hoist-from-scans" and found.rewrite is None and "differs by up to" in found.result
    with pytest.raises(CompileError, match=r"pass hoist-from-scans changed .*lstm.*scan-gemm"):
        compile_graph(model.executable("train").source_graph, "numpy", verify=True)


@CALM
@given(case=graphs(), seed=st.integers(0, 100), odd=st.booleans())
def test_nothing_is_wrong_with_random_graphs(case: tuple[Graph, list[str]], seed: int, odd: bool) -> None:
    graph = case[0]
    c = compile_graph(graph, backend="numpy", verify=True)
    arrays = values(graph, 3, seed, odd)
    c.inspect.verify(*arrays)
    for found in (symkeras.compare(c, compile_graph(graph, "interpreter"), *arrays), symkeras.bisect(c, *arrays)):
        assert found, str(found)


@pytest.mark.parametrize("rule", [WRONG, Rule("relu-of-nothing", "maximum(x, 0)", "x"), Rule("sum-for-product", "x * y", "x + y")])
@CALM
@given(case=graphs())
def test_a_wrong_rule_is_named_wherever_it_changes_a_random_graph(rule: Rule, case: tuple[Graph, list[str]]) -> None:
    with injected(rule):
        try:
            c = compile_graph(case[0], backend="numpy", verify=True)
        except CompileError as error:
            assert f"rule {rule.name} of pass simplify" in str(error)
            return
    assert symkeras.compare(c, compile_graph(case[0], "interpreter"))


def test_what_rounding_makes_large_is_no_difference() -> None:
    x = ops.placeholder("f32[64, 3]", name="x")
    rest = x - ops.mean(x, axis=0)  # of which the sum is nothing but rounding
    one, other = ops.sum(rest, axis=0), ops.matmul(ops.ones((64,), "float32"), rest)
    first, second = (Graph([x.node], [(n / (ops.absolute(n) + 1e-9)).node], name="signs") for n in (one, other))
    arrays = np.random.default_rng(0).uniform(0, 1, (64, 3)).astype("float32")
    assert symkeras.compare(first, second, arrays)
    assert not symkeras.compare(first, second, arrays, rtol=1e-4)


def test_verify_names_the_layer() -> None:
    model, _, _ = WORKLOADS["dense"]()
    model.compile("sgd", "sparse_categorical_crossentropy", backend="numpy", verify=True)
    wrong = Rule("relu-of-nothing", "maximum(x, 0)", "x")
    with injected(wrong), pytest.raises(CompileError, match=r"relu-of-nothing of pass simplify.*\(hidden, workloads.py:"):
        model.executable("predict")


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_rewrite_of_a_training_step_is_verified(name: str) -> None:
    model, *arrays = WORKLOADS[name]()
    model.compile("adam", "sparse_categorical_crossentropy", backend="numpy", verify=True)
    model.executable("train").inspect.verify(*arrays)


@pytest.mark.parametrize("options", [{"backend": "interpreter"}, {"run_eagerly": True}])
def test_verify_is_refused_where_no_pass_runs(options: dict[str, Any]) -> None:
    with pytest.raises(BackendError, match="no pass runs on backend 'interpreter'"):
        compile_graph(tanh_graph(), backend="interpreter", verify=True)
    model, _, _ = WORKLOADS["dense"]()
    model.compile("sgd", "sparse_categorical_crossentropy", verify=True, **options)
    with pytest.raises(BackendError, match="no pass runs on backend 'interpreter'"):
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


def test_compare_names_the_first_value_that_differs_its_layer_and_line() -> None:
    model, x, _ = WORKLOADS["dense"]()
    model.build((None, 4))
    other = symkeras.models.clone_model(model)
    other.set_weights(model.get_weights())
    other.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], backend="numpy")
    assert symkeras.compare(model, other, x)
    kernel, bias = other.get_layer("head").get_weights()
    other.get_layer("head").set_weights([kernel, bias + np.asarray([1, 0, 0], "float32")])
    found = symkeras.compare(model, other, x)
    assert not found and found.first.name == "head_sum" and found.first.layer == "head" and found.first.largest == pytest.approx(1, rel=1e-4)
    assert "%head_sum = add" in str(found) and "workloads.py:" in str(found)


def test_compare_of_models_that_are_called_otherwise_goes_by_where_values_stand() -> None:
    (first, x, y), (second, _, _) = WORKLOADS["plain"](), WORKLOADS["plain"]()
    assert {n for n, _ in _names(first)}.isdisjoint(n for n, _ in _names(second))
    for a, b in ((first, second), (second, first)):
        b.set_weights(a.get_weights())
        assert symkeras.compare(a, b, x, y).compared > 4
    weights = second.get_weights()
    second.set_weights([*weights[:2], weights[2] * 2, *weights[3:]])
    for arrays in ((x,), (x, y)):
        found = symkeras.compare(first, second, *arrays)
        assert not found and found.first.node.op.name == "matmul" and found.first.layer == first.layers[-1].name


def _names(model: Any) -> list[tuple[str, Any]]:
    return [(layer.name, layer) for layer in model.layers]


def test_compare_and_bisect_find_a_wrong_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    c = compile_graph(tanh_graph(), backend="numpy")
    reference = compile_graph(c.source_graph, backend="interpreter")
    x = np.ones((2, 3), "float32")
    assert symkeras.compare(c, reference, x) and symkeras.bisect(c, x)
    monkeypatch.setitem(table.LINES, "tanh", table.LINES["arctan"])
    found = symkeras.compare(c, reference, x)
    assert not found and found.first.name == "tanh_" and "test_trust.py:" in found.first.line
    assert [d.name for d in found.results] == ["output 0"]
    guilty = symkeras.bisect(c, x)
    assert not guilty and guilty.step is None and guilty.backend == "numpy"
    assert str(guilty).startswith("every pass keeps the results; numpy does not: output 0 differs by up to")


def test_compare_finds_a_wrong_kernel_of_a_training_step(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x, y = WORKLOADS["lstm"]()
    c = model.executable("train")
    reference = compile_graph(c.source_graph, backend="interpreter")
    assert symkeras.compare(c, reference, x, y)
    monkeypatch.setitem(table.LINES, "tanh", table.LINES["arctan"])
    found = symkeras.compare(c, reference, x, y)
    assert not found and found.first.layer.startswith("lstm") and "workloads.py:" in found.first.line
    assert symkeras.bisect(c, x, y).backend == "numpy"


@pytest.mark.parametrize("name", WORKLOADS)
def test_models_are_alike_at_every_level_and_after_every_pass(name: str) -> None:
    model, *arrays = WORKLOADS[name]()
    c = model.executable("train")
    for other in (model, compile_graph(c.source_graph, "numpy", level="O0"), compile_graph(c.source_graph, "interpreter")):
        found = symkeras.compare(c, other, *arrays)
        assert found and found.compared > 4, str(found)
    passes = c.inspect.passes
    for run in passes:
        assert symkeras.compare(passes[0], run, *arrays), run.name


def test_compare_refuses_what_has_nothing_in_common() -> None:
    a, b = (Variable(np.zeros(2, "float32"), name=name) for name in "ab")
    one, other = (Graph([], [], [(v.node, (ops.as_tensor(v) + 1).node)], name="g") for v in (a, b))
    assert symkeras.compare(one, other).compared == 1  # they are written alike
    third = Graph([], [], [(b.node, (ops.as_tensor(b) * 2).node)], name="h")
    with pytest.raises(InspectionError, match="nothing to compare"):
        symkeras.compare(one, third)


def test_compare_finds_the_pass_that_an_injected_rule_spoils() -> None:
    with injected(WRONG):
        c = compile_graph(tanh_graph(), backend="numpy")
    passes = c.inspect.passes
    found = symkeras.compare(passes["stabilise"], passes["simplify"])
    assert not found and found.results


def test_compare_refuses_what_does_not_compute_the_same() -> None:
    x = ops.placeholder("f32[3]", name="x")
    with pytest.raises(InspectionError, match="1 inputs and 2 outputs"):
        symkeras.compare(Graph([x.node], [x.node]), Graph([x.node], [x.node, x.node]))
    with pytest.raises(InspectionError, match="received int"):
        symkeras.compare(1, 2)
