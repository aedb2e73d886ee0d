"""`symkeras.backend.report()` against what happens: what it says runs, runs, and what it says is missing is refused."""

from __future__ import annotations

import numpy as np
import pytest

from symkeras.backend.interface import compile_graph
from symkeras.backend.inventory import Row, report
from symkeras.errors import BackendError
from symkeras.graph import Graph
from symkeras.ops.evaluation import evaluate
from symkeras.ops.op import OPS, Op, apply_symbolic
from tests.backends import FREE_SIGNS, missing
from tests.ops.check_op import draw, placeholders
from tests.tolerances import assert_alike

NAMES = ["interpreter", "numpy", "native", "jax", "torch", "tensorflow", "pytensor", "onnxruntime"]


def one_of_each_kind(names: tuple[str, ...]) -> list[Op]:
    """One op of each class; composites, which share one, all."""
    found = {(type(OPS[n]).__name__, n if OPS[n].is_composite else ""): OPS[n] for n in names if OPS[n].samples and n not in FREE_SIGNS}
    return list(found.values())


def together(chosen: list[Op]) -> tuple[Graph, list[np.ndarray]]:
    """One graph that computes the first sample of each."""
    inputs, outputs, arrays = [], [], []
    for op in chosen:
        given = draw(op.samples[0])
        tensors = placeholders(given)
        result = apply_symbolic(op, tensors, op.samples[0].attrs)
        outputs += result if isinstance(result, (tuple, list)) else [result]
        inputs += tensors
        arrays += given
    return Graph([x.node for x in inputs], [t.node for t in outputs]), arrays


def row_of(name: str) -> Row:
    if missing(name):
        pytest.skip(missing(name))
    return next(r for r in report() if r.name == name)


@pytest.mark.parametrize("name", NAMES)
def test_what_the_report_says_of_operations_is_so(name: str) -> None:
    row = row_of(name)
    assert row.version and row.devices and not row.problem
    assert not {*row.own} & {*row.expanded, *row.missing}
    graph, arrays = together(one_of_each_kind(row.own) + one_of_each_kind(row.expanded))
    options = {"mode": "py"} if name == "pytensor" else {}
    found = compile_graph(graph, name, level="O0", **options)(*arrays)
    for node, a, e in zip(graph.outputs, found, evaluate(graph, arrays)[0], strict=True):
        assert_alike(a, e, "op", "" if name == "interpreter" else name, node.op.name)
    for op in (OPS[n] for n in row.missing):
        with pytest.raises(BackendError, match=op.name):
            compile_graph(*together([op])[:1], name, level="O0")


@pytest.mark.parametrize("name", NAMES)
def test_devices_of_the_report_can_be_named(name: str) -> None:
    from symkeras.backend import interface

    row = row_of(name)
    if "device" not in interface.options_of(name):
        assert row.devices == ("cpu",)
        return
    graph, arrays = together([OPS["add"]])
    for device in row.devices:
        f = compile_graph(graph, name, device=device)
        assert f(*arrays)[0].shape == arrays[0].shape and f" on {device}" in str(f)
