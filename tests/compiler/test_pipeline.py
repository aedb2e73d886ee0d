"""The pipeline: prints and parses, verifies after each pass, records what happened, and names the pass that failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.compiler.passes.base import PASSES, Context, Pass
from symkeras.compiler.pipeline import LEVELS, Pipeline
from symkeras.errors import CompileError
from symkeras.graph import Graph, Tensor
from symkeras.graph.node import make
from symkeras.graph.variable import Variable
from tests.compiler.passes.check_pass import everything, structure


def two_layers() -> Graph:
    x, t = ops.placeholder("f32[batch, 3]", name="x"), ops.placeholder("i32[batch]", name="labels")
    w, b = Variable(np.full((3, 4), 0.5, "float32"), name="w"), Variable(np.zeros(4, "float32"), name="b")
    logits = ops.matmul(ops.relu(x * 1.0), Tensor(w.node)) + Tensor(b.node)
    loss = -ops.mean(ops.take_along_axis(ops.log(ops.softmax(logits)), t[:, None], 1))
    updates = [(v.node, (Tensor(v.node) - 0.1 * g).node) for v, g in zip((w, b), gradients(loss, [w, b]), strict=True)]
    return Graph([x.node, t.node], [loss.node], updates, name="train")


@pytest.mark.parametrize("level", LEVELS)
def test_pipeline_prints_and_parses(level: str) -> None:
    pipeline = Pipeline.level(level)
    assert str(pipeline) == LEVELS[level] and Pipeline.parse(str(pipeline)) == pipeline


def test_pipeline_with_options_prints_and_parses() -> None:
    text = "strip, fold-constants{limit=8}, simplify"
    assert str(Pipeline.parse(text)) == text
    assert str(Pipeline.parse(" strip ,simplify,")) == "strip, simplify"
    assert str(Pipeline.parse(text).without(["fold-constants"])) == "strip, simplify"
    with pytest.raises(CompileError, match="unknown optimisation level 'O9'"):
        Pipeline.level("O9")


@pytest.mark.parametrize("level", LEVELS)
def test_running_a_pipeline_twice_changes_nothing(level: str) -> None:
    once, _ = Pipeline.level(level).run(two_layers(), everything)
    twice, _ = Pipeline.level(level).run(once, everything)
    assert structure(twice) == structure(once)


def test_history_is_the_record_of_every_pass() -> None:
    graph = two_layers()
    after, history = Pipeline.level("O2").run(graph, everything)
    assert [s.name for s in history] == ["cse", *LEVELS["O2"].split(", ")] and len(history) == len(list(history))
    assert history.source is graph and history[0].before is graph and history[-1].after is after
    assert all(a.after is b.before for a, b in zip(list(history)[:-1], list(history)[1:], strict=True))
    assert history["stabilise"].fired["log-softmax"] == 1 and history.fired["multiply-by-one"] == 1
    diff = history.diff("stabilise")
    assert any(line.startswith("-") and "= log(" in line for line in diff.splitlines()) and "+++ after stabilise" in diff
    assert "1 log-softmax" in str(history) and str(history).count("\n") == len(history)
    with pytest.raises(KeyError, match="no pass 'fuse' ran; passes: cse, strip"):
        history["fuse"]


@pytest.fixture
def bad_passes() -> object:
    """Passes that break the rules, registered while a test runs."""
    before = dict(PASSES)

    @dataclass(frozen=True)
    class Raises(Pass):
        name: ClassVar[str] = "raises"

        def run(self, graph: Graph, context: Context) -> Graph:
            raise ZeroDivisionError("by zero")

    @dataclass(frozen=True)
    class Retypes(Pass):
        name: ClassVar[str] = "retypes"

        def run(self, graph: Graph, context: Context) -> Graph:
            return Graph(graph.inputs, [make(ops.OPS["cast"], (n,), {"dtype": "float64"}) for n in graph.outputs], graph.updates)

    @dataclass(frozen=True)
    class Forgets(Pass):
        name: ClassVar[str] = "forgets"

        def run(self, graph: Graph, context: Context) -> Graph:
            return Graph(graph.inputs, graph.outputs)

    @dataclass(frozen=True)
    class Swaps(Pass):
        name: ClassVar[str] = "swaps"

        def run(self, graph: Graph, context: Context) -> Graph:
            return Graph(graph.inputs[::-1], graph.outputs, graph.updates)

    @dataclass(frozen=True)
    class Invents(Pass):
        name: ClassVar[str] = "invents"

        def run(self, graph: Graph, context: Context) -> Graph:
            stranger = Variable(np.float32(0), name="stranger")
            return Graph(graph.inputs, graph.outputs, [*graph.updates, (stranger.node, ops.as_tensor(np.float32(1)).node)])

    yield
    PASSES.clear()
    PASSES.update(before)


@pytest.mark.parametrize(("name", "message"), [
    ("raises", "pass raises failed on graph 'train': ZeroDivisionError: by zero"),
    ("retypes", r"pass retypes: outputs were .*f32\[\].* and are .*f64\[\]"),
    ("forgets", "pass forgets lost the update of variable 'w'"), ("swaps", "pass swaps changed the inputs"),
    ("invents", "pass invents added an update of variable 'stranger'"),
])  # fmt: skip
def test_a_pass_that_fails_or_breaks_the_graph_is_named(bad_passes: object, name: str, message: str) -> None:
    with pytest.raises(CompileError, match=message):
        Pipeline.parse(f"strip, {name}").run(two_layers(), everything)


@pytest.mark.parametrize("text", ["strip," * 10_000, "{" * 20_000, "strip, " + " " * 10_000, "fold-constants{limit=1," * 5_000])
def test_a_pipeline_of_no_end_is_refused(text: str) -> None:
    with pytest.raises(CompileError, match="at most 10000 characters"):
        Pipeline.parse(text)
