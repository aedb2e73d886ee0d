"""Rows that occur several times are multiplied once in C as well: every variable ends up where the interpreter and NumPy take it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, Sequential, layers
from symkeras.backend.interface import compile_graph
from symkeras.compiler.pipeline import Pipeline
from symkeras.compiler.program.program import RowPass
from tests.compiler.passes.test_multiply_unique_rows import INDICES, ROWS, step

pytestmark = pytest.mark.usefixtures("backend_native")


def passes(f: Any) -> list[RowPass]:
    return [s for s in f.program.steps if isinstance(s, RowPass)]


@pytest.mark.parametrize("poison", [False, True])
@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_native_updates_the_rows_that_occur(decay: float, poison: bool) -> None:
    graph = step(decay)
    f = compile_graph(graph, "native", pipeline=f"{Pipeline.level('O2')}, multiply-unique-rows{{least=1}}, simplify", poison=poison)
    assert len(passes(f)) == 1 and "sk_combine_first" not in f.source
    reference = compile_graph(graph, "interpreter")
    variables = [n.attrs["variable"] for n, _ in graph.updates]
    for indices in (INDICES, INDICES[:1], np.zeros((0, 3), "int32"), np.full((40, 3), 4, "int32")):
        before = [v.numpy() for v in variables]
        (expected,), wanted = reference(indices), [v.numpy() for v in variables]
        for v, a in zip(variables, before, strict=True):
            v.set(a)
        np.testing.assert_allclose(f(indices)[0], expected, rtol=1e-5, atol=1e-6)
        for v, a in zip(variables, wanted, strict=True):
            np.testing.assert_allclose(v.numpy(), a, rtol=1e-5, atol=1e-6)


def test_an_index_out_of_range_leaves_every_variable_as_it_was() -> None:
    graph = step(0.9)
    f = compile_graph(graph, "native", pipeline=f"{Pipeline.level('O2')}, multiply-unique-rows{{least=1}}")
    before = [n.attrs["variable"].numpy() for n, _ in graph.updates]
    for bad in (ROWS, -ROWS - 1):
        with pytest.raises(IndexError, match=f"index {bad} is out of range for an axis of size {ROWS}"):
            f(np.array([[0, bad, 1]], "int32"))
    for (n, _), a in zip(graph.updates, before, strict=True):
        np.testing.assert_array_equal(n.attrs["variable"].numpy(), a)


def reader(optimizer: str, masked: bool = False) -> Model:
    model = Sequential([Input((6,), dtype="int32"), layers.Embedding(20, 32, mask_zero=masked), layers.LSTM(8), layers.Dense(1)])
    model.compile(optimizer, "mse")
    return model


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam", "adagrad"])
def test_models_train_as_on_numpy(optimizer: str, masked: bool) -> None:
    rng = np.random.default_rng(3)
    x, y = np.minimum(rng.geometric(0.2, (21, 6)) - 1, 19).astype("int32"), rng.standard_normal((21, 1)).astype("float32")
    models = [reader(optimizer, masked) for _ in range(2)]
    models[1].set_weights(models[0].get_weights())
    for model, backend in zip(models, ("native", "numpy"), strict=True):
        model.compile(optimizer, "mse", backend=backend)
        model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
    assert "sk_unique_i32" in models[0].executable("train").source
    for a, b in zip(*(m.get_weights() for m in models), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)


