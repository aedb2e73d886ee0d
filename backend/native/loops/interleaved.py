"""Interleaved rows: fusion groups over short rows, such as a softmax over ten classes, with vectors along the rows' number instead of along a row.

Rows of ten fill a vector of eight and a quarter; what is left of each is done one by one, exponentials included. So some rows go side
by side: what a row has one of is an array with an element for each of them, and the innermost loop runs over the rows. Softmax of
256 rows of ten takes 4 us so, and 13 us row by row (Zen 3, one thread).
"""

from __future__ import annotations

from collections.abc import Sequence

from symkeras.backend.native.loops.accesses import Access, Operand, Walk
from symkeras.backend.native.loops.expressions import HEAVY, local_type
from symkeras.backend.native.loops.loop_nest import LoopNest
from symkeras.backend.native.loops.totals import reduce_of
from symkeras.backend.native.text import size
from symkeras.compiler.program.fusion import REDUCTIONS
from symkeras.graph.dtypes import itemsize
from symkeras.graph.node import Node

ROWS = 32
"""How many rows go side by side."""
LONGEST = 31
"""The longest rows that do, but for those of whole cache lines, which are whole vectors too."""
SHORTEST = 4
"""The shortest rows that do for an extremum alone: the compiler unrolls those that are shorter."""
LINE_BYTES = 64
EXTREMA = ("max", "min")
"""Row by row, vectors are compared lane by lane at the end of each: a million numbers in rows of ten take 0.6 ms side by side, and 3.9 so."""
EACH_ROW = "for (int64_t r = 0; r < rows; r++)"


def suits(walk: Walk) -> bool:
    """Whether rows are short, what is done with their elements is worth vectors, and nothing is added up across rows element by
    element."""
    f = walk.fused
    heavy = [n for n in f.nodes if n.op.name in HEAVY and f.levels[n] == "element"]
    extrema = [n for n in f.nodes if n.op.name in EXTREMA and f.levels[n] == "row"]
    if not (heavy or extrema) or not walk.has_rows or len(walk.outer) != 1 or len(walk.inner) != 1:
        return False
    width = walk.inner[0][1]
    least, dtype = (0, heavy[0].dtype) if heavy else (SHORTEST, extrema[0].dtype)
    is_short = isinstance(width, int) and least <= width <= LONGEST and width * itemsize(dtype) % LINE_BYTES != 0
    return is_short and all(f.levels.get(n.inputs[0]) == "row" for n, level in f.levels.items() if level == "total")


class InterleavedNest(LoopNest):
    """Writes a nest whose innermost loop, `r`, runs over rows `i` to `i + rows - 1`."""

    def __init__(self, walk: Walk, operands: Sequence[Operand]):
        super().__init__(walk, operands)
        self._plain = dict(self.names)
        self.names |= {n: f"{self.names[n]}[r]" for n in self.fused.nodes if self.fused.levels[n] == "row"}
        self.outer_names = [f"({v} + r)" for v in self.outer_names]

    def _nest(self) -> None:
        self.plans = self._plan_passes()
        (i, _), (start, stop) = self.outer[0], self.bounds
        self._open(f"for (int64_t {i} = {start}; {i} < {stop}; {i} += {ROWS})")
        self._say(f"const int64_t rows = sk_min({ROWS}, {stop} - {i});")
        self._row()
        self._close()

    def _open_row(self) -> None:
        for n in self.fused.nodes:
            if self.fused.levels[n] == "row":
                self._say(f"{local_type(n.dtype)} {self._plain[n]}[{ROWS}];")
            elif n in self.saved:
                self._say(f"{local_type(n.dtype)} row_{self.names[n]}[{self.inner[0][1]}][{ROWS}];")

    def _open_pass(self, reductions: Sequence[Node], held: Sequence[Node]) -> None:
        if held:
            starts = ", ".join(f"{self._accumulator(n)} = {reduce_of(n.op.name, n.dtype).start}" for n in held)
            self._say("SK_SIMD()")
            self._say(f"{EACH_ROW} {starts};")
        (j, n) = self.inner[0]
        self._open(f"for (int64_t {j} = 0; {j} < {size(n)}; {j}++)")
        self._open_lanes()

    def _open_lanes(self) -> None:
        self._say("SK_SIMD()")
        self._open(EACH_ROW)

    def _rows_after(self, p: int) -> None:
        values = [n for n in self._row_values_after(p) if n.op.name not in REDUCTIONS or n in self.walk.outs]
        if values:
            self._open_lanes()
            for a in self._read_by([n for n in values if n.op.name not in REDUCTIONS]):
                self._say(f"const {local_type(a.dtype)} {self.walk.local(a)} = {self._at(a)};")
            for n in values:
                if n.op.name not in REDUCTIONS:
                    self._say(f"{self.names[n]} = {self._value(n)};")
                if n in self.walk.outs:
                    self._say(f"{self._at(self.walk.outs[n])} = {self._stored(n)};")
            self._close()
        if any(self.fused.passes.get(n.inputs[0]) == p + 1 for n in self.totals):
            self._open(EACH_ROW)  # one row after the other: in order
            self._fold_after(p)
            self._close()

    def _read_by(self, nodes: Sequence[Node]) -> list[Access]:
        return [a for a in self._unique(a for (n, _), a in self.walk.reads.items() if n in nodes) if self._is_read_within(a)]

    def _accumulator(self, n: Node) -> str:
        return self.names[n]

    def _looks_for_nan(self, n: Node) -> bool:
        return False  # a chain for each row, side by side

    def _kept(self, n: Node) -> str:
        return f"row_{self.names[n]}[{self.inner[0][0]}][r]"

    def _is_read_within(self, a: Access) -> bool:
        return any(s != 0 for s in a.strides)
