"""The reverse sweep: cotangents flow from outputs to inputs, op by op, with each op's own vjp."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from symkeras.autodiff.stable import StableForm
from symkeras.errors import GradientError
from symkeras.graph import dtypes, provenance, tracing
from symkeras.graph.node import Node
from symkeras.graph.tensor import Tensor
from symkeras.graph.variable import Variable
from symkeras.ops.op import Composite, as_tensor, constant_node, wrap
from symkeras.ops.shaping import unbroadcast

visited = 0
"""Nodes visited by all sweeps so far; a test asserts that it grows linearly with depth."""


def gradients(loss: Any, variables: Any) -> Any:
    """The gradients of a scalar `loss` with respect to tensors or variables, taken of its numerically stable form.

    Args:
        loss: a symbolic scalar of floating dtype.
        variables: one, or a list, of symbolic tensors or variables.

    Returns:
        A tensor for each of `variables`, of its shape; None where the loss does not depend on it.

    Raises:
        GradientError: the loss is not a floating scalar, or a path goes through an op without gradient.

    >>> from symkeras import ops
    >>> x = ops.placeholder("f32[3]", name="x")
    >>> gradients(ops.sum(x * x), x)
    <Tensor add: f32[3]>
    """
    single = not isinstance(variables, (list, tuple))
    loss = as_tensor(loss)
    if loss.ndim:
        raise GradientError(
            f"a gradient needs a scalar loss, received {loss.node.type} at {provenance.user_line()}; reduce it with ops.sum or ops.mean"
        )
    if not dtypes.is_inexact(loss.dtype):
        raise GradientError(f"a gradient needs a floating loss, received {loss.node.type} at {provenance.user_line()}")
    wanted = [variables] if single else list(variables)
    versions = [_versions(v) for v in wanted]
    leaves = [_start(v) for v in wanted]
    later = [n for nodes in versions for n in nodes]
    form = StableForm(loss.node, [*leaves, *later])
    found = form.unmarked(vjp([form.loss], [constant_node(_one(loss.dtype))], form.wrt))
    out, begin = [], len(leaves)
    for own, nodes in zip(found, versions, strict=False):
        parts = [own, *found[begin : begin + len(nodes)]]
        out.append(_total([Tensor(n) for n in parts if n is not None]))
        begin += len(nodes)
    return out[0] if single else out


def _one(dtype: str) -> Any:
    import numpy as np

    return np.ones((), dtype)


def _start(v: Any) -> Node:
    """What stands for a variable, as it was when the trace began, or for a tensor."""
    if not isinstance(v, Variable):
        return as_tensor(v).node
    trace = tracing.current()
    return v.node if trace is None else trace.start(v).node


def _versions(v: Any) -> list[Node]:
    """What was read of a variable after it was assigned in the trace."""
    trace = tracing.current()
    return [t.node for t in trace.versions.get(v, ())] if trace is not None and isinstance(v, Variable) else []


def vjp(outputs: Sequence[Node], cotangents: Sequence[Node | None], wrt: Sequence[Node], stop: Iterable[Node] = ()) -> list[Node | None]:
    """Pull `cotangents` of `outputs` back to `wrt`; nodes of `stop` are not looked behind."""
    global visited
    order = _dependent_order(outputs, wrt, frozenset(stop))
    needed = set(order)
    pulled: dict[Node, list[Any]] = {}

    def receive(node: Node, cotangent: Any) -> None:
        if node in needed and cotangent is not None:
            if node.op.name == "item":
                parent = node.inputs[0]
                slots = pulled.setdefault(parent, [[] for _ in parent.types])
                slots[node.attrs["index"]].append(cotangent)
            pulled.setdefault(node, []).append(cotangent)

    for node, cotangent in zip(outputs, cotangents, strict=True):
        if cotangent is not None:
            receive(node, Tensor(cotangent))
    stops = set(stop)
    for node in reversed(order):
        visited += 1
        if node not in pulled or node in stops or node.op.name in ("item", "placeholder", "variable"):
            continue
        with provenance.inherit(provenance.gradient_origins(node.origins, node.op.name)):
            dy = tuple(_total(s) for s in pulled[node]) if isinstance(node.type, tuple) else _total(pulled[node])
            pulled[node] = pulled[node] if isinstance(node.type, tuple) else [dy]
            for source, gradient in zip(node.inputs, _pull(node, dy), strict=True):
                receive(source, gradient)
    return [_finish(pulled.get(n)) for n in wrt]


def _finish(cotangents: list[Any] | None) -> Node | None:
    total = _total(cotangents) if cotangents else None
    return None if total is None else total.node


def _total(cotangents: list[Any]) -> Any:
    """The sum of what arrived, None for nothing."""
    if not cotangents:
        return None
    total = cotangents[0]
    for c in cotangents[1:]:
        total = total + c
    return total


def _pull(node: Node, dy: Any) -> Sequence[Any]:
    """The cotangents of the inputs of `node`."""
    inputs = [Tensor(i) if not isinstance(i.type, tuple) else wrap(i) for i in node.inputs]
    op = node.op
    if isinstance(op, Composite) and not op.has_vjp:
        result = op.decompose(*inputs, **node.attrs)
        outs, dys = (result, dy) if isinstance(result, tuple) else ((result,), (dy,))
        found = vjp([t.node for t in outs], [None if d is None else d.node for d in dys], list(node.inputs), stop=node.inputs)
        return [None if n is None else Tensor(n) for n in found]
    pulled = op.vjp(dy, wrap(node), *inputs, **node.attrs)
    if not (op.is_elementwise or isinstance(op, Composite)):  # a composite may be elementwise without saying so: hypot
        return pulled
    return [g if g is None else unbroadcast(g, x.dims) for g, x in zip(pulled, inputs, strict=True)]


def _dependent_order(outputs: Sequence[Node], wrt: Sequence[Node], stop: frozenset[Node]) -> list[Node]:
    """The floating nodes between `wrt` and `outputs`, in topological order."""
    seen: dict[int, Node] = {}
    todo = list(outputs)
    while todo:
        node = todo.pop()
        if node.uid not in seen:
            seen[node.uid] = node
            if node not in stop and node.op.name != "stop_gradient":
                todo.extend(node.inputs)
    depends = set(wrt)
    order = []
    for uid in sorted(seen):
        node = seen[uid]
        if node not in depends and node not in stop and node.op.name != "stop_gradient":
            if any(i in depends for i in node.inputs) and any(dtypes.is_inexact(t.dtype) for t in node.types):
                depends.add(node)
        if node in depends:
            order.append(node)
    return order
