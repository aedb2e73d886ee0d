"""An execution that fails writes nothing, and says the same on every engine: what was wrong, in which layer, on which line."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, layers, ops, utils
from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph, Tensor
from symkeras.graph.variable import Variable
from tests.backend.engines.engines import ENGINES, TRAINING, chosen, each

TABLE = np.arange(8, dtype="float32").reshape(4, 2)


def _in_a_while_loop(table: Tensor, k: Tensor) -> Tensor:
    def more(i: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
        return i + 1, total + ops.take(table, k[i], axis=0)

    return ops.while_loop(lambda i, _: i < 3, more, (ops.as_tensor(np.int32(0)), ops.zeros((2,))))[1]


def _along_links(table: Tensor, k: Tensor) -> Tensor:
    """Ends at 3, where the links lead there; by clamped indices it would go round for ever."""
    (last,) = ops.while_loop(lambda i: ops.not_equal(i, 3), lambda i: (ops.take(k, i, axis=0),), (ops.as_tensor(np.int32(0)),))
    return table * ops.cast(last, "float32")


CASES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "gather": lambda table, k: ops.take(table, k, axis=0),
    "take_along_axis": lambda table, k: ops.take_along_axis(table, ops.broadcast_to(ops.expand_dims(k, 1), (3, 2)), axis=0),
    "in_a_scan": lambda table, k: ops.scan(lambda c, i: (c, ops.take(table, i, axis=0)), np.float32(0), k)[1],
    "in_a_branch": lambda table, k: ops.cond(k[0] >= 0, lambda: ops.take(table, k, axis=0), lambda: ops.zeros((3, 2))),
    "in_a_while_loop": _in_a_while_loop,
    "along_links": _along_links,
    "after_another_lookup": lambda table, k: ops.take(table, ops.take(np.array([0, 1, 2, 3, 9], "int32"), k - 5, axis=0), axis=0),
    "power": lambda table, k: ops.power(k, 3 - k),
}


@pytest.mark.parametrize("engine", ["numpy", *each(ENGINES)])
@pytest.mark.parametrize("name", CASES)
def test_a_failure_is_that_of_the_interpreter_and_writes_nothing(name: str, engine: str) -> None:
    table, count = (Variable(a.copy(), name=n, trainable=False) for a, n in ((TABLE, "table"), (np.zeros(2, "int32"), "count")))
    k = ops.placeholder("i32[3]", name="k")
    found = CASES[name](ops.as_tensor(table), k)
    updates = [(table.node, (ops.as_tensor(table) * 2.0).node), (count.node, (ops.as_tensor(count) + 1).node)]
    graph = Graph([k.node], [found.node], updates)
    bad, good = np.array([1, 9, 2], "int32"), np.array([1, 3, 2], "int32")
    errors = {}
    for backend in ("interpreter", engine):
        executable = compile_graph(graph, backend)
        for given in (bad, good):
            for v, a in ((table, TABLE), (count, np.zeros(2, "int32"))):
                v.set(a.copy())
            if given is bad:
                with pytest.raises((IndexError, ValueError)) as caught:
                    executable(given)
                errors[backend] = caught.value
                assert (table.numpy() == TABLE).all() and (count.numpy() == 0).all()
            else:
                executable(given)
                assert (table.numpy() == TABLE * 2).all() and (count.numpy() == 1).all()
    assert isinstance(errors[engine], IndexError) == isinstance(errors["interpreter"], IndexError)
    assert place(errors[engine]) == place(errors["interpreter"])


def place(error: BaseException) -> list[str]:
    """The layers and lines that an error names."""
    return re.findall(r"[\w/]+, \w+\.py:\d+|\w+\.py:\d+", str(error))


def net() -> Any:
    utils.set_random_seed(1)
    a, b = Input((3,), dtype="int32", name="a"), Input((3,), dtype="int32", name="b")
    x = layers.Concatenate()([layers.Embedding(9, 4, name="first")(a), layers.Embedding(5, 4, name="second")(b)])
    x = layers.Dropout(0.2)(layers.Flatten()(x))
    model = Model([a, b], layers.Dense(1, name="last")(x))
    model.compile("adam", "mse", metrics=["mae"])
    return model


@pytest.mark.parametrize("engine", each(TRAINING))
def test_a_training_step_that_fails_names_the_layer_and_goes_on_as_if_it_had_not_been(engine: str) -> None:
    rng = np.random.default_rng(0)
    x, y = [rng.integers(0, 5, (4, 3)).astype("int32") for _ in range(2)], rng.standard_normal((4, 1)).astype("float32")
    bad = [x[0], np.where(np.arange(3) == 1, 7, x[1]).astype("int32")]
    losses = {}
    for backend in ("numpy", engine):
        with chosen(backend):
            model = net()
            losses[backend] = [model.train_on_batch(x, y)]
            before = [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
            with pytest.raises(IndexError, match=r"index 7 is out of range for an axis of size 5.*second, test_failures\.py:\d+"):
                model.train_on_batch(bad, y)
            for v, w in zip((*model.variables, *model.optimizer.variables), before, strict=True):
                np.testing.assert_array_equal(v.numpy(), w, v.path)
            losses[backend] += [model.train_on_batch(x, y) for _ in range(2)]
    np.testing.assert_allclose(losses[engine], losses["numpy"], rtol=1e-4)
