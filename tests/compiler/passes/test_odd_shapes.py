"""Passes on odd shapes: sizes of 0 and 1, symbolic ones where a pass expects a number, sums into something wider, loops of no steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.backend.native.building.executable import NativeExecutable
from symkeras.compiler.pipeline import Pipeline
from symkeras.graph import Graph, Tensor
from symkeras.graph.variable import Variable
from symkeras.ops.evaluation import evaluate
from tests.compiler.passes.check_pass import everything, nothing

EVERY_PASS = Pipeline.level("O2").then(NativeExecutable.passes)


def check(graph: Graph, *cases: list[Any]) -> None:
    """All passes keep outputs and updates, for backends that take every composite and for those that take none."""
    for takes in (everything, nothing):
        after, _ = EVERY_PASS.run(graph, takes)
        for arrays in cases:
            for found, expected in zip(evaluate(after, arrays)[0], evaluate(graph, arrays)[0], strict=True):
                assert np.shape(found) == np.shape(expected)
                np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-5)
            new = [dict(zip([v.attrs["name"] for v, _ in g.updates], evaluate(g, arrays)[1], strict=True)) for g in (after, graph)]
            for name, expected in new[1].items():
                if name in new[0]:
                    np.testing.assert_allclose(new[0][name], expected, rtol=2e-5, atol=1e-5)


def values(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    return [np.random.default_rng(k).normal(size=s).astype("float32") for k, s in enumerate(shapes)]


# carry (B, C), slices (B, F), w (F, C), v (C, 1): what is added to the carry, or becomes it
TERMS: dict[str, Any] = {
    "matmul": lambda c, x, w, b: c + ops.matmul(x, w),
    "matmul and bias": lambda c, x, w, b: ops.tanh(ops.matmul(x, w) + b),
    "a scalar into a matrix": lambda c, x, w, b: c + ops.sum(ops.sum(x, 0), 0),
    "a row into a matrix": lambda c, x, w, b: c + ops.sum(ops.matmul(x, w), 0),
    "a row kept into a matrix": lambda c, x, w, b: c + ops.sum(ops.matmul(x, w), 0, keepdims=True),
    "a column into a matrix": lambda c, x, w, b: c + ops.sum(x, 1, keepdims=True),
    "a sum over no axes": lambda c, x, w, b: c + ops.sum(ops.matmul(x, w), ()),
    "an invariant": lambda c, x, w, b: c + ops.exp(b) * ops.sum(w),
    "an invariant row": lambda c, x, w, b: c * 0.5 + ops.sum(ops.exp(w), 0),
    "a bias wider than the product": lambda c, x, w, b: c + (ops.matmul(x[:1], w) + b),
    "a product of transposes": lambda c, x, w, b: c + ops.matmul(ops.transpose(ops.matmul(ops.transpose(w), ops.transpose(x))), ops.eye(3)),
    "itself": lambda c, x, w, b: c + c,
}


@pytest.mark.parametrize("sizes", ["time, batch", "4, 2", "time, 2", "4, batch", "time, 1"])
@pytest.mark.parametrize("name", TERMS)
def test_loops_of_every_size(name: str, sizes: str) -> None:
    time, batch = sizes.split(", ")
    c, xs = ops.placeholder(f"f32[{batch}, 3]", "c"), ops.placeholder(f"f32[{time}, {batch}, 5]", "xs")
    w, b = ops.placeholder("f32[5, 3]", "w"), ops.placeholder(f"f32[{batch}, 3]", "b")
    end, ys = ops.scan(lambda s, x: (TERMS[name](s, x, w, b), ops.matmul(x, w) + s), c, xs)
    loss = ops.sum(end * end) + ops.sum(ops.sin(ys))
    found = gradients(loss, [c, xs, w, b])
    graph = Graph([t.node for t in (c, xs, w, b)], [t.node for t in (end, ys, *(g for g in found if g is not None))])
    cases = []
    for t in (0, 1, 4) if time == "time" else (4,):
        for n in (1, 2) if batch == "batch" else (int(batch),):
            cases.append(values((n, 3), (t, n, 5), (5, 3), (n, 3)))
    check(graph, *cases)


@pytest.mark.parametrize("kind", ["sum", "matmul"])
@pytest.mark.parametrize("carry", ["", "3", "2, 3", "1, 3"])
def test_sums_into_a_carry_as_wide_or_wider(kind: str, carry: str) -> None:
    start, xs = ops.placeholder(f"f32[{carry}]", "start"), ops.placeholder("f32[time, 4, 3]", "xs")
    if kind == "matmul" and carry != "2, 3":
        return
    term = (lambda x: ops.sum(ops.exp(x), 0)) if kind == "sum" else (lambda x: ops.matmul(ops.transpose(x[:, :2]), x))
    if carry == "":
        term = lambda x: ops.sum(ops.sum(x, 0), 0)  # noqa: E731
    for begin in (start, ops.zeros(start.shape) * 1.0 if carry else np.float32(0)):
        end, _ = ops.scan(lambda s, x: (s + term(x), None), begin, xs)
        graph = Graph([start.node, xs.node], [ops.as_tensor(end).node])
        shape = tuple(d for d in start.shape if d is not None)
        check(graph, values(shape, (3, 4, 3)), values(shape, (0, 4, 3)))


@pytest.mark.parametrize("width", ["40", "width", "1"])
@pytest.mark.parametrize("out", ["40", "out", "1"])
def test_rows_that_are_looked_up_have_any_width(width: str, out: str) -> None:
    table, w = ops.placeholder(f"f32[7, {width}]", "table"), ops.placeholder(f"f32[{width}, {out}]", "w")
    i = ops.placeholder("i32[batch, 2]", "i")
    count = Variable(np.float32(0), name="count")
    y = ops.matmul(ops.take(table, i, axis=0), w)
    loss = ops.sum(y * y)
    outputs = [y, *gradients(loss, [table, w])]
    graph = Graph([t.node for t in (table, w, i)], [t.node for t in outputs], [(count.node, (Tensor(count.node) + 1.0).node)])
    sizes = {"width": 5, "out": 4}
    m, n = (sizes.get(s) or int(s) for s in (width, out))
    cases = [[*values((7, m), (m, n)), np.random.default_rng(0).integers(-7, 7, (b, 2)).astype("int32")] for b in (0, 1, 6)]
    check(graph, *cases)
    check(Graph(graph.inputs, graph.outputs), *cases)


@pytest.mark.parametrize("axes", [(), (0,), (1,), (0, 1)])
@pytest.mark.parametrize("shape", ["0, 3", "3, 0", "1, 1", "batch, 3", "batch, n"])
def test_reductions_over_any_axes_of_any_shape_also_after_a_cast(axes: tuple[int, ...], shape: str) -> None:
    x = ops.placeholder(f"f32[{shape}]", "x")
    outputs = [ops.log(ops.sum(ops.exp(x), axes)), ops.log(ops.sum(ops.exp(x), axes, True)), ops.log(ops.mean(ops.exp(x), axes)),
               ops.exp(x) / ops.sum(ops.exp(x), axes, True), ops.any(x > 0, axes), ops.all(x, axes), ops.sum(x > 0, axes),
               ops.mean(ops.cast(x * 9.0, "int32"), axes), ops.prod(ops.cast(x, "bool"), axes), ops.logsumexp(x, axes)]  # fmt: skip
    outputs += gradients(ops.sum(outputs[0]), [x])
    graph = Graph([x.node], [t.node for t in outputs])
    sizes = [{"batch": b, "n": n} for b in (0, 1, 3) for n in (0, 2)]
    with np.errstate(all="ignore"):
        check(graph, *[values(tuple(s.get(d) if d in s else int(d) for d in shape.split(", "))) for s in sizes])  # type: ignore[misc]
