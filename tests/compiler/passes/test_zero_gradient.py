"""What meets the gradient of an untouched row may make it NaN: sparse updates write what dense ones do, whatever the numbers are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Sequential, layers, ops, optimizers
from symkeras.autodiff import gradients
from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph, Tensor
from symkeras.graph.variable import Variable
from tests.compiler.passes.check_pass import run_pass

ROWS, WIDTH = 12, 3


def _formulas() -> dict[str, tuple[Callable[..., dict[str, Any]], int]]:
    """By name the new values of table `t`, slot `s`, of gradient `g`, numbers `a` and `b`, a row `r`, a column `c`; and how many are sparse."""
    return {
        "rate": (lambda t, s, g, a, b, **_: {"t": t - a * g}, 1),
        "rate over scale": (lambda t, s, g, a, b, **_: {"t": t - a * (g / b)}, 1),
        "squared rate": (lambda t, s, g, a, b, **_: {"t": t - ops.square(g * a) * b}, 1),
        "factor of a norm": (lambda t, s, g, a, b, **_: {"t": t - g * ops.minimum(a / ops.sqrt(ops.sum(g * g)), 1.0)}, 1),
        "momentum": (lambda t, s, g, a, b, **_: {"s": s * a - b * g, "t": t + (s * a - b * g)}, 2),
        "adagrad": (lambda t, s, g, a, b, **_: {"s": s + ops.square(g), "t": t - a * g / ops.sqrt(s + ops.square(g) + 1e-7)}, 2),
        "adagrad without epsilon": (lambda t, s, g, a, b, **_: {"s": s + ops.square(g), "t": t - a * g / ops.sqrt(s + ops.square(g))}, 1),
        "epsilon as a number": (lambda t, s, g, a, b, **_: {"s": s + ops.square(g), "t": t - a * g / ops.sqrt(s + b)}, 1),
        "rate of the slot": (lambda t, s, g, a, b, **_: {"s": s + ops.square(g), "t": t - g * (a * ops.sqrt(s + 1e-3))}, 2),
        "over the table": (lambda t, s, g, a, b, **_: {"t": t - 0.1 * g / (t + 0.0)}, 0),
        "over a root of the table": (lambda t, s, g, a, b, **_: {"t": t - 0.1 * g / ops.sqrt(t + 1.0)}, 0),
        "sign after a number": (lambda t, s, g, a, b, **_: {"t": t - ops.sign(s + a * g)}, 1),
        "a choice after a number": (lambda t, s, g, a, b, **_: {"t": ops.where(s + a * g > 0, t, t * 0.5)}, 0),
        "zero over zero": (lambda t, s, g, a, b, **_: {"t": t + g / ops.square(g)}, 0),
        "nothing else": (lambda t, s, g, a, b, **_: {"t": g + a}, 0),
        "a factor for every row": (lambda t, s, g, a, b, c, **_: {"t": t - g * c}, 0),
        "a factor for every column": (lambda t, s, g, a, b, r, **_: {"t": t - g * r}, 0),
        "a row beside": (lambda t, s, g, a, b, r, **_: {"t": t * r - 0.1 * g}, 1),
    }


FORMULAS = _formulas()


def step(name: str) -> tuple[Graph, dict[str, Variable]]:
    rng = np.random.default_rng(5)
    t = Variable(rng.normal(size=(ROWS, WIDTH)).astype("float32"), name="t")
    s = Variable(np.zeros((ROWS, WIDTH), "float32"), name="s")
    a, b = Variable(np.float32(0.5), name="a"), Variable(np.float32(2.0), name="b")
    r, c = Variable(np.float32([1, 2, 3]), name="r"), Variable(np.ones((ROWS, 1), "float32"), name="c")
    i = ops.placeholder("i32[2, batch]", "i")
    g = gradients(ops.sum(ops.take(Tensor(t.node), i, axis=0) ** 2), Tensor(t.node))
    all_of = {"t": t, "s": s, "a": a, "b": b, "r": r, "c": c}
    news = FORMULAS[name][0](**{k: Tensor(v.node) for k, v in all_of.items()}, g=g)
    return Graph([i.node], [], [(all_of[k].node, ops.as_tensor(new).node) for k, new in news.items()], "step"), all_of


INDICES = np.int32([[1, 7, 1], [0, -1, 7]])


@pytest.mark.parametrize("level", ["O0", "O2"])
@pytest.mark.parametrize("name", FORMULAS)
def test_sparse_updates_write_what_dense_ones_do_for_every_number(name: str, level: str, backend: str) -> None:
    (graph, found), (source, expected) = step(name), step(name)
    f, reference = compile_graph(graph, backend, level=level), compile_graph(source, "interpreter")
    for a, b in ((0.5, 2.0), (np.nan, 2.0), (np.inf, 2.0), (0.5, 0.0), (0.5, np.nan), (0.5, -np.inf), (0.0, 1.0)):
        rng = np.random.default_rng(6)
        for group in (found, expected):
            group["t"].assign(np.linspace(-1, 1, ROWS * WIDTH, dtype="float32").reshape(ROWS, WIDTH))
            group["s"].assign(np.zeros((ROWS, WIDTH), "float32"))
            group["a"].assign(np.float32(a))
            group["b"].assign(np.float32(b))
        for indices in (INDICES, INDICES[:, :0], rng.integers(0, ROWS, (2, 4)).astype("int32")):
            f(indices)
            reference(indices)
            for key in ("t", "s"):
                np.testing.assert_allclose(found[key].numpy(), expected[key].numpy(), rtol=1e-5, atol=1e-6, err_msg=f"{key} for {a}, {b}")


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_is_sparse_where_untouched_rows_are_known_up_to_a_guard(name: str) -> None:
    graph, _ = step(name)
    after, fired, _ = run_pass("sparse-updates", graph)
    assert fired["sparse-update"] == FORMULAS[name][1], after.to_text()


@pytest.mark.parametrize("index", [ROWS, -ROWS - 1])
def test_an_index_out_of_range_beside_a_rate_that_is_nan_changes_nothing(index: int, backend: str) -> None:
    graph, found = step("rate")
    found["a"].assign(np.float32(np.nan))
    f, before = compile_graph(graph, backend, level="O2"), found["t"].numpy()
    with pytest.raises(IndexError):
        f(np.int32([[1, index], [0, 2]]))
    np.testing.assert_array_equal(found["t"].numpy(), before)


RATES = ("SGD", "RMSprop", "Adagrad", "Adadelta", "Ftrl", "Lion")


@pytest.mark.parametrize("rate", [np.nan, np.inf])
@pytest.mark.parametrize("name", RATES)
def test_a_rate_that_is_not_finite_reaches_every_row_of_an_embedding(name: str, rate: float, backend: str) -> None:
    def trained(on: str) -> np.ndarray:
        table = layers.Embedding(20, 2, embeddings_initializer="ones")
        model = Sequential([Input((3,), dtype="int32"), table, layers.Flatten(), layers.Dense(1, kernel_initializer="ones")])
        model.compile(getattr(optimizers, name)(), "mse", backend=on)
        model.optimizer.learning_rate = rate
        model.train_on_batch(np.int32([[1, 2, 3]]), np.float32([[1]]))
        return table.embeddings.numpy()

    np.testing.assert_array_equal(np.isnan(trained(backend)), np.isnan(trained("interpreter")))
