"""Attributes of nodes: every op says what its own may be, and whoever makes a node is held to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend.interface import compile_graph
from symkeras.errors import GraphError, ShapeError, SymkerasError
from symkeras.graph import Graph, dims
from symkeras.graph.compilation import Compilation
from symkeras.graph.node import make
from symkeras.graph.types import parse_type
from symkeras.ops import attributes
from symkeras.ops.leaves import placeholder_node
from symkeras.ops.op import OPS
from tests.backends import missing

SAMPLES = [(op, sample) for op in OPS.values() for sample in op.samples if sample.attrs]
WRONG = [
    "'); import os; ('", "0", b"0", 1.5, -1, 10**30, -(10**30), float("nan"), True, None, object(), [],
    {}, (), ((),), (1.5,), ("x",), (-1,), (10**30,),
    (0, 0), np.float32(0.5), np.array([1, 2]), dims.symbol("n") * -1, lambda: 1, 7, (7,), (7, 7), ((0, 0),), ((-1, 0),), (True,), (None,), 2**63,
]  # fmt: skip


def nodes(types: tuple[str, ...]) -> list[Any]:
    return [placeholder_node(parse_type(t), f"x{k}") for k, t in enumerate(types)]


def is_plain(value: Any) -> bool:
    """Whether an attribute is made of Python's own numbers, strings and tuples, of dims, constants and graphs."""
    if value.__class__ is tuple:
        return all(map(is_plain, value))
    return value is None or value.__class__ in (bool, int, float, str) or type(value).__name__ in ("Dim", "Literal", "Graph")


def test_every_op_says_what_its_attributes_may_be() -> None:
    for op in OPS.values():
        for sample in op.samples:
            assert {**op.defaults, **sample.attrs}.keys() == op.attributes.keys(), op
        for key, kind in op.attributes.items():
            assert isinstance(kind, attributes.Kind) and (kind is not attributes.ANYTHING or (op.name, key) == ("variable", "variable"))


@pytest.mark.parametrize(("op", "sample"), SAMPLES, ids=lambda v: getattr(v, "name", ""))
def test_an_attribute_is_of_its_kind_and_plain_or_our_error(op: Any, sample: Any) -> None:
    inputs = nodes(sample.types)
    node = make(op, inputs, sample.attrs)
    for key, given in sample.attrs.items():
        for wrong in (*WRONG, *((*given, 0) if isinstance(given, tuple) else ()), given[:-1] if isinstance(given, tuple) and given else "none"):
            try:
                made = make(op, inputs, {**sample.attrs, key: wrong})
            except SymkerasError as error:
                assert len(str(error)) < 1000
            else:
                assert all(map(is_plain, made.attrs.values())) and made.op is op
    with pytest.raises(GraphError, match="takes the attributes"):
        make(op, inputs, {**sample.attrs, "another": 1})
    for key in sample.attrs.keys() - op.defaults.keys():
        with pytest.raises(GraphError, match="takes the attributes"):
            make(op, inputs, {k: v for k, v in sample.attrs.items() if k != key})
    with Compilation({}):  # where equal nodes are one
        node = make(op, inputs, sample.attrs)
        again = make(op, inputs, {k: np.int64(v) if type(v) is int else list(v) if type(v) is tuple else v for k, v in sample.attrs.items()})
    assert again is node


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.samples], ids=lambda op: op.name)
def test_an_op_takes_as_many_inputs_as_it_has(op: Any) -> None:
    inputs, attrs = nodes(op.samples[0].types), op.samples[0].attrs
    least, most = op.inputs_taken
    with pytest.raises(GraphError, match=rf"{op.name} takes .* inputs"):
        make(op, inputs[: int(least) - 1] if least else [*inputs, make(OPS["top_k"], nodes(("f32[2]",)), {"k": 1})], attrs)
    if most == len(inputs):
        with pytest.raises(GraphError, match=rf"{op.name} takes .* inputs"):
            make(op, [*inputs, inputs[0]], attrs)


ONE = {"strides": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}
SHAPES = [
    ("combine_rows", ("i32[6]", "f32[2, 2]"), {"rows": 4}), ("combine_rows", ("i32[6]", "f32[]"), {"rows": 4}),
    ("set_rows", ("f32[5, 2]", "i32[3]", "f32[1, 2]"), {}), ("set_rows", ("f32[5, 2]", "i32[3]", "f32[3, 9]"), {}),
    ("set_rows", ("f32[5, 2]", "i32[1]", "f64[1, 2]"), {}), ("set_rows", ("f32[]", "i32[]", "f32[]"), {}),
    ("add_along_axis", ("i32[3, 9]", "f32[3, 2]"), {"axis": 1, "size": 4}), ("add_along_axis", ("i32[3]", "f32[3, 2]"), {"axis": 0, "size": 4}),
    ("scatter_add", ("i32[6]", "f32[5, 2]"), {"rows": 4}), ("gather_unique", ("f32[5, 3]", "i32[4]", "f32[]"), {}),
    ("gather_unique", ("f32[5, 3]", "i64[4]", "i32[]"), {}), ("gather_unique", ("f32[5, 3]", "i32[4]", "i32[2]"), {}),
    ("matmul_unique", ("f32[5, 3]", "f64[3, 4]", "i32[]"), {"transpose_a": False, "transpose_b": False}),
    ("slice", ("f32[5]",), {"starts": (0,), "stops": (6,), "strides": (1,)}),
    ("slice", ("f32[5]",), {"starts": (4,), "stops": (2,), "strides": (1,)}),
    ("slice", ("f32[n]",), {"starts": (0,), "stops": (dims.symbol("n") + 1,), "strides": (1,)}),
    ("exp", ("i32[2]",), {}), ("logical_and", ("f32[2]", "f32[2]"), {}), ("any", ("f32[2]",), {"axes": (0,)}),
    ("reshape", ("f32[6]",), {"shape": (-2, -3)}), ("broadcast_to", ("f32[]",), {"shape": (2**40, 2**40)}), ("concatenate", (), {"axis": 0}),
    ("conv_input_grad", ("f32[1, 4, 4, 2]", "f32[3, 3, 1, 2]"), {"spatial": (9, 9), **ONE}),
    ("conv_filter_grad", ("f32[1, 4, 4, 2]", "f32[1, 4, 4, 2]"), {"kernel": (3, 3), **ONE}),
    ("max_pool_grad", ("f32[1, 4, 2]", "f32[1, 4, 2]", "f32[1, 2, 2]"), {"window": (2,), "strides": (2,), "padding": ((0, 0),)}),
    ("max_pool_select", ("f32[1, 4, 2]", "f32[1, 2, 2]", "f32[1, 5, 2]"), {"window": (2,), "strides": (2,), "padding": ((0, 0),)}),
    ("sum_pool_grad", ("f32[1, 4, 2]",), {"spatial": (4,), "window": (2,), "strides": (2,), "padding": ((0, 0),)}),
]  # fmt: skip


@pytest.mark.parametrize(("op", "types", "attrs"), SHAPES, ids=[f"{k}-{s[0]}" for k, s in enumerate(SHAPES)])
def test_shapes_that_no_gradient_has_are_refused(op: str, types: tuple[str, ...], attrs: dict[str, Any]) -> None:
    with pytest.raises(SymkerasError):
        make(OPS[op], nodes(types), attrs)


def body(*types: str) -> Graph:
    inputs = nodes(types)
    return Graph(inputs, inputs)


def test_loops_and_branches_hold_their_inputs_to_their_graphs() -> None:
    attrs = {"carries": 1, "sequences": 1, "length": 4, "reverse": False}
    make(OPS["scan"], nodes(("f32[]", "f32[4]")), {"body": body("f32[]", "f32[]"), **attrs})
    for types, changed in [
        (("f32[]", "f32[3]"), {}),
        (("f32[]", "f32[]"), {}), (("f32[]",), {}), (("f32[]", "f32[4]", "f32[]"), {}),
        (("f32[]", "f32[4]"), {"length": 5}), (("f32[]", "f32[4]"), {"carries": 9}), (("f32[]", "f32[4]"), {"sequences": 9}),
        (("f64[]", "f32[4]"), {}),
    ]:  # fmt: skip
        with pytest.raises(ShapeError):
            make(OPS["scan"], nodes(types), {"body": body("f32[]", "f32[]"), **attrs, **changed})
    for types in (("bool[]", "f32[2]"), ("bool[]", "f32[]", "f32[]"), ("bool[2]",)):
        with pytest.raises(ShapeError):
            make(OPS["cond"], nodes(types), {"then": body("f32[]"), "otherwise": body("f32[]")})
        with pytest.raises(ShapeError):
            make(OPS["while_loop"], nodes(types), {"predicate": body("bool[]"), "body": body("bool[]"), "state": 1})


@pytest.mark.parametrize("on", ["numpy", "native"])
def test_attributes_that_sizes_decide_are_checked_when_they_are_known(on: str) -> None:
    if missing(on):
        pytest.skip(missing(on))
    x = ops.placeholder("f32[n, 2]", "x")
    n = ops.shape(x)[0]
    padded = make(OPS["pad"], [x.node], {"padding": ((n - 3, 1, 0), (0, 0, 0)), "value": 0.0})
    f = compile_graph(Graph([x.node], [padded]), on)
    assert f(np.ones((4, 2), "float32"))[0].shape == (6, 2)
    with pytest.raises(ShapeError, match="pad: padding must be"):
        f(np.ones((2, 2), "float32"))


@pytest.mark.parametrize("count", [-5, 0, 3, 4, 1000])
def test_a_count_beyond_its_list_reads_and_writes_nothing_else(count: int) -> None:
    if missing("native"):
        pytest.skip(missing("native"))
    table, listed, n = nodes(("f32[5, 3]", "i32[4]", "i32[]"))
    rows = make(OPS["gather_unique"], [table, listed, n])
    product = make(OPS["matmul_unique"], [rows, table, n], {"transpose_a": False, "transpose_b": True})
    turned = make(OPS["matmul_unique"], [rows, rows, n], {"transpose_a": True, "transpose_b": False})
    arrays = [np.arange(15, dtype="float32").reshape(5, 3), np.array([4, 0, 2, 1], "int32"), np.array(count, "int32")]
    found = compile_graph(Graph([table, listed, n], [rows, product, turned]), "native")(*arrays)
    expected = compile_graph(Graph([table, listed, n], [rows, product, turned]), "native")(*arrays[:2], np.array(min(max(count, 0), 4), "int32"))
    for f, e in zip(found, expected, strict=True):
        np.testing.assert_array_equal(f, e)
