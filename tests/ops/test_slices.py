"""Blocks read and written at places that may be computed, even spaces between numbers, values of tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import Variable, ops
from symkeras.autodiff import gradients
from symkeras.errors import SymkerasError
from symkeras.graph import Graph
from tests.backends import evaluate_on_all
from tests.keras_reference import reference

X = np.arange(20.0).reshape(4, 5)


def test_blocks_are_read_and_written() -> None:
    np.testing.assert_array_equal(ops.slice(X, (1, 2), (2, 3)), X[1:3, 2:5])
    np.testing.assert_array_equal(ops.slice(X, np.array([0, 4]), [4, 1]), X[:, 4:])
    wanted = X.copy()
    wanted[2:4, 1:3] = -1
    np.testing.assert_array_equal(ops.slice_update(X, [2, 1], -np.ones((2, 2))), wanted)
    assert ops.slice_update(X, (0, 0), np.zeros((0, 5))).tolist() == X.tolist()


def test_a_size_of_minus_one_is_up_to_the_end() -> None:
    np.testing.assert_array_equal(ops.slice(X, (1, 2), (-1, 2)), X[1:, 2:4])
    assert ops.slice(ops.placeholder("f32[batch, 5]"), (1, 2), (-1, -1)).shape[1] == 3
    with pytest.raises(SymkerasError, match="place that is known"):
        ops.slice(ops.placeholder("f32[3]"), (ops.placeholder("i32[]"),), (-1,))


@pytest.mark.parametrize("start", [0, 1, 2, 9, -3])
def test_places_may_be_computed_and_blocks_stay_inside(start: int) -> None:
    x, k = ops.placeholder("f64[rows, 5]", "x"), ops.placeholder("i32[]", "k")
    read, written = ops.slice(x, (k, 1), (2, 3)), ops.slice_update(x, (k, 1), ops.multiply(x[:2, :3], 2))
    (slope,) = gradients(ops.sum(ops.multiply(read, read)) + ops.sum(written), [x])
    assert slope is not None
    (found, new, g), _ = evaluate_on_all(Graph([x.node, k.node], [read.node, written.node, slope.node]), [X, np.int32(start)])
    first = min(max(start, 0), 2)
    np.testing.assert_array_equal(found, X[first : first + 2, 1:4])
    wanted, slopes = X.copy(), np.ones((4, 5))
    wanted[first : first + 2, 1:4] = X[:2, :3] * 2
    slopes[first : first + 2, 1:4] = 2 * X[first : first + 2, 1:4]
    slopes[:2, :3] += 2
    np.testing.assert_array_equal(new, wanted)
    np.testing.assert_allclose(g, slopes)


@pytest.mark.parametrize(
    "given",
    [(0, 1, 5), (2.0, -1.0, 4, False), (np.array([0.0, 1.0]), 3.0, 3), (np.zeros(2), np.ones((3, 2)), 4, True, False, None, -1),
     (0, 10, 4, True, False, "int32"),
     (1, 2, 1), (1, 2, 0)],
)  # fmt: skip
def test_numbers_are_evenly_spaced(given: Any) -> None:
    expected = np.linspace(*given)
    np.testing.assert_allclose(ops.linspace(*given), expected, rtol=1e-6)
    a, b = (ops.placeholder(f"f64[{', '.join(map(str, np.shape(v)))}]", "v") for v in given[:2])
    out = ops.linspace(a, b, *given[2:])
    (found,), _ = evaluate_on_all(Graph([a.node, b.node], [out.node]), [np.asarray(v, "float64") for v in given[:2]])
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    numbers, step = ops.linspace(0.0, 1.0, 5, retstep=True)
    assert step == 0.25 and numbers.dtype == "float32"


def test_tensors_are_converted_to_arrays_where_they_have_values() -> None:
    v = Variable(np.ones(3))
    found = ops.convert_to_numpy(v)
    found[:] = 2
    assert v.numpy().tolist() == [1, 1, 1] and ops.convert_to_numpy(3.0) == 3
    with pytest.raises(SymkerasError, match="convert_to_numpy"):
        ops.convert_to_numpy(ops.placeholder("f32[2]"))


@pytest.mark.parametrize(
    "call",
    [lambda: ops.slice(X, (0,), (2, 3)), lambda: ops.slice(X, (0, 0), (2,)), lambda: ops.slice(X, (3, 0), (2, 3)),
     lambda: ops.slice(X, (-1, 0), (1, 1)),
     lambda: ops.slice(X, (0.5, 0), (1, 1)), lambda: ops.slice_update(X, (0, 0), np.ones(3)),
     lambda: ops.slice_update(X, (0, 3), np.ones((1, 3))),
     lambda: ops.slice(ops.placeholder("f32[3]"), (ops.placeholder("f32[]"),), (1,)),
     lambda: ops.linspace(0, 1, -1), lambda: ops.linspace(0, 1, **{"num": 2.5})],
)  # fmt: skip
def test_blocks_that_lie_outside_are_refused(call: Any) -> None:
    with pytest.raises(SymkerasError, match=r"[a-z]{3}"):
        call()


def test_numbers_are_those_of_keras() -> None:
    keras = reference()
    x = X.astype("float32")
    for ours, theirs in (
        (ops.slice(x, (1, 2), (2, 3)), keras.ops.slice(x, (1, 2), (2, 3))),
        (ops.slice_update(x, (1, 2), x[:2, :3]), keras.ops.slice_update(x, (1, 2), x[:2, :3])),
        (ops.linspace(0, 3, 7), keras.ops.linspace(0, 3, 7)),
    ):
        np.testing.assert_allclose(ours, np.asarray(theirs), rtol=1e-6)
        assert ours.dtype == np.asarray(theirs).dtype
