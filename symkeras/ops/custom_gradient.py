"""Functions with gradients of their own: the value is a node's, the gradient a closed graph within it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symkeras import tree
from symkeras.errors import GradientError, GraphError, ShapeError
from symkeras.graph import dims, recording
from symkeras.graph.graph import Graph, substitute
from symkeras.graph.node import Node, make
from symkeras.graph.tensor import Tensor
from symkeras.graph.types import TensorType
from symkeras.graph.variable import Variable
from symkeras.ops import attributes as at
from symkeras.ops.control import _Body, alike
from symkeras.ops.leaves import cast, placeholder_node
from symkeras.ops.numpy import zeros_like
from symkeras.ops.op import OPS, Op, as_array, as_tensor, compute, is_recorded, is_symbolic, register, wrap


@register
class CustomGradient(Op):
    """Its first inputs, as they are, with a gradient that is a graph.

    Inputs are `outputs` values, `arguments` tensors that they were computed from, and what the gradient reads beside. The graph maps the
    gradients of the values and what it reads to those of the arguments; through the other inputs nothing flows back.
    """

    name = "custom_gradient"
    moves = True
    attributes = {"gradient": at.BODY, "outputs": at.integer(1), "arguments": at.integer(0)}

    def infer(self, *types: TensorType, gradient: Graph, outputs: int, arguments: int) -> tuple[TensorType, ...]:  # type: ignore[override]
        read = [*types[:outputs], *types[outputs + arguments :]]
        if outputs + arguments > len(types) or len(gradient.inputs) != len(read) or not all(
            alike(n.tensor_type, t) for n, t in zip(gradient.inputs, read, strict=True)
        ):  # fmt: skip
            raise ShapeError(f"custom_gradient: the graph of {len(gradient.inputs)} inputs does not fit {', '.join(map(str, types))}")
        if len(gradient.outputs) != arguments:
            raise ShapeError(f"custom_gradient: {len(gradient.outputs)} gradients for {arguments} arguments")
        return types[:outputs]

    def value(self, *arrays: Any, outputs: int, **_: Any) -> Any:  # type: ignore[override]
        return arrays[:outputs]

    def vjp(self, dy: Any, out: Any, *inputs: Any, gradient: Graph, outputs: int, arguments: int) -> Any:  # type: ignore[override]
        upstream = [zeros_like(o) if d is None else d for d, o in zip(dy, out, strict=True)]
        given = [as_tensor(t).node for t in (*upstream, *inputs[outputs + arguments :])]
        new = substitute(gradient.outputs, dict(zip(gradient.inputs, given, strict=True)))
        found = [Tensor(new[n]) for n in gradient.outputs]
        return [*(None,) * outputs, *found, *(None,) * (len(inputs) - outputs - arguments)]

    def flops(self, node: Node) -> dims.Size:
        return 0


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: a function that says its own gradient.

    Args:
        f: takes tensors, in any nesting; gives a pair of what it computes, in any nesting, and a function `grad(*upstream)` that takes the
            gradient for each tensor of that and gives one for each tensor of the arguments. `grad(*args, upstream=None)` is called so, too.

    Returns:
        A function that gives the first of the pair. Variables that `f` reads beside its arguments get no gradient through it.

    Raises:
        GraphError: `f` gives no pair.
        GradientError: `grad` gives other gradients than one of its shape for each argument.

    >>> import numpy as np
    >>> import symkeras
    >>> from symkeras.autodiff import gradients
    >>> @custom_gradient
    ... def square(x):
    ...     return x * x, lambda upstream: upstream * 100.0
    >>> square(np.float32(3.0)).item(), symkeras.function(lambda x: gradients(square(x), x))(np.float32(3.0)).item()
    (9.0, 100.0)
    """

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        leaves = tree.flatten(args)
        tensors = [_read(x) for x in leaves]
        result = f(*tree.pack_sequence_as(args, tensors), **kwargs)
        if not isinstance(result, tuple) or len(result) != 2 or not callable(result[1]):
            raise GraphError("custom_gradient: the function gives a pair of a value and a function for its gradient")
        value, grad = result
        flat = tree.flatten(value)
        if is_symbolic(*tensors, *flat):
            return tree.pack_sequence_as(value, _with_gradient([as_tensor(v) for v in flat], [as_tensor(x) for x in tensors], grad))
        if is_recorded(*tensors):
            return tree.pack_sequence_as(value, _recorded([as_array(v) for v in flat], [as_array(x) for x in tensors], grad))
        return value

    return call


def _read(x: Any) -> Any:
    """A variable as its value: symbolic in a trace, recorded while a tape is open."""
    if not isinstance(x, Variable):
        return x
    return as_tensor(x) if is_symbolic(x) else as_array(x) if recording.current() is not None else x


def _with_gradient(outputs: Sequence[Tensor], arguments: Sequence[Tensor], grad: Callable[..., Any]) -> Sequence[Tensor]:
    graph, captured = _gradient_of(outputs, arguments, grad)
    inputs = [*(t.node for t in (*outputs, *arguments)), *captured]
    return wrap(make(OPS["custom_gradient"], inputs, _attributes(graph, outputs, arguments)))


def _recorded(outputs: Sequence[Any], arguments: Sequence[Any], grad: Callable[..., Any]) -> Sequence[Any]:
    """The same on arrays while a tape is open; what the gradient reads beside is as it is now."""
    given, read = ([as_tensor(np.asarray(a)) for a in arrays] for arrays in (outputs, arguments))
    graph, captured = _gradient_of(given, read, grad)
    beside = [n.attrs["variable"].array for n in captured]
    return compute(OPS["custom_gradient"], [*outputs, *arguments, *beside], _attributes(graph, outputs, arguments))


def _attributes(graph: Graph, outputs: Sequence[Any], arguments: Sequence[Any]) -> dict[str, Any]:
    return {"gradient": graph, "outputs": len(outputs), "arguments": len(arguments)}


def _gradient_of(outputs: Sequence[Tensor], arguments: Sequence[Tensor], grad: Callable[..., Any]) -> tuple[Graph, list[Node]]:
    """The gradient as a graph, and what it reads beside the gradients of the outputs."""
    upstream = [placeholder_node(t.node.tensor_type, f"upstream{k}") for k, t in enumerate(outputs)]

    def build() -> Any:
        found = tree.flatten(grad(*map(Tensor, upstream)))
        if len(found) != len(arguments):
            raise GradientError(f"custom_gradient: {len(found)} gradients for {len(arguments)} arguments")
        return [_fitted(as_tensor(zeros_like(x) if g is None else g, x.dtype), x, k) for k, (g, x) in enumerate(zip(found, arguments, strict=True))]

    body = _Body(build)
    if body.assigned:
        raise GraphError(f"custom_gradient: the gradient assigns variable {body.assigned[0].path!r}")
    return body.closed(upstream, body.result, "gradient")


def _fitted(gradient: Tensor, x: Tensor, k: int) -> Tensor:
    if len(gradient.dims) != len(x.dims) or not all(map(dims.same, gradient.dims, x.dims)):
        raise GradientError(f"custom_gradient: gradient {k} has shape {gradient.dims}, its argument {x.dims}")
    return cast(gradient, x.dtype)
