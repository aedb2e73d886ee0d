"""Each pass on small texts: the graph as expected, the value as before, and nothing left for a second run."""

from __future__ import annotations

import numpy as np
import pytest

from symkeras import ops
from symkeras.compiler.passes.base import PASSES, Context, Pass, parse_pass
from symkeras.errors import CompileError
from symkeras.graph import Graph
from symkeras.ops.evaluation import evaluate
from tests.compiler.passes.check_pass import check_again, check_pass, everything, nothing, run_pass, structure


def body(lines: str, header: str = "%x: f32[batch, 3]") -> str:
    """A graph text from its lines; the last one is what is returned."""
    *inner, last = [line.strip() for line in lines.strip().splitlines()]
    return "\n".join([f"graph main({header}) {{", *inner, f"return {last}", "}"])


# pass, before, after, header
CASES: list[tuple[str, str, str, str]] = [
    ("strip", """
        %0 = stop_gradient(%x): f32[batch, 3]
        %1 = exp(%0): f32[batch, 3]
        %2 = stop_gradient(%1): f32[batch, 3]
        %2""", """
        %0 = exp(%x): f32[batch, 3]
        %0""", "%x: f32[batch, 3]"),
    ("strip", """
        %0 = boundary(%x, name='dense'): f32[batch, 3]
        %0""", """
        %x""", "%x: f32[batch, 3]"),
    ("stabilise", """
        %0 = exp(%x): f32[batch, 3]
        %1 = constant(value=1.0): f32[]
        %2 = add(%0, %1): f32[batch, 3]
        %3 = log(%2): f32[batch, 3]
        %3""", """
        %0 = softplus(%x): f32[batch, 3]
        %0""", "%x: f32[batch, 3]"),
    ("stabilise", """
        %0 = softmax(%x, axis=-1): f32[batch, 3]
        %1 = log(%0): f32[batch, 3]
        %1""", """
        %0 = log_softmax(%x, axis=-1): f32[batch, 3]
        %0""", "%x: f32[batch, 3]"),
    ("simplify", """
        %0 = constant(value=1.0): f32[]
        %1 = multiply(%x, %0): f32[batch, 3]
        %2 = negative(%1): f32[batch, 3]
        %3 = negative(%2): f32[batch, 3]
        %4 = multiply(%3, %3): f32[batch, 3]
        %4""", """
        %0 = square(%x): f32[batch, 3]
        %0""", "%x: f32[batch, 3]"),
    ("simplify", """
        %0 = reshape(%x, shape=(3*batch,)): f32[3*batch]
        %1 = reshape(%0, shape=(3, batch)): f32[3, batch]
        %2 = transpose(%1, axes=(1, 0)): f32[batch, 3]
        %3 = transpose(%2, axes=(1, 0)): f32[3, batch]
        %4 = reshape(%3, shape=(batch, 3)): f32[batch, 3]
        %4""", """
        %x""", "%x: f32[batch, 3]"),
    ("simplify", """
        %0 = broadcast_to(%b, shape=(batch, 3)): f32[batch, 3]
        %1 = add(%x, %0): f32[batch, 3]
        %1""", """
        %0 = add(%x, %b): f32[batch, 3]
        %0""", "%x: f32[batch, 3], %b: f32[3]"),
    ("simplify", """
        %0 = broadcast_to(%b, shape=(batch, 3)): f32[batch, 3]
        %1 = exp(%0): f32[batch, 3]
        %2 = sum(%1, axes=()): f32[batch, 3]
        %2""", """
        %0 = exp(%b): f32[3]
        %1 = broadcast_to(%0, shape=(batch, 3)): f32[batch, 3]
        %1""", "%x: f32[batch, 3], %b: f32[3]"),
    ("simplify", """
        %0 = transpose(%w, axes=(1, 0)): f32[3, 5]
        %1 = matmul(%x, %0, transpose_a=False, transpose_b=False): f32[batch, 5]
        %2 = transpose(%1, axes=(1, 0)): f32[5, batch]
        %2""", """
        %0 = matmul(%w, %x, transpose_a=False, transpose_b=True): f32[5, batch]
        %0""", "%x: f32[batch, 3], %w: f32[5, 3]"),
    ("fold-constants", """
        %0 = constant(value=[1.0, 2.0, 3.0]): f32[3]
        %1 = constant(value=2.0): f32[]
        %2 = multiply(%0, %1): f32[3]
        %3 = sum(%2, axes=(0,)): f32[]
        %4 = add(%x, %3): f32[batch, 3]
        %4""", """
        %0 = constant(value=12.0): f32[]
        %1 = add(%x, %0): f32[batch, 3]
        %1""", "%x: f32[batch, 3]"),
    ("fold-constants", """
        %0 = constant(value=1.0): f32[]
        %1 = broadcast_to(%0, shape=(batch, 3)): f32[batch, 3]
        %1""", """
        %0 = constant(value=1.0): f32[]
        %1 = broadcast_to(%0, shape=(batch, 3)): f32[batch, 3]
        %1""", "%x: f32[batch, 3]"),
    ("fold-constants{limit=4}", """
        %0 = constant(value=1.0): f32[]
        %1 = broadcast_to(%0, shape=(5,)): f32[5]
        %2 = broadcast_to(%0, shape=(4,)): f32[4]
        %1, %2""", """
        %0 = constant(value=1.0): f32[]
        %1 = broadcast_to(%0, shape=(5,)): f32[5]
        %2 = constant(value=[1.0, 1.0, 1.0, 1.0]): f32[4]
        %1, %2""", "%x: f32[batch, 3]"),
    ("legalize", """
        %0 = softmax(%x, axis=-1): f32[batch, 3]
        %0""", """
        %0 = softmax(%x, axis=-1): f32[batch, 3]
        %0""", "%x: f32[batch, 3]"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "before", "after", "header"), CASES, ids=[f"{k}-{c[0]}" for k, c in enumerate(CASES)])
def test_pass_makes_of_one_text_the_other(name: str, before: str, after: str, header: str) -> None:
    check_pass(name, body(before, header), body(after, header), exact="matmul" not in before and "softplus" not in after and "softmax" not in after)


COMPOSITES = [op for op in ops.OPS.values() if op.is_composite]


@pytest.mark.parametrize("op", COMPOSITES, ids=lambda op: op.name)
def test_legalize_leaves_no_composite_that_the_backend_does_not_take(op: ops.op.Op) -> None:
    for sample in op.samples:
        inputs = [ops.placeholder(t) for t in sample.types]
        out = ops.op.apply_symbolic(op, inputs, sample.attrs)
        graph = Graph([t.node for t in inputs], [out.node])
        after, fired, _ = run_pass("legalize", graph, nothing)
        assert fired[op.name] == 1 and not any(n.op.is_composite for n in after.nodes)
        check_again("legalize", graph, after, takes=nothing)
        kept, _, _ = run_pass("legalize", graph, lambda name, own=op.name: name == own)
        assert structure(kept) == structure(graph)


def test_legalize_goes_into_bodies_and_removes_stop_gradients() -> None:
    x = ops.placeholder("f32[4, 3]", name="x")
    _, y = ops.scan(lambda c, v: (c, ops.softmax(v) + ops.cond(ops.sum(c) > 0, lambda: ops.softplus(v), lambda: v)), np.zeros(3, "float32"), x)
    graph = Graph([x.node], [y.node])
    after, fired, _ = run_pass("legalize", graph, nothing)
    text = after.to_text()
    assert fired["softmax"] == fired["softplus"] == 1
    assert not any(word in text for word in ("softmax(", "softplus(", "stop_gradient("))
    check_again("legalize", graph, after, takes=nothing)


def test_stabilise_runs_before_folding_so_that_constants_do_not_overflow() -> None:
    from symkeras.compiler.pipeline import Pipeline

    x = ops.placeholder("f32[3]", name="x")
    y = x + ops.log(ops.exp(ops.as_tensor(np.float32(800))) + 1.0)
    graph, _ = Pipeline.level("O2").run(Graph([x.node], [y.node]), everything)
    assert evaluate(graph, [np.zeros(3, "float32")])[0][0].tolist() == [800] * 3
    assert graph.count() == 1


def test_folding_computes_every_op_by_its_reference_value() -> None:
    for op in ops.OPS.values():
        for sample in op.samples[:2]:
            if op.is_random:
                continue
            from tests.ops.check_op import draw, same_bits

            arrays = draw(sample)
            out = ops.op.apply_symbolic(op, [ops.as_tensor(a) for a in arrays], sample.attrs)
            if isinstance(out, tuple):
                continue
            graph = Graph([], [out.node])
            after, fired, _ = run_pass("fold-constants", graph)
            assert after.outputs[0].op.name == "constant" and fired[op.name] == 1
            same_bits(after.outputs[0].attrs["value"].array, evaluate(graph, [])[0][0])


def test_folding_goes_into_bodies_but_leaves_loops_alone() -> None:
    x = ops.placeholder("f32[4]", name="x")
    two = ops.as_tensor(np.float32(1)) + ops.as_tensor(np.float32(1))
    end, _ = ops.scan(lambda c, v: (c + v * (ops.exp(ops.as_tensor(np.float32(0))) + two), None), np.float32(0), x)
    graph = Graph([x.node], [end.node])
    after, _, _ = run_pass("fold-constants", graph)
    scan = next(n for n in after.nodes if n.op.name == "scan")
    assert scan.attrs["body"].count() <= 3
    check_again("fold-constants", graph, after)


def test_passes_do_not_touch_what_they_have_no_business_with() -> None:
    x = ops.placeholder("f32[batch, 3]", name="x")
    graph = Graph([x.node], [ops.sum(ops.tanh(x) * 3.0).node])
    for name in PASSES:
        if PASSES[name].__module__.startswith("symkeras."):
            after, fired, _ = run_pass(name, graph)
            assert structure(after) == structure(graph) and not fired, name


@pytest.mark.parametrize("name", sorted(n for n, p in PASSES.items() if p.__module__.startswith("symkeras.")))
def test_text_of_a_pass_parses_back(name: str) -> None:
    one = parse_pass(name)
    assert isinstance(one, Pass) and str(one) == name and parse_pass(str(one)) == one
    assert name == name.lower() and one.__doc__


def test_options_of_a_pass_print_and_parse() -> None:
    assert str(parse_pass("fold-constants{limit=10}")) == "fold-constants{limit=10}"
    assert parse_pass(" fold-constants{ limit = 10 } ") == parse_pass("fold-constants{limit=10}") != parse_pass("fold-constants")
    assert str(parse_pass("fold-constants{limit=4096}")) == "fold-constants"


@pytest.mark.parametrize(("text", "message"), [
    ("simplfy", r"unknown pass 'simplfy'.*Did you mean 'simplify'\?"), ("fold-constants{size=3}", "size"),
    ("simplify{limit=3}", "limit"), ("", "unknown pass"),
    ("fold-constants{limit=}", "expected `option=value` .* received 'limit='"), ("fold-constants{limit}", "received 'limit'"),
    ("fold-constants{limit=-1}", "from 0 on, received 'limit=-1'"), ("fold-constants{limit=1.5}", "received 'limit=1.5'"),
    ("fold-constants{limit='a'}", "received"), ("fold-constants{limit=[1]}", "received"), ("fold-constants{limit=None}", "received"),
    ("fold-constants{limit=1,limit=2}", "limit is given twice"), ("fold-constants{limit=" + "9" * 400 + "}", "received"),
    ("fold-constants{limit=1}}", "unknown pass"), ("fold-constants{" * 1000, "unknown pass"), ("a" * 10**6, "unknown pass"),
    ("fold-constants{limit=" + "(" * 900 + "}", "received"), ("fold-constants{limit=\u0661}", "received"),
    ("fold-constants{limit=1,}x", "unknown pass"),
])  # fmt: skip
def test_unknown_passes_and_options_are_errors_that_name_them(text: str, message: str) -> None:
    with pytest.raises(CompileError, match=message):
        parse_pass(text)


def test_context_counts_what_fired_and_what_was_refused() -> None:
    context = Context(everything)
    x = ops.placeholder("f32[3]", name="x")
    parse_pass("simplify").run(Graph([x.node], [(ops.negative(-x) + 0.0).node]), context)
    assert context.fired["double-negation"] == 1 and sum(context.refused.values()) >= 1
    assert all(reason for _, reason in context.refused)
