"""How large values can get: from the largest number among the inputs an upper bound for every value, operation by operation.

ONNX Runtime's maximum pooling loses a NaN. Where the inputs are bounded by some number, and all sums and products up to a pooling
layer are then bounded by what its dtype holds, no NaN and no infinity can arise before it: one look at the inputs of the model answers for all
of its pooling layers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from symkeras.graph import dims, dtypes
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, reachable
from symkeras.graph.tensor import Tensor
from symkeras.ops.leaves import placeholder_node
from symkeras.ops.op import Composite

LADDER = (1e15, 1e12, 1e9)
"""Largest numbers among the inputs that are tried, in turn."""
_SPARE = 1e-2
"""Of the largest number of a dtype, what values stay below: sums in another order, and by Winograd's or other ways, have some more on their way."""

Bound = Callable[[Node, Sequence[float]], float]
"""The bound of the result of a node, from those of its inputs."""


def bounded(graph: Graph, wanted: Collection[Node]) -> tuple[float, set[Node]]:
    """The largest number that the inputs may hold so that `wanted` are finite, and those of `wanted` for which that holds.

    Args:
        graph: as it is written; its variables stay as they are, but those that it updates.
        wanted: nodes of the outermost graph.
    """
    best: tuple[float, set[Node]] = (LADDER[0], set())
    for largest in LADDER:
        bounds = magnitudes(graph, largest)
        found = {n for n in wanted if math.isfinite(bounds[n])}
        if len(found) > len(best[1]):
            best = (largest, found)
    return best


def magnitudes(graph: Graph, largest: float) -> Mapping[Node, float]:
    """For every node of a graph a number that no element exceeds in magnitude, and below which lie all partial sums; inf where none is known.

    Args:
        largest: what no floating element of the inputs exceeds.

    >>> from symkeras import ops
    >>> x = ops.placeholder("f32[batch, 2]")
    >>> y = x @ np.array([[1.0, 2.0], [-3.0, 4.0]], "float32")
    >>> magnitudes(Graph([x.node], [y.node]), 10.0)[y.node]
    60.0
    """
    changed = {v.attrs["variable"] for v, _ in graph.updates}
    bounds: dict[Node, float] = {n: of_input(n, largest) for n in graph.inputs}
    for n in graph.nodes:
        if n not in bounds:
            is_changed = n.op.name == "variable" and n.attrs["variable"] in changed
            bounds[n] = math.inf if is_changed else _bound(n, [bounds[i] for i in n.inputs])
    return bounds


def of_input(n: Node, largest: float) -> float:
    """What no element of an input exceeds."""
    return min(largest, _most(n.dtype)) if dtypes.is_float(n.dtype) else _greatest(n.dtype)


def _greatest(dtype: str) -> float:
    return 1.0 if dtype == "bool" else max(float(np.iinfo(dtype).max), -float(np.iinfo(dtype).min)) if dtypes.is_int(dtype) else math.inf


def _most(dtype: str) -> float:
    return _SPARE * float(dtypes.limits(dtype).max) if dtypes.is_float(dtype) else math.inf


def _bound(n: Node, given: Sequence[float]) -> float:
    if isinstance(n.type, tuple) or not (dtypes.is_float(n.dtype) or n.dtype == "bool" or dtypes.is_int(n.dtype)):
        return math.inf
    if not dtypes.is_float(n.dtype):  # integers wrap around
        return _greatest(n.dtype)
    found = _found(n, given)
    return found if found <= _most(n.dtype) else math.inf


def _found(n: Node, given: Sequence[float]) -> float:
    rule = RULES.get(n.op.name)
    if rule is not None:
        return rule(n, given)
    if n.op.is_view:
        return max(given)
    return _of_parts(n, given) if isinstance(n.op, Composite) else math.inf


def _of_parts(n: Node, given: Sequence[float]) -> float:
    """Of a composite, by its decomposition."""
    op = n.op
    assert isinstance(op, Composite)
    inputs = [i if _array(i) is not None else placeholder_node(i.tensor_type, "x") for i in n.inputs]
    result = op.decompose(*map(Tensor, inputs), **n.attrs)
    bounds = dict(zip(inputs, given, strict=True))
    for part in reachable([result.node]):
        if part not in bounds:
            bounds[part] = _bound(part, [bounds[i] for i in part.inputs])
    return bounds[result.node]


def _greatest_of(n: Node, given: Sequence[float]) -> float:
    return max(given, default=0.0)


def _array(n: Node) -> np.ndarray | None:
    """The elements of a node that is known when the model is written."""
    if n.op.name == "constant":
        return n.attrs["value"].array
    return n.attrs["variable"].array if n.op.name == "variable" else None


def _known(n: Node, given: Sequence[float]) -> float:
    array = _array(n)
    assert array is not None
    found = float(np.max(np.abs(array.astype("float64")), initial=0.0))
    return found if math.isfinite(found) else math.inf


def _total(n: Node, given: Sequence[float]) -> float:
    count = dims.product([n.inputs[0].shape[k] for k in n.attrs["axes"]])
    return given[0] * count if isinstance(count, int) else math.inf


def _of_windows(n: Node, given: Sequence[float]) -> float:
    return given[0] * math.prod(n.attrs["window"])


def _of_pooling(n: Node, given: Sequence[float]) -> float:
    """A window of nothing but padding has -inf."""
    along = zip(n.inputs[0].shape[1:-1], n.attrs["window"], n.attrs["padding"], strict=True)
    has_some = all((dims.least(size) or 0) > 0 and all(isinstance(p, int) and p < window for p in pads) for size, window, pads in along)
    return given[0] if has_some else math.inf


def _product(n: Node, given: Sequence[float]) -> float:
    """The largest of a row times the sum of the magnitudes of a column; of unknown matrices, times how many there are."""
    return _weighted(n.inputs[1], given, -1 if n.attrs["transpose_b"] else -2)


def _convolution(n: Node, given: Sequence[float]) -> float:
    return _weighted(n.inputs[1], given, tuple(range(n.inputs[1].ndim - 1)))


def _weighted(weights: Node, given: Sequence[float], axes: int | tuple[int, ...]) -> float:
    array = _array(weights)
    if array is not None:
        return given[0] * float(np.max(np.abs(array.astype("float64")).sum(axis=axes), initial=0.0))
    count = dims.product([weights.shape[k] for k in (axes if isinstance(axes, tuple) else (axes,))])
    return given[0] * given[1] * count if isinstance(count, int) else math.inf


def _quotient(n: Node, given: Sequence[float]) -> float:
    array = _array(n.inputs[1])
    if array is None or not math.isfinite(given[1]) or not array.all():
        return math.inf
    return given[0] / float(np.min(np.abs(array.astype("float64")), initial=math.inf))


def _exponential(n: Node, given: Sequence[float]) -> float:
    return math.exp(given[0]) if given[0] < 700 else math.inf


def _one(n: Node, given: Sequence[float]) -> float:
    return 1.0 if given[0] < math.inf else math.inf


def _padded(n: Node, given: Sequence[float]) -> float:
    return max(given[0], abs(float(n.attrs["value"])))


RULES: dict[str, Bound] = {
    "constant": _known, "variable": _known,
    "negative": _greatest_of, "absolute": _greatest_of, "maximum": _greatest_of, "minimum": _greatest_of, "concatenate": _greatest_of,
    "cast": _greatest_of, "max_pool": _of_pooling, "flip": _greatest_of, "stop_gradient": _greatest_of, "gelu": _greatest_of, "silu": _greatest_of,
    "where": lambda n, given: max(given[1:]), "gather": lambda n, given: given[0], "pad": _padded,
    "max": _greatest_of, "min": _greatest_of, "sum": _total, "sum_pool": _of_windows,
    "add": lambda n, given: given[0] + given[1], "subtract": lambda n, given: given[0] + given[1],
    "multiply": lambda n, given: given[0] * given[1], "square": lambda n, given: given[0] ** 2, "divide": _quotient,
    "matmul": _product, "conv": _convolution, "exp": _exponential,
    "tanh": _one, "sigmoid": _one, "erf": _one, "sin": _one, "cos": _one, "softmax": _one, "softsign": _one, "sign": _one,
    "softplus": lambda n, given: given[0] + 1.0, "selu": lambda n, given: 2.0 * given[0] + 2.0,
    "elu": lambda n, given: max(given[0], abs(n.attrs["alpha"])),
}  # fmt: skip
"""Operations that keep finite numbers finite. What is in no row may make a NaN of them, or its bound is unknown."""
