"""Products with the Jacobian: the derivative along a direction, by two reverse sweeps.

A gradient is linear in the weights of the outputs, and its derivative by these weights, in the direction of the tangents, is the product. So
every operation with a gradient has one here too, and no second set of rules is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symkeras import ops, tree
from symkeras.autodiff.at_once import evaluated, summed
from symkeras.autodiff.reverse import gradients
from symkeras.errors import GradientError, GraphError, ShapeError
from symkeras.graph import dims, dtypes, recording
from symkeras.graph.recording import Recorded, Recording
from symkeras.graph.tensor import Tensor
from symkeras.ops.op import OPS, as_array, as_tensor, is_symbolic


def jvp(fun: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """What `fun` gives at `primals`, and how fast that changes in the direction of `tangents`: the product of the Jacobian and a vector.

    Args:
        fun: takes tensors, in any nesting; gives tensors in any nesting.
        primals: a list or tuple with an argument for each of `fun`, of floating dtype.
        tangents: in the nesting and the shapes of `primals`.
        has_aux: whether `fun` gives a pair of its value and of something that is handed on as it is.

    Returns:
        The value and its derivative, alike in nesting and shapes; with `has_aux`, and what is handed on.

    Raises:
        GraphError: `primals` is no list or tuple, `tangents` are nested otherwise, or `fun` gives no pair where `has_aux` says so.
        ShapeError: a tangent has another shape than its primal.
        GradientError: a primal is not of floating dtype, or a path goes through an op without gradient.

    >>> jvp(lambda x: x * x, (np.array([1.0, 3.0]),), (np.array([1.0, 0.5]),))
    (array([1., 9.]), array([2., 3.]))
    """
    if not isinstance(primals, (list, tuple)) or not isinstance(tangents, (list, tuple)):
        raise GraphError(f"jvp: primals and tangents are lists or tuples, received {type(primals).__name__} and {type(tangents).__name__}")
    given, directions = tree.flatten(primals), tree.flatten(tangents)
    if len(given) != len(directions):
        raise GraphError(f"jvp: {len(directions)} tangents for {len(given)} primals")
    if is_symbolic(*given, *directions):
        return _in_graph(fun, primals, [as_tensor(x) for x in given], directions, has_aux)
    return _on_arrays(fun, primals, [x if isinstance(x, Recorded) else as_array(x) for x in given], directions, has_aux)


def _in_graph(fun: Callable[..., Any], nesting: Any, primals: Sequence[Tensor], directions: Sequence[Any], has_aux: bool) -> Any:
    apart = [_apart(x) for x in primals]
    value, aux = _called(fun, tree.pack_sequence_as(nesting, apart), has_aux)
    outputs = [as_tensor(y) for y in tree.flatten(value)]
    slopes = [as_tensor(ops.zeros_like(y)) if s is None else s for y, s in zip(outputs, _along(outputs, apart, directions), strict=True)]
    return (tree.pack_sequence_as(value, outputs), tree.pack_sequence_as(value, slopes), *aux)


def _on_arrays(fun: Callable[..., Any], nesting: Any, primals: Sequence[Any], directions: Sequence[Any], has_aux: bool) -> Any:
    """The values are computed as ever, and what is written down beside them is differentiated; a tape around may go on with all of it."""
    outer = recording.current()
    recorder = outer or Recording()
    with recording.set_to(recorder):
        apart = [_recorded(x, recorder) for x in primals]
        value, aux = _called(fun, tree.pack_sequence_as(nesting, apart), has_aux)
    outputs = tree.flatten(value)
    known = [y for y in outputs if recorder.knows(y)]
    along = [_written(d) if recorder.knows(d) else d for d in directions]
    with recording.set_to(None):
        slopes = _along([_written(y) for y in known], [_written(x) for x in apart], along)
        values = evaluated([s.node for s in slopes if s is not None], recorder)
    found = {id(y): Recorded.of(values[s.node], s.node) for y, s in zip(known, slopes, strict=True) if s is not None}
    each = [found[id(y)] if id(y) in found else ops.zeros_like(y) for y in outputs]
    if outer is None:
        outputs, each = [np.asarray(y) for y in outputs], [np.asarray(s) for s in each]
    return (tree.pack_sequence_as(value, outputs), tree.pack_sequence_as(value, each), *aux)


def _called(fun: Callable[..., Any], arguments: Any, has_aux: bool) -> tuple[Any, tuple[Any, ...]]:
    result = fun(*arguments)
    if not has_aux:
        return result, ()
    if not isinstance(result, tuple) or len(result) != 2:
        raise GraphError(f"jvp: with has_aux the function gives a pair, received {type(result).__name__}")
    return result[0], (result[1],)


def _apart(x: Tensor) -> Tensor:
    """`x` as a tensor that is no other one: what the function reads of the same tensor beside its arguments does not move with them."""
    return OPS["boundary"].apart(x, "primal")  # type: ignore[attr-defined]


def _recorded(x: Any, recorder: Recording) -> Recorded:
    if not recorder.knows(x):
        return recorder.leaf(x)
    node = _apart(_written(x)).node
    recorder.values[node] = np.asarray(x)
    return Recorded.of(x, node)


def _written(x: Any) -> Tensor:
    """What is written down of a recorded array."""
    return Tensor(x.node)


def _along(outputs: Sequence[Tensor], primals: Sequence[Tensor], directions: Sequence[Any]) -> list[Tensor | None]:
    """The derivative of each output when the primals move in these directions; None for an output that stands still."""
    moves = [_fitted(d, x) for d, x in zip(directions, primals, strict=True)]
    moving = [k for k, y in enumerate(outputs) if dtypes.is_inexact(y.dtype)]
    weights = [_apart(as_tensor(ops.zeros_like(outputs[k]))) for k in moving]
    loss = summed([ops.sum(ops.multiply(outputs[k], w)) for k, w in zip(moving, weights, strict=True)])
    pulled = [] if loss is None else gradients(loss, list(primals))
    change = summed([ops.sum(ops.multiply(g, d)) for g, d in zip(pulled, moves, strict=False) if g is not None])
    slopes = [None] * len(weights) if change is None else gradients(change, weights)
    found = dict(zip(moving, slopes, strict=True))
    return [found.get(k) for k in range(len(outputs))]


def _fitted(direction: Any, x: Tensor) -> Tensor:
    if not dtypes.is_inexact(x.dtype):
        raise GradientError(f"jvp: a primal must be of floating dtype, received {x.node.type}")
    move = ops.cast(as_tensor(direction), x.dtype)
    if len(move.dims) != len(x.dims) or not all(map(dims.same, move.dims, x.dims)):
        raise ShapeError(f"jvp: a tangent of shape {tuple(move.dims)} for a primal of shape {tuple(x.dims)}")
    return move
