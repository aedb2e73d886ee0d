"""Bounds of magnitudes hold, and models are written in one piece where they promise finite numbers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Sequential, layers, ops
from symkeras.graph import Graph, dtypes
from symkeras.ops.evaluation import evaluate
from symkeras.ops.op import OPS, Op, Sample, apply
from tests.ops.check_op import draw, placeholders

onnx = pytest.importorskip("onnx", reason="ONNX files are written by the package onnx")
pytest.importorskip("onnxruntime", reason="exported models are run by ONNX Runtime")
from symkeras.backend.onnx import magnitudes  # noqa: E402
from tests.backend.onnx.test_export import kinds_within, run  # noqa: E402

CASES = [(op, s) for op in OPS.values() for s in op.samples if op.name in magnitudes.RULES or op.is_view or op.is_composite]


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(("op", "sample"), CASES, ids=[f"{op.name}-{' '.join(s.types)}" for op, s in CASES])
def test_no_element_exceeds_the_bound(op: Op, sample: Sample, known: bool) -> None:
    arrays = draw(sample)
    largest = max([float(np.abs(a).max(initial=0)) for a in arrays if dtypes.is_float(str(a.dtype))], default=0.0)
    inputs: list[Any] = placeholders(arrays)
    given = [*inputs[:1], *map(ops.as_tensor, arrays[1:])] if known else inputs
    result: Any = apply(op, given, {**op.defaults, **sample.attrs})
    if isinstance(result, tuple):
        return
    graph = Graph([t.node for t in (inputs[:1] if known else inputs)], [result.node])
    bound = magnitudes.magnitudes(graph, largest)[result.node]
    with np.errstate(all="ignore"):
        found = np.asarray(evaluate(graph, arrays[: len(graph.inputs)])[0][0])
    if math.isfinite(bound):
        assert (np.abs(found.astype("float64")) <= bound * (1 + 1e-5) + 1e-6).all(), "NaN is larger than any bound, too"


def test_what_may_be_no_number_has_no_bound() -> None:
    x, n = ops.placeholder("f32[batch, 4]", name="x"), ops.placeholder("i32[batch, 4]", name="n")
    results = [ops.sqrt(x), ops.log(x), 1.0 / x, x / (x * 0.0), ops.exp(x * 1e3), x * 1e30, ops.cumsum(x), ops.sum(x, 0), x * np.float32(np.nan)]
    results += [ops.cast(n, "float32") * 1e30, x + np.float32(np.inf)]
    bounds = magnitudes.magnitudes(Graph([x.node, n.node], [r.node for r in results]), 1e9)
    assert all(bounds[r.node] == math.inf for r in results)
    assert magnitudes.magnitudes(Graph([x.node], [ops.tanh(x * x).node]), 1e9)[ops.tanh(x * x).node] == 1


def network(padding: str = "valid", scale: float = 1.0) -> Any:
    model = Sequential([
        Input((9, 9, 2)), layers.Conv2D(4, 3, activation="relu", padding="same"), layers.MaxPooling2D(3, 2, padding),
        layers.BatchNormalization(), layers.Conv2D(3, 2, activation="gelu"), layers.MaxPooling2D(2), layers.Flatten(), layers.Dense(2),
    ])  # fmt: skip
    model.layers[0].set_weights([w * scale for w in model.layers[0].get_weights()])
    return model


def images(rows: int = 3) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(rows, 9, 9, 2)).astype("float32")


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_one_look_at_the_inputs_answers_for_all_pools(padding: str, tmp_path: Path) -> None:
    model = network(padding)
    model.export(tmp_path / "model.onnx")
    graph = onnx.load(tmp_path / "model.onnx").graph
    choices = [n for n in graph.node if n.op_type == "If"]
    assert len(choices) == 1 and sum(n.op_type == "MaxPool" for n in graph.node) == 2
    then, otherwise = (a.g.node for a in sorted(choices[0].attribute, key=lambda a: a.name, reverse=True))
    assert {n.op_type for n in then} == {"Identity"} and "Conv" in kinds_within(otherwise)
    sizes = sorted(int(np.prod(i.dims)) for i in graph.initializer if len(i.dims) == 4 and np.prod(i.dims) > 4)
    assert sizes == [48, 72], "each kernel is there once"
    assert run(tmp_path / "model.onnx", [images(0)])[0].shape == (0, 2)
    for x in (images(), images(1)):
        np.testing.assert_allclose(run(tmp_path / "model.onnx", [x])[0], model.predict(x, verbose=0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, 1e16])
def test_numbers_that_promise_nothing_come_out_as_the_reference_has_them(value: float, tmp_path: Path) -> None:
    model, x = network(scale=1e3), images()
    x[1, 4, 4, 0] = value
    model.export(tmp_path / "model.onnx")
    model.compile("sgd", "mse", backend="interpreter")
    np.testing.assert_allclose(run(tmp_path / "model.onnx", [x])[0], model.predict(x, verbose=0), rtol=1e-4, atol=1e-5)


def test_weights_without_a_bound_leave_a_choice_to_each_pool(tmp_path: Path) -> None:
    model = network(scale=1e30)
    model.export(tmp_path / "model.onnx")
    graph = onnx.load(tmp_path / "model.onnx").graph
    assert sum(n.op_type == "If" for n in graph.node) == 2
    np.testing.assert_allclose(run(tmp_path / "model.onnx", [images() * 1e-30])[0], model.predict(images() * 1e-30, verbose=0), rtol=1e-4, atol=1e-5)
