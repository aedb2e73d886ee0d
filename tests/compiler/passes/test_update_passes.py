"""flatten-updates and sparse-updates on optimizer steps: fewer or smaller writes, the same variables afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.backend.interface import compile_graph
from symkeras.compiler.pipeline import Pipeline
from symkeras.graph import Graph, Tensor, tracing
from symkeras.graph.variable import Pack, Variable
from tests.compiler.passes.check_pass import everything, fill_variables, run_pass, same_results, structure
from tests.tolerances import assert_alike

RNG = np.random.default_rng(1)


class Rule:
    """An optimizer in three lines: named slots for each parameter, and new values from (parameter, gradient, slots, step)."""

    def __init__(self, slots: Sequence[str], update: Callable[..., Any]):
        self.slots = slots
        self.update = update


def _sgd(p: Any, g: Any, step: Any) -> Any:
    return (p - 0.1 * g,)


def _momentum(p: Any, g: Any, step: Any, v: Any) -> Any:
    v = 0.9 * v - 0.1 * g
    return p + v, v


def _adagrad(p: Any, g: Any, step: Any, a: Any) -> Any:
    a = a + ops.square(g)
    return p - 0.1 * g / ops.sqrt(a + 1e-7), a


def _rmsprop(p: Any, g: Any, step: Any, a: Any) -> Any:
    a = 0.9 * a + 0.1 * ops.square(g)
    return p - 0.01 * g / (ops.sqrt(a) + 1e-7), a


def _adam(p: Any, g: Any, step: Any, m: Any, v: Any) -> Any:
    t = ops.cast(step + 1, "float32")
    alpha = 0.01 * ops.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    m = m + (g - m) * 0.1
    v = v + (ops.square(g) - v) * 0.001
    return p - m * alpha / (ops.sqrt(v) + 1e-7), m, v


RULES = {
    "sgd": Rule((), _sgd),
    "momentum": Rule(("v",), _momentum),
    "adagrad": Rule(("a",), _adagrad),
    "rmsprop": Rule(("a",), _rmsprop),
    "adam": Rule(("m", "v"), _adam),
}


def step_graph(rule: Rule, parameters: Sequence[Variable], loss: Tensor, inputs: Sequence[Tensor], packed: bool = True) -> Graph:
    """One training step: `parameters` by the gradient of `loss`, slots beside them, packs where asked for."""
    slots = {name: [Variable(np.zeros(p.shape, "float32"), name=f"{name}/{p.path}") for p in parameters] for name in rule.slots}
    step = Variable(np.int32(0), name="step", trainable=False)
    if packed:
        Pack(parameters, "parameters")
        for name, variables in slots.items():
            Pack(variables, name)
    with tracing.Trace() as trace:
        for k, (p, g) in enumerate(zip(parameters, gradients(loss, list(parameters)), strict=True)):
            own = [slots[name][k] for name in rule.slots]
            for variable, value in zip((p, *own), rule.update(p.value, g, step.value, *(s.value for s in own)), strict=True):
                variable.assign(value)
        step.assign_add(1)
    graph = Graph([t.node for t in inputs], [loss.node], trace.updates(), name="train")
    fill_variables(graph)
    return graph


def dense_model(scale: tuple[int, ...] = (4,)) -> tuple[list[Variable], Tensor, list[Tensor]]:
    x, y = ops.placeholder("f32[batch, 3]", name="x"), ops.placeholder("f32[batch, 2]", name="y")
    shapes = {"w1": (3, 4), "b1": (4,), "scale": scale, "w2": (4, 2), "b2": (2,)}
    v = {name: Variable(np.zeros(shape, "float32"), name=name) for name, shape in shapes.items()}
    with tracing.Trace():
        h = ops.tanh(ops.matmul(x, v["w1"].value) + v["b1"].value) * v["scale"].value
        loss = ops.mean(ops.square(ops.matmul(h, v["w2"].value) + v["b2"].value - y))
    return list(v.values()), loss, [x, y]


def batch() -> list[np.ndarray]:
    return [RNG.normal(size=(5, 3)).astype("float32"), RNG.normal(size=(5, 2)).astype("float32")]


@pytest.mark.parametrize("name", RULES)
def test_a_step_over_packs_becomes_one_update_per_pack(name: str) -> None:
    graph = step_graph(RULES[name], *dense_model())
    assert len(graph.updates) == 5 * (1 + len(RULES[name].slots)) + 1
    simple, _, _ = run_pass("simplify", graph)
    after, fired, _ = run_pass("flatten-updates", simple)
    assert len(after.updates) == 1 + len(RULES[name].slots) + 1, after.to_text()
    assert fired["flatten"] == len(graph.updates) - 1
    same_results(graph, after, batch(), exact=False)
    again, _, _ = run_pass("flatten-updates", after)
    assert structure(again) == structure(after)


@pytest.mark.parametrize("name", RULES)
def test_level_two_trains_as_the_reference_does(name: str, backend: str) -> None:
    source = step_graph(RULES[name], *dense_model())
    copy = step_graph(RULES[name], *dense_model())
    train = compile_graph(copy, backend=backend, level="O2")
    reference = compile_graph(source, backend="interpreter")
    for _ in range(5):
        arrays = batch()
        assert_alike(train(*arrays)[0], reference(*arrays)[0], "graph", backend)
    for a, b in zip(copy.variables, source.variables, strict=True):
        assert a.attrs["name"] == b.attrs["name"]
        assert_alike(a.attrs["variable"].numpy(), b.attrs["variable"].numpy(), "graph", backend)


def test_variables_outside_of_packs_are_left_alone() -> None:
    graph = step_graph(RULES["momentum"], *dense_model(), packed=False)
    after, fired, _ = run_pass("flatten-updates", graph)
    assert not fired and structure(after) == structure(graph)


def test_neighbours_with_other_formulas_are_not_merged() -> None:
    a, b, c, d = (Variable(np.ones(3, "float32"), name=n) for n in "abcd")
    Pack([a, b, c, d], "p")
    x = ops.placeholder("f32[3]", name="x")
    updates = [
        (v.node, f(Tensor(v.node)).node)
        for v, f in ((a, lambda t: t - x * 0.1), (b, lambda t: t - ops.exp(x) * 0.1), (c, lambda t: t * x), (d, lambda t: t * 0.5))
    ]
    graph = Graph([x.node], [x.node], updates)
    after, _, _ = run_pass("flatten-updates", graph)
    fill_variables(graph)
    same_results(graph, after, [np.float32([1, 2, 3])])


def test_a_scalar_between_its_neighbours_keeps_its_value() -> None:
    graph = step_graph(RULES["momentum"], *dense_model(scale=()))
    after, _, _ = run_pass("flatten-updates", graph)
    same_results(graph, after, batch(), exact=False)


def test_a_frozen_variable_in_the_middle_of_a_pack_is_not_written() -> None:
    parameters, loss, inputs = dense_model()
    Pack(parameters, "parameters")
    trained = [p for p in parameters if p.path != "scale"]
    updates = [(p.node, (Tensor(p.node) - g * 0.1).node) for p, g in zip(trained, gradients(loss, trained), strict=True)]
    graph = Graph([t.node for t in inputs], [loss.node], updates)
    after, fired, _ = run_pass("flatten-updates", graph)
    assert fired["flatten"] == 4 and len(after.updates) == 2
    fill_variables(graph)
    same_results(graph, after, batch(), exact=False)


def test_different_scalars_keep_formulas_apart() -> None:
    a, b = (Variable(np.ones(3, "float32"), name=n) for n in "ab")
    Pack([a, b], "p")
    graph = Graph([], [], [(a.node, (Tensor(a.node) * 0.5).node), (b.node, (Tensor(b.node) * 0.25).node)])
    after, _, _ = run_pass("flatten-updates", graph)
    same_results(graph, after, [])


def test_a_variable_that_becomes_its_neighbour_is_read_before_it_is_written(backend: str) -> None:
    a, b = (Variable(np.float32([k, k]), name=n) for k, n in ((1, "a"), (2, "b")))
    Pack([a, b], "p")
    graph = Graph([], [], [(a.node, (Tensor(b.node) * 1.5).node), (b.node, (Tensor(a.node) * 1.5).node)])
    compile_graph(graph, backend=backend, level="O2")()
    assert a.numpy().tolist() == [3, 3] and b.numpy().tolist() == [1.5, 1.5]


def embedding_model(rows: int = 20) -> tuple[list[Variable], Tensor, list[Tensor]]:
    i, y = ops.placeholder("i32[4, 2]", name="i"), ops.placeholder("f32[4, 3]", name="y")
    table, w = Variable(np.zeros((rows, 3), "float32"), name="table"), Variable(np.zeros((3, 3), "float32"), name="w")
    with tracing.Trace():
        rows_ = ops.sum(ops.take(table.value, i, axis=0), 1)
        loss = ops.sum(ops.square(ops.matmul(rows_, w.value) - y))
    return [table, w], loss, [i, y]


INDICES = np.array([[1, 1], [7, 3], [19, 1], [0, 7]], "int32")
TARGETS = RNG.normal(size=(4, 3)).astype("float32")


@pytest.mark.parametrize(("name", "sparse"), [("sgd", 1), ("momentum", 2), ("adagrad", 2), ("rmsprop", 2), ("adam", 0)])
def test_an_embedding_is_updated_in_the_rows_it_touched_where_the_rule_allows(name: str, sparse: int) -> None:
    graph = step_graph(RULES[name], *embedding_model())
    after, fired, _ = run_pass("sparse-updates", graph)
    if sparse == 0:
        assert not fired or fired["sparse-update"] <= 3
    else:
        assert fired["sparse-update"] == sparse, after.to_text()
        assert any(n.op.name == "set_rows" for n in after.nodes)
    same_results(graph, after, [INDICES, TARGETS], exact=False)
    again, _, _ = run_pass("sparse-updates", after)
    assert structure(again) == structure(after)


@pytest.mark.parametrize("name", RULES)
def test_level_two_trains_an_embedding_as_the_reference_does(name: str, backend: str) -> None:
    copy, source = (step_graph(RULES[name], *embedding_model()) for _ in range(2))
    train, reference = compile_graph(copy, backend=backend, level="O2"), compile_graph(source, backend="interpreter")
    rng = np.random.default_rng(3)
    for _ in range(4):
        arrays = [rng.integers(0, 20, (4, 2)).astype("int32"), TARGETS]
        assert_alike(train(*arrays)[0], reference(*arrays)[0], "graph", backend)
    for a, b in zip(copy.variables, source.variables, strict=True):
        assert_alike(a.attrs["variable"].numpy(), b.attrs["variable"].numpy(), "graph", backend, a.attrs["name"])


def test_a_small_table_or_a_dense_gradient_stays_dense() -> None:
    for graph in (step_graph(RULES["sgd"], *embedding_model(rows=8)), step_graph(RULES["sgd"], *dense_model())):
        after, fired, _ = run_pass("sparse-updates", graph)
        assert not fired and after is graph


def test_sparse_and_flat_updates_go_together() -> None:
    graph = step_graph(RULES["momentum"], *embedding_model())
    after, history = Pipeline.level("O2").run(graph, everything)
    assert history.fired["sparse-update"] == 2
    same_results(graph, after, [INDICES, TARGETS], exact=False)


@pytest.mark.parametrize("level", ["O0", "O2"])
@pytest.mark.parametrize("known", [False, True], ids=["symbolic", "known"])
@pytest.mark.parametrize("indices", [(0, 2), (4, 0), (0,), (3, 2)], ids=str)
def test_empty_batches_update_no_row(indices: tuple[int, ...], known: bool, level: str, backend: str) -> None:
    table = np.arange(40, dtype="float32").reshape(10, 4)
    v, slot = Variable(table, name="table"), Variable(np.ones((10, 4), "float32"), name="slot")
    i, rate = ops.placeholder(f"i32[{', '.join(map(str, indices) if known else 'abc'[: len(indices)])}]"), ops.placeholder("f32[]")
    gradient = gradients(ops.sum(ops.take(Tensor(v.node), i, axis=0) ** 2), Tensor(v.node))
    new = Tensor(slot.node) * 0.5 + gradient
    graph = Graph([i.node, rate.node], [], [(slot.node, new.node), (v.node, (Tensor(v.node) - rate * gradient).node)])
    compile_graph(graph, backend=backend, level=level)(np.zeros(indices, "int32"), np.float32(0.01))
    count = int(np.prod(indices))
    np.testing.assert_allclose(slot.numpy()[1:], 0.5)
    np.testing.assert_allclose(slot.numpy()[0], 0.5 + 2 * count * table[0])
    np.testing.assert_allclose(v.numpy()[0], table[0] - 0.02 * count * table[0], rtol=1e-6)
    np.testing.assert_array_equal(v.numpy()[1:], table[1:])
