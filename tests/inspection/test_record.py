"""What the record of a compilation holds, whatever is compiled."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given

from symkeras import Input, Model, layers, ops
from symkeras.backend.interface import Executable, compile_graph
from symkeras.compiler.history import Step
from symkeras.graph import Graph
from symkeras.graph.graph import every_node
from symkeras.graph.node import Node, reachable
from tests.compiler.passes.check_pass import structure
from tests.compiler.test_random_graphs import CALM, graphs
from tests.inspection.replay import replayed
from tests.inspection.workloads import WORKLOADS


@lru_cache
def compiled(name: str) -> tuple[Any, Executable]:
    model, *_ = WORKLOADS[name]()
    return model, model.executable("train")


def operations(graph: Graph) -> list[Node]:
    return [n for n in dict.fromkeys(every_node(graph)) if not n.op.is_leaf]


def check_origins(c: Executable) -> None:
    for stage in c.inspect.record.stages:
        lost = [n for n in operations(stage.graph) if not n.origins]
        assert not lost, f"{stage.name}: {lost}\n{stage.graph}"


def check_names(c: Executable) -> None:
    for stage in c.inspect.record.stages:
        nodes = list(dict.fromkeys(every_node(stage.graph)))
        assert len({stage.graph.names[n] for n in nodes}) == len(nodes), stage.graph
    text = str(c.graph)
    for kernel in c.inspect.kernels:
        for value in kernel.values:
            assert f"%{value} = " in text or f"%{value}: " in text  # what a body is given
            assert c.source == "" or value in c.source


def check_kernels(c: Executable) -> None:
    """Every kernel with an effect has lines, and from line to kernel to line is a way back."""
    for kernel in c.inspect.kernels:
        if kernel.values and kernel.nodes[0].op.name != "concatenate":  # pieces that are computed where they are to lie
            assert kernel.lines, kernel
        for first, _ in kernel.lines:
            thing = c.inspect.find(f"line {first}")
            assert kernel in thing.kernels and first in thing.lines, (kernel, first)


def check_rewrites(c: Executable) -> None:
    """What a pass put there is what it noted: new nodes are its rewrites' or old operations on other inputs."""
    for step in c.history:
        before = set(every_node(step.before))
        made = set(reachable(r.new for r in step.rewrites))
        for r in step.rewrites:
            made.update(n for m in reachable([r.new]) for v in m.attrs.values() if isinstance(v, Graph) for n in every_node(v))
        known = {(n.op, _plain(n)) for n in (*before, *made)}
        for n in operations(step.after):
            is_known = n in before or n in made or (n.op, _plain(n)) in known or _holds_graphs(n) or n.op.name == "item"
            assert is_known, f"{step.name}: {n}\n{step.after}"


def _plain(node: Node) -> Any:
    return tuple((k, repr(v)) for k, v in node.attrs.items())


def _holds_graphs(node: Node) -> bool:
    return any(isinstance(v, Graph) for v in node.attrs.values())


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_operation_of_every_stage_has_an_origin(name: str) -> None:
    check_origins(compiled(name)[1])


@pytest.mark.parametrize("name", WORKLOADS)
def test_names_are_unique_and_the_same_in_text_and_in_source(name: str) -> None:
    check_names(compiled(name)[1])


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_kernel_has_lines_that_lead_back_to_it(name: str) -> None:
    check_kernels(compiled(name)[1])


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_kernels_of_a_line_of_the_user_lead_back_to_it(name: str) -> None:
    inspect = compiled(name)[1].inspect
    lines = dict.fromkeys(line for o in inspect.record.origins for line in o.lines)
    assert lines
    for line in lines:
        thing = inspect.find(str(line))
        assert thing.kernels, line
        for kernel in thing.kernels:
            assert line in inspect.find(kernel.number).user_lines, (line, kernel)


@pytest.mark.parametrize("name", WORKLOADS)
def test_new_nodes_come_from_rewrites(name: str) -> None:
    check_rewrites(compiled(name)[1])


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_operation_of_a_training_step_belongs_to_a_layer_or_a_part(name: str) -> None:
    _, c = compiled(name)
    for stage in c.inspect.record.stages:
        homeless = [n for n in operations(stage.graph) if not any(o.layer for o in n.origins)]
        assert not homeless, f"{stage.name}: {[(n, n.origins) for n in homeless]}"


@CALM
@given(case=graphs())
def test_the_record_of_random_graphs_holds_what_that_of_models_does(case: tuple[Graph, list[str]]) -> None:
    c = compile_graph(case[0], backend="numpy")
    check_origins(c)
    check_names(c)
    check_kernels(c)
    check_rewrites(c)


def test_origins_are_those_of_the_model_that_is_looked_at() -> None:
    x = Input((4,))
    shared = layers.Dense(3, name="shared")
    first, second = Model(x, layers.Dense(2, name="only_first")(shared(x))), Model(x, layers.Dense(2, name="only_second")(shared(x)))
    for model, other in ((first, "only_second"), (second, "only_first")):
        model.compile("sgd", "mse", backend="numpy")
        for stage in model.executable("train").inspect.record.stages:
            assert not [n for n in operations(stage.graph) for o in n.origins if other in o.layer]


def test_origins_are_those_of_the_function_that_is_looked_at() -> None:
    x = ops.placeholder("f32[batch, 3]", name="x")
    shared = ops.exp(x * 2.0)
    first = Graph([x.node], [ops.tanh(shared).node])
    lines = {line for n in first.nodes for o in n.origins for line in o.lines}
    second = Graph([x.node], [(ops.exp(x * 2.0) + 1.0).node])
    compile_graph(second, backend="numpy")
    c = compile_graph(first, backend="numpy")
    assert {line for s in c.inspect.record.stages for n in operations(s.graph) for o in n.origins for line in o.lines} <= lines


_SCRIPT = """
from tests.inspection.workloads import WORKLOADS
for name in ("dense", "lstm", "attention"):
    c = WORKLOADS[name]()[0].executable("train")
    print(c.graph, c.source, *(f"{s.name} {s.fired} {s.after}" for s in c.history), c.inspect.kernels)
    print(c.inspect.find("head"))
"""


def test_two_processes_give_one_text() -> None:
    found = []
    for seed in ("1", "2"):
        env = {**os.environ, "PYTHONHASHSEED": seed}
        found.append(subprocess.run([sys.executable, "-c", _SCRIPT], env=env, capture_output=True, text=True, check=True).stdout)
    assert found[0] == found[1] and len(found[0]) > 1000


def replayable(c: Executable) -> list[Step]:
    """The passes that put equal values in place of values; others take loops apart, and write updates in other pieces."""
    return [s for s in c.history if s.rewrites and all(r.keeps_value for r in s.rewrites)]


def check_replay(step: Step) -> None:
    again = replayed(step)
    assert structure(again) == structure(step.after), f"{step.name}:\n{step.before}\nreplayed:\n{again}\nafter:\n{step.after}"


@pytest.mark.parametrize("name", WORKLOADS)
def test_replaying_rewrites_gives_the_graph_after_them(name: str) -> None:
    for step in replayable(compiled(name)[1]):
        check_replay(step)


def test_most_passes_can_be_replayed() -> None:
    found = {step.name for name in WORKLOADS for step in replayable(compiled(name)[1])}
    assert found >= {"cse", "legalize", "simplify", "merge-matmuls", "sparse-updates"}


@CALM
@given(case=graphs())
def test_replaying_rewrites_on_random_graphs_gives_the_graph_after_them(case: tuple[Graph, list[str]]) -> None:
    for step in replayable(compile_graph(case[0], backend="numpy", level="O2")):
        check_replay(step)
