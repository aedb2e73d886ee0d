"""Nodes: interned, typed when built, and with the places they come from."""

from __future__ import annotations

import gc
import inspect
import io
import json
import threading

import numpy as np
import pytest

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.compiler.interning import interned
from symkeras.compiler.passes.base import Context
from symkeras.errors import GraphError, ShapeError
from symkeras.graph import Graph, Literal, Tensor, provenance
from symkeras.graph.compilation import Compilation
from symkeras.graph.graph import substitute
from symkeras.graph.node import live_nodes, reachable
from symkeras.graph.provenance import MOST_ORIGINS, layer_scope
from symkeras.graph.variable import Variable
from symkeras.ops.evaluation import evaluate


def line_before() -> str:
    """The line above the call of this function, as origins show it."""
    frame = inspect.currentframe()
    assert frame is not None and frame.f_back is not None
    return f"test_nodes.py:{frame.f_back.f_lineno - 1}"


def test_what_computes_the_same_is_the_same_object() -> None:
    x, y = ops.placeholder("f32[3]"), ops.placeholder("f32[3]")
    assert (x + y * 2).node is (x + y * 2).node
    assert (x + y).node is not (y + x).node
    assert ops.sum(x, 0).node is ops.sum(x, -1).node
    assert ops.as_tensor(np.float32(1)).node is ops.as_tensor(np.float32(1)).node


def test_constants_are_equal_by_dtype_shape_and_bits() -> None:
    def node(value: object) -> object:
        return ops.as_tensor(value).node

    assert node(np.float32(0.0)) is not node(np.float32(-0.0))
    assert node(np.float32(np.nan)) is node(np.float32(np.nan))
    assert node(np.float32(1)) is not node(np.float64(1))
    assert node(np.zeros((2, 1))) is not node(np.zeros((1, 2)))
    assert Literal(np.arange(3)) == Literal(np.arange(3)) != Literal(np.arange(4))


def test_a_constant_does_not_change_with_the_array_it_came_from() -> None:
    array = np.ones(3, "float32")
    node = ops.as_tensor(array).node
    array[0] = 7
    assert node.attrs["value"].array.tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="read-only"):
        node.attrs["value"].array[0] = 2


def test_attributes_that_compare_equal_but_differ_make_different_nodes() -> None:
    x = ops.placeholder("f32[3]")
    padded = [ops.pad(x, (1, 1), constant_values=v) for v in (0.0, -0.0, 1.0)]
    values = [np.signbit(run_one(p, x)[0]) for p in padded]
    assert values == [False, True, False]


def run_one(out: Tensor, x: Tensor) -> np.ndarray:
    return evaluate(Graph([x.node], [out.node]), [np.ones(3, "float32")])[0][0]


def test_placeholders_are_never_the_same() -> None:
    assert ops.placeholder("f32[3]", name="x").node is not ops.placeholder("f32[3]", name="x").node


def test_nodes_nobody_holds_go_away() -> None:
    gc.collect()
    before = sum(1 for _ in live_nodes())
    x = ops.placeholder("f32[3]")
    for _ in range(200):
        x = ops.exp(x)
    assert sum(1 for _ in live_nodes()) >= before + 200
    del x
    gc.collect()
    assert sum(1 for _ in live_nodes()) <= before + 1


def test_the_same_node_is_found_from_several_threads() -> None:
    x = ops.placeholder("f32[3]")
    found: list[object] = []
    gate = threading.Barrier(8)

    def build() -> None:
        gate.wait()
        y = x
        for k in range(200):
            y = ops.exp(y) + float(k)
        found.append(y.node)

    threads = [threading.Thread(target=build) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(found) == 8 and len({id(n) for n in found}) == 1


def test_order_of_reachable_is_topological_and_each_node_comes_once() -> None:
    x = ops.placeholder("f32[3]")
    y = ops.exp(x)
    nodes = reachable([(y * y + x).node, y.node])
    assert len(nodes) == len(set(nodes)) == 4
    assert all(nodes.index(i) < nodes.index(n) for n in nodes for i in n.inputs)


def test_origin_is_the_layer_and_the_users_own_line() -> None:
    x = ops.placeholder("f32[3]", name="x")
    with layer_scope("encoder"), layer_scope("dense_1"):
        y = ops.softmax(ops.tanh(x) * 3.25)
        here = line_before()
    for node in (y.node, y.node.inputs[0]):
        (origin,) = node.origins
        assert (origin.layer, origin.line) == ("encoder/dense_1", here)
        assert str(origin) == f"encoder/dense_1, {here}"
    outside = ops.arctan(x)
    here = line_before()
    assert [str(o) for o in outside.node.origins] == [here]


def test_origin_of_a_gradient_names_the_forward_operation_and_its_line() -> None:
    x = ops.placeholder("f32[3]")
    with layer_scope("head"):
        y = ops.sum(ops.sinh(x * 1.75))
        here = line_before()
    dx = gradients(y, x)
    origins = [o for n in reachable([dx.node]) for o in n.origins if o.gradient_of]
    assert {o.gradient_of for o in origins} >= {"sinh", "multiply"}
    assert {o.line for o in origins} == {here} and {o.layer for o in origins} == {"head"}
    assert str(origins[0]).startswith("grad(head), test_nodes.py:")
    twice = gradients(ops.sum(dx), x)
    assert all(o.line == here or not o.gradient_of for n in reachable([twice.node]) for o in n.origins if o.layer == "head")


def test_nodes_that_merge_keep_the_origins_of_both() -> None:
    x = ops.placeholder("f32[3]")
    with layer_scope("a"):
        one = ops.cosh(x)
    with layer_scope("b"):
        two = ops.cosh(x)
    assert one.node is not two.node
    with Compilation({}):
        graph = interned(Graph([x.node], [one.node, two.node]), Context(lambda op: True))
    assert graph.outputs[0] is graph.outputs[1]
    assert [o.layer for o in graph.outputs[0].origins] == ["a", "b"]
    many = []
    for k in range(2 * MOST_ORIGINS):
        with layer_scope(f"l{k}"):
            many.append(ops.cosh(x).node)
    with Compilation({}):
        graph = interned(Graph([x.node], many), Context(lambda op: True))
    assert len(graph.outputs[0].origins) == MOST_ORIGINS
    assert [o.layer for o in one.node.origins] == ["a"]


def test_replacing_a_node_keeps_origins_of_what_depends_on_it() -> None:
    x, z = ops.placeholder("f32[3]"), ops.placeholder("f32[3]")
    with layer_scope("deep"):
        y = ops.exp(ops.sin(x))
        here = line_before()
    new = substitute([y.node], {x.node: z.node})[y.node]
    assert new is not y.node and [str(o) for o in new.origins] == [f"deep, {here}"]
    with provenance.inherit(y.node.origins):
        assert ops.cos(z).node.origins == y.node.origins


def test_shape_error_points_at_the_line_that_built_the_node() -> None:
    x = ops.placeholder("f32[3]")
    with pytest.raises(ShapeError) as caught:
        x + ops.placeholder("f32[4]")
    assert caught.traceback[0].path.name == "test_nodes.py"


def test_graph_must_be_closed_and_its_updates_sound() -> None:
    x, y, v = ops.placeholder("f32[3]", name="x"), ops.placeholder("f32[3]", name="y"), Variable(np.zeros(3, "float32"), name="v")
    with pytest.raises(GraphError, match=r"placeholder 'y' \(f32\[3\]\), which is not among its inputs \(x\)"):
        Graph([x.node], [(x + y).node])
    with pytest.raises(GraphError, match="must be a placeholder"):
        Graph([(x + 1).node], [])
    with pytest.raises(GraphError, match="'v' is updated twice"):
        Graph([x.node], [], [(v.node, x.node), (v.node, (x + 1).node)])
    with pytest.raises(GraphError, match=r"f32\[3\] cannot become f32\[\]"):
        Graph([x.node], [], [(v.node, ops.sum(x).node)])
    with pytest.raises(GraphError, match="only variables"):
        Graph([x.node], [], [(x.node, x.node)])


def test_graph_counts_operations_also_of_bodies() -> None:
    x = ops.placeholder("f32[5, 3]")
    assert Graph([x.node], [ops.exp(x * 2).node]).count() == 2
    end, _ = ops.scan(lambda c, v: (c + ops.tanh(v), None), np.zeros(3, "float32"), x)
    assert Graph([x.node], [end.node]).count() == 4  # scan, item, and two in the body
    graph = Graph([x.node], [x.node])
    assert graph.count() == 0 and repr(graph) == "<Graph main: 1 inputs, 0 operations, 1 outputs>"


def test_networkx_view_has_a_vertex_per_node_and_an_edge_per_argument(networkx: object) -> None:
    x = ops.placeholder("f32[3]", name="x")
    with layer_scope("square"):
        y = x * x
    graph = Graph([x.node], [ops.exp(y).node])
    view = graph.to_networkx()
    assert networkx.is_directed_acyclic_graph(view)  # type: ignore[attr-defined]
    assert set(view) == {"x", "square_product", "exp_"}
    assert [d["position"] for _, _, d in view.edges("x", data=True)] == [0, 1]
    assert view.nodes["square_product"]["op"] == "multiply" and view.nodes["square_product"]["layer"] == "square"
    assert view.nodes["square_product"]["line"].startswith("test_nodes.py:") and view.nodes["exp_"]["is_output"]
    assert list(networkx.topological_sort(view)) == ["x", "square_product", "exp_"]  # type: ignore[attr-defined]
    networkx.write_graphml(view, io.BytesIO())  # type: ignore[attr-defined]
    json.dumps(networkx.node_link_data(view, edges="edges"))  # type: ignore[attr-defined]
