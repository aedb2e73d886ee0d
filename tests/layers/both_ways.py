"""Running a layer on arrays and as a graph, which must agree, and its gradients against finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import ops, tree
from symkeras.autodiff.reverse import gradients
from symkeras.graph import tracing
from symkeras.graph.graph import Graph
from symkeras.ops.evaluation import evaluate
from tests.backends import evaluate_on_all

_SHORT = {"float32": "f32", "float64": "f64", "bool": "bool", "int32": "i32"}


def symbolic(arrays: Any, placeholders: list[tuple[Any, np.ndarray]], free: int = 1) -> Any:
    """Placeholders in the nesting of `arrays`, whose first `free` axes (two at most) are symbolic; each is noted with its array."""

    def one(x: Any) -> Any:
        if not isinstance(x, np.ndarray):
            return x
        sizes = [("batch", f"time{d}")[k] if k < min(free, x.ndim - (x.dtype != bool)) else str(d) for k, d in enumerate(x.shape)]
        placeholder = ops.placeholder(f"{_SHORT[str(x.dtype)]}[{', '.join(sizes)}]")
        placeholders.append((placeholder, x))
        return placeholder

    return tree.map_structure(one, arrays)


def as_graph(layer: Any, args: Any, kwargs: dict[str, Any], free: int = 1) -> tuple[Graph, list[np.ndarray], Any]:
    """The graph of one call, the arrays for its inputs, and the outputs' nesting."""
    pairs: list[tuple[Any, np.ndarray]] = []
    inputs = [symbolic(a, pairs, free) for a in args]
    named = {k: symbolic(v, pairs, free) for k, v in kwargs.items()}
    with tracing.Trace() as trace:
        outputs = layer(*inputs, **named)
    graph = Graph([p.node for p, _ in pairs], [t.node for t in tree.flatten(outputs)], trace.updates())
    return graph, [a for _, a in pairs], outputs


def both_ways(layer: Any, *args: Any, free: int = 1, **kwargs: Any) -> list[np.ndarray]:
    """The outputs on arrays, after checking that the layer's graph gives the same, with `free` leading axes unknown."""
    eager = [np.asarray(y) for y in tree.flatten(layer(*args, **kwargs))]
    graph, arrays, _ = as_graph(layer, args, kwargs, free)
    values, _ = evaluate_on_all(graph, arrays)
    assert [v.shape for v in values] == [y.shape for y in eager]
    for value, y in zip(values, eager, strict=True):
        np.testing.assert_allclose(value, y, rtol=2e-6, atol=2e-6)
    return eager


def check_gradients(layer: Any, *args: Any, **kwargs: Any) -> None:
    """Gradients of a weighted sum of squares of the outputs, for all weights and float inputs, in float64."""
    layer(*args, **kwargs)
    pairs: list[tuple[Any, np.ndarray]] = []
    inputs = [symbolic(a, pairs) for a in args]
    named = {k: symbolic(v, pairs) for k, v in kwargs.items()}
    with tracing.Trace():
        outputs = tree.flatten(layer(*inputs, **named))
        loss: Any = 0.0
        for k, y in enumerate(outputs):
            weights = np.random.default_rng(k).normal(size=[3 if d is None else d for d in y.shape][1:])
            loss = loss + ops.sum(ops.square(y) * weights) + ops.sum(y)
        wanted = [*layer.trainable_weights, *(p for p, a in pairs if a.dtype == np.float64)]
        nodes = [g.node for g in gradients(loss, wanted)]
    graph = Graph([p.node for p, _ in pairs], [loss.node, *nodes])
    arrays = [a.copy() for _, a in pairs]
    _, *analytic = evaluate_on_all(graph, arrays)[0]
    floats = [a for a in arrays if a.dtype == np.float64]
    storages = [*(v.array for v in layer.trainable_weights), *floats]
    for storage, found in zip(storages, analytic, strict=True):
        np.testing.assert_allclose(found, _differences(graph, arrays, storage), rtol=1e-5, atol=1e-7)


def _differences(graph: Graph, arrays: list[np.ndarray], storage: np.ndarray, step: float = 1e-6) -> np.ndarray:
    result = np.empty_like(storage)
    only_loss = Graph(graph.inputs, graph.outputs[:1])
    for index in np.ndindex(storage.shape):
        before = storage[index]
        ends = []
        for sign in (1, -1):
            storage[index] = before + sign * step
            ends.append(float(evaluate(only_loss, arrays)[0][0]))
        storage[index] = before
        result[index] = (ends[0] - ends[1]) / (2 * step)
    return result


def randomize(layer: Any, seed: int = 0, scale: float = 0.6) -> list[np.ndarray]:
    """Give every weight random values; returned in order."""
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(size=v.shape) * scale for v in layer.weights])
    return layer.get_weights()
