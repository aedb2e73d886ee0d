"""A cluster as one C function: a loop nest over its space, or over its rows in several passes.

Rows and columns: where the cluster reduces over trailing axes, `i` counts rows and `j` runs over a row, once per pass;
otherwise the last axis is the row. Axes that every operand walks through alike become one. Sums are taken in blocks,
the blocks' sums in double, so that a sum over many rows does not lose what NumPy's pairwise sum keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from symkeras.backend.native.expressions import HEAVY, expression, local_type
from symkeras.backend.native.text import TYPES, factor, literal, size
from symkeras.backend.native.totals import index, part_dtype, reduce_of, wide
from symkeras.compiler.addressing import dense, place
from symkeras.compiler.fusion import REDUCTIONS, Fused
from symkeras.compiler.program import Step
from symkeras.graph import dims
from symkeras.graph.dims import Size
from symkeras.graph.node import Node

BLOCK = 4096
"""Elements, or rows for sums of columns, whose sum is taken in the dtype itself."""
WIDEST_PART = 2048
"""Columns whose sums are held beside the loop."""


@dataclass(eq=False)
class Access:
    """An array as the loop nest walks through it: a pointer (or a number passed by value) and a stride per axis."""

    name: str
    dtype: str
    strides: tuple[Size, ...]

    def at(self, indices: Sequence[str]) -> str:
        at = index(list(zip(indices, self.strides, strict=True)))
        return f"{self.name}[{at}]" if at != "0" else f"*{self.name}"


@dataclass
class FusedText:
    """The function: everything but its name.

    Attributes:
        parameters: declarations of what it is given.
        lines: its body.
        length: the number of steps of the first loop, from `begin` to `end`, where threads can share it; None where not.
        work: elements touched, for that decision.
        sliced: the totals that it does not write: it does one slice of the loop, number `slice`, and is given room for a part of
            them for each (see `totals`).
    """

    parameters: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    length: Size | None = None
    work: Size = 0
    sliced: list[Node] = field(default_factory=list)


@dataclass(frozen=True)
class Operand:
    """One operand of the cluster: how it is declared, its strides over its own axes, or a literal."""

    node: Node
    name: str
    strides: tuple[Size, ...]
    literal: str | None = None
    by_value: bool = False


def operands_of(step: Step) -> list[Operand]:
    """The operands of a cluster: numbers known now as literals, those that follow from sizes by value, all others as arrays."""
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


def shared_loop(fused: Fused, operands: Sequence[Operand], result_strides: Sequence[tuple[Size, ...]]) -> Size | None:
    """The length of the loop of a cluster that threads can share; None where there is none."""
    return None if fused.is_small else _Writer(fused, operands, result_strides).length


def fused_text(fused: Fused, operands: Sequence[Operand], result_strides: Sequence[tuple[Size, ...]]) -> FusedText:
    """The C function of a cluster; operands in order, results named `y0`, `y1`, ..."""
    return _Writer(fused, operands, result_strides).text()


class _Writer:
    def __init__(self, fused: Fused, operands: Sequence[Operand], result_strides: Sequence[tuple[Size, ...]]):
        self.fused = fused
        self.operands = {o.node: o for o in operands}
        self.outs = {n: Access(f"y{k}", n.dtype, self._spread(n, s)) for k, (n, s) in enumerate(zip(fused.results, result_strides, strict=True))}
        self.given = operands
        self.names: dict[Node, str] = {}
        for k, n in enumerate(fused.nodes):
            self.names[n] = f"{n.op.name}_{k}"
        self.accesses: dict[tuple[Node, tuple[Size, ...]], Access] = {}
        self.reads: dict[tuple[Node, Node], Access] = {}
        for n in fused.nodes:
            for i in n.inputs:
                if self._is_outside(i) and self.operands[i].literal is None and not self.operands[i].by_value:
                    self.reads[n, i] = self._access(n, i)
        self.has_rows = any(level == "row" for level in fused.levels.values())
        self.sliced = fused.sliced_totals
        self.parts_of = {n: Access(f"s{k}", part_dtype(n), self._spread(n, dense(n.shape))) for k, n in enumerate(self.sliced)}
        self._collapse()
        self.lines: list[str] = []
        self.depth = 1

    def _is_outside(self, i: Node) -> bool:
        return i not in self.fused.levels and i not in self.fused.aliases

    # ---- axes ------------------------------------------------------------------------------------------------------

    def _access(self, n: Node, i: Node) -> Access:
        """Operand `i` as node `n` reads it: its axes stand right of the node's, the node's left in the space."""
        base = n.inputs[0].shape if n.op.name in REDUCTIONS else n.shape
        lead, ndim = len(base) - len(i.shape), len(self.fused.shape)
        own = [s if d != 1 else 0 for s, d in zip(self.operands[i].strides, i.shape, strict=True)]
        strides = (*(0,) * lead, *own, *(0,) * (ndim - len(base)))
        return self.accesses.setdefault((i, strides), Access(self.operands[i].name, i.dtype, strides))

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
        walkers = [*self.accesses.values(), *self.outs.values(), *self.parts_of.values()]
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
        self.outer_names, self.inner_names = [v for v, _ in self.outer], [v for v, _ in self.inner]

    @property
    def _first(self) -> tuple[str, Size] | None:
        """Variable and length of the loop that can be shared."""
        return self.outer[0] if self.outer else self.inner[0] if self.inner and not self.has_rows else None

    @property
    def length(self) -> Size | None:
        """The length of the loop that can be shared."""
        return self._first[1] if self._first is not None else None

    def _at(self, access: Access) -> str:
        return access.at([*self.outer_names, *self.inner_names])

    def _varies(self, access: Access, region: str) -> bool:
        count = len(self.outer)
        return any(s != 0 for s in (access.strides[:count] if region == "outer" else access.strides[count:]))

    # ---- text ------------------------------------------------------------------------------------------------------

    def _say(self, line: str) -> None:
        self.lines.append("    " * self.depth + line)

    def text(self) -> FusedText:
        out = FusedText()
        for o in self.given:
            if o.by_value:
                out.parameters.append(f"const {local_type(o.node.dtype)} {o.name}")
            elif o.literal is None:
                out.parameters.append(f"const {TYPES[o.node.dtype]} *{o.name}")
        out.parameters += [f"{TYPES[n.dtype]} *{a.name}" for n, a in self.outs.items() if n not in self.sliced]
        self.totals = [n for n, level in self.fused.levels.items() if level == "total"]
        first = self._first
        self.is_shared = first is not None and not self.fused.is_small
        self.bounds = ("0", size(first[1])) if first is not None else ("0", "1")
        if self.is_shared and first is not None:
            out.length, out.work, out.sliced = first[1], dims.product(self.fused.shape) * len(self.fused.nodes), self.sliced
            self.bounds = ("begin", "end")
        for k, (n, a) in enumerate(self.parts_of.items()):
            out.parameters.append(f"{TYPES[a.dtype]} *p{k}")
            self._say(f"{TYPES[a.dtype]} *const {a.name} = p{k} + {factor(dims.product(n.shape))} * slice;")
        self._prologue()
        self._nest()
        self._epilogue()
        out.lines = self.lines
        return out

    def _prologue(self) -> None:
        for a in self._unique(self.reads.values()):
            if not any(s != 0 for s in a.strides):
                self._say(f"const {local_type(a.dtype)} {self._local(a)} = *{a.name};")
        for n in self.totals:
            if self._is_complete_at_end(n):
                self._say(f"{local_type(wide(n))} total_{self.names[n]} = {reduce_of(n.op.name, n.dtype).start};")
            elif not self._is_own(n):
                self._start(n, [*self.outer, *self.inner])

    def _start(self, n: Node, axes: Sequence[tuple[str, Size]]) -> None:
        """Set a total's elements along these axes to where its reduction starts."""
        a = self._target(n)
        kept = [(v, d) for (v, d), s in zip([*self.outer, *self.inner], a.strides, strict=True) if s != 0 and (v, d) in axes]
        loops = "".join(f"for (int64_t {v} = 0; {v} < {size(d)}; {v}++) " for v, d in kept)
        self._say(f"{loops}{self._at(a)} = {reduce_of(n.op.name, n.dtype).start};")

    def _epilogue(self) -> None:
        for n in self.totals:
            if self._is_complete_at_end(n):
                a = self._target(n)
                self._say(f"*{a.name} = ({TYPES[a.dtype]})total_{self.names[n]};")

    def _target(self, n: Node) -> Access:
        """Where a reduction is added up: its result, or the part of it that a slice has."""
        return self.parts_of.get(n) or self.outs[n]

    def _is_complete_at_end(self, n: Node) -> bool:
        return not any(s != 0 for s in self._target(n).strides)

    def _is_own(self, n: Node) -> bool:
        """Whether each step of the shared loop has elements of the result for itself, which it starts."""
        return self.is_shared and n not in self.sliced

    def _is_copied(self, n: Node) -> bool:
        """Whether every element gives one of the result: only axes of one element are reduced."""
        a = self._target(n)
        return bool(a.strides) and all(s != 0 for s in a.strides)

    def _is_assigned(self, n: Node) -> bool:
        """Whether every row gives one element of the result."""
        a = self._target(n)
        return bool(self.outer) and not self._varies(a, "inner") and all(s != 0 for s in a.strides[: len(self.outer)])

    def _local(self, a: Access) -> str:
        """The name of an element of an array: arrays read in two ways have two."""
        same = [b for b in self.accesses.values() if b.name == a.name]
        return f"{a.name}_{same.index(a)}" if len(same) > 1 else f"{a.name}_"

    @staticmethod
    def _unique(accesses: Iterable[Access]) -> list[Access]:
        return list({id(a): a for a in accesses}.values())

    # ---- loops -----------------------------------------------------------------------------------------------------

    def _nest(self) -> None:
        self.plans = self._plan_passes()
        self.held_parts = [n for n in self.totals if self._is_part(n)]
        is_line = bool(self.inner) and not self.outer and not self.has_rows
        blocked = len(self.outer) == 1 and bool(self.held_parts)
        self.blocked = is_line and any(self._is_complete_at_end(n) for n in self.totals)
        opened = 0
        if blocked:
            opened += self._open_block(BLOCK // 16)
        self._open_parts()
        for k, (v, n) in enumerate(self.outer):
            start, stop = ("block", "stop") if blocked else self.bounds if k == 0 else ("0", size(n))
            self._open(f"for (int64_t {v} = {start}; {v} < {stop}; {v}++)")
            if k == 0:
                for total in (n for n in self.totals if self._is_own(n) and not self._is_assigned(n) and not self._is_copied(n)):
                    self._start(total, [*self.outer[1:], *self.inner])
        if self.blocked:
            opened += self._open_block(BLOCK)
        self._row()
        for _ in self.outer:
            self._close()
        self._flush_parts()
        for _ in range(opened):
            self._close()

    def _open(self, head: str) -> None:
        self._say(head + " {")
        self.depth += 1

    def _close(self) -> None:
        self.depth -= 1
        self._say("}")

    def _open_block(self, length: int) -> int:
        start, stop = self.bounds
        self._open(f"for (int64_t block = {start}; block < {stop}; block += {length})")
        self._say(f"const int64_t stop = sk_min(block + {length}, {stop});")
        return 1

    def _is_part(self, n: Node) -> bool:
        """Sums of columns over rows: held beside the loop for a block of rows, or for a slice."""
        a = self._target(n)
        if not self._varies(a, "inner") or self.fused.levels.get(n.inputs[0]) == "row" or self._is_own(n):
            return False
        if n not in self.sliced and (len(self.outer) != 1 or len(self.inner) != 1 or self._varies(a, "outer")):
            return False
        width = dims.product(n.shape)
        return isinstance(width, int) and width <= WIDEST_PART

    def _open_parts(self) -> None:
        for n in self.held_parts:
            width = dims.product(n.shape)
            self._say(f"{local_type(n.dtype)} part_{self.names[n]}[{width}];")
            self._say(f"for (int64_t k = 0; k < {width}; k++) part_{self.names[n]}[k] = {reduce_of(n.op.name, n.dtype).start};")

    def _part(self, n: Node) -> str:
        """The element of a held part that belongs to the element at hand."""
        strides = self.parts_of[n].strides if n in self.sliced else (0,) * len(self.outer) + (1,)
        return Access(f"part_{self.names[n]}", n.dtype, strides).at([*self.outer_names, *self.inner_names])

    def _flush_parts(self) -> None:
        for n in self.held_parts:
            a, r = self._target(n), reduce_of(n.op.name, n.dtype)
            target = f"{a.name}[k]" if n in self.sliced else a.at([*("0" for _ in self.outer), "k"])
            self._say(f"for (int64_t k = 0; k < {dims.product(n.shape)}; k++) {r.step(target, f'part_{self.names[n]}[k]')};")

    # ---- one row ---------------------------------------------------------------------------------------------------

    def _plan_passes(self) -> list[list[Node]]:
        """The element-level nodes each pass computes; those in `saved` are kept for later passes, results are read back."""
        self.saved: set[Node] = set()
        f = self.fused
        plans: list[list[Node]] = []
        for p in reversed(range(f.pass_count)):  # what later passes want saved is known before the pass that computes it
            sinks = [n for n in f.nodes if ((n in f.results and f.levels[n] == "element") or n in self.saved) and f.passes[n] == p]
            sinks += [
                n.inputs[0] for n in f.nodes
                if n.op.name in REDUCTIONS and f.levels.get(n.inputs[0]) == "element" and f.passes[n.inputs[0]] == p
            ]  # fmt: skip
            todo, chosen = list(sinks), set()
            while todo:
                n = todo.pop()
                if n in chosen:
                    continue
                if f.passes[n] < p and self._comes_back(n):
                    continue
                chosen.add(n)
                todo += [i for i in n.inputs if f.levels.get(i) == "element"]
            plans.append([n for n in f.nodes if n in chosen])
        return plans[::-1]

    def _comes_back(self, n: Node) -> bool:
        """Whether a value of an earlier pass is read rather than computed again."""
        if n in self.outs or n in self.saved:
            return True
        todo, seen = [n], 0
        while todo:
            m = todo.pop()
            seen += 1
            if m.op.name in HEAVY or seen > 4:
                self.saved.add(n)
                return True
            todo += [i for i in m.inputs if self.fused.levels.get(i) == "element" and i not in self.outs]
        return False

    def _row(self) -> None:
        f = self.fused
        for n in (n for n in f.nodes if n in self.saved):
            width = dims.product(tuple(d for _, d in self.inner))
            self._say(f"{local_type(n.dtype)} row_{self.names[n]}[{width}];")
        for a in self._unique(self.reads.values()):
            if self._varies(a, "outer") and not self._varies(a, "inner"):
                self._say(f"const {local_type(a.dtype)} {self._local(a)} = {self._at(a)};")
        for p in range(f.pass_count):
            if self.plans[p] or self._reductions_of(p):
                self._pass(p)
            self._rows_after(p)

    def _reductions_of(self, p: int) -> list[Node]:
        """The reductions that take their elements in pass `p`."""
        f = self.fused
        reductions = [n for n in f.nodes if n.op.name in REDUCTIONS]
        return [n for n in reductions if f.levels.get(n.inputs[0], "element") == "element" and f.passes.get(n.inputs[0], 0) == p]

    def _pass(self, p: int) -> None:
        reductions = self._reductions_of(p)
        held = [n for n in reductions if self._is_held(n)]
        for n in held:
            self._say(f"{local_type(n.dtype)} acc_{self.names[n]} = {reduce_of(n.op.name, n.dtype).start};")
        if self.inner and not self._is_plain(reductions, held):
            pragma = ""
        else:
            clauses = "".join(f" reduction({reduce_of(n.op.name, n.dtype).clause}:acc_{self.names[n]})" for n in held)
            pragma = f"SK_SIMD({clauses.strip()})"
        for k, (v, n) in enumerate(self.inner):
            if k == len(self.inner) - 1 and pragma:
                self._say(pragma)
            start, stop = "0", size(n)
            if k == 0 and not self.outer and not self.has_rows:
                start, stop = ("block", "stop") if self.blocked else self.bounds
            self._open(f"for (int64_t {v} = {start}; {v} < {stop}; {v}++)")
        if not self.inner:
            self._open("")
            self.lines[-1] = self.lines[-1].replace(" {", "{")
        self._elements(p, reductions, held)
        for _ in self.inner or [None]:
            self._close()

    def _is_held(self, n: Node) -> bool:
        """Whether a reduction over a whole row: its sum is a scalar beside the inner loop."""
        if self.fused.levels[n] == "row":
            return True
        if self._is_copied(n):
            return False
        return not self._varies(self._target(n), "inner")

    def _is_plain(self, reductions: Sequence[Node], held: Sequence[Node]) -> bool:
        """Whether the steps of the innermost loop do not touch the same element of a result."""
        return all(n in held or n in self.held_parts or self._target(n).strides[-1] != 0 for n in reductions)

    def _elements(self, p: int, reductions: Sequence[Node], held: Sequence[Node]) -> None:
        f = self.fused
        chosen = self.plans[p]
        for a in self._unique(a for (n, _), a in self.reads.items() if n in chosen or n in reductions):
            if self._varies(a, "inner"):
                value = self._at(a)
                self._say(f"const {local_type(a.dtype)} {self._local(a)} = {value};")
        back = [i for n in (*chosen, *reductions) for i in n.inputs if f.levels.get(i) == "element" and i not in chosen]
        for n in dict.fromkeys(back):
            source = f"row_{self.names[n]}[{self._column()}]" if n in self.saved else self._at(self.outs[n])
            self._say(f"const {local_type(n.dtype)} {self.names[n]} = {source};")
        for n in chosen:
            self._say(f"const {local_type(n.dtype)} {self.names[n]} = {self._value(n)};")
        for n in chosen:
            if n in self.saved and f.passes[n] == p:
                self._say(f"row_{self.names[n]}[{self._column()}] = {self.names[n]};")
            if n in self.outs and f.passes[n] == p:
                self._say(f"{self._at(self.outs[n])} = {self._stored(n)};")
        for n in reductions:
            if n in self.totals and self._is_copied(n):
                self._say(f"{self._at(self._target(n))} = {self._operand(n, n.inputs[0])};")
                continue
            if n in held:
                target = f"acc_{self.names[n]}"
            elif n in self.held_parts:
                target = self._part(n)
            else:
                target = self._at(self._target(n))
            self._say(f"{reduce_of(n.op.name, n.dtype).step(target, self._operand(n, n.inputs[0]))};")

    def _column(self) -> str:
        """The place of an element in its row."""
        text, inside = "", ""
        for (v, _), k in zip(self.inner, range(len(self.inner)), strict=True):
            rest = dims.product(tuple(d for _, d in self.inner[k + 1 :]))
            inside = v if rest == 1 else f"{factor(rest)}*{v}"
            text += (" + " if text else "") + inside
        return text or "0"

    def _stored(self, n: Node) -> str:
        return f"(uint8_t){self.names[n]}" if n.dtype == "bool" else self.names[n]

    def _rows_after(self, p: int) -> None:
        """What is known once the row has been read `p + 1` times."""
        f = self.fused
        for n in f.nodes:
            if f.levels[n] == "row" and f.passes[n] == p + 1:
                self._say(f"const {local_type(n.dtype)} {self.names[n]} = {self._row_value(n)};")
                if n in self.outs:
                    self._say(f"{self._at(self.outs[n])} = {self._stored(n)};")
        for n in self.totals:
            source = n.inputs[0]
            if f.levels.get(source) == "row" and f.passes[source] == p + 1:
                self._fold(n, self._operand(n, source))
            elif f.levels.get(source) != "row" and f.passes.get(source, 0) == p and self._is_held(n):
                self._fold(n, f"acc_{self.names[n]}")

    def _row_value(self, n: Node) -> str:
        if n.op.name in REDUCTIONS:
            return f"acc_{self.names[n]}"
        return self._value(n)

    def _fold(self, n: Node, value: str) -> None:
        if self._is_complete_at_end(n):
            self._say(f"{reduce_of(n.op.name, n.dtype).step(f'total_{self.names[n]}', value)};")
        elif self._is_assigned(n):
            self._say(f"{self._at(self._target(n))} = {value};")
        else:
            self._say(f"{reduce_of(n.op.name, n.dtype).step(self._at(self._target(n)), value)};")

    # ---- values ----------------------------------------------------------------------------------------------------

    def _value(self, n: Node) -> str:
        return expression(n, [self._operand(n, i) for i in n.inputs])

    def _operand(self, n: Node, i: Node) -> str:
        i = self.fused.aliases.get(i, i)
        if i in self.fused.levels:
            return self.names[i]
        o = self.operands[i]
        if o.literal is not None:
            return o.literal
        return o.name if o.by_value else self._local(self.reads[n, i])
