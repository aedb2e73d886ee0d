"""`simplify`: rules that make a graph smaller or its kernels cheaper without changing a bit, or only the order of sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from symkeras.compiler.passes.base import Context, Pass
from symkeras.compiler.passes.rules import Match, Rule, RuleSet, splat, tensors
from symkeras.graph import dtypes, provenance
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, make
from symkeras.ops import elementwise as ew
from symkeras.ops.op import OPS
from symkeras.ops.shaping import transpose


def _is_int(m: Match) -> str | None:
    return None if dtypes.is_int(m.node.dtype) else "x + 0 turns -0.0 into 0.0"


def _is_number(m: Match) -> str | None:
    return None if m.node.dtype != "bool" else "a boolean is its own square"


def _compose_transposes(m: Match) -> Node:
    inner, outer = m.attrs["a"], m.attrs["b"]
    return transpose(tensors(m, "x")[0], tuple(inner[k] for k in outer)).node


def _same_shape(name: str) -> Any:
    return lambda m: None if m["x"].type == m.node.type else f"{name} changes the shape"


def _swaps_last_two(node: Node) -> bool:
    n = node.ndim
    return node.op.name == "transpose" and node.attrs["axes"] == (*range(n - 2), n - 1, n - 2)


def _absorb_transposes(m: Match) -> Node | None:
    a, b = m["a"], m["b"]
    ta, tb = m.attrs["p"], m.attrs["q"]
    if _swaps_last_two(a):
        a, ta = a.inputs[0], not ta
    if _swaps_last_two(b):
        b, tb = b.inputs[0], not tb
    return make(OPS["matmul"], (a, b), {"transpose_a": ta, "transpose_b": tb})


def _has_transposed_operand(m: Match) -> str | None:
    return None if _swaps_last_two(m["a"]) or _swaps_last_two(m["b"]) else "no operand is a transpose of its last two axes"


def _gather_of_transposed(m: Match) -> Node:
    axes, count = m.attrs["a"], m["i"].ndim
    order = tuple(axes[:count])
    t = transpose(tensors(m, "i")[0], order).node
    with provenance.replacing(m.node.inputs[0], m.node):  # an index out of range is the gather's
        return make(OPS["gather"], (m["w"], t))


def _permutes_indices_of_rows(m: Match) -> str | None:
    """Rows of single elements cost as much as their indices; and a chain of such look-ups would be moved through one by one."""
    return "the rows are single elements" if m["w"].ndim == 1 else _permutes_indices_only(m)


def _permutes_indices_only(m: Match) -> str | None:
    axes, count = m.attrs["a"], m["i"].ndim
    fine = sorted(axes[:count]) == list(range(count)) and axes[count:] == tuple(range(count, len(axes)))
    return None if fine else "the transpose mixes index axes with row axes"


def _scatter_of_transposed(m: Match) -> Node:
    axes, count = m.attrs["a"], m["i"].ndim
    back = tuple(int(k) for k in np.argsort(axes[:count]))
    t = transpose(tensors(m, "i")[0], back).node
    return make(OPS["scatter_add"], (t, m["v"]), {"rows": m.attrs["r"]})


def _power_of_two(m: Match) -> str | None:
    value = splat(m["c"])
    if value is None or not dtypes.is_float(m["c"].dtype) or not np.isfinite(value) or value == 0 or m["c"].op.name != "constant":
        return "the divisor is no constant"
    mantissa, exponent = np.frexp(float(value))
    limits = dtypes.limits(m["c"].dtype)
    exact = abs(mantissa) == 0.5 and limits.minexp <= 1 - exponent < limits.maxexp
    return None if exact else "the divisor has no exact reciprocal"


def _by_reciprocal(m: Match) -> Node:
    x, c = tensors(m, "x", "c")
    return ew.multiply(x, (1 / c.node.attrs["value"].array).astype(c.dtype)).node


def _fuse_reshape(m: Match) -> Node:
    return make(OPS["reshape"], (m["x"],), {"shape": m.attrs["s"]})


def _join_pads(m: Match) -> Node | None:
    """Two stretches of zeros that meet, each around its own elements: one stretch around both."""
    p, q = m.attrs["p"], m.attrs["q"]
    if any(i.type != m.node.type for i in m.node.inputs):  # one is repeated for the other
        return None
    axes = [k for k, (a, b) in enumerate(zip(p, q, strict=True)) if a != b]
    if m.attrs["v"] != 0 or m.attrs["u"] != 0 or len(axes) != 1 or any(g != 0 for _, _, g in (*p, *q)):
        return None
    k = axes[0]
    x, y = m["x"], m["y"]
    if p[k][0] + x.shape[k] == q[k][0]:
        pieces, padding = (x, y), (p[k][0], q[k][1], 0)
    elif q[k][0] + y.shape[k] == p[k][0]:
        pieces, padding = (y, x), (q[k][0], p[k][1], 0)
    else:
        return None
    joined = make(OPS["concatenate"], _pieces(pieces, k), {"axis": k})
    whole = (*p[:k], padding, *p[k + 1 :])
    return joined if all(a == 0 and b == 0 for a, b, _ in whole) else make(OPS["pad"], (joined,), {"padding": whole, "value": 0.0})


def _pieces(nodes: tuple[Node, ...], axis: int) -> list[Node]:
    """The pieces of concatenations along `axis`, flat."""
    return [p for n in nodes for p in (n.inputs if n.op.name == "concatenate" and n.attrs["axis"] == axis else (n,))]


RULES = RuleSet(
    [
        Rule("join-pads", "pad(x, padding=p, value=v) + pad(y, padding=q, value=u)", _join_pads, "reassociates", doc="The gradient of a split.",
             attrs={"p": ((0, 0, 0), (0, 4, 0)), "q": ((0, 0, 0), (4, 0, 0)), "v": 0.0, "u": 0.0}),
        Rule("multiply-by-one", "x * 1", "x"),
        Rule("divide-by-one", "x / 1", "x"),
        Rule("power-one", "x ** 1", "x"),
        Rule("power-two", "x ** 2", "square(x)"),
        Rule("square-of-itself", "x * x", "square(x)", where=_is_number),
        Rule("multiply-by-minus-one", "x * -1", "negative(x)"),
        Rule("subtract-zero", "x - 0", "x", where=lambda m: None if not np.signbit(splat(m.node.inputs[1])) else "x - -0.0"),
        Rule("add-integer-zero", "x + 0", "x", where=_is_int, samples={"x": "i32[3, 4]"}),
        Rule("double-negation", "negative(negative(x))", "x"),
        Rule("add-of-negative", "x + negative(y)", "x - y"),
        Rule("subtract-of-negative", "x - negative(y)", "x + y"),
        Rule("product-of-negatives", "negative(x) * negative(y)", "x * y"),
        Rule("divide-by-power-of-two", "x / c", _by_reciprocal, where=_power_of_two, samples={"c": "4.0"}, doc="A product is cheaper."),
        Rule("not-equal", "logical_not(equal(x, y))", "not_equal(x, y)", doc="True for NaN on both sides."),
        Rule("not-not", "logical_not(logical_not(x))", "x", samples={"x": "bool[3, 4]"}),
        Rule("where-same", "where(c, x, x)", "x", samples={"c": "bool[3, 4]"}),
        Rule("where-true", "where(True, x, y)", "x"),
        Rule("where-false", "where(False, x, y)", "y"),
        Rule("where-not", "where(logical_not(c), x, y)", "where(c, y, x)", samples={"c": "bool[3, 4]"}),
        Rule("reshape-of-reshape", "reshape(reshape(x, shape=r), shape=s)", _fuse_reshape, attrs={"r": (12,), "s": (2, 6)}),
        Rule("reshape-to-itself", "reshape(x, shape=s)", "x", where=_same_shape("reshape"), attrs={"s": (3, 4)}),
        Rule("transpose-of-transpose", "transpose(transpose(x, axes=a), axes=b)", _compose_transposes, attrs={"a": (1, 0), "b": (1, 0)}),
        Rule("broadcast-of-broadcast", "broadcast_to(broadcast_to(x, shape=r), shape=s)", "broadcast_to(x, shape=s)", attrs={"r": (2, 3, 4), "s": (2, 3, 4)}),
        Rule("broadcast-to-itself", "broadcast_to(x, shape=s)", "x", where=_same_shape("broadcast"), attrs={"s": (3, 4)}),
        Rule("broadcast-of-scalar", "broadcast_to(reshape(x, shape=r), shape=s)", "broadcast_to(x, shape=s)",
             where=lambda m: None if m["x"].ndim == 0 else "not a scalar", samples={"x": "f32[]"}, attrs={"r": (1, 1), "s": (3, 4)}),
        Rule("cast-to-itself", "cast(x, dtype=d)", "x", where=lambda m: None if m["x"].dtype == m.attrs["d"] else "another dtype", attrs={"d": "float32"}),
        Rule("sum-of-nothing", "sum(x, axes=a)", "x", where=lambda m: None if not m.attrs["a"] else "there are axes", attrs={"a": ()}),
        Rule("max-of-nothing", "max(x, axes=a)", "x", where=lambda m: None if not m.attrs["a"] else "there are axes", attrs={"a": ()}),
        Rule("matmul-of-transposes", "matmul(a, b, transpose_a=p, transpose_b=q)", _absorb_transposes, where=_has_transposed_operand,
             samples={"a": "transpose f32[3, 4]", "b": "f32[3, 5]"}, attrs={"p": False, "q": False}, numerics="reassociates", doc="BLAS reads either order."),
        Rule("transpose-of-matmul", "transpose(matmul(a, b, transpose_a=p, transpose_b=q), axes=(1, 0))",
             lambda m: make(OPS["matmul"], (m["b"], m["a"]), {"transpose_a": not m.attrs["q"], "transpose_b": not m.attrs["p"]}),
             samples={"a": "f32[3, 4]", "b": "f32[4, 5]"}, attrs={"p": False, "q": False}, numerics="reassociates"),
        Rule("transpose-of-gather", "transpose(gather(w, i), axes=a)", _gather_of_transposed, where=_permutes_indices_of_rows,
             samples={"w": "f32[5, 3]", "i": "i32[2, 4]"}, attrs={"a": (1, 0, 2)}, doc="Transposing indices is cheaper than rows."),
        Rule("scatter-of-transposed", "scatter_add(i, transpose(v, axes=a), rows=r)", _scatter_of_transposed, where=_permutes_indices_only,
             numerics="reassociates", samples={"i": "i32[2, 4]", "v": "f32[4, 2, 3]"}, attrs={"a": (1, 0, 2), "r": 5}),
    ]
)  # fmt: skip


def drop_broadcasts(node: Node, context: Context) -> Node | None:
    """An elementwise op broadcasts by itself: it reads what was broadcast; where all was, the result is broadcast."""
    if not node.op.is_elementwise or not any(i.op.name == "broadcast_to" for i in node.inputs):
        return None
    if not context.allows("broadcast-in-elementwise", node):
        return None
    inputs = [i.inputs[0] if i.op.name == "broadcast_to" else i for i in node.inputs]
    new = make(node.op, inputs, node.attrs)
    whole = new if new.type == node.type else make(OPS["broadcast_to"], (new,), {"shape": node.shape})
    return context.rewrote("broadcast-in-elementwise", node, whole)


class _Simplification(RuleSet):
    """The table, and that elementwise ops need no broadcasts."""

    def concerns(self, node: Node) -> bool:
        return node.op.is_elementwise or super().concerns(node)

    def rewrite(self, node: Node, context: Context) -> Node | None:
        from symkeras.graph import provenance

        if any(i.op.name == "broadcast_to" for i in node.inputs):
            with provenance.replacing(node):
                new = drop_broadcasts(node, context)
            if new is not None:
                return new
        return super().rewrite(node, context)


_SIMPLIFICATION = _Simplification(RULES.rules)


@dataclass(frozen=True)
class Simplify(Pass):
    """Apply the table of simplifications until nothing changes."""

    name: ClassVar[str] = "simplify"

    def run(self, graph: Graph, context: Context) -> Graph:
        return _SIMPLIFICATION.run(graph, context)
