"""Gradients of scan and cond, which have none before this is imported: `symkeras.autodiff` does.

The gradient of a scan runs the other way. The forward scan is asked for what the backward body needs (its body with
further outputs: same nodes, so the compiler merges the two), cheap values are computed again instead of saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symkeras.autodiff.reverse import vjp
from symkeras.graph import dims, dtypes
from symkeras.graph.dims import Size
from symkeras.graph.graph import Graph, substitute
from symkeras.graph.node import Node, make, reachable
from symkeras.graph.tensor import Tensor
from symkeras.graph.types import TensorType
from symkeras.ops.control import Cond, Scan, close
from symkeras.ops.leaves import placeholder_node
from symkeras.ops.op import OPS, constant_node, wrap
from symkeras.ops.shaping import broadcast_to


def zeros(type: TensorType) -> Tensor:
    """A symbolic zero of a type."""
    import numpy as np

    return broadcast_to(Tensor(constant_node(np.zeros((), type.dtype))), type.shape)


def _is_float(node: Any) -> bool:
    return dtypes.is_inexact(node.dtype)


def scan_vjp(dy: Sequence[Any], inputs: Sequence[Tensor], *, body: Graph, carries: int, sequences: int, length: Size, reverse: bool) -> list[Any]:
    """The gradients of every input of a scan, given those of its results."""
    carry_in, x_in, outer_in = body.inputs[:carries], body.inputs[carries : carries + sequences], body.inputs[carries + sequences :]
    floats = [k for k in range(carries) if _is_float(carry_in[k])]
    d_carry = {k: placeholder_node(carry_in[k].tensor_type, f"d_carry{k}") for k in floats}
    d_out = {k: placeholder_node(n.tensor_type, f"dy{k}") for k, n in enumerate(body.outputs[carries:]) if dy[carries + k] is not None}
    cotangents = [d_carry.get(k) for k in range(carries)] + [d_out.get(k) for k in range(len(body.outputs) - carries)]
    fixed = _fixed_values(body, carries, sequences, length)
    outer_in = [*outer_in, *fixed]
    inputs = [*inputs, *_outside(fixed, body.inputs[carries + sequences :], inputs[carries + sequences :])]
    found = vjp(body.outputs, cotangents, [*body.inputs, *fixed], stop=fixed)
    outer_used = [k for k, n in enumerate(outer_in) if found[carries + sequences + k] is not None]
    sums = {k: placeholder_node(outer_in[k].tensor_type, f"sum{k}") for k in outer_used}
    new_carry = [found[k] if found[k] is not None else zeros(carry_in[k].tensor_type).node for k in floats]
    new_sums = [(Tensor(sums[k]) + Tensor(n)).node for k in outer_used if (n := found[carries + sequences + k]) is not None]
    dx = [k for k in range(sequences) if found[carries + k] is not None]
    outputs = [*new_carry, *new_sums, *(found[carries + k] for k in dx)]

    saved = _saved_values(outputs, body, carries, fixed, [*d_carry.values(), *d_out.values(), *sums.values()])
    stacked = _forward_with(inputs[: len(body.inputs)], body, carries, sequences, length, reverse, saved)
    stand_ins = {n: placeholder_node(n.tensor_type, f"saved{k}") for k, n in enumerate(saved)}
    fixed_in = {n: placeholder_node(n.tensor_type, f"fixed{k}") for k, n in enumerate(fixed)}
    rebuilt = substitute(outputs, {**stand_ins, **fixed_in})
    reached = set(reachable([rebuilt[n] for n in outputs]))  # type: ignore[index]
    x_used = [k for k in range(sequences) if x_in[k] in reached]
    x_stand = {k: x_in[k] for k in x_used}
    first = [*d_carry.values(), *sums.values()]
    slices = [*d_out.values(), *stand_ins.values(), *x_stand.values()]
    backward, captured = close([*first, *slices], [rebuilt[n] for n in outputs], "scan_gradient")  # type: ignore[index]
    outside = {fixed_in.get(n, n): t.node for n, t in zip(outer_in, inputs[carries + sequences :], strict=True)}
    init = [dy[k] if dy[k] is not None else zeros(inputs[k].node.tensor_type) for k in floats]
    init += [zeros(outer_in[k].tensor_type) for k in outer_used]
    xs = [dy[carries + k] for k in d_out] + stacked + [inputs[carries + k] for k in x_used]
    attrs = {"body": backward, "carries": len(first), "sequences": len(slices), "length": length, "reverse": not reverse}
    nodes = [t.node for t in (*init, *xs)] + [outside.get(n, n) for n in captured]
    results = wrap(make(OPS["scan"], nodes, attrs))

    gradient: list[Any] = [None] * len(inputs)
    for position, k in enumerate(floats):
        gradient[k] = results[position]
    for position, k in enumerate(outer_used):
        gradient[carries + sequences + k] = results[len(floats) + position]
    for position, k in enumerate(dx):
        gradient[carries + k] = results[len(first) + position]
    return _through_fixed(gradient, inputs, len(body.inputs))


def _fixed_values(body: Graph, carries: int, sequences: int, length: Size) -> list[Node]:
    """What the steps read that is the same in each of them, and can be computed outside of the loop: gradients are summed up there."""
    runs = (dims.least(length) or 0) > 0
    fixed = set(body.inputs[carries + sequences :])
    read: dict[Node, None] = {}
    for n in body.nodes:
        is_fixed = n.inputs and not isinstance(n.type, tuple) and all(i in fixed for i in n.inputs) and (runs or not n.op.may_raise(n))
        if is_fixed or n.op.name in ("constant", "dim"):
            fixed.add(n)
        else:
            read.update((i, None) for i in n.inputs if i in fixed and i.inputs)
    read.update((n, None) for n in body.outputs if n in fixed and n.inputs)
    return list(read)


def _outside(fixed: Sequence[Node], outer_in: Sequence[Node], outer: Sequence[Tensor]) -> list[Tensor]:
    new = substitute(fixed, {n: t.node for n, t in zip(outer_in, outer, strict=True)})
    return [Tensor(new[n]) for n in fixed]


def _through_fixed(gradient: list[Any], inputs: Sequence[Tensor], count: int) -> list[Any]:
    """The gradients of the first `count` inputs, to which those of the other ones, made of them outside of the loop, are carried on."""
    given = [(t.node, g.node) for t, g in zip(inputs[count:], gradient[count:], strict=True) if g is not None]
    nodes = list(dict.fromkeys(t.node for t in inputs[:count]))
    more = dict(zip(nodes, vjp([n for n, _ in given], [g for _, g in given], nodes, stop=nodes), strict=True)) if given else {}
    found = []
    for t, g in zip(inputs[:count], gradient[:count], strict=True):
        extra = more.pop(t.node, None)  # an input given twice gets it once
        found.append(g if extra is None else Tensor(extra) if g is None else g + Tensor(extra))
    return found


def _saved_values(outputs: Sequence[Any], body: Graph, carries: int, fixed: Sequence[Node], cotangents: Sequence[Node]) -> list[Node]:
    """Forward nodes that the backward body needs and that are not cheap to compute again."""
    nodes = reachable(outputs)
    backward = set(cotangents)
    for n in nodes:
        if any(i in backward for i in n.inputs):
            backward.add(n)
    given = set(body.inputs[carries:])
    frontier: dict[Node, None] = {}
    for n in nodes:
        if n in backward and n not in cotangents:
            frontier.update((i, None) for i in n.inputs if i not in backward)
    frontier.update((n, None) for n in outputs if n not in backward)
    carry = set(body.inputs) - given
    free = {n for n in nodes if n in given or n.op.name in ("constant", "dim")} | set(fixed)
    forward = [n for n in nodes if n not in backward]
    for n in forward:  # what depends on neither carries nor slices costs nothing to have
        if n not in free and n.inputs and n.op.is_view and all(i in free for i in n.inputs):
            free.add(n)
    needed = [n for n in frontier if n not in free]
    for n in sorted(needed, key=lambda n: -n.uid):
        cheap = n not in carry and (n.op.is_elementwise or n.op.is_view) and _flops_per_element(n) <= 4
        if cheap and all(i in free or i in frontier for i in n.inputs):
            del frontier[n]
    return sorted((n for n in frontier if n not in free), key=lambda n: n.uid)


def _flops_per_element(node: Node) -> int:
    return getattr(node.op, "flops_per_element", 1)


def _forward_with(
    inputs: Sequence[Tensor], body: Graph, carries: int, sequences: int, length: Size, reverse: bool, saved: Sequence[Node]
) -> list[Any]:
    """The stacked values of `saved`, from the forward scan with further outputs."""
    extended = Graph(body.inputs, [*body.outputs, *saved], name=body.name)
    attrs = {"body": extended, "carries": carries, "sequences": sequences, "length": length, "reverse": reverse}
    results = wrap(make(OPS["scan"], [t.node for t in inputs], attrs))
    return list(results[len(body.outputs) :])


def cond_vjp(dy: Sequence[Any], predicate: Any, inputs: Sequence[Tensor], then: Graph, otherwise: Graph) -> list[Any]:
    """The gradients of what the branches of a cond read: a cond of the gradients of the branches."""
    given = [k for k, d in enumerate(dy) if d is not None]
    wanted = [k for k, t in enumerate(inputs) if _is_float(t)]
    branches, nodes = [], []
    for g in (then, otherwise):
        d_out = {k: placeholder_node(g.outputs[k].tensor_type, f"dy{k}") for k in given}
        found = vjp(g.outputs, [d_out.get(k) for k in range(len(g.outputs))], g.inputs)
        results = [found[k] if found[k] is not None else zeros(g.inputs[k].tensor_type).node for k in wanted]
        branches.append(Graph([*g.inputs, *d_out.values()], results, name=f"{g.name}_gradient"))  # type: ignore[arg-type]
    nodes = [predicate.node, *(t.node for t in inputs), *(dy[k].node for k in given)]
    results = wrap(make(OPS["cond"], nodes, {"then": branches[0], "otherwise": branches[1]})) if wanted else ()
    gradient: list[Any] = [None] * (len(inputs) + 1)
    for position, k in enumerate(wanted):
        gradient[k + 1] = results[position]
    return gradient


Scan.vjp = lambda self, dy, out, *inputs, **attrs: scan_vjp(dy, inputs, **attrs)  # type: ignore[method-assign]
Cond.vjp = lambda self, dy, out, predicate, *inputs, **attrs: cond_vjp(dy, predicate, inputs, **attrs)  # type: ignore[method-assign]
