from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import Graph, Input, Model, Sequential, layers
from symkeras.errors import ConfigError, SymkerasError
from tests import backends
from tests.models.small_workloads import WORKLOADS, data

X = np.ones((6, 4), "float32")


@pytest.fixture(autouse=True)
def _something_is_planned(model_backend: str) -> None:
    if model_backend == "interpreter":
        pytest.skip("the interpreter neither rewrites nor plans")


def net(**arguments: Any) -> Any:
    hidden, head = layers.Dense(5, activation="relu", name="hidden"), layers.Dense(3, activation="softmax", name="head")
    model = Sequential([Input((4,), name="rows"), hidden, head], name="net")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **arguments)
    return model


@pytest.mark.parametrize("which", ["train", "test", "predict"])
def test_every_function_can_be_looked_at_before_anything_ran(which: str) -> None:
    model = net()
    before = model.get_weights()
    compiled = model.executable(which)
    assert compiled.graph.name == f"net_{which}" and compiled.graph.count() > 0
    assert [n.attrs["name"] for n in compiled.source_graph.inputs] == (["rows"] if which == "predict" else ["rows", "head_target"])
    assert len(compiled.history) > 0 and "simplify" in str(compiled.history)
    assert "hidden" in compiled.source and "head" in compiled.source
    assert bool(compiled.graph.updates) == (which != "predict")
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_interpreter_has_the_same_face_with_nothing_in_it() -> None:
    compiled = net(backend="interpreter").executable("train")
    assert compiled.source == "" and compiled.memory is None and len(compiled.history) == 0 and "pass" in str(compiled.history)
    assert compiled.graph is compiled.source_graph and compiled.to_networkx().number_of_nodes() > 0
    assert "net_train on interpreter" in str(compiled) and "one by one" in str(compiled)


def test_what_is_looked_at_is_what_runs(model_backend: str) -> None:
    model = net()
    compiled = model.executable("train")
    assert compiled.memory is None
    model.fit(X, np.zeros(6, "int64"), verbose=0)
    assert model.executable("train") is compiled and (compiled.memory is not None) == backends.plans(model_backend)
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert model.executable("train") is not compiled
    assert model.executable("predict").graph.count() < model.executable("train").graph.count()


@pytest.mark.usefixtures("_planned")
@pytest.mark.parametrize("make", WORKLOADS, ids=lambda m: m.__name__)
def test_the_memory_plan_lies_between_the_naive_one_and_the_bound(make: Any) -> None:
    x, y, loss = data(make.__name__)
    model = make()
    model.compile("adam", loss)
    model.fit(x, y, batch_size=4, verbose=0)
    memory = model.executable("train").memory
    assert memory.naive >= memory.planned >= memory.bound > 0
    assert memory.env["batch"] == 4 and "planned" in str(memory)


@pytest.mark.parametrize("which", ["train", "predict"])
def test_graphs_are_networkx_graphs_and_text_that_parses(which: str, networkx: Any) -> None:
    compiled = net().executable(which)
    network = compiled.to_networkx()
    assert isinstance(network, networkx.DiGraph) and networkx.is_directed_acyclic_graph(network)
    assert network.number_of_nodes() == len(compiled.graph.nodes)
    source = compiled.source_graph
    assert Graph.parse(source.to_text()).count() == source.count()


def test_passes_are_kept_with_what_they_did(model_backend: str) -> None:
    history = net().executable("train").history
    if backends.plans(model_backend):  # for an engine more is expanded: what it has no function for
        assert history[0].before.count() > history[len(history) - 1].after.count()
    assert sum(history.fired.values()) > 0
    assert any(history.diff(k).startswith("--- before") for k in range(len(history)))


def test_nodes_know_their_layer_and_the_line_that_made_it() -> None:
    compiled = net().executable("train")
    origins = [str(o) for n in compiled.graph.nodes for o in n.origins]
    assert any("hidden" in o for o in origins) and any("test_inspection.py" in o for o in origins)
    assert any(o.startswith("grad(") for o in origins)


def test_a_model_of_several_outputs_is_guessed_as_well() -> None:
    x = Input((4,))
    model = Model(x, {"a": layers.Dense(1, name="p")(x), "b": layers.Dense(2, name="q")(x)}, name="two")
    model.compile("sgd", {"a": "mse", "b": "sparse_categorical_crossentropy"})
    inputs = [n.attrs["name"] for n in model.executable("train").source_graph.inputs[1:]]
    assert inputs == ["a_target", "b_target"] and str(model.executable("test").source_graph.inputs[-1].type) == "i32[batch]"


def test_the_interpreter_can_be_looked_at_too() -> None:
    assert net(run_eagerly=True).executable("train").graph.count() > 0


def test_what_cannot_be_known_yet_says_so() -> None:
    model = Sequential([layers.Dense(2)])
    model.compile("sgd", "mse")
    with pytest.raises(SymkerasError, match="shapes of its inputs are not known yet; call fit or predict first"):
        model.executable("train")
    model.fit(X, X[:, :2], verbose=0)
    assert model.executable("train").graph.count() > 0
    with pytest.raises(ConfigError, match='takes "train", "test" or "predict"'):
        model.executable("training")
