"""`check_pass`: a pass turns one text into another, computes what was computed before, and is done after one run."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symkeras.compiler import pipeline  # noqa: F401  (registers the passes)
from symkeras.compiler.passes.base import Context, parse_pass
from symkeras.graph import Graph, dims, provenance
from symkeras.graph.compilation import Compilation
from symkeras.graph.types import TensorType
from symkeras.ops.evaluation import evaluate
from tests.ops.check_op import draw_one
from tests.tolerances import assert_alike

SIZES = {"batch": 3, "time": 4, "rows": 5}
"""What symbolic sizes are when a text is evaluated."""


def everything(name: str) -> bool:
    """A backend that takes every op."""
    return True


def nothing(name: str) -> bool:
    """A backend that takes no composite."""
    return False


def structure(graph: Graph) -> str:
    """A digest of what a graph computes: equal for graphs that differ in the order of their lines alone."""
    seen: dict[object, str] = {n: f"{k}: {n.type}" for k, n in enumerate(graph.inputs)}

    def text(value: object) -> str:
        return structure(value) if isinstance(value, Graph) else repr(value)

    for n in graph.nodes:
        if n not in seen:
            attrs = [f"{k}={text(v)}" for k, v in n.attrs.items() if k not in ("uid", "variable")]
            seen[n] = hashlib.sha256(repr((n.op.name, attrs, str(n.type), [seen[i] for i in n.inputs])).encode()).hexdigest()
    ends = [seen[n] for n in graph.outputs], sorted((seen[v], seen[n]) for v, n in graph.updates)
    return hashlib.sha256(repr(ends).encode()).hexdigest()


def random_inputs(graph: Graph, seed: int = 0, low: float = -2.0, high: float = 2.0) -> list[np.ndarray]:
    """One array per input; integers are small enough to index with."""
    rng = np.random.default_rng(seed)
    found = []
    for n in graph.inputs:
        t = TensorType(dims.evaluate(n.shape, SIZES), n.dtype)
        found.append(draw_one(t, 0, 3, rng) if t.dtype.startswith(("int", "uint")) else draw_one(t, low, high, rng))
    return found


def fill_variables(*graphs: Graph) -> None:
    """The same random value for variables of one name."""
    for g in graphs:
        for n in g.variables:
            v = n.attrs["variable"]
            rng = np.random.default_rng(len(n.attrs["name"]) + sum(map(ord, n.attrs["name"])))
            v.set(draw_one(n.tensor_type, 0, 3, rng) if v.dtype.startswith("int") else draw_one(n.tensor_type, 0.1, 2.0, rng))


def same_results(before: Graph, after: Graph, arrays: Sequence[Any], exact: bool = True) -> None:
    """Equal outputs; updates are compared after they were written, since passes may write them in other pieces."""
    for a, b in zip(outputs_and_variables(after, arrays, before), outputs_and_variables(before, arrays, before), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        if exact:
            np.testing.assert_array_equal(a, b)
        else:
            assert_alike(a, b, "layer")


def outputs_and_variables(graph: Graph, arrays: Sequence[Any], source: Graph) -> list[np.ndarray]:
    """The outputs, and what the variables of `source` hold after the updates of `graph`; their values are put back."""
    variables = [n.attrs["variable"] for n in source.variables]
    saved = [v.numpy() for v in variables]
    outputs, new = evaluate(graph, arrays)
    for (node, _), value in zip(graph.updates, [np.array(v) for v in new], strict=True):
        node.attrs["variable"].set(value)
    after = [v.numpy() for v in variables]
    for v, value in zip(variables, saved, strict=True):
        v.set(value)
    return [*map(np.asarray, outputs), *after]


def run_pass(text: str, graph: Graph, takes: Callable[[str], bool] = everything) -> tuple[Graph, Counter[str], Counter[tuple[str, str]]]:
    """The graph after a pass, what fired and what was refused."""
    context = Context(takes)
    with Compilation(graph.names), provenance.inherit(()):
        after = parse_pass(text).run(graph, context)
    return after, context.fired, context.refused


def check_pass(pass_text: str, before_text: str, after_text: str, exact: bool = True, takes: Callable[[str], bool] = everything) -> Counter[str]:
    """`pass_text` makes `after_text` of `before_text`; the counts of what fired.

    Checked as well: inputs, output types and values are kept, and a second run changes nothing.
    """
    before, wanted = Graph.parse(before_text), Graph.parse(after_text)
    after, fired, _ = run_pass(pass_text, before, takes)
    assert structure(after) == structure(wanted), f"{pass_text} gave\n{after.to_text()}\nnot\n{after_text}"
    check_again(pass_text, before, after, exact, takes)
    return fired


def check_again(pass_text: str, before: Graph, after: Graph, exact: bool = True, takes: Callable[[str], bool] = everything) -> None:
    """The same interface and values, and nothing left to do."""
    assert after.inputs == before.inputs and [n.type for n in after.outputs] == [n.type for n in before.outputs]
    again, _, _ = run_pass(pass_text, after, takes)
    assert structure(again) == structure(after), f"{pass_text} is not done after one run:\n{again.to_text()}"
    fill_variables(before, after)
    same_results(before, after, random_inputs(before), exact)
