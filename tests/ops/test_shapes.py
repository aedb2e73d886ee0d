"""Shapes: -1 and symbolic sizes, and errors that show both shapes on the user's line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symkeras import ops, random
from symkeras.backend.interface import compile_graph
from symkeras.backend.theano_style import keras_backend as K
from symkeras.errors import DtypeError, ShapeError
from symkeras.graph import Graph, symbol

from .check_op import run

BATCH, TIME = symbol("batch"), symbol("time")

RESHAPES: list[tuple[str, Any, tuple[Any, ...]]] = [
    ("f32[2, 6]", (3, -1), (3, 4)),
    ("f32[2, 6]", -1, (12,)),
    ("f32[batch, 6]", (-1, 2, 3), (BATCH, 2, 3)),
    ("f32[batch, 6]", (None, 3, 2), (BATCH, 3, 2)),
    ("f32[batch, 6]", (-1,), (BATCH * 6,)),
    ("f32[batch, 6]", (-1, 3), (BATCH * 2, 3)),
    ("f32[batch, time, 4]", (BATCH, -1), (BATCH, TIME * 4)),
    ("f32[batch, time, 4]", (BATCH * TIME, 2, 2), (BATCH * TIME, 2, 2)),
    ("f32[batch, time, 4]", (-1, 4), (BATCH * TIME, 4)),
    ("f32[batch, time, 4]", (BATCH, TIME, -1, 2), (BATCH, TIME, 2, 2)),
    ("f32[0, 3]", (3, 0), (3, 0)),
    ("f32[1]", (), ()),
]


@pytest.mark.parametrize(("type", "target", "dims"), RESHAPES, ids=str)
def test_reshape_works_out_sizes_and_keeps_symbols(type: str, target: Any, dims: tuple[Any, ...]) -> None:
    x = ops.placeholder(type)
    out = ops.reshape(x, target)
    assert out.dims == dims
    assert out.shape == tuple(d if isinstance(d, int) else None for d in dims)
    env = {"batch": 3, "time": 2}
    shape = tuple(d if isinstance(d, int) else d.evaluate(env) for d in x.dims)
    value = np.arange(np.prod(shape), dtype="float32").reshape(shape)
    np.testing.assert_array_equal(run([x], [out], [value])[0].ravel(), value.ravel())


def test_reshape_to_the_same_shape_is_no_node() -> None:
    x = ops.placeholder("f32[batch, 3]")
    assert ops.reshape(x, (-1, 3)).node is x.node and ops.reshape(x, (None, 3)).node is x.node


ERRORS: list[tuple[Callable[[], Any], str]] = [
    (lambda: ops.placeholder("f32[2, 3]") + ops.placeholder("f32[4]"), r"add: shapes \(2, 3\) and \(4,\) do not broadcast"),
    (lambda: ops.placeholder("f32[batch, 3]") * ops.placeholder("f32[batch, 4]"), r"shapes \(batch, 3\) and \(batch, 4\)"),
    (lambda: ops.placeholder("f32[batch]") + ops.placeholder("f32[batch + 1]"), r"\(batch,\) and \(batch \+ 1,\)"),
    (lambda: ops.matmul(ops.placeholder("f32[batch, 3]"), ops.placeholder("f32[4, 5]")), r"3 and 4 of f32\[batch, 3\] and f32\[4, 5\]"),
    (lambda: ops.matmul(np.zeros((2, 3)), np.zeros((4, 5))), r"3 and 4 of f64\[2, 3\] and f64\[4, 5\]"),
    (lambda: ops.reshape(ops.placeholder("f32[2, 3]"), (4, 2)), r"f32\[2, 3\] has 6 elements and cannot take shape \(4, 2\)"),
    (lambda: ops.reshape(ops.placeholder("f32[2, 3]"), (4, -1)), r"6 elements of shape \(2, 3\) do not divide into \(4, -1\)"),
    (lambda: ops.reshape(ops.placeholder("f32[2, 3]"), (-1, -1)), "only one size can be -1"),
    (lambda: ops.reshape(ops.placeholder("f32[0, 3]"), (0, -1)), "ambiguous"),
    (lambda: ops.concatenate([ops.placeholder("f32[2, 3]"), ops.placeholder("f32[3, 3]")], 1), r"f32\[2, 3\], f32\[3, 3\]"),
    (lambda: ops.transpose(ops.placeholder("f32[2, 3]"), (0, 0)), r"axes \(0, 0\) are no permutation of the 2 axes of f32\[2, 3\]"),
    (lambda: ops.broadcast_to(ops.placeholder("f32[2, 3]"), (4, 3)), r"f32\[2, 3\] does not broadcast to \(4, 3\)"),
    (lambda: ops.broadcast_to(ops.placeholder("f32[2, 3]"), (3,)), r"f32\[2, 3\] does not broadcast to \(3,\)"),
    (lambda: ops.broadcast_to(ops.placeholder("f32[batch, 3]"), (BATCH, 1)), r"f32\[batch, 3\] does not broadcast to \(batch, 1\)"),
    (lambda: ops.sum(ops.placeholder("f32[2, 3]"), axis=2), "axis 2 is out of bounds: the tensor has 2 axes"),
    (lambda: ops.sum(ops.placeholder("f32[2, 3]"), axis=(0, -2)), "name one axis twice"),
    (lambda: ops.squeeze(ops.placeholder("f32[2, 3]"), 1), "axis 1 has size 3, not 1"),
    (lambda: ops.max(ops.placeholder("f32[0, 3]"), axis=0), "there is no max of nothing"),
    (lambda: ops.take_along_axis(ops.placeholder("f32[2, 3]"), np.zeros((3, 1), "int32"), 1), r"take_along_axis: shapes \(2, 1\) and \(3, 1\)"),
    (lambda: ops.conv(ops.placeholder("f32[batch, 8, 3]"), np.zeros((3, 4, 5), "float32")), r"f32\[3, 4, 5\].*f32\[batch, 8, 3\]"),
    (lambda: ops.conv(ops.placeholder("f32[batch, 2, 3]"), np.zeros((3, 3, 5), "float32")), r"f32\[3, 3, 5\] does not fit into f32\[batch, 2, 3\]"),
    (lambda: ops.max_pool(ops.placeholder("f32[batch, 2, 3]"), 3), r"\(3,\) does not fit into f32\[batch, 2, 3\]"),
    (lambda: ops.top_k(ops.placeholder("f32[2, 3]"), 4), r"no 4 largest among the last axis of f32\[2, 3\]"),
]  # fmt: skip


@pytest.mark.parametrize(("build", "message"), ERRORS, ids=[str(k) for k in range(len(ERRORS))])
def test_shape_error_shows_what_met(build: Callable[[], Any], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        build()


def test_dtype_error_shows_what_met() -> None:
    with pytest.raises(DtypeError, match=r"integer indices, received f32\[2\]"):
        ops.op.apply(ops.OPS["gather"], [ops.placeholder("f32[3]"), ops.placeholder("f32[2]")])
    with pytest.raises(DtypeError, match=r"bitwise_and works on integers, received f32\[3\]"):
        ops.bitwise_and(ops.placeholder("f32[3]"), 1.0)


def test_a_symbolic_size_may_turn_out_to_fit(backend: str) -> None:
    a, b = ops.placeholder("f32[batch, 3]"), ops.placeholder("f32[rows, 3]")
    out = a + b
    executable = compile_graph(Graph([a.node, b.node], [out.node]), backend=backend)
    x = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(executable(x, x)[0], x + x)
    with pytest.raises(ValueError, match=r"shape|size"):
        executable(x, np.ones((4, 3), "float32"))


def test_inputs_of_other_shapes_than_declared_are_refused(backend: str) -> None:
    a, b = ops.placeholder("f32[batch, 3]", name="a"), ops.placeholder("f32[batch]", name="b")
    executable = compile_graph(Graph([a.node, b.node], [(ops.sum(a, 1) + b).node]), backend=backend)
    np.testing.assert_array_equal(executable(np.ones((2, 3), "float32"), np.zeros(2, "float32"))[0], [3, 3])
    for shapes, words in ((((2, 4), (2,)), r"'a' expects f32\[batch, 3\]"), (((2, 3), (3,)), "'b'"), (((2,), (2,)), r"\(2,\)")):
        with pytest.raises(ShapeError, match=words):
            executable(*(np.zeros(s, "float32") for s in shapes))


def test_shape_gives_sizes_that_work_as_sizes_and_as_numbers() -> None:
    x = ops.placeholder("f32[batch, 3]")
    n = ops.shape(x)[0]
    assert n == BATCH and ops.zeros((n, 2)).dims == (BATCH, 2) and ops.arange(n).dims == (BATCH,)
    mean = ops.sum(x) / ops.cast(ops.as_tensor(n), "float32")
    value = np.arange(12, dtype="float32").reshape(4, 3)
    assert run([x], [mean, ops.arange(n)], [value])[0] == value.sum() / 4
    assert run([x], [ops.arange(n) * 2], [value])[0].tolist() == [0, 2, 4, 6]


def test_mean_and_variance_over_a_symbolic_axis() -> None:
    x = ops.placeholder("f64[batch, 3]")
    value = np.random.default_rng(0).normal(size=(5, 3))
    outputs = [ops.mean(x), ops.mean(x, 0), ops.var(x, 0, keepdims=True), ops.std(x)]
    for found, expected in zip(run([x], outputs, [value]), [value.mean(), value.mean(0), value.var(0, keepdims=True), value.std()], strict=True):
        assert found.shape == np.shape(expected)
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_joining_and_cutting_along_a_symbolic_axis() -> None:
    x = ops.placeholder("f32[batch, 4]")
    both = ops.concatenate([x, x, np.zeros((2, 4), "float32")], 0)
    assert both.dims == (BATCH * 2 + 2, 4)
    left, right = ops.split(both[: BATCH * 2], 2, axis=0)
    assert left.dims == right.dims == (BATCH, 4)
    value = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    for found in run([x], [left, right, ops.repeat(x, 2, axis=0)[::2]], [value]):
        np.testing.assert_array_equal(found, value)


def test_repeating_tiling_and_padding_a_symbolic_axis() -> None:
    x = ops.placeholder("f32[batch, 2]")
    value = np.arange(6, dtype="float32").reshape(3, 2)
    cases = [(ops.repeat(x, 3, 0), np.repeat(value, 3, 0)), (ops.tile(x, (2, 2)), np.tile(value, (2, 2))),
             (ops.pad(x, ((1, 2), (0, 1))), np.pad(value, ((1, 2), (0, 1)))),
             (ops.flip(x, 0), value[::-1]), (ops.expand_dims(x, (0, -1)), value[None, ..., None]), (ops.outer(x, x), np.outer(value, value)),
             (ops.stack([x, x], 1), np.stack([value, value], 1)), (ops.swapaxes(x, 0, 1), value.T)]  # fmt: skip
    for found, (_, expected) in zip(run([x], [t for t, _ in cases], [value]), cases, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("cuts", [[1, 2], [5], [2, 9], [0, 0], [-1], [3, 1]], ids=str)
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_split_at_indices_cuts_as_numpy_does_whether_the_size_is_known_or_not(cuts: list[int], rows: int) -> None:
    value = np.arange(rows * 2, dtype="float32").reshape(rows, 2)
    for x in (value, ops.placeholder(f"f32[{rows}, 2]"), ops.placeholder("f32[batch, 2]")):
        pieces = ops.split(x, cuts, axis=0)
        found = pieces if x is value else run([x], pieces, [value])
        for piece, expected in zip(found, np.split(value, cuts), strict=True):
            np.testing.assert_array_equal(piece, expected)


@pytest.mark.parametrize("use", [
    ops.glu, lambda x: ops.scan(lambda c, v: (c, v), x, x), lambda x: ops.scatter(x, x, (3,)), lambda x: ops.reshape(x, (2,)),
    K.batch_flatten, lambda x: K.map_fn(lambda v: v, x), lambda x: K.foldl(lambda a, v: a + v, x), lambda x: K.ctc_batch_cost(x, x, x, x),
])  # fmt: skip
@pytest.mark.parametrize("x", [ops.placeholder("f32[]", name="x"), np.float32(1.0)], ids=["tensor", "array"])
def test_functions_that_go_along_an_axis_refuse_scalars(use: Any, x: Any) -> None:
    with pytest.raises(ShapeError):
        use(x)


@pytest.mark.parametrize("use", [
    lambda x, o: ops.split(x, o, 1), lambda x, o: ops.sum(x, (o,)), lambda x, o: ops.flip(x, (o,)), lambda x, o: ops.expand_dims(x, (o,)),
    lambda x, o: ops.softmax(x, axis=(o,)), lambda x, o: ops.concatenate([x, x], o), lambda x, o: ops.swapaxes(x, o, 0),
    lambda x, o: ops.take(x, [0], o),
    lambda x, o: ops.moveaxis(x, o, 1), lambda x, o: ops.repeat(x, o, 1), lambda x, o: ops.tile(x, (o, 1)), lambda x, o: ops.reshape(x, (o, 2)),
    lambda x, o: ops.full((o, 2), 1.0), lambda x, o: ops.eye(o), lambda x, o: ops.pad(x, ((o, o), (0, 0))), lambda x, o: ops.tensordot(x, x, o),
    lambda x, o: ops.top_k(x, o), lambda x, o: ops.max_pool(x[None], o), lambda x, o: ops.conv(x[None], np.ones((1, 4, 2), "float32"), o),
    lambda x, o: ops.scatter(np.array([[0]]), np.ones(1, "float32"), (o,)), lambda x, o: random.uniform((o,)), lambda x, o: x[:: o or "a"],
])  # fmt: skip
@pytest.mark.parametrize("odd", [1.5, "a", [[1]], float("nan")], ids=str)
def test_axes_sizes_and_counts_are_whole_numbers(use: Any, odd: Any) -> None:
    with pytest.raises((ShapeError, DtypeError)):
        use(ops.placeholder("f32[3, 4]", name="x"), odd)


@pytest.mark.parametrize("use", [
    lambda x: ops.split(x, 0, 1), lambda x: ops.arange(0, 3, 0), lambda x: ops.arange((0, 0)), lambda x: ops.arange(float("nan")), lambda x: x[::0],
    lambda x: ops.full((-2,), 1.0), lambda x: ops.eye(-1), lambda x: ops.einsum(3, x), lambda x: ops.pad(x, [[1]]), lambda x: ops.tensordot(x, x, 9),
    lambda x: ops.moveaxis(x, (0, 0), (0, 1)), lambda x: ops.moveaxis(x, (), 0), lambda x: random.shuffle(x, -9), lambda x: random.normal((-1,)),
])  # fmt: skip
@pytest.mark.parametrize("x", [ops.placeholder("f32[3, 4]", name="x"), ops.placeholder("f32[n, 4]", name="x")], ids=["known", "symbolic"])
def test_counts_and_sizes_that_mean_nothing_are_refused(use: Any, x: Any) -> None:
    with pytest.raises(ShapeError):
        use(x)
