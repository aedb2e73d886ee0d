"""One-hot vectors, unit vectors and padded sequences."""

from __future__ import annotations

import numpy as np
import pytest

from symkeras import ops
from symkeras.errors import ConfigError, DataError
from symkeras.graph.graph import Graph
from symkeras.utils.numerical import normalize, to_categorical
from symkeras.utils.sequence import pad_sequences
from tests.backends import evaluate_on_all


@pytest.mark.parametrize("shape", [(), (1,), (5,), (5, 1), (2, 3), (2, 3, 1), (0,)])
def test_one_hot_vectors_have_keras_shapes(shape):
    labels = np.random.default_rng(0).integers(0, 4, shape)
    expected_shape = shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape
    vectors = to_categorical(labels, 4)
    np.testing.assert_array_equal(vectors, np.eye(4)[labels.reshape(expected_shape)])
    assert vectors.shape == (*expected_shape, 4) and vectors.dtype == "float64"


def test_the_number_of_classes_is_found():
    assert to_categorical([0, 3.0, 1]).shape == (3, 4)


def test_symbolic_labels_give_a_node():
    x = ops.placeholder("i32[batch, 1]")
    graph = Graph([x.node], [to_categorical(x, 3).node], [])
    (value,), _ = evaluate_on_all(graph, [np.array([[2], [0]], "int32")])
    np.testing.assert_array_equal(value, np.eye(3)[[2, 0]])
    with pytest.raises(ConfigError, match="num_classes"):
        to_categorical(x)


@pytest.mark.parametrize("labels", [[0, 3], [-1, 0]])
def test_classes_outside_the_range_are_named(labels):
    with pytest.raises(DataError, match="from 0 to 2"):
        to_categorical(labels, 3)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("order", [1, 2, 3, np.inf])
def test_vectors_have_unit_norm_and_zeros_stay(axis, order):
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    x[0] = x[:, 0] = 0
    value = normalize(x, axis, order)
    norms = np.linalg.norm(value, order, axis)
    np.testing.assert_allclose(norms, (np.linalg.norm(x, order, axis) > 0).astype(float), rtol=1e-6)
    t = ops.placeholder("f32[3, 4]")
    (symbolic,), _ = evaluate_on_all(Graph([t.node], [normalize(t, axis, order).node], []), [x])
    np.testing.assert_allclose(symbolic, value, rtol=1e-5)


SEQUENCES = [[1], [2, 3, 4], []]
PADDED = [
    ({}, [[0, 0, 1], [2, 3, 4], [0, 0, 0]]),
    ({"padding": "post"}, [[1, 0, 0], [2, 3, 4], [0, 0, 0]]),
    ({"maxlen": 2}, [[0, 1], [3, 4], [0, 0]]),
    ({"maxlen": 2, "truncating": "post", "value": 9}, [[9, 1], [2, 3], [9, 9]]),
    ({"maxlen": 4, "padding": "post", "value": -1}, [[1, -1, -1, -1], [2, 3, 4, -1], [-1, -1, -1, -1]]),
    ({"maxlen": 0}, [[], [], []]),
]


@pytest.mark.parametrize(("arguments", "expected"), PADDED, ids=[str(a) for a, _ in PADDED])
def test_sequences_are_padded_and_cut(arguments, expected):
    out = pad_sequences(SEQUENCES, **arguments)
    assert out.tolist() == expected and out.dtype == "int32"


def test_items_may_be_vectors_and_texts():
    vectors = pad_sequences([[[1, 2]], [[3, 4], [5, 6]]], dtype="float32", padding="post")
    assert vectors.shape == (2, 2, 2) and vectors[0, 1].tolist() == [0, 0]
    texts = pad_sequences([["a"], ["b", "long"]], dtype=object, value="")
    assert texts.tolist() == [["", "a"], ["b", "long"]]
    assert pad_sequences([]).shape == (0, 0)


REFUSED = [
    (lambda: pad_sequences(3), "list of sequences"),
    (lambda: pad_sequences([[1], 2]), "position 1"),
    (lambda: pad_sequences([[[1, 2]], [[1]]]), "sequence 1"),
    (lambda: pad_sequences([["a"]], value="x"), "dtype=object"),
    (lambda: pad_sequences([[1]], padding="left"), "padding"),
]


@pytest.mark.parametrize(("make", "message"), REFUSED, ids=[m for _, m in REFUSED])
def test_what_is_no_list_of_sequences_is_refused(make, message):
    with pytest.raises((DataError, ConfigError), match=message):
        make()
