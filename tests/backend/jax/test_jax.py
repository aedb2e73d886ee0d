"""JAX as a backend: the same losses, bits and errors, values that stay on the device, and swapping in the middle of training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="jax is not installed: pip install 'symkeras[jax]'")

from symkeras import Input, Sequential, layers, ops, utils  # noqa: E402
from symkeras.backend.interface import compile_graph  # noqa: E402
from symkeras.errors import BackendError  # noqa: E402
from symkeras.graph import Graph  # noqa: E402
from symkeras.graph.variable import Variable  # noqa: E402
from symkeras.ops.random import random_bits  # noqa: E402

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((64, 4)).astype("float32"), RNG.integers(0, 3, 64)


def net(backend: str) -> Any:
    utils.set_random_seed(3)
    model = Sequential([Input((4,)), layers.Dense(8, activation="relu"), layers.Dropout(0.3), layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], backend=backend)
    return model


def test_training_is_that_of_numpy_with_the_same_dropout() -> None:
    histories = [net(b).fit(X, Y, epochs=3, batch_size=20, shuffle=False, verbose=0).history for b in ("numpy", "jax")]
    np.testing.assert_allclose(histories[0]["loss"], histories[1]["loss"], rtol=1e-5)
    assert histories[0]["accuracy"] == histories[1]["accuracy"]


def test_the_backend_can_be_swapped_at_any_step_of_a_training() -> None:
    stays, moves = net("numpy"), net("numpy")
    for backend in ("jax", "numpy", "jax", "interpreter", "jax", "numpy"):
        moves.compile(moves.optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], backend=backend)
        stays.compile(stays.optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], backend="numpy")
        for _ in range(2):
            np.testing.assert_allclose(moves.train_on_batch(X, Y), stays.train_on_batch(X, Y), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "uint64"])
@pytest.mark.parametrize("shape", [(), (1,), (7, 3), (0, 2), (1000,)])
def test_random_bits_are_those_of_the_reference(dtype: str, shape: tuple[int, ...]) -> None:
    state = ops.placeholder("u64[2]", name="state")
    graph = Graph([state.node], [random_bits(state, 5, shape, dtype).node])
    given = np.array([2**63 + 11, 2**40 + 3], "uint64")
    np.testing.assert_array_equal(compile_graph(graph, "jax")(given)[0], compile_graph(graph, "interpreter")(given)[0])


def test_values_stay_on_the_device_between_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    from symkeras.backend.jax.executable import Device

    v = Variable(np.ones(3, "float32"), name="v")
    step = compile_graph(Graph([], [], [(v.node, (ops.as_tensor(v) * 2.0).node)]), "jax")
    sent = []
    send = Device.send
    monkeypatch.setattr(Device, "send", lambda self, array, variable=None: sent.append(1) or send(self, array, variable))
    for _ in range(5):
        step()
    assert len(sent) == 1 and v.numpy().tolist() == [32, 32, 32]


@pytest.mark.parametrize("where", ["outside", "in a loop", "in a branch"])
def test_an_index_out_of_range_raises_and_writes_nothing(where: str) -> None:
    table, w = (Variable(np.ones((4, 2), "float32"), name=n) for n in ("table", "w"))
    k = ops.placeholder("i32[3]", name="k")
    rows = {
        "outside": lambda: ops.take(ops.as_tensor(table), k, axis=0),
        "in a loop": lambda: ops.scan(lambda c, i: (c, ops.take(ops.as_tensor(table), i, axis=0)), np.float32(0), k)[1],
        "in a branch": lambda: ops.cond(k[0] >= 0, lambda: ops.take(ops.as_tensor(table), k, axis=0), lambda: ops.zeros((3, 2))),
    }[where]()
    graph = Graph([k.node], [rows.node], [(w.node, (ops.as_tensor(w) * 3.0).node), (table.node, (ops.as_tensor(table) + 1.0).node)])
    f = compile_graph(graph, "jax")
    with pytest.raises(IndexError, match="index 9 is out of range for an axis of size 4"):
        f(np.array([1, 9, 2], "int32"))
    assert (w.numpy() == 1).all() and (table.numpy() == 1).all()
    assert f(np.array([1, -1, 2], "int32"))[0].shape == (3, 2) and (w.numpy() == 3).all()


def test_doubles_and_long_integers_stay_what_they_are() -> None:
    x, i = ops.placeholder("f64[2]", name="x"), ops.placeholder("i64[2]", name="i")
    a, b = compile_graph(Graph([x.node, i.node], [ops.exp(x * 1e-12).node, (i * 3).node]), "jax")(np.ones(2), np.array([2**40, -5]))
    assert a.dtype == "float64" and a[0] != 1 and b.tolist() == [3 * 2**40, -15]
    assert not jax.config.jax_enable_x64, "the switch is ours alone"


def test_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(BackendError, match="no device 'gpu:7'"):
        compile_graph(Graph([], [ops.as_tensor(np.float32(1)).node]), "jax", device="gpu:7")


def test_the_source_is_the_jaxpr() -> None:
    x = ops.placeholder("f32[n, 3]", name="x")
    f = compile_graph(Graph([x.node], [ops.tanh(x).node]), "jax")
    f(np.zeros((5, 3), "float32"))
    assert "tanh" in f.source and "f32[5,3]" in f.source and "jax" in str(f)


@pytest.mark.parametrize("blocks", [1, 2, 4, 8, 16, 17])
def test_few_random_bits_are_compiled_in_the_time_of_many(blocks: int) -> None:
    # Eight blocks, the bits of a mask (8, 16) of uint16, took XLA's compiler more than minutes.
    state, x = ops.placeholder("u64[2]"), ops.placeholder(f"f32[{blocks}, 16]")
    bits = ops.op.apply(ops.OPS["random_bits"], [state], {"stream": 3, "shape": (blocks, 16), "dtype": "uint16"})
    graph = Graph([state.node, x.node], [bits.node, (x * ops.where(ops.less(bits, 50_000), 1.25, 0.0)).node])
    given = [np.array([5, 9], "uint64"), np.ones((blocks, 16), "float32")]
    for found, expected in zip(*(compile_graph(graph, backend)(*given) for backend in ("jax", "interpreter")), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_recurrent_layer_whose_mask_fills_one_register_is_compiled() -> None:
    x, y = np.ones((8, 5, 16), "float32"), np.zeros((8, 16), "float32")
    losses = []
    for backend in ("jax", "interpreter"):
        utils.set_random_seed(1)
        model = Sequential([Input((5, 16)), layers.SimpleRNN(16, recurrent_dropout=0.25)])
        model.compile("sgd", "mse", backend=backend)
        losses.append([float(model.train_on_batch(x, y)) for _ in range(2)])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
