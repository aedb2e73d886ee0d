"""`check_layer`: everything that holds for every layer, checked on one example of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symkeras import ops, tree
from symkeras.autodiff import gradients
from symkeras.graph import tracing
from symkeras.graph.graph import Graph
from symkeras.graph.tensor import Tensor
from symkeras.layers.calls import call_context
from symkeras.layers.layer import Layer
from symkeras.ops.evaluation import evaluate
from tests.backends import evaluate_on_all

SHORT = {"float64": "f64", "float32": "f32", "int32": "i32", "int64": "i64", "bool": "bool"}


def check_layer(
    cls: type[Layer],
    config: dict[str, Any],
    inputs: Any,
    expected: Any = None,
    *,
    weights: Sequence[tuple[str, tuple[int, ...]]] = (),
    training: bool = False,
    free: Sequence[int] = (0,),
    gradient: bool = True,
    mask: Any = None,
    expected_mask: Any = None,
    tolerance: float = 1e-10,
) -> Layer:
    """Check one layer in float64 and return it, built, with random weights.

    Checked are: names and shapes of the weights in order; the value against `expected`; that the config is JSON, makes
    an equal layer and lists itself again; that the symbolic graph has the promised shape and gives the eager value;
    the gradients of a weighted sum of the output against finite differences; the mask.

    Args:
        inputs: an array, or a list of them.
        expected: an array, or a function of the inputs and the layer's weights (in order) that gives one; not checked when None.
        weights: (name, shape) of each.
        training: the flag the layer is called with.
        free: axes of the inputs whose sizes are symbolic.
        gradient: whether finite differences are taken.
        mask: the mask of the inputs, a list for a list.
        expected_mask: the mask of the output; None where it must have none.
    """
    arrays = tree.map_structure(lambda a: np.asarray(a, np.float64) if np.asarray(a).dtype.kind == "f" else np.asarray(a), inputs)
    layer = cls(**config, dtype="float64")
    layer(arrays)
    assert [(v.name, v.shape) for v in layer.weights] == [(n, tuple(s)) for n, s in weights]
    randomize(layer)
    state = [v.numpy() for v in layer.variables]

    value = eager(layer, arrays, training, mask)
    for v, before in zip(layer.variables, state, strict=True):
        v.set(before)
    if expected is not None:
        wanted = expected(*tree.flatten(arrays), *(w.numpy() for w in layer.weights)) if isinstance(expected, Callable) else expected
        np.testing.assert_allclose(value, wanted, rtol=tolerance, atol=tolerance)
        assert np.shape(value) == np.shape(wanted)
    check_config(layer, arrays, training, mask, value, state)
    check_symbolic(layer, arrays, training, mask, expected_mask, value, free, tolerance, gradient)
    if gradient:
        check_gradient(layer, arrays, training, mask, free)
    return layer


def randomize(layer: Layer, seed: int = 0) -> None:
    """Give every weight random values, those that must be positive positive ones."""
    rng = np.random.default_rng(seed)
    for v in layer.weights:
        v.set(rng.uniform(0.5, 1.5, v.shape) if "variance" in v.name else rng.normal(size=v.shape))


def eager(layer: Layer, arrays: Any, training: bool, mask: Any = None) -> np.ndarray:
    """The layer's value on arrays."""
    arguments: dict[str, Any] = {"training": training} if layer._takes_training else {}
    if mask is not None and layer._takes_mask:
        arguments["mask"] = mask
    return np.asarray(layer(arrays, **arguments))


def check_config(layer: Layer, arrays: Any, training: bool, mask: Any, value: Any, state: Any) -> None:
    """The config makes an equal layer."""
    config = layer.get_config()
    again = type(layer).from_config(json.loads(json.dumps(config)))
    assert json.dumps(again.get_config(), sort_keys=True) == json.dumps(config, sort_keys=True)
    again(arrays)
    for v, before in zip(again.variables, state, strict=True):
        v.set(before)
    np.testing.assert_array_equal(eager(again, arrays, training, mask), value)


def trace(layer: Layer, arrays: Any, training: bool, mask: Any, free: Sequence[int]) -> tuple[list[Tensor], Tensor, list[Any]]:
    """Placeholders for the arrays (and masks), the output, and the updates of one symbolic call."""
    tensors, masks = [], []
    flat_masks = tree.flatten(mask) if mask is not None else [None] * len(tree.flatten(arrays))
    for k, (array, m) in enumerate(zip(tree.flatten(arrays), flat_masks, strict=True)):
        sizes = [("batch" if axis == 0 else f"size_{k}_{axis}") if axis in free else str(size) for axis, size in enumerate(array.shape)]
        x = ops.placeholder(f"{SHORT[array.dtype.name]}[{', '.join(sizes)}]", name=f"x{k}")
        if m is not None:
            x._keras_mask = ops.placeholder(f"bool[{', '.join(sizes[: np.ndim(m)])}]", name=f"mask{k}")
            masks.append(x._keras_mask)
        tensors.append(x)
    arguments = {"training": training} if layer._takes_training else {}
    with tracing.Trace() as record, call_context():
        out = layer(tree.pack_sequence_as(arrays, tensors), **arguments)
    return [*tensors, *masks], out, record.updates()


def check_symbolic(
    layer: Layer, arrays: Any, training: bool, mask: Any, expected_mask: Any, value: Any, free: Any, tolerance: float, gradient: bool
) -> None:
    """The graph promises the right shape and dtype, and gives the eager value and the right mask.

    Where gradients are asked for, too, `check_gradient` lets all backends compute the value together with them.
    """
    placeholders, out, _ = trace(layer, arrays, training, mask, free)
    feeds = [*tree.flatten(arrays), *(np.asarray(m) for m in tree.flatten(mask if mask is not None else []) if m is not None)]
    assert all(want in (None, have) for want, have in zip(out.shape, np.shape(value), strict=True))
    assert out.dtype == value.dtype
    shapes = tree.map_structure(lambda t: t.shape, tree.pack_sequence_as(arrays, placeholders[: len(tree.flatten(arrays))]))
    assert tuple(layer.compute_output_shape(shapes)) == out.shape
    assert (out._keras_mask is None) == (expected_mask is None)
    outputs = [out.node] if expected_mask is None else [out.node, out._keras_mask.node]
    (result, *result_mask), _ = (evaluate if gradient else evaluate_on_all)(Graph([p.node for p in placeholders], outputs), feeds)
    np.testing.assert_allclose(result, value, rtol=tolerance, atol=tolerance)
    if expected_mask is not None:
        np.testing.assert_array_equal(result_mask[0], expected_mask)


def check_gradient(layer: Layer, arrays: Any, training: bool, mask: Any, free: Sequence[int], step: float = 1e-6) -> None:
    """Gradients by inputs and trainable weights agree with central differences of a weighted sum of the output."""
    placeholders, out, _ = trace(layer, arrays, training, mask, free)
    feeds = [*tree.flatten(arrays), *(np.asarray(m) for m in tree.flatten(mask if mask is not None else []) if m is not None)]
    inputs = [p.node for p in placeholders]
    (value,), _ = evaluate(Graph(inputs, [out.node]), feeds)
    weighting = np.random.default_rng(1).normal(size=value.shape)
    loss = ops.sum(ops.multiply(out, weighting))
    wanted: list[Any] = [p for p in placeholders if p.dtype == "float64"] + layer.trainable_weights
    found = gradients(loss, wanted)
    pairs = [(v, g) for v, g in zip(wanted, found, strict=True) if g is not None]
    graph = Graph(inputs, [loss.node])
    masks = [] if out._keras_mask is None else [out._keras_mask.node]
    outputs, _ = evaluate_on_all(Graph(inputs, [out.node, *masks, *(g.node for _, g in pairs)]), feeds)
    values = outputs[1 + len(masks) :]

    def at(target: Any, array: np.ndarray) -> float:
        if isinstance(target, Tensor):
            changed = [array if p is target else f for p, f in zip(placeholders, feeds, strict=True)]
            return float(evaluate(graph, changed)[0][0])
        return float(evaluate(graph, feeds, {target.node: array})[0][0])

    assert {id(v) for v, _ in pairs} >= {id(v) for v in layer.trainable_weights}
    for (target, _), got in zip(pairs, values, strict=True):
        base = next(f for p, f in zip(placeholders, feeds, strict=True) if p is target) if isinstance(target, Tensor) else target.numpy()
        numeric = np.zeros_like(base)
        for place in np.ndindex(*base.shape):
            moved = [base.copy(), base.copy()]
            moved[0][place] += step
            moved[1][place] -= step
            numeric[place] = (at(target, moved[0]) - at(target, moved[1])) / (2 * step)
        np.testing.assert_allclose(got, numeric, rtol=2e-5, atol=2e-7)
