"""Storage that is read in another order than it is written: updates in place, inputs and temporaries taken over, stretches of rows.

Generated: every form of elementwise work on a square array and a view of it, and views of views, of variables, inputs and temporaries,
over sizes that are one, odd, wider than vectors, and cut into stretches that threads share.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend.interface import compile_graph
from symkeras.compiler.program.index_maps import IndexMap, are_disjoint, are_equal, go_by_the_same_rows
from symkeras.graph import Graph, Tensor, dtypes, symbol
from symkeras.graph.variable import Pack, Variable
from symkeras.ops.evaluation import evaluate
from tests.tolerances import assert_alike

VIEWS: dict[str, Callable[[Tensor], Tensor]] = {
    "flip rows": lambda x: ops.flip(x, 0),
    "flip columns": lambda x: ops.flip(x, 1),
    "transpose": ops.transpose,
    "backwards": lambda x: x[::-1, ::-1],
    "first row": lambda x: ops.broadcast_to(x[:1], x.dims),
    "last column": lambda x: ops.broadcast_to(x[:, -1:], x.dims),
    "a row for all": lambda x: x[0],
    "rows moved": lambda x: ops.concatenate([x[1:], x[:1]], 0),
    "reshaped": lambda x: ops.reshape(ops.transpose(x), x.dims),
}
FORMS: list[Callable[[Tensor, Tensor], Tensor]] = [
    lambda x, w: x + w,
    lambda x, w: x - w * w,
    lambda x, w: w * x + x,
    lambda x, w: ops.where(w > 0, w, x),
    lambda x, w: ops.where(w > 0, w, ops.zeros_like(x)),
    lambda x, w: ops.maximum(x, w * 2) - w,
    lambda x, w: ops.broadcast_to(w, x.dims),
    lambda x, w: ops.absolute(w) + ops.negative(x),
]
LOGICAL: list[Callable[[Tensor, Tensor], Tensor]] = [
    ops.logical_and,
    ops.logical_xor,
    lambda x, w: ops.logical_or(ops.logical_not(x), w),
    lambda x, w: ops.broadcast_to(w, x.dims),
]
PAIRS = [(a,) for a in VIEWS] + [pair for pair in itertools.product(VIEWS, VIEWS) if pair[0] not in ("a row for all",)]


def cases(dtype: str, seed: int, count: int) -> list[tuple[str, Callable[[Tensor], Tensor]]]:
    """(name, what is made of a square array) for views or pairs of them, each with a form."""
    rng = np.random.default_rng(seed)
    found = []
    for k in range(count):
        names = PAIRS[k] if k < len(VIEWS) else PAIRS[int(rng.integers(len(PAIRS)))]
        forms = LOGICAL if dtype == "bool" else FORMS
        form = forms[int(rng.integers(len(forms)))]

        def made(x: Tensor, names: tuple[str, ...] = names, form: Any = form) -> Tensor:
            w = x
            for name in names:
                w = VIEWS[name](w) if w.ndim == 2 else w
            return form(x, w)

        found.append((f"{' of '.join(names)}, form {forms.index(form)}", made))
    return found


def numbers(dtype: str, size: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2, (size, size)).astype(bool) if dtype == "bool" else (rng.uniform(-4, 4, (size, size))).astype(dtype)


def check(graph: Graph, arrays: list[np.ndarray], names: list[str], backend: str, level: str, what: str = "layer") -> None:
    variables = [n.attrs["variable"] for n, _ in graph.updates]
    expected, news = ([np.array(a) for a in found] for found in evaluate(graph, arrays))
    before = [v.numpy().copy() for v in variables]
    given = [a.copy() for a in arrays]
    outputs = compile_graph(graph, backend, level=level)(*arrays)
    for name, found, wanted in zip(names, [*outputs, *(v.numpy() for v in variables)], [*expected, *news], strict=True):
        assert_alike(found, wanted, what, note=f"{name} on {backend} at {level}")
    for v, value in zip(variables, before, strict=True):
        v.set(value)
    for a, b in zip(arrays, given, strict=True):
        np.testing.assert_array_equal(a, b, "the caller's array was written")


SIZES = [(1, 24), (2, 24), (7, 40), (33, 24), (70, 24), (512, 6)]
DTYPES = ["float32", "float64", "int32", "int64", "uint8", "bool"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("size", "count"), SIZES)
@pytest.mark.parametrize("level", ["O0", "O2"])
def test_variables_are_updated_from_views_of_themselves(backend: str, level: str, size: int, count: int, dtype: str) -> None:
    todo = cases(dtype, size, count)
    variables = [Variable(numbers(dtype, size, k), name=f"v{k}") for k in range(count)]
    updates = [(v.node, made(ops.as_tensor(v)).node) for v, (_, made) in zip(variables, todo, strict=True)]
    check(Graph([], [], updates), [], [name for name, _ in todo], backend, level)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("size", "count"), SIZES)
@pytest.mark.parametrize("level", ["O0", "O2"])
def test_inputs_and_temporaries_are_not_overwritten_before_they_are_read(backend: str, level: str, size: int, count: int, dtype: str) -> None:
    todo = cases(dtype, size + 1, count)
    inputs = [ops.placeholder(f"{dtypes.SHORT[dtype]}[{size}, {size}]", name=f"x{k}") for k in range(count)]
    made = [make(x if k % 2 else once(x)) for k, (x, (_, make)) in enumerate(zip(inputs, todo, strict=True))]
    graph = Graph([x.node for x in inputs], [t.node for t in made])
    check(graph, [numbers(dtype, size, k) for k in range(count)], [name for name, _ in todo], backend, level)


def once(x: Tensor) -> Tensor:
    """Something computed from an array: a temporary."""
    return ops.logical_not(x) if x.dtype == "bool" else ops.square(x) if not dtypes.is_float(x.dtype) else ops.sin(x) * 2.0


@pytest.mark.parametrize("level", ["O0", "O2"])
@pytest.mark.parametrize("size", [3, 512])
def test_gradients_through_views_are_not_overwritten_before_they_are_read(backend: str, level: str, size: int) -> None:
    from symkeras.autodiff import gradients

    x = ops.placeholder(f"f32[{size}, {size}]", name="x")
    losses = [ops.sum(ops.sin(make(x))) for _, make in cases("float32", 3, 12)]
    losses.append(ops.sum(x + ops.transpose(x) * ops.rsqrt(ops.absolute(x) + 0.3)))
    found = [gradients(loss, x) for loss in losses]
    graph = Graph([x.node], [g.node for g in found if g is not None])
    check(graph, [numbers("float32", size, 1)], [str(k) for k in range(len(graph.outputs))], backend, level, "graph")


@pytest.mark.parametrize("level", ["O0", "O2"])
def test_pieces_of_a_row_are_read_beside_the_whole(backend: str, level: str) -> None:
    """A concatenation is written piece by piece; a product with one of its pieces must not write over the piece."""
    x = ops.placeholder("f32[6, 8]", name="x")
    whole = ops.concatenate([one := ops.exp(x[:1]), ops.tanh(x[1:2])], 0)
    columns = ops.concatenate([first := ops.exp(x[:, :1]), ops.tanh(x[:, 1:])], 1)
    check(Graph([x.node], [(whole * one).node, (columns * first).node]), [np.linspace(-1, 1, 48, dtype="float32").reshape(6, 8)], ["rows", "columns"],
          backend, level)  # fmt: skip


@pytest.mark.parametrize("level", ["O0", "O2"])
def test_carries_are_read_in_another_order_than_they_are_written(backend: str, level: str) -> None:
    x = ops.placeholder("f32[5, 4, 4]", name="x")
    start = np.zeros((4, 4), "float32")
    bodies = [
        lambda c, x: (ops.tanh(c + ops.transpose(c) + x),) * 2,
        lambda c, x: (ops.flip(c, 0) + x, c * 2.0),
        lambda c, x: (ops.transpose(c) + x * 0.0, ops.sum(c)),
        lambda c, x: (ops.where(ops.flip(c, 1) > x, ops.flip(c, 1), x), x),
    ]
    outputs = [t for body in bodies for t in ops.scan(body, start, x)]
    swapped = ops.scan(lambda c, x: ((c[1] + x, ops.transpose(c[0])), c[0]), (start, start + 1), x)
    outputs += [*swapped[0], swapped[1]]
    check(Graph([x.node], [t.node for t in outputs]), [np.random.default_rng(0).standard_normal((5, 4, 4)).astype("float32")],
          [str(k) for k in range(len(outputs))], backend, level)  # fmt: skip


@pytest.mark.parametrize("level", ["O0", "O2"])
def test_updates_from_inputs_rows_and_packed_neighbours(backend: str, level: str) -> None:
    rng = np.random.default_rng(0)
    t = ops.placeholder("f32[4, 4]", name="t")
    names = [Variable(rng.standard_normal((4, 4)).astype("float32"), name=n) for n in "abcdef"]
    a, c, d, e = (ops.as_tensor(v) for v in (names[0], *names[2:5]))
    Pack(names[2:4], "pack")
    rows = ops.as_tensor(np.array([3, 2, 1, 0], "int32"))
    from symkeras.graph.node import make
    from symkeras.ops.op import OPS

    reversed_rows = Tensor(make(OPS["set_rows"], (e.node, rows.node, e.node), {}))
    new = [t * 2.0, a + t, d * c, c - ops.transpose(d), reversed_rows, ops.transpose(a)]
    graph = Graph([t.node], [], [(v.node, n.node) for v, n in zip(names, new, strict=True)])
    check(graph, [rng.standard_normal((4, 4)).astype("float32")], list("abcdef"), backend, level)


@pytest.mark.parametrize("level", ["O0", "O2"])
@pytest.mark.parametrize("failing", ["gather", "set_rows"])
def test_nothing_is_written_where_something_raises(backend: str, level: str, failing: str) -> None:
    from symkeras.graph.node import make
    from symkeras.ops.op import OPS

    a, k = ops.placeholder("f32[4, 4]", name="a"), ops.placeholder("i32[2]", name="k")
    v, w = (Variable(np.ones((4, 4), "float32"), name=n) for n in "vw")
    updates = [(v.node, ops.tanh(a).node)]
    if failing == "set_rows":
        updates.append((w.node, make(OPS["set_rows"], (w.node, k.node, (a[:2] * 3.0).node), {})))
    outputs = [ops.take(a, k, axis=0).node] if failing == "gather" else []
    f = compile_graph(Graph([a.node, k.node], outputs, updates), backend, level=level)
    array = np.full((4, 4), 0.5, "float32")
    with pytest.raises(IndexError):
        f(array, np.array([1, 9], "int32"))
    assert (v.numpy() == 1).all() and (w.numpy() == 1).all(), "an update was written though another part failed"
    f(array, np.array([1, 0], "int32"))
    np.testing.assert_allclose(v.numpy(), np.tanh(array), rtol=1e-6)


# ---- maps ----------------------------------------------------------------------------------------------------------

N = symbol("n")


def test_maps_tell_what_two_values_of_one_storage_have_in_common() -> None:
    whole = IndexMap(1, 0, (), (N, 8), (8, 1))
    left, right = IndexMap(1, 0, (), (N, 4), (8, 1)), IndexMap(1, 4, (), (N, 4), (8, 1))
    assert are_equal(whole, IndexMap(1, 0, (), (N, 8), (8, 1))) and not are_equal(whole, left)
    assert go_by_the_same_rows(whole, left) and go_by_the_same_rows(left, right)
    flipped = IndexMap(1, (N - 1) * 8, (), (N, 8), (-8, 1))
    within = IndexMap(1, 7, (), (N, 8), (8, -1))
    first_row = IndexMap(1, 0, (), (1, 8), (8, 1))
    assert not go_by_the_same_rows(whole, flipped) and not go_by_the_same_rows(flipped, flipped)
    assert go_by_the_same_rows(whole, within) and not go_by_the_same_rows(whole, first_row)
    assert not go_by_the_same_rows(whole, IndexMap(1, 0, (), (N, 8), (0, 1))), "one row for all"


def test_maps_are_disjoint_where_sizes_tell() -> None:
    head, tail = IndexMap(1, 0, (), (N,), (1,)), IndexMap(1, N, (), (N,), (1,))
    assert are_disjoint(head, tail) and are_disjoint(tail, head) and not are_disjoint(head, head)
    assert are_disjoint(head, IndexMap(2, 0, (), (N,), (1,))), "other memory"
    assert not are_disjoint(IndexMap(1, 0, (), (4,), (1,)), IndexMap(1, N, (), (4,), (1,))), "nothing is known of n"
    backwards = IndexMap(1, 9, (), (5,), (-1,))
    assert are_disjoint(backwards, IndexMap(1, 0, (), (5,), (1,))) and not are_disjoint(backwards, IndexMap(1, 0, (), (6,), (1,)))


def test_variables_of_one_pack_lie_in_one_memory() -> None:
    from symkeras.compiler.program.index_maps import index_map
    from symkeras.compiler.program.program import Buffer, Value

    one, two = (Variable(np.zeros((2, 3), "float32"), name=n) for n in "ab")
    Pack([one, two], "pack")
    maps = [index_map(Value(v.node.tensor_type, Buffer(v.node.tensor_type, "variable", v.node))) for v in (one, two)]
    assert maps[0].memory == maps[1].memory and maps[1].offset == maps[0].offset + 6 and are_disjoint(*maps)
