"""A fusion group's loop nest as C text: a loop over its space, or over its rows in several passes.

Where the fusion group reduces over trailing axes, `i` counts rows and `j` runs over a row, once per pass. Sums are taken in blocks,
the blocks' sums in double, so that a sum over many rows does not lose what NumPy's pairwise sum keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from symkeras.backend.native.loops.accesses import Access, Operand, Walk
from symkeras.backend.native.loops.expressions import HEAVY, expression, local_type
from symkeras.backend.native.loops.totals import reduce_of, wide
from symkeras.backend.native.text import TYPES, FunctionText, factor, size
from symkeras.compiler.program.fusion import REDUCTIONS
from symkeras.graph import dims
from symkeras.graph.dims import Size
from symkeras.graph.node import Node

BLOCK = 4096
"""Elements, or rows for sums of columns, whose sum is taken in the dtype itself."""
WIDEST_PART = 2048
"""Columns whose sums are held beside the loop."""
_COMPARED = {"max": ">", "min": "<"}
_FLAGS = {"float32": "int", "float64": "int64_t"}
"""As wide as what is compared: then a vector of comparisons is one of flags."""


class LoopNest:
    """Writes the nest of one fusion group; operands in order, results named `y0`, `y1`, ..."""

    def __init__(self, walk: Walk, operands: Sequence[Operand]):
        self.walk, self.fused, self.outer, self.inner = walk, walk.fused, walk.outer, walk.inner
        self.given = operands
        self.names = {n: f"{n.op.name}_{k}" for k, n in enumerate(self.fused.nodes)}
        self.totals = [n for n, level in self.fused.levels.items() if level == "total"]
        self.outer_names, self.inner_names = [v for v, _ in self.outer], [v for v, _ in self.inner]
        self.lines: list[str] = []
        self.depth = 1

    def _at(self, access: Access) -> str:
        return access.at([*self.outer_names, *self.inner_names])

    # ---- text ------------------------------------------------------------------------------------------------------

    def _say(self, line: str) -> None:
        self.lines.append("    " * self.depth + line)

    def text(self) -> FunctionText:
        out = FunctionText()
        for o in self.given:
            if o.by_value:
                out.parameters.append(f"const {local_type(o.node.dtype)} {o.name}")
            elif o.literal is None:
                out.parameters.append(f"const {TYPES[o.node.dtype]} *{o.name}")
        out.parameters += [f"{TYPES[n.dtype]} *{a.name}" for n, a in self.walk.outs.items() if n not in self.walk.sliced]
        first = self.walk.first
        self.is_shared = first is not None and not self.fused.is_small
        self.bounds = ("0", size(first[1])) if first is not None else ("0", "1")
        if self.is_shared and first is not None:
            out.length, out.work, out.sliced = first[1], dims.product(self.fused.shape) * len(self.fused.nodes), self.walk.sliced
            self.bounds = ("begin", "end")
        for k, (n, a) in enumerate(self.walk.parts_of.items()):
            out.parameters.append(f"{TYPES[a.dtype]} *p{k}")
            self._say(f"{TYPES[a.dtype]} *const {a.name} = p{k} + {factor(dims.product(n.shape))} * slice;")
        self._prologue()
        self._nest()
        self._epilogue()
        out.lines = self.lines
        return out

    def _prologue(self) -> None:
        for a in self._unique(self.walk.reads.values()):
            if not any(s != 0 for s in a.strides):
                self._say(f"const {local_type(a.dtype)} {self.walk.local(a)} = *{a.name};")
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
        return self.walk.parts_of.get(n) or self.walk.outs[n]

    def _is_complete_at_end(self, n: Node) -> bool:
        return not any(s != 0 for s in self._target(n).strides)

    def _is_own(self, n: Node) -> bool:
        """Whether each step of the shared loop has elements of the result for itself, which it starts."""
        return self.is_shared and n not in self.walk.sliced

    def _is_copied(self, n: Node) -> bool:
        """Whether every element gives one of the result: only axes of one element are reduced."""
        a = self._target(n)
        return bool(a.strides) and all(s != 0 for s in a.strides)

    def _is_assigned(self, n: Node) -> bool:
        """Whether every row gives one element of the result."""
        a = self._target(n)
        return bool(self.outer) and not self.walk.varies(a, "inner") and all(s != 0 for s in a.strides[: len(self.outer)])

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
        is_line = bool(self.inner) and not self.outer and not self.walk.has_rows
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
        if not self.walk.varies(a, "inner") or self.fused.levels.get(n.inputs[0]) == "row" or self._is_own(n):
            return False
        if n not in self.walk.sliced and (len(self.outer) != 1 or len(self.inner) != 1 or self.walk.varies(a, "outer")):
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
        strides = self.walk.parts_of[n].strides if n in self.walk.sliced else (0,) * len(self.outer) + (1,)
        return Access(f"part_{self.names[n]}", n.dtype, strides).at([*self.outer_names, *self.inner_names])

    def _flush_parts(self) -> None:
        for n in self.held_parts:
            a, r = self._target(n), reduce_of(n.op.name, n.dtype)
            target = f"{a.name}[k]" if n in self.walk.sliced else a.at([*("0" for _ in self.outer), "k"])
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
        if n in self.walk.outs or n in self.saved:
            return True
        todo, seen = [n], 0
        while todo:
            m = todo.pop()
            seen += 1
            if m.op.name in HEAVY or seen > 4:
                self.saved.add(n)
                return True
            todo += [i for i in m.inputs if self.fused.levels.get(i) == "element" and i not in self.walk.outs]
        return False

    def _row(self) -> None:
        self._open_row()
        for p in range(self.fused.pass_count):
            if self.plans[p] or self._reductions_of(p):
                self._pass(p)
            self._rows_after(p)

    def _open_row(self) -> None:
        """What is read, and room for what is kept, for one row."""
        for n in (n for n in self.fused.nodes if n in self.saved):
            width = dims.product(tuple(d for _, d in self.inner))
            self._say(f"{local_type(n.dtype)} row_{self.names[n]}[{width}];")
        for a in self._unique(self.walk.reads.values()):
            if self.walk.varies(a, "outer") and not self.walk.varies(a, "inner"):
                self._say(f"const {local_type(a.dtype)} {self.walk.local(a)} = {self._at(a)};")

    def _reductions_of(self, p: int) -> list[Node]:
        """The reductions that take their elements in pass `p`."""
        f = self.fused
        reductions = [n for n in f.nodes if n.op.name in REDUCTIONS]
        return [n for n in reductions if f.levels.get(n.inputs[0], "element") == "element" and f.passes.get(n.inputs[0], 0) == p]

    def _pass(self, p: int) -> None:
        reductions = self._reductions_of(p)
        held = [n for n in reductions if self._is_held(n)]
        depth = self.depth
        self._open_pass(reductions, held)
        self._elements(p, reductions, held)
        while self.depth > depth:
            self._close()
        for n in filter(self._looks_for_nan, held):
            self._say(f"{self._accumulator(n)} = {self._nan(n)} ? NAN : {self._accumulator(n)};")

    def _looks_for_nan(self, n: Node) -> bool:
        """Whether the largest or smallest element of a row is found by comparisons alone, which pass over NaN, and NaN looked for beside:
        half as long a chain from one vector to the next."""
        return n.op.name in _COMPARED and n.dtype in _FLAGS

    def _nan(self, n: Node) -> str:
        return f"nan_{self.names[n]}"

    def _open_pass(self, reductions: Sequence[Node], held: Sequence[Node]) -> None:
        """The head of a loop over the row, and where its reductions start."""
        for n in held:
            self._say(f"{local_type(n.dtype)} {self._accumulator(n)} = {reduce_of(n.op.name, n.dtype).start};")
        for n in filter(self._looks_for_nan, held):
            self._say(f"{_FLAGS[n.dtype]} {self._nan(n)} = 0;")
        if self.inner and not self._is_plain(reductions, held):
            pragma = ""
        else:
            clauses = "".join(f" reduction({reduce_of(n.op.name, n.dtype).clause}:{self._accumulator(n)})" for n in held)
            clauses += "".join(f" reduction(|:{self._nan(n)})" for n in held if self._looks_for_nan(n))
            pragma = f"SK_SIMD({clauses.strip()})"
        for k, (v, n) in enumerate(self.inner):
            if k == len(self.inner) - 1 and pragma:
                self._say(pragma)
            start, stop = "0", size(n)
            if k == 0 and not self.outer and not self.walk.has_rows:
                start, stop = ("block", "stop") if self.blocked else self.bounds
            self._open(f"for (int64_t {v} = {start}; {v} < {stop}; {v}++)")
        if not self.inner:
            self._say("{")
            self.depth += 1

    def _accumulator(self, n: Node) -> str:
        """What a held reduction is added up in."""
        return f"acc_{self.names[n]}"

    def _kept(self, n: Node) -> str:
        """The element at hand of a value that is kept for later passes over the row."""
        return f"row_{self.names[n]}[{self._column()}]"

    def _is_read_within(self, a: Access) -> bool:
        """Whether an array is read within the loop over a row."""
        return self.walk.varies(a, "inner")

    def _is_held(self, n: Node) -> bool:
        """Whether a reduction over a whole row: its sum is a scalar beside the inner loop."""
        if self.fused.levels[n] == "row":
            return True
        if self._is_copied(n):
            return False
        return not self.walk.varies(self._target(n), "inner")

    def _is_plain(self, reductions: Sequence[Node], held: Sequence[Node]) -> bool:
        """Whether the steps of the innermost loop do not touch the same element of a result."""
        return all(n in held or n in self.held_parts or self._target(n).strides[-1] != 0 for n in reductions)

    def _elements(self, p: int, reductions: Sequence[Node], held: Sequence[Node]) -> None:
        f = self.fused
        chosen = self.plans[p]
        for a in self._unique(a for (n, _), a in self.walk.reads.items() if n in chosen or n in reductions):
            if self._is_read_within(a):
                self._say(f"const {local_type(a.dtype)} {self.walk.local(a)} = {self._at(a)};")
        back = [i for n in (*chosen, *reductions) for i in n.inputs if f.levels.get(i) == "element" and i not in chosen]
        for n in dict.fromkeys(back):
            source = self._kept(n) if n in self.saved else self._at(self.walk.outs[n])
            self._say(f"const {local_type(n.dtype)} {self.names[n]} = {source};")
        for n in chosen:
            self._say(f"const {local_type(n.dtype)} {self.names[n]} = {self._value(n)};")
        for n in chosen:
            if n in self.saved and f.passes[n] == p:
                self._say(f"{self._kept(n)} = {self.names[n]};")
            if n in self.walk.outs and f.passes[n] == p:
                self._say(f"{self._at(self.walk.outs[n])} = {self._stored(n)};")
        for n in reductions:
            if n in self.totals and self._is_copied(n):
                self._say(f"{self._at(self._target(n))} = {self._operand(n, n.inputs[0])};")
                continue
            if n in held and self._looks_for_nan(n):
                x, a = self._operand(n, n.inputs[0]), self._accumulator(n)
                self._say(f"{a} = {x} {_COMPARED[n.op.name]} {a} ? {x} : {a};")
                self._say(f"{self._nan(n)} |= {x} != {x};")
                continue
            if n in held:
                target = self._accumulator(n)
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
        for n in self._row_values_after(p):
            self._say(f"const {local_type(n.dtype)} {self.names[n]} = {self._row_value(n)};")
            if n in self.walk.outs:
                self._say(f"{self._at(self.walk.outs[n])} = {self._stored(n)};")
        self._fold_after(p)

    def _row_values_after(self, p: int) -> list[Node]:
        return [n for n in self.fused.nodes if self.fused.levels[n] == "row" and self.fused.passes[n] == p + 1]

    def _fold_after(self, p: int) -> None:
        """Add to the totals."""
        f = self.fused
        for n in self.totals:
            source = n.inputs[0]
            if f.levels.get(source) == "row" and f.passes[source] == p + 1:
                self._fold(n, self._operand(n, source))
            elif f.levels.get(source) != "row" and f.passes.get(source, 0) == p and self._is_held(n):
                self._fold(n, self._accumulator(n))

    def _row_value(self, n: Node) -> str:
        if n.op.name in REDUCTIONS:
            return self._accumulator(n)
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
        o = self.walk.operands[i]
        if o.literal is not None:
            return o.literal
        return o.name if o.by_value else self.walk.local(self.walk.reads[n, i])
