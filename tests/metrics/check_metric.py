"""`check_metric`: a metric fed in batches gives what is expected, eagerly, in a graph and from state passed in and out."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import metrics, ops
from symkeras.graph import Graph, tracing
from tests.backends import evaluate_on_all
from tests.losses.symbolic import placeholders


def check_metric(metric: metrics.Metric, expected: Any, *arrays: Any, batch: int = 2, rtol: float = 2e-5) -> None:
    """Compare the result for `arrays` (targets, predictions, weights), given in batches, with `expected`."""
    arrays = tuple(np.asarray(a) for a in arrays)
    batches = [tuple(a[k : k + batch] for a in arrays) for k in range(0, len(arrays[0]), batch)]
    for part in batches:
        metric.update_state(*part)
    np.testing.assert_allclose(metric.result(), expected, rtol=rtol, atol=1e-6)
    state = [v.numpy() for v in metric.variables]
    metric.reset_state()
    assert all(not v.numpy().any() for v in metric.variables)
    _check_graph(metric, batches, expected, rtol)
    metric.reset_state()
    values = metric.stateless_reset_state()
    for part in batches:
        values = metric.stateless_update_state(values, *part)
    assert all(not v.numpy().any() for v in metric.variables)
    for a, b in zip(values, state, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-6)
    np.testing.assert_allclose(metric.stateless_result(values), expected, rtol=rtol, atol=1e-6)


def _check_graph(metric: metrics.Metric, batches: list[Any], expected: Any, rtol: float) -> None:
    inputs = placeholders(batches[0])
    with tracing.Trace() as trace:
        metric.update_state(*inputs)
        result = ops.as_tensor(metric.result())
    graph = Graph([x.node for x in inputs], [result.node], trace.updates())
    targets = [n.attrs["variable"] for n, _ in graph.updates]
    for part in batches:
        (value,), news = evaluate_on_all(graph, part)
        for variable, new in zip(targets, news, strict=True):
            variable.set(new)
    np.testing.assert_allclose(value, expected, rtol=rtol, atol=1e-6)
