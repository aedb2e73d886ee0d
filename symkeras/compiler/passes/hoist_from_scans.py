"""`hoist-from-scans`: what does not change over time is computed before the loop.

A product of each slice with a fixed matrix becomes one gemm before it, an output that is such a product one gemm after
it, and a carry that only sums up products (the gradient of a weight) one gemm over all time steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from symkeras.compiler.passes.base import Context, Pass
from symkeras.compiler.passes.rules import splat
from symkeras.compiler.passes.scan_loop import Loop, item, replace_scans
from symkeras.graph import dims, provenance
from symkeras.graph.graph import Graph, substitute
from symkeras.graph.node import Node, make
from symkeras.graph.tensor import Tensor
from symkeras.ops import elementwise as ew
from symkeras.ops.leaves import placeholder_node
from symkeras.ops.op import OPS
from symkeras.ops.reductions import sum as sum_
from symkeras.ops.shaping import broadcast_to, reshape


@dataclass(frozen=True)
class HoistFromScans(Pass):
    """Move work out of loops: before them, or after them as single gemms."""

    name: ClassVar[str] = "hoist-from-scans"

    def run(self, graph: Graph, context: Context) -> Graph:
        def transform(node: Node, inputs: list[Node], read: list[bool]) -> list[Node | None] | None:
            loop = Loop.of(node, inputs)
            count = len(context.rewrites)
            _hoist_invariant(loop, context)
            _hoist_over_slices(loop, context)
            after = _sink_outputs(loop, context)
            sums = _unroll_sums(loop, context)
            if len(context.rewrites) == count and not after and not sums:
                return None
            whole = loop.make()
            kept = [k for k in range(len(node.attrs["body"].inputs[: node.attrs["carries"]])) if k not in sums]
            results: list[Node | None] = []
            for k in range(len(node.types)):
                c = node.attrs["carries"]
                if k < c:
                    results.append(sums[k](whole) if k in sums else item(whole, kept.index(k)))
                else:
                    results.append(after[k - c](whole) if k - c in after else item(whole, len(kept) + k - c))
            return results

        return replace_scans(graph, transform)


def _dependence(loop: Loop) -> tuple[dict[Node, bool], dict[Node, bool]]:
    """For each body node, whether it changes over time at all, and whether it depends on a carry.

    What may be an error stays in a loop that may have no steps, as if it changed.
    """
    runs = (dims.least(loop.length) or 0) > 0
    varies: dict[Node, bool] = {}
    carried: dict[Node, bool] = {}
    carries, slices = set(loop.carry_in), set(loop.x_in)
    for n in loop.body_nodes():
        varies[n] = n in carries or n in slices or any(varies[i] for i in n.inputs) or (not runs and n.op.may_raise(n))
        carried[n] = n in carries or any(carried[i] for i in n.inputs)
    return varies, carried


def _outside(loop: Loop, node: Node, cache: dict[Node, Node]) -> Node:
    """An invariant body node, computed outside of the loop."""
    outer = dict(zip(loop.outer_in, loop.outer, strict=True))
    return substitute([node], {**outer, **cache})[node]


def _hoist_invariant(loop: Loop, context: Context) -> None:
    varies, _ = _dependence(loop)
    ready = [n for n in loop.body_nodes() if not varies[n] and n.inputs and n not in loop.outer_in]
    used_inside = {i for n in loop.body_nodes() if varies[n] for i in n.inputs} | set(loop.carry_out) | set(loop.ys)
    mapping = {}
    for n in ready:
        if n in used_inside and not isinstance(n.type, tuple):
            mapping[n] = loop.add_outer(context.rewrote("hoist-invariant", n, _outside(loop, n, {}), keeps_value=False))
    if mapping:
        loop.replace_in_body(mapping)


def _hoist_over_slices(loop: Loop, context: Context) -> None:
    """Products of slices with invariant matrices, and sums of those with invariants, over all steps at once."""
    stacked: dict[Node, Node] = dict(zip(loop.x_in, loop.xs, strict=True))
    varies, carried = _dependence(loop)
    for n in loop.body_nodes():
        if n in stacked or carried[n] or not varies[n]:
            continue
        if (
            n.op.name == "matmul"
            and n.inputs[0] in stacked
            and not varies[n.inputs[1]]
            and n.inputs[0].ndim == n.inputs[1].ndim == 2
            and not n.attrs["transpose_a"]
        ):
            with provenance.replacing(n):
                stacked[n] = _stacked_matmul(loop, stacked[n.inputs[0]], _outside(loop, n.inputs[1], {}), n.attrs["transpose_b"])
            context.rewrote("hoist-matmul", n, stacked[n], keeps_value=False)
        elif n.op.name in ("add", "subtract") and _aligned(n, stacked, varies) and any(i.op.name == "matmul" and i in stacked for i in n.inputs):
            inputs = [stacked[i] if i in stacked else _outside(loop, i, {}) for i in n.inputs]
            with provenance.replacing(n):
                stacked[n] = make(n.op, inputs, n.attrs)
            context.rewrote("hoist-bias", n, stacked[n], keeps_value=False)
    hoisted = [n for n in stacked if n not in loop.x_in]
    readers: dict[Node, list[Node]] = {}
    for n in loop.body_nodes():
        for i in n.inputs:
            readers.setdefault(i, []).append(n)
    mapping = {}
    for n in hoisted:
        is_read = n in loop.carry_out or n in loop.ys or any(r not in stacked for r in readers.get(n, ()))
        if is_read:
            inner = placeholder_node(n.tensor_type, f"x{len(loop.x_in)}")
            loop.x_in.append(inner)
            loop.xs.append(stacked[n])
            mapping[n] = inner
    if mapping:
        loop.replace_in_body(mapping)


def _aligned(n: Node, stacked: dict[Node, Node], varies: dict[Node, bool]) -> bool:
    return all((i in stacked and i.ndim == n.ndim) or (not varies[i] and i.ndim <= n.ndim) for i in n.inputs)


def _stacked_matmul(loop: Loop, xs: Node, w: Node, transpose_b: bool) -> Node:
    t, b, f = xs.shape
    flat = reshape(Tensor(xs), (t * b, f)).node
    product = make(OPS["matmul"], (flat, w), {"transpose_a": False, "transpose_b": transpose_b})
    return reshape(Tensor(product), (t, b, product.shape[-1])).node


def _sink_outputs(loop: Loop, context: Context) -> dict[int, Callable[[Node], Node]]:
    """Outputs that are a product with an invariant matrix: the factor comes out, the product is taken after the loop."""
    varies, _ = _dependence(loop)
    readers: dict[Node, int] = {}
    for n in loop.body_nodes():
        for i in n.inputs:
            readers[i] = readers.get(i, 0) + 1
    after: dict[int, Callable[[Node], Node]] = {}
    for k, y in enumerate(list(loop.ys)):
        is_product = y.op.name == "matmul" and not y.attrs["transpose_a"] and y.inputs[0].ndim == y.inputs[1].ndim == 2
        if not is_product or readers.get(y, 0) or y in loop.carry_out or loop.ys.count(y) > 1 or varies[y.inputs[1]] or not varies[y.inputs[0]]:
            continue
        w, factor = _outside(loop, y.inputs[1], {}), y.inputs[0]
        loop.ys[k] = factor
        after[k] = _product_after(loop, y, k, w, context)
    return after


def _product_after(loop: Loop, y: Node, k: int, w: Node, context: Context) -> Callable[[Node], Node]:
    """What takes the product `y` of all steps at once, of the stacked factors that the loop gives as its k-th output."""

    def product(whole: Node) -> Node:
        with provenance.replacing(y):
            made = _stacked_matmul(loop, item(whole, len(loop.init) + k), w, y.attrs["transpose_b"])
        return context.rewrote("sink-matmul", y, made, keeps_value=False)

    return product


def _unroll_sums(loop: Loop, context: Context) -> dict[int, Callable[[Node], Node]]:
    """Carries that only sum something up, also something narrower: what they sum comes out stacked and is summed after the loop."""
    readers: dict[Node, list[Node]] = {}
    for n in loop.body_nodes():
        for i in n.inputs:
            readers.setdefault(i, []).append(n)
    found: dict[int, tuple[str, tuple[Node, ...]]] = {}
    for k, (inner, outer) in enumerate(zip(loop.carry_in, loop.carry_out, strict=True)):
        if outer.op.name != "add" or readers.get(inner, []) != [outer] or readers.get(outer) or loop.carry_out.count(outer) > 1:
            continue
        if any(n in loop.ys for n in (inner, outer)) or inner in loop.carry_out:
            continue
        term = outer.inputs[1] if outer.inputs[0] is inner else outer.inputs[0]
        if term is inner:
            continue
        if (
            term.op.name == "matmul"
            and term.attrs["transpose_a"]
            and not term.attrs["transpose_b"]
            and term.ndim == term.inputs[0].ndim == term.inputs[1].ndim == 2
        ):
            found[k] = ("gemm", term.inputs)
        elif term.op.name == "sum" and term.attrs["axes"] == (0,):
            found[k] = ("sum", term.inputs)
    after: dict[int, Callable[[Node], Node]] = {}
    places = {k: [loop.add_y(n) for n in nodes] for k, (_, nodes) in found.items()}
    carries = len(loop.init) - len(found)
    for k, (kind, _) in found.items():
        after[k] = _total_after(loop.carry_out[k], [carries + p for p in places[k]], kind, loop.init[k], context)
    for name in ("init", "carry_in", "carry_out"):
        setattr(loop, name, [v for k, v in enumerate(getattr(loop, name)) if k not in found])
    return after


def _total_after(carry: Node, places: list[int], kind: str, start: Node, context: Context) -> Callable[[Node], Node]:
    """What sums up after the loop what the carry did in it."""

    def total(whole: Node) -> Node:
        with provenance.replacing(carry):
            made = _total(whole, places, kind, start)
        return context.rewrote(f"scan-{kind}", carry, made, keeps_value=False)

    return total


def _total(whole: Node, places: list[int], kind: str, start: Node) -> Node:
    stacks = []
    for p in places:
        s = Tensor(item(whole, p))
        stacks.append(reshape(s, (s.dims[0] * s.dims[1], *s.dims[2:])))
    if kind == "gemm":
        total = Tensor(make(OPS["matmul"], [s.node for s in stacks], {"transpose_a": True, "transpose_b": False}))
    else:
        total = sum_(stacks[0], axis=0)
    return broadcast_to(total, start.shape).node if splat(start) == 0 else ew.add_(Tensor(start), total).node
