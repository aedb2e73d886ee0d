"""The text form: what is printed parses back, to the same text and the same values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.errors import GraphError
from symkeras.foreign_dtypes import kind
from symkeras.graph import Graph, Tensor, tracing
from symkeras.graph.text import print_graph
from symkeras.graph.variable import Pack, Variable
from symkeras.ops.evaluation import evaluate
from symkeras.ops.random import random_bits
from tests.compiler.passes.check_pass import structure
from tests.known_dtypes import KNOWN


def round_trip(graph: Graph) -> Graph:
    """The graph its own text gives; asserts that text and reparsed text are one."""
    back = Graph.parse(graph.to_text())
    assert structure(back) == structure(graph) == structure(Graph.parse(print_graph(graph, in_full=True, comments=False)))
    text = print_graph(back, in_full=True, comments=False)
    assert print_graph(Graph.parse(text), in_full=True, comments=False) == text
    return back


def same_values(graph: Graph, back: Graph, *arrays: Any) -> None:
    for node in back.variables:
        own = next(v for v in graph.variables if v.attrs["name"] == node.attrs["name"])
        node.attrs["variable"].set(own.attrs["variable"].array)
    for a, b in zip(evaluate(graph, arrays), evaluate(back, arrays), strict=True):
        for u, v in zip(a, b, strict=True):
            np.testing.assert_array_equal(u, v)


def test_text_shows_names_types_and_where_nodes_come_from() -> None:
    x = ops.placeholder("f32[batch, 3]", name="x")
    v = Variable(np.ones((3, 2), "float32"), name="dense/kernel")
    out = ops.matmul(x, v)
    graph = Graph([x.node], [out.node], name="predict")
    lines = graph.to_text().splitlines()
    assert lines[0] == "graph predict(%x: f32[batch, 3]) {"
    assert lines[1].startswith("  %dense_kernel = variable(name='dense/kernel'): f32[3, 2]")
    assert lines[2].startswith("  %matmul = matmul(%x, %dense_kernel, transpose_a=False, transpose_b=False): f32[batch, 2]  # test_text.py:")
    assert lines[3:] == ["  return %matmul", "}"]
    same_values(graph, round_trip(graph), np.ones((4, 3), "float32"))


CONSTANTS = [np.array([1, 0, 3]).astype(d) for d in KNOWN] + [
    np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, 3.4e38], "float32"),
    np.array([[np.nan, 0.1], [1 / 3, -np.inf]], "float64"),
    np.array([np.nan, 65504.0, 6e-8], "float16"),
    np.float32(np.nan), np.float64(-np.inf), np.float32(-0.0),
    np.zeros((0, 3), "float32"), np.zeros((0,), "int64"), np.zeros((2, 0), "bool"),
    np.array([2**64 - 1, 0], "uint64"), np.array([-(2**63), 2**63 - 1], "int64"),
    np.linspace(0, 1, 1000, dtype="float32").reshape(10, 100), np.arange(100) % 3 == 0,
    np.array([1 + 2j, complex(np.nan, -np.inf)], "complex64"), np.array(1 - 0.5j, "complex128"),
]  # fmt: skip


@pytest.mark.parametrize("array", CONSTANTS, ids=lambda a: f"{a.dtype}{list(a.shape)}")
def test_constant_keeps_every_bit(array: np.ndarray) -> None:
    graph = Graph([], [ops.as_tensor(array).node])
    back = round_trip(graph).outputs[0].attrs["value"].array
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(back, array)
    if kind(array.dtype) == "f":
        np.testing.assert_array_equal(np.signbit(back), np.signbit(array))


def test_attributes_of_every_kind_parse_back() -> None:
    x, s = ops.placeholder("f32[batch, 5]", name="x"), ops.placeholder("u64[2]", name="state")
    n = ops.shape(x)[0]
    outputs = [
        ops.pad(x, ((0, 0), (1, 2)), constant_values=-math.inf), ops.pad(x, 1, constant_values=math.nan), ops.pad(x, 1, constant_values=1e-30),
        ops.reshape(x, (n * 5,)), ops.broadcast_to(x[:1], (n, 5)), x[1:, ::2], x[:, None], ops.transpose(x), ops.one_hot(ops.argmax(x, 1), 5),
        ops.softmax(x, axis=0), ops.elu(x, alpha=0.5), ops.gelu(x), ops.cast(x, "float64"), random_bits(s, 3, (n, 2), "uint32"),
        ops.as_tensor(n), ops.top_k(x, 2)[1], ops.average_pool(ops.reshape(x, (n, 5, 1)), 2), ops.mean(x, 0), ops.stop_gradient(x),
    ]  # fmt: skip
    graph = Graph([x.node, s.node], [t.node for t in outputs])
    same_values(graph, round_trip(graph), np.random.default_rng(0).normal(size=(3, 5)).astype("float32"), np.array([1, 2], "uint64"))


@pytest.mark.parametrize("name", ["a-b.c/d_1", "x:0", "layer (1)", "it's", "é", "100", "a,b", "a#b", "x=1", "%x", "a@1", '"q"', "a %b @1", ""])
def test_any_name_of_an_input_or_variable_parses_back(name: str) -> None:
    x, v = ops.placeholder("f32[2]", name=name or None), Variable(np.ones(2, "float32"), name=name or "v")
    graph = Graph([x.node], [(x + v).node], [(v.node, (x * v).node)], name=name or "main")
    same_values(graph, round_trip(graph), np.float32([3, 4]))


def test_two_inputs_of_one_name_stay_apart() -> None:
    x, y = ops.placeholder("f32[2]", name="x"), ops.placeholder("f32[2]", name="x")
    text = Graph([x.node, y.node], [(x - y).node]).to_text()
    assert "graph main(%x: f32[2], %x_2: f32[2])" in text
    assert evaluate(Graph.parse(text), [np.float32([3, 3]), np.float32([1, 1])])[0][0].tolist() == [2, 2]


def recurrent() -> tuple[list[Tensor], list[Tensor]]:
    x, w = ops.placeholder("f32[time, batch, 3]", name="x"), ops.placeholder("f32[3, 3]", name="w")

    def step(h: Any, v: Any) -> Any:
        def inner(c: Any, row: Any) -> Any:
            return c + ops.sum(row), None

        extra, _ = ops.scan(inner, np.float32(0), w)
        h = ops.tanh(ops.matmul(v, w) + h * extra)
        return h, ops.cond(ops.sum(h) > 0, lambda: h, lambda: -h)

    end, ys = ops.scan(step, ops.zeros((ops.shape(x)[1], 3)), x, reverse=True)
    loss = ops.sum(end) + ops.sum(ys * ys)
    return [x, w], [loss, *gradients(loss, [x, w])]


def test_scans_conds_and_their_gradients_parse_back_nested() -> None:
    inputs, outputs = recurrent()
    graph = Graph([t.node for t in inputs], [t.node for t in outputs], name="train")
    back = round_trip(graph)
    rng = np.random.default_rng(0)
    same_values(graph, back, rng.normal(size=(3, 2, 3)).astype("float32"), rng.normal(size=(3, 3)).astype("float32"))
    assert "length=time" in graph.to_text() and "body=scan@1" in graph.to_text()


def test_while_loop_parses_back() -> None:
    i, limit = ops.placeholder("i32[]", name="i"), ops.placeholder("i32[]", name="limit")
    out = ops.while_loop(lambda v: v < limit, lambda v: v * 2, i)
    graph = Graph([i.node, limit.node], [out.node])
    same_values(graph, round_trip(graph), np.int32(1), np.int32(100))


def test_updates_and_variables_parse_back() -> None:
    w, b = Variable(np.full((2, 2), 0.5, "float32"), name="w"), Variable(np.int64(3), name="step", trainable=False)
    Pack([w, Variable(np.zeros(2, "float32"), name="w2")], "pack")
    x = ops.placeholder("f32[batch, 2]", name="x")
    with tracing.Trace() as trace:
        loss = ops.sum(ops.matmul(x, w.value))
        w.assign_sub(0.1 * gradients(loss, w))
        b.assign_add(1)
    graph = Graph([x.node], [loss.node], trace.updates(), name="train")
    text = graph.to_text()
    assert "  update %w <- %" in text and "  update %step_ <- %" in text
    same_values(graph, round_trip(graph), np.ones((3, 2), "float32"))


BROKEN = [
    ("hello", "line 1: a graph begins with"),
    ("graph main(%x: f32[2]) {\n  %0 = expp(%x): f32[2]\n  return %0\n}", "line 2.*unknown operation 'expp'"),
    ("graph main(%x: f32[2]) {\n  %0 = exp(%x): f32[3]\n  return %0\n}", r"line 2.*the type of %0 is f32\[2\], not f32\[3\]"),
    ("graph main(%x: f32[2]) {\n  %0 = exp(%y): f32[2]\n  return %0\n}", "line 2.*%y"),
    ("graph main(%x: f32[2]) {\n  %0 = add(%x, %x): f32[2]\n\n  rubbish\n  return %0\n}", "line 4.*rubbish"),
    ("graph main %x {\n}", "line 1.*expected `graph name"),
    ("", "no graph"),
]


@pytest.mark.parametrize(("text", "message"), BROKEN)
def test_text_that_does_not_parse_is_an_error_with_its_line(text: str, message: str) -> None:
    with pytest.raises(GraphError, match=f"(?s){message}"):
        Graph.parse(text)
