"""Every optimizer against its formula written once more in NumPy, on arrays and as a graph, and how its updates lie in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from symkeras import ops, optimizers
from symkeras.compiler.passes.base import Context
from symkeras.compiler.passes.flatten_updates import FlattenUpdates
from symkeras.graph import tracing
from symkeras.graph.graph import Graph
from symkeras.graph.variable import Variable
from tests.backends import evaluate_on_all

SHAPES = [(3, 4), (4,), (2, 3, 2)]
STEPS = 5
EPS = 1e-7


def data() -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
    rng = np.random.default_rng(0)
    start = [rng.normal(size=s).astype("float32") for s in SHAPES]
    return start, [[rng.normal(size=s).astype("float32") for s in SHAPES] for _ in range(STEPS)]


def run_eagerly(optimizer: Any, start: list[np.ndarray], grads: list[list[np.ndarray]]) -> list[np.ndarray]:
    variables = [Variable(w, name=f"w{k}") for k, w in enumerate(start)]
    for g in grads:
        optimizer.apply_gradients(zip(g, variables, strict=True))
    return [v.numpy() for v in variables]


def step_graph(optimizer: Any, variables: list[Variable]) -> Graph:
    inputs = [ops.placeholder(f"f32[{', '.join(map(str, v.shape))}]") for v in variables]
    with tracing.Trace() as trace:
        optimizer.apply_gradients(zip(inputs, variables, strict=True))
    return Graph([t.node for t in inputs], [], trace.updates())


def run_graph(graph: Graph, grads: list[list[np.ndarray]]) -> None:
    for g in grads:
        _, new = evaluate_on_all(graph, g)
        for (node, _), value in zip(graph.updates, [np.array(x) for x in new], strict=True):
            node.attrs["variable"].set(value)


def flattened(graph: Graph) -> Graph:
    return FlattenUpdates().run(graph, Context(takes=lambda name: True))


# Each formula is a generator: it receives gradients and yields what is to be taken from the weights.


def sgd(w: Any) -> Iterator[Any]:
    g = yield
    while True:
        g = yield 0.1 * g


def momentum(w: Any, nesterov: bool = False) -> Iterator[Any]:
    g, m = (yield), 0.0
    while True:
        m = 0.9 * m - 0.1 * g
        g = yield -(0.9 * m - 0.1 * g) if nesterov else -m


def rmsprop(w: Any) -> Iterator[Any]:
    g, v = (yield), 0.0
    while True:
        v = 0.9 * v + 0.1 * g * g
        g = yield 0.1 * g / np.sqrt(v + EPS)


def centered_rmsprop(w: Any) -> Iterator[Any]:
    g, v, a, m = (yield), 0.0, 0.0, 0.0
    while True:
        v, a = 0.9 * v + 0.1 * g * g, 0.9 * a + 0.1 * g
        m = 0.5 * m + 0.1 * g / np.sqrt(v - a * a + 0.01)
        g = yield m


def adam(w: Any, amsgrad: bool = False) -> Iterator[Any]:
    g, m, v, top = (yield), 0.0, 0.0, 0.0
    for n in range(1, 99):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        top = np.maximum(top, v) if amsgrad else v
        g = yield 0.1 * np.sqrt(1 - 0.999**n) / (1 - 0.9**n) * m / (np.sqrt(top) + EPS)


def adagrad(w: Any) -> Iterator[Any]:
    g, v = (yield), 0.1
    while True:
        v = v + g * g
        g = yield 0.1 * g / np.sqrt(v + EPS)


def adadelta(w: Any) -> Iterator[Any]:
    g, v, d = (yield), 0.0, 0.0
    while True:
        v = 0.95 * v + 0.05 * g * g
        step = np.sqrt(d + EPS) / np.sqrt(v + EPS) * g
        d = 0.95 * d + 0.05 * step * step
        g = yield 0.1 * step


def adamax(w: Any) -> Iterator[Any]:
    g, m, u = (yield), 0.0, 0.0
    for n in range(1, 99):
        m, u = 0.9 * m + 0.1 * g, np.maximum(0.999 * u, np.abs(g))
        g = yield 0.1 / (1 - 0.9**n) * m / (u + EPS)


def nadam(w: Any) -> Iterator[Any]:
    g, m, v, product = (yield), 0.0, 0.0, 1.0
    for n in range(1, 99):
        now, ahead = (0.9 * (1 - 0.5 * 0.96**k) for k in (n, n + 1))
        product *= now
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        m_hat = ahead * m / (1 - product * ahead) + (1 - now) * g / (1 - product)
        g = yield 0.1 * m_hat / (np.sqrt(v / (1 - 0.999**n)) + EPS)


def ftrl(w: Any) -> Iterator[Any]:
    g, total, z, now = (yield), 0.1, 0.0, w
    while True:
        new = total + g * g
        z = z + g + 0.4 * now - (np.sqrt(new) - np.sqrt(total)) / 0.1 * now
        total = new
        target = (np.clip(z, -0.05, 0.05) - z) / (np.sqrt(total) / 0.1 + 2 * (0.1 + 0.3 / 0.2))
        before, now = now, target
        g = yield before - target


def lion(w: Any) -> Iterator[Any]:
    g, m = (yield), 0.0
    while True:
        step = np.sign(0.9 * m + 0.1 * g)
        m = 0.99 * m + 0.01 * g
        g = yield 0.1 * step


def lamb(w: Any) -> Iterator[Any]:
    g, m, v, now = (yield), 0.0, 0.0, w
    for n in range(1, 99):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        step = m / (1 - 0.9**n) / (np.sqrt(v / (1 - 0.999**n)) + EPS)
        step = 0.1 * step * np.linalg.norm(now) / np.linalg.norm(step)
        now = now - step
        g = yield step


def adafactor(w: Any) -> Iterator[Any]:
    g, r, c, v, now = (yield), 0.0, 0.0, 0.0, w
    for n in range(1, 99):
        keep, squares = 1 - n**-0.8, g * g + 1e-30
        if w.ndim > 1:
            r, c = keep * r + (1 - keep) * squares.mean(-1), keep * c + (1 - keep) * squares.mean(-2)
            v = (r / r.mean(-1, keepdims=True))[..., None] * c[..., None, :]
        else:
            v = keep * v + (1 - keep) * squares
        step = g / np.sqrt(v)
        step = step / max(1.0, np.sqrt((step**2).mean()))
        step = step * max(1e-3, np.sqrt((now**2).mean())) * min(0.1, 1 / np.sqrt(n))
        now = now - step
        g = yield step


L = {"learning_rate": 0.1}
FTRL = {"l1_regularization_strength": 0.05, "l2_regularization_strength": 0.1, "l2_shrinkage_regularization_strength": 0.2, "beta": 0.3}
# class, arguments, formula, kinds of slots
TABLE: list[tuple[str, dict[str, Any], Callable[[Any], Iterator[Any]], int]] = [
    ("SGD", L, sgd, 0),
    ("SGD", {**L, "momentum": 0.9}, momentum, 1),
    ("SGD", {**L, "momentum": 0.9, "nesterov": True}, lambda w: momentum(w, True), 1),
    ("RMSprop", L, rmsprop, 1),
    ("RMSprop", {**L, "centered": True, "momentum": 0.5, "epsilon": 0.01}, centered_rmsprop, 3),
    ("Adam", L, adam, 2),
    ("Adam", {**L, "amsgrad": True}, lambda w: adam(w, True), 3),
    ("Adagrad", L, adagrad, 1),
    ("Adadelta", L, adadelta, 2),
    ("Adamax", L, adamax, 2),
    ("Nadam", L, nadam, 2),
    ("Ftrl", {**L, **FTRL}, ftrl, 2),
    ("Lion", L, lion, 1),
    ("Lamb", L, lamb, 2),
    ("Adafactor", L, adafactor, 1),
]
IDS = [f"{name}-{'-'.join(sorted(k for k in arguments if k != 'learning_rate'))}" for name, arguments, _, _ in TABLE]


def expected(formula: Callable[[Any], Iterator[Any]], start: list[np.ndarray], grads: list[list[np.ndarray]]) -> list[np.ndarray]:
    out = []
    for k, w in enumerate(start):
        w = w.astype("float64")
        steps = formula(w)
        next(steps)
        for g in grads:
            w = w - steps.send(g[k].astype("float64"))  # type: ignore[attr-defined]
        out.append(w)
    return out


@pytest.mark.parametrize(("name", "arguments", "formula", "kinds"), TABLE, ids=IDS)
def test_steps_follow_the_formula_on_arrays_and_as_a_graph(name, arguments, formula, kinds):
    start, grads = data()
    cls = getattr(optimizers, name)
    eager = run_eagerly(cls(**arguments), start, grads)
    for value, reference in zip(eager, expected(formula, start, grads), strict=True):
        np.testing.assert_allclose(value, reference, rtol=2e-5, atol=2e-6)

    variables = [Variable(w, name=f"w{k}") for k, w in enumerate(start)]
    run_graph(step_graph(cls(**arguments), variables), grads)
    for value, v in zip(eager, variables, strict=True):
        np.testing.assert_array_equal(v.numpy(), value)


ELEMENTWISE = [k for k, (name, *_) in enumerate(TABLE) if name not in ("Lamb", "Adafactor")]  # those two use the norm of each variable


@pytest.mark.parametrize(("name", "arguments", "formula", "kinds"), [TABLE[k] for k in ELEMENTWISE], ids=[IDS[k] for k in ELEMENTWISE])
def test_all_variables_and_slots_become_one_flat_update_per_kind(name, arguments, formula, kinds):
    start, grads = data()
    variables = [Variable(w, name=f"w{k}") for k, w in enumerate(start)]
    flat = flattened(step_graph(getattr(optimizers, name)(**arguments), variables))
    updated = [node.attrs["variable"] for node, _ in flat.updates]
    scalars = [v for v in updated if not v.shape]
    assert {v.shape for v in updated if v.shape} == {(28,)}
    assert len(updated) - len(scalars) == kinds + 1

    run_graph(flat, grads)
    for value, v in zip(run_eagerly(getattr(optimizers, name)(**arguments), start, grads), variables, strict=True):
        np.testing.assert_allclose(v.numpy(), value, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("name", "arguments", "formula", "kinds"), TABLE, ids=IDS)
def test_float64_variables_have_float64_slots_and_float64_results(name, arguments, formula, kinds):
    start, grads = data()
    wide = [w.astype("float64") for w in start]
    variables = [Variable(w, dtype="float64", name=f"w{k}") for k, w in enumerate(wide)]
    optimizer = getattr(optimizers, name)(**arguments)
    for g in grads:
        optimizer.apply_gradients(zip([x.astype("float64") for x in g], variables, strict=True))
    assert {v.dtype for v in optimizer.variables[2:]} <= {"float64"}
    for v, reference in zip(variables, expected(formula, wide, grads), strict=True):
        np.testing.assert_allclose(v.numpy(), reference, rtol=1e-6, atol=1e-7)  # the learning rate is a float32


@pytest.mark.parametrize(("name", "arguments", "formula", "kinds"), TABLE, ids=IDS)
def test_the_config_makes_the_same_optimizer_again(name, arguments, formula, kinds):
    optimizer = getattr(optimizers, name)(**arguments)
    config = optimizers.serialize(optimizer)
    assert (config["module"], config["class_name"]) == ("keras.optimizers", name)
    again = optimizers.deserialize(config)
    assert type(again) is type(optimizer) and again.get_config() == optimizer.get_config()
    assert type(optimizers.get(name.lower())) is type(optimizer)
