"""Reductions that are complete only when a whole fusion group has run: how they start and step, and how threads share them.

A loop that threads share is cut into slices, as many as its size alone says. Each slice has a part of its own of every total
that is reduced over that loop; `finish_text` joins the parts in order. So the bits do not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from symkeras.backend.native.loops.expressions import local_type
from symkeras.backend.native.text import SUFFIXES, TYPES, factor, size
from symkeras.compiler.program.addressing import dense
from symkeras.compiler.program.batch_tiling import MOST_SLICES
from symkeras.compiler.program.fusion import FusionGroup
from symkeras.graph import dims
from symkeras.graph.dims import Size
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType


@dataclass(frozen=True)
class Reduce:
    """How a reduction starts, takes an element, and what OpenMP calls it."""

    start: str
    step: Callable[[str, str], str]
    clause: str


def reduce_of(op: str, dtype: str) -> Reduce:
    """The reduction `op` over elements of `dtype`."""
    low, high = f"SK_LOWEST_{SUFFIXES[dtype]}", f"SK_HIGHEST_{SUFFIXES[dtype]}"
    ordered = "(({1} {0} {2}) | ({1} != {1})) ? {1} : {2}"
    return {
        "sum": Reduce("0", lambda a, x: f"{a} += {x}", "+") if dtype != "bool" else Reduce("0", lambda a, x: f"{a} |= {x}", "|"),
        "prod": Reduce("1", lambda a, x: f"{a} *= {x}", "*") if dtype != "bool" else Reduce("1", lambda a, x: f"{a} &= {x}", "&"),
        "any": Reduce("0", lambda a, x: f"{a} |= {x}", "|"),
        "all": Reduce("1", lambda a, x: f"{a} &= {x}", "&"),
        "max": Reduce(low, lambda a, x: f"{a} = {ordered.format('>', x, a)}", "sk_max"),
        "min": Reduce(high, lambda a, x: f"{a} = {ordered.format('<', x, a)}", "sk_min"),
    }[op]


def wide(n: Node) -> str:
    """The dtype that many elements are added in: sums of float32 in float64."""
    return "float64" if n.dtype == "float32" and n.op.name in ("sum", "prod") else n.dtype


def part_dtype(n: Node) -> str:
    """The dtype of a slice's part of a total: that of a single number is wide."""
    return wide(n) if dims.product(n.shape) == 1 else n.dtype


def scratch_types(fused: FusionGroup) -> list[TensorType]:
    """Room for the parts of all slices, for each total that is shared so."""
    return [TensorType((n.tensor_type.size * MOST_SLICES,), part_dtype(n)) for n in fused.sliced_totals]


def finish_text(totals: Sequence[Node], strides: Sequence[Sequence[Size]]) -> tuple[list[str], list[str]]:
    """Parameters (the parts, the results, and how many slices) and body of the function that joins the parts."""
    parameters = [f"const {TYPES[part_dtype(n)]} *p{k}" for k, n in enumerate(totals)]
    parameters += [*(f"{TYPES[n.dtype]} *y{k}" for k, n in enumerate(totals)), "int64_t slices"]
    lines: list[str] = []
    for k, (n, own) in enumerate(zip(totals, strides, strict=True)):
        axes = [(f"i{a}", d, s, t) for a, (d, s, t) in enumerate(zip(n.shape, dense(n.shape), own, strict=True)) if d != 1]
        for depth, (v, d, _, _) in enumerate(axes, 1):
            lines.append("    " * depth + f"for (int64_t {v} = 0; {v} < {size(d)}; {v}++)")
        r, indent = reduce_of(n.op.name, n.dtype), "    " * (len(axes) + 1)
        width = factor(dims.product(n.shape))
        total = local_type(wide(n))
        at = index([(v, s) for v, _, s, _ in axes])
        lines += [
            f"{indent}{{",
            f"{indent}    {total} total = p{k}[{at}];",
            f"{indent}    for (int64_t s = 1; s < slices; s++) {r.step('total', f'p{k}[{width}*s + {at}]')};",
            f"{indent}    y{k}[{index([(v, t) for v, _, _, t in axes])}] = ({TYPES[n.dtype]})total;",
            f"{indent}}}",
        ]
    return parameters, lines


def index(terms: Sequence[tuple[str, Size]]) -> str:
    """The sum of variables times strides."""
    return " + ".join(v if s == 1 else f"{factor(s)}*{v}" for v, s in terms if s != 0) or "0"
