"""How a fusion group's loop nest walks through arrays: which axes there are, and the strides of everything read and written over them.

Rows and columns: where the fusion group reduces over trailing axes, the outer axes count rows and the inner ones run over a row;
otherwise the last axis is the row. Axes that all walk through alike become one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symkeras.backend.native.loops.totals import index, part_dtype
from symkeras.backend.native.text import literal
from symkeras.compiler.program.addressing import dense, place
from symkeras.compiler.program.fusion import REDUCTIONS, FusionGroup
from symkeras.compiler.program.program import Step
from symkeras.graph.dims import Size
from symkeras.graph.node import Node


@dataclass(eq=False)
class Access:
    """An array as the loop nest walks through it: a pointer (or a number passed by value) and a stride per axis."""

    name: str
    dtype: str
    strides: tuple[Size, ...]

    def at(self, indices: Sequence[str]) -> str:
        at = index(list(zip(indices, self.strides, strict=True)))
        return f"{self.name}[{at}]" if at != "0" else f"*{self.name}"


@dataclass(frozen=True)
class Operand:
    """One operand of the fusion group: how it is declared, its strides over its own axes, or a literal."""

    node: Node
    name: str
    strides: tuple[Size, ...]
    literal: str | None = None
    by_value: bool = False


def operands_of(step: Step) -> list[Operand]:
    """The operands of a fusion group: numbers known now as literals, those that follow from sizes by value, all others as arrays."""
    assert step.fused is not None
    operands = []
    for k, (n, v) in enumerate(zip(step.fused.operands, step.inputs, strict=True)):
        p = place(v)
        if p.storage.kind == "constant" and p.storage.source is not None and p.storage.source.attrs["value"].array.size == 1:
            value = literal(p.storage.source.attrs["value"].array.reshape(()), n.dtype)
            operands.append(Operand(n, "", p.strides, literal=f"({value})" if value.startswith("-") else value))
        else:
            operands.append(Operand(n, f"x{k}", p.strides, by_value=p.storage.kind == "bound"))
    return operands


class Walk:
    """The walk of one fusion group.

    Attributes:
        outer, inner: the loops (variable and length) over rows, and over a row.
        reads: each operand that is an array, as the node beside it reads it.
        outs: the results; `parts_of`: the parts of totals that a slice has.
        sliced: the totals that come in parts (see `totals`).
        has_rows: whether something is computed once per row.
    """

    def __init__(self, fused: FusionGroup, operands: Sequence[Operand], result_strides: Sequence[tuple[Size, ...]]):
        self.fused = fused
        self.operands = {o.node: o for o in operands}
        self.outs = {n: Access(f"y{k}", n.dtype, self._spread(n, s)) for k, (n, s) in enumerate(zip(fused.results, result_strides, strict=True))}
        self._accesses: dict[tuple[Node, tuple[Size, ...]], Access] = {}
        self.reads: dict[tuple[Node, Node], Access] = {}
        for n in fused.nodes:
            for i in n.inputs:
                if self._is_outside(i) and self.operands[i].literal is None and not self.operands[i].by_value:
                    self.reads[n, i] = self._access(n, i)
        self.has_rows = any(level == "row" for level in fused.levels.values())
        self.sliced = fused.sliced_totals
        self.parts_of = {n: Access(f"s{k}", part_dtype(n), self._spread(n, dense(n.shape))) for k, n in enumerate(self.sliced)}
        self._collapse()

    @property
    def first(self) -> tuple[str, Size] | None:
        """Variable and length of the loop that can be shared."""
        return self.outer[0] if self.outer else self.inner[0] if self.inner and not self.has_rows else None

    @property
    def length(self) -> Size | None:
        """The length of the loop that can be shared."""
        return self.first[1] if self.first is not None else None

    def varies(self, access: Access, region: str) -> bool:
        """Whether what is read changes along the "outer" or the "inner" axes."""
        count = len(self.outer)
        return any(s != 0 for s in (access.strides[:count] if region == "outer" else access.strides[count:]))

    def local(self, a: Access) -> str:
        """The name of an element of an array: arrays read in two ways have two."""
        same = [b for b in self._accesses.values() if b.name == a.name]
        return f"{a.name}_{same.index(a)}" if len(same) > 1 else f"{a.name}_"

    def _is_outside(self, i: Node) -> bool:
        return i not in self.fused.levels and i not in self.fused.aliases

    def _access(self, n: Node, i: Node) -> Access:
        """Operand `i` as node `n` reads it: its axes stand right of the node's, the node's left in the space."""
        base = n.inputs[0].shape if n.op.name in REDUCTIONS else n.shape
        lead, ndim = len(base) - len(i.shape), len(self.fused.shape)
        own = [s if d != 1 else 0 for s, d in zip(self.operands[i].strides, i.shape, strict=True)]
        strides = (*(0,) * lead, *own, *(0,) * (ndim - len(base)))
        return self._accesses.setdefault((i, strides), Access(self.operands[i].name, i.dtype, strides))

    def _spread(self, n: Node, strides: tuple[Size, ...]) -> tuple[Size, ...]:
        """The strides of a result over the axes of the space."""
        ndim = len(self.fused.shape)
        own = [s if d != 1 else 0 for s, d in zip(strides, n.shape, strict=True)]
        if self.fused.levels[n] != "total":
            return (*own, *(0,) * (ndim - len(own)))
        source = n.inputs[0]
        rest = iter(own)
        kept = [0 if k in n.attrs["axes"] else next(rest) for k in range(len(source.shape))]
        return (*kept, *(0,) * (ndim - len(kept)))

    def _collapse(self) -> None:
        """Drop axes of one element, join those that all walk through alike; rows and columns stay apart."""
        walkers = [*self._accesses.values(), *self.outs.values(), *self.parts_of.values()]
        shape = self.fused.shape
        axes: list[tuple[Size, list[Size], bool]] = []
        for k, d in enumerate(shape):
            if d == 1:
                continue
            strides = [w.strides[k] for w in walkers]
            is_row = self.has_rows and k < self.fused.split
            if axes and axes[-1][2] == is_row and all(a == b * d for a, b in zip(axes[-1][1], strides, strict=True)):
                axes[-1] = (axes[-1][0] * d, strides, is_row)
            else:
                axes.append((d, strides, is_row))
        for k, w in enumerate(walkers):
            w.strides = tuple(strides[k] for _, strides, _ in axes)
        count = sum(1 for a in axes if a[2]) if self.has_rows else max(0, len(axes) - 1)
        self.outer = [(f"i{k}" if count > 1 else "i", a[0]) for k, a in enumerate(axes[:count])]
        inner = axes[count:]
        self.inner = [(f"j{k}" if len(inner) > 1 else "j", a[0]) for k, a in enumerate(inner)]
