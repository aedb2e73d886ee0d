"""A graph with a fault becomes small and a script; two models are told apart by what they mean."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import symkeras
from symkeras import Input, Model, Sequential, layers, ops
from symkeras.errors import InspectionError
from symkeras.graph import Graph
from tests.inspection.test_trust import WRONG, injected
from tests.inspection.workloads import WORKLOADS


def large() -> Graph:
    x, w = ops.placeholder("f32[batch, 8]", name="x"), ops.placeholder("f32[8, 8]", name="w")
    h = ops.softmax(ops.matmul(ops.exp(ops.minimum(x, 1.0)), w))
    h = ops.tanh(h * 2.0 + ops.sin(x)) - ops.cos(h)
    return Graph([x.node, w.node], [h.node, ops.sum(h).node, ops.matmul(h, w).node])


def test_a_graph_that_a_wrong_rule_spoils_becomes_one_operation() -> None:
    with injected(WRONG):
        small = symkeras.minimise(large(), lambda g: not symkeras.bisect(g, backend="numpy"))
    assert [n.op.name for n in small.graph.nodes if not n.op.is_leaf] == ["tanh"]
    assert small.graph.outputs[0].shape == (1, 1) and len(small.graph.inputs) == 1
    assert small.before > 10 and "became 1" in str(small)


def test_the_script_runs_on_its_own(tmp_path: Path) -> None:
    small = symkeras.minimise(large(), lambda g: any(n.op.name == "tanh" for n in g.nodes))
    small.save(tmp_path / "case.py")
    done = subprocess.run([sys.executable, str(tmp_path / "case.py")], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("output 0: ")


def test_a_training_step_becomes_small() -> None:
    graph = WORKLOADS["dense"]()[0].executable("train").source_graph
    small = symkeras.minimise(graph, lambda g: any(n.op.name == "log_softmax" for n in g.nodes), most=300)
    assert small.graph.count() <= 3 and any(n.op.name == "log_softmax" for n in small.graph.nodes)


def test_minimise_refuses_a_graph_that_does_not_fail() -> None:
    with pytest.raises(InspectionError, match="does not fail"):
        symkeras.minimise(large(), lambda g: False)


def model(units: int, activation: str = "relu", *more: layers.Layer) -> Sequential:
    stack = [layers.Dense(units, activation, name="hidden"), *more, layers.Dense(2, name="head")]
    return Sequential([Input((4,)), *stack], name=f"m{units}")


def test_diff_tells_models_apart_by_meaning() -> None:
    found = symkeras.diff(model(3), model(5, "tanh", layers.Dropout(0.5, name="drop")))
    assert not found and found.added == ["drop"] and found.removed == []
    changes = {c.name: c.changes for c in found.changed}
    assert changes["hidden"] == {"units": (3, 5), "activation": ("relu", "tanh"), "output shape": ((None, 3), (None, 5)), "parameters": (15, 25)}
    assert changes["head"] == {"parameters": (8, 12), "reads": (["hidden"], ["drop"])}
    assert found.totals["parameters"] == (23, 37) and found.totals["layers"] == (2, 3) and "kernels" in found.totals
    assert {"layer": "hidden", "what": "units", "first": 3, "second": 5} in found.rows
    assert "  + drop" in str(found) and "hidden: units 3 -> 5" in str(found)


def test_diff_matches_layers_that_nobody_named_by_what_they_are() -> None:
    def stack(units: int, *more: layers.Layer) -> Sequential:
        inner = Sequential([Input((4,)), layers.Dense(units), layers.Dropout(0.1)])
        recurrent = layers.Bidirectional(layers.LSTM(3))
        return Sequential([Input((4,)), inner, *more, layers.Reshape((units, 1)), recurrent, layers.Dense(2)])

    assert symkeras.diff(stack(3), stack(3))
    one, other = stack(3), stack(3, layers.ReLU())
    found = symkeras.diff(one, other)
    assert not found and found.removed == [] and found.added == [other.layers[1].name]
    assert [(c.name, list(c.changes)) for c in found.changed] == [(one.layers[1].name, ["reads"])]
    found = symkeras.diff(one, stack(5))
    assert [c.changes["units"] for c in found.changed if "units" in c.changes] == [(3, 5)]


def test_diff_tells_what_is_wired_otherwise() -> None:
    def wired(second: str) -> Model:
        x = Input((4,), name="x")
        first = layers.Dense(4, name="first")(x)
        branch = layers.Dense(4, name="second")(x if second == "x" else first)
        return Model(x, layers.add([first, branch], name="both"))

    assert symkeras.diff(wired("x"), wired("x"))
    found = symkeras.diff(wired("x"), wired("first"))
    assert [(c.name, c.changes) for c in found.changed] == [("second", {"reads": (["x"], ["first"])})]


def test_diff_of_equal_models_is_true() -> None:
    found = symkeras.diff(model(3), model(3))
    assert found and "the same layers" in str(found)


def test_diff_puts_the_same_function_of_both_beside_each_other() -> None:
    compiled, plain = model(3), model(3)
    compiled.compile("sgd", "mse", backend="numpy")
    totals = symkeras.diff(compiled, plain).totals
    assert totals["operations"][0] == totals["operations"][1] == plain.executable("predict").graph.count()


def test_diff_refuses_what_is_no_model() -> None:
    with pytest.raises(InspectionError, match="received int"):
        symkeras.diff(model(3), 4)
