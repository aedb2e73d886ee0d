"""Sizes that are known only when a function is called, as counts, shapes and in paddings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, backend, layers, ops
from symkeras.backend.interface import compile_graph
from symkeras.errors import ShapeError
from symkeras.graph.graph import Graph
from symkeras.ops.evaluation import evaluate
from tests.backends import evaluate_on_all

K = backend


def value_of(fn: Any, *arrays: Any) -> Any:
    """What `fn` gives for placeholders (batch, time, ...), evaluated on arrays."""
    names = ("batch", "time", "width")
    xs = [ops.placeholder(f"f32[{', '.join(names[: np.ndim(a)])}]", name=f"x{k}") for k, a in enumerate(arrays)]
    found = fn(*xs)
    return evaluate(Graph([x.node for x in xs], [found.node]), [np.asarray(a, "float32") for a in arrays])[0][0]


X = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    ("symbolic", "expected"),
    [
        (lambda x: ops.tile(x, ops.shape(x)[0]), np.tile(X, 2)),
        (lambda x: ops.tile(x, ops.shape(x)), np.tile(X, (2, 3))),
        (lambda x: ops.tile(x, (ops.shape(x)[1], 2, 1)), np.tile(X, (3, 2, 1))),
        (lambda x: ops.tile(x, ops.stack([ops.shape(x)[0], 1])), np.tile(X, (2, 1))),
        (lambda x: ops.tile(x, ops.concatenate([ops.expand_dims(ops.shape(x)[0], -1), ops.convert_to_tensor([1, 2])])), np.tile(X, (2, 1, 2))),
        (lambda x: K.tile(x, K.concatenate([K.shape(x)[:1], K.constant([1], dtype="int32")])), np.tile(X, (2, 1))),
        (lambda x: ops.repeat(x, ops.convert_to_tensor(ops.shape(x)[1]) * 2, 0), np.repeat(X, 6, 0)),
        (lambda x: ops.reshape(x, ops.stack([ops.shape(x)[1], -1])), X.reshape(3, -1)),
        (lambda x: ops.broadcast_to(x, ops.concatenate([ops.stack([4]), K.shape(x)])), np.broadcast_to(X, (4, 2, 3))),
        (lambda x: ops.ones(ops.stack([ops.shape(x)[1], 2])), np.ones((3, 2))),
        (lambda x: ops.eye(ops.shape(x)[1], k=1), np.eye(3, k=1)),
        (lambda x: ops.eye(2, ops.shape(x)[1], k=-1, dtype="int32"), np.eye(2, 3, k=-1)),
        (lambda x: ops.one_hot(np.array([0, 2]), ops.shape(x)[1]), np.eye(3)[[0, 2]]),
        (lambda x: ops.one_hot(ops.cast(x[:, 0], "uint8"), ops.shape(x)[1] * 2, axis=0), np.eye(6)[[0, 3]].T),
        (lambda x: ops.pad(x, ((0, ops.shape(x)[1]), (ops.convert_to_tensor(ops.shape(x)[0]), 1)), constant_values=7),
         np.pad(X, ((0, 3), (2, 1)), constant_values=7)),
        (lambda x: ops.arange(ops.shape(x)[0], ops.convert_to_tensor(ops.shape(x)[1]) * 2), np.arange(2, 6)),
    ],
)  # fmt: skip
def test_counts_and_shapes_may_be_symbolic(symbolic: Any, expected: Any) -> None:
    np.testing.assert_array_equal(value_of(symbolic, X), expected)


@pytest.mark.parametrize("name", ["numpy", "native"])
def test_symbolic_widths_and_counts_on_backends(name: str) -> None:
    x = ops.placeholder("f32[batch, time]", name="x")
    rows, length = ops.shape(x)
    found = ops.sum(ops.tile(ops.pad(x, ((0, length), (rows, 1)), constant_values=2), (length, rows)) * 1.5, axis=0)
    executable = compile_graph(Graph([x.node], [found.node]), name)
    for shape in ((2, 3), (1, 1), (3, 2)):
        data = np.arange(np.prod(shape), dtype="float32").reshape(shape)
        expected = np.tile(np.pad(data, ((0, shape[1]), (shape[0], 1)), constant_values=2), (shape[1], shape[0])) * 1.5
        np.testing.assert_allclose(executable(data)[0], expected.sum(0), rtol=1e-6)


def test_a_count_that_depends_on_data_is_refused() -> None:
    x = ops.placeholder("f32[batch, 2]", name="x")
    with pytest.raises(ShapeError, match="follow from shapes"):
        ops.tile(x, ops.cast(ops.sum(x), "int32"))


class CausalMask(layers.Layer):
    """The mask of Keras' text generation example."""

    def call(self, inputs: Any) -> Any:
        batch, length = ops.shape(inputs)[0], ops.shape(inputs)[1]
        is_seen = ops.cast(ops.arange(length)[:, None] >= ops.arange(length), "bool")
        counts = ops.concatenate([ops.expand_dims(batch, -1), ops.convert_to_tensor([1, 1])], axis=0)
        return ops.tile(ops.reshape(is_seen, [1, length, length]), counts)


def test_a_causal_mask_takes_its_sizes_from_the_data() -> None:
    x = Input((None, 2))
    model = Model(x, CausalMask()(x))
    for batch, length in ((2, 3), (3, 1), (1, 5)):
        found = model.predict(np.zeros((batch, length, 2)), verbose=0)
        np.testing.assert_array_equal(found, np.broadcast_to(np.tri(length, dtype=bool), (batch, length, length)))


def test_products_of_matrices_run_over_axes_whose_sizes_are_computed() -> None:
    x, y = ops.placeholder("f64[batch, h, w, 2]", "x"), ops.placeholder("f64[k, w]", "y")
    images, matrix = np.random.default_rng(0).normal(size=(3, 4, 5, 2)), np.random.default_rng(1).normal(size=(6, 5))
    twice = ops.matmul(y, ops.repeat(x, 2, 1))
    (found,), _ = evaluate_on_all(Graph([x.node, y.node], [twice.node]), [images, matrix])
    np.testing.assert_allclose(found, matrix @ np.repeat(images, 2, 1))


def strided(kind: str, window: int, stride: int) -> layers.Layer:
    if kind == "max":
        return layers.MaxPooling1D(window, stride, padding="same")
    kinds = {"conv": layers.Conv1D, "depthwise": layers.DepthwiseConv1D}
    return kinds[kind](*((2, window) if kind == "conv" else (window,)), strides=stride, padding="same")


@pytest.mark.parametrize(("window", "stride"), [(3, 2), (1, 2), (2, 3), (2, 5), (3, 4), (4, 5), (5, 3), (2, 2)])
@pytest.mark.parametrize("kind", ["conv", "depthwise", "max"])
def test_same_padding_with_strides_takes_unknown_sizes(kind: str, window: int, stride: int) -> None:
    layer = strided(kind, window, stride)
    x = Input((None, 3))
    pooled = layers.GlobalAveragePooling1D()(layer(x))
    model = Model(x, pooled)
    model.compile("sgd", "mse")
    for length in (1, 2, 3, 4, 5, 6, 11):
        data = np.random.default_rng(length).normal(size=(2, length, 3)).astype("float32")
        expected = layer(data)
        assert expected.shape[1] == -(-length // stride)
        np.testing.assert_allclose(model.predict(data, verbose=0), expected.mean(1), rtol=1e-5, atol=1e-6)
    if kind != "max":
        assert model.train_on_batch(data, expected.mean(1) + 1) > 0
