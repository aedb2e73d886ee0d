"""Which nodes one kernel computes: fusion groups of elementwise work, broadcasts and reductions over one space.

A fusion group is computed by one loop nest over its space, the shape that its element-level nodes share. Values that only
its own nodes read never reach memory. Where a reduction over trailing axes gives a value per row and elements use it
again (softmax, layer normalisation), the loop runs over a row several times: in passes.

Nodes join greedily in the order in which they are scheduled: the fusion group of what they read, or one that reads the same.
A fusion group is closed once a kernel that is no fusion group has read from it, so that nothing is computed long before its use.
"""

from __future__ import annotations

import bisect
import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from symkeras.compiler.program.refusals import Refusal
from symkeras.errors import CompileError
from symkeras.graph.dims import Size, product
from symkeras.graph.node import Node

REDUCTIONS = ("sum", "prod", "max", "min", "any", "all")
"""Reductions that fusion groups take."""
MOST_NODES = 96
"""A fusion group larger than this would keep the C compiler busy and registers full."""
MOST_OPERANDS = 24
SMALL_WORK = 1 << 17
"""Operations of a fusion group below which it is not shared."""
LONGEST_ROW = 8192
"""Elements of a row that is read in several passes: it should stay in the first-level cache."""


@dataclass(frozen=True, eq=False)
class FusionGroup:
    """A fusion group, as a kernel sees it.

    Attributes:
        nodes: what is computed, in order.
        operands: the nodes read from outside; results: those of `nodes` that others read.
        shape: the space of the loop nest.
        split: how many leading axes of the space count rows.
        levels: of each node: "element" (one value per point), "row" (one per row), "total" (a reduction that is
            complete only at the end).
        passes: in which pass over a row each node is computed.
        aliases: reshapes and broadcasts of a row's value, and the node that they stand for.
        is_told: its kernel is always told which part of the loop to do.
    """

    nodes: tuple[Node, ...]
    operands: tuple[Node, ...]
    results: tuple[Node, ...]
    shape: tuple[Size, ...]
    split: int
    levels: Mapping[Node, str]
    passes: Mapping[Node, int]
    aliases: Mapping[Node, Node]
    is_told: bool = False

    @property
    def pass_count(self) -> int:
        """How often the loop runs over a row."""
        return 1 + max((p for n, p in self.passes.items() if self.levels[n] != "row"), default=0)

    @property
    def is_small(self) -> bool:
        """Whether the work is known to be too little to share."""
        total = product(self.shape)
        return isinstance(total, int) and total * len(self.nodes) < SMALL_WORK and not self.is_told

    @property
    def sliced_totals(self) -> list[Node]:
        """The totals that are reduced over the first loop, in which slices therefore have parts of their own; none in small fusion groups."""
        first = next((k for k, d in enumerate(self.shape) if d != 1), None)
        if first is None or first >= self.split or self.is_small:
            return []
        return [n for n, level in self.levels.items() if level == "total" and first in n.attrs["axes"]]

    def overwritable(self, result: Node) -> list[int]:
        """The operands whose storage `result` may take over: read at the same point, and not after it is written."""
        if self.levels[result] != "element" or self.passes[result] != self.pass_count - 1:
            return []
        return [k for k, n in enumerate(self.operands) if n.type == result.type]


@dataclass(eq=False)
class _Unit:
    """A fusion group in the making, or a node that stays alone (`shape` None)."""

    shape: tuple[Size, ...] | None
    nodes: list[Node] = field(default_factory=list)
    split: int | None = None
    levels: dict[Node, str] = field(default_factory=dict)
    passes: dict[Node, int] = field(default_factory=dict)
    aliases: dict[Node, Node] = field(default_factory=dict)
    operands: dict[Node, None] = field(default_factory=dict)
    first: int = 0
    last: int = 0
    closed: str = ""

    @property
    def is_open(self) -> bool:
        """Whether nodes may still join: until somebody else reads what it computes."""
        return not self.closed

    @property
    def rows(self) -> tuple[Size, ...]:
        assert self.shape is not None and self.split is not None
        return self.shape[: self.split]

    @property
    def kept_rows(self) -> tuple[Size, ...]:
        """The shape of a row's value that broadcasts to the space."""
        assert self.shape is not None
        return (*self.rows, *(1,) * (len(self.shape) - len(self.rows)))

    @property
    def may_repeat(self) -> bool:
        """Whether a row is short enough to be read in several passes."""
        assert self.shape is not None and self.split is not None
        row = product(self.shape[self.split :])
        return isinstance(row, int) and row <= LONGEST_ROW


class Fusion:
    """The fusion groups of nodes in scheduled order.

    Args:
        order: the nodes.
        may_fuse: whether the backend takes a node into fusion groups.
        users: who reads each node.
        kept: nodes that are read from outside of `order`.
    """

    def __init__(self, order: Sequence[Node], may_fuse: Callable[[Node], bool], users: Mapping[Node, Sequence[Node]], kept: Iterable[Node]):
        self._order = order
        self._may_fuse = may_fuse
        self._users = users
        self._kept = set(kept)
        self._unit: dict[Node, _Unit] = {}
        self._readers: dict[Node, list[_Unit]] = {}
        self.refusals: list[Refusal] = []
        self.looks = 0  # how many pairs of edges `_reaches` has looked at
        self._reason = ""  # why the last node did not find a place
        self._blocks: list[int] = []  # no fusion group reaches from before a block's start into it
        self._position: dict[Node, int] = {}

    def units(self) -> list[Node | FusionGroup]:
        """The nodes that stay alone and the fusion groups, in an order in which they can run."""
        for position, n in enumerate(self._order):
            self._blocks.append(position)
            self._position[n] = position
            self._visit(n, position)
        units = list(dict.fromkeys(self._unit[n] for n in self._order))
        needed = self._needed(units)
        ordered = self._sorted(units)
        out: list[Node | FusionGroup] = []
        for u in ordered:
            if u.shape is not None:
                out.append(self._finished(u, needed))
            elif not u.nodes[0].op.is_view or u.nodes[0] in needed:
                out.append(u.nodes[0])
        return out

    # ---- who joins whom --------------------------------------------------------------------------------------------

    def _visit(self, n: Node, position: int) -> None:
        if self._may_fuse(n):
            candidates = self._candidates(n)
            joined = next((unit for unit in candidates if self._join(n, unit)), None)
            if joined is None:
                self._found(n, position)
            else:
                for other in candidates:
                    if other is not joined and any(self._unit.get(self._base(i)) is other for i in n.inputs):
                        joined = self._merged(joined, other)
            return
        self._unit[n] = _Unit(None, [n], first=position, last=position)
        if not n.op.is_view and not n.op.is_leaf:
            for i in n.inputs:
                base = self._base(i)
                if base in self._unit:
                    self._unit[base].closed = f"{n.op.name}, a kernel of its own, needs the group's values before"

    def _base(self, n: Node) -> Node:
        while n.op.is_view and n in self._unit:
            n = n.inputs[0]
        return n

    def _candidates(self, n: Node) -> list[_Unit]:
        """Open fusion groups whose values `n` reads, then those that read what it reads."""
        found: dict[_Unit, None] = {}
        for i in n.inputs:
            unit = self._unit.get(self._base(i))
            if unit is not None and unit.shape is not None:
                if unit.is_open:
                    found[unit] = None
                else:
                    self._refused(n, unit, unit.closed)
        for i in n.inputs:
            if i.shape != ():
                for unit in reversed(self._readers.get(i, ())):
                    if unit.is_open:
                        found[unit] = None
        return list(found)

    def _found(self, n: Node, position: int) -> None:
        """A fusion group of its own for `n`."""
        unit = _Unit(n.inputs[0].shape if n.op.name in REDUCTIONS else n.shape, first=position, last=position)
        if not self._join(n, unit):
            self._unit[n] = _Unit(None, [n], first=position, last=position)

    def _join(self, n: Node, unit: _Unit) -> bool:
        aliases = self._place(n, unit)
        if aliases is None:
            self._refused(n, unit, self._reason)
            return False
        if not self._is_acyclic(n, unit, aliases):
            self._refused(n, unit, "something between them is computed from the group, and needed here")
            return False
        self._add(n, unit, aliases)
        return True

    def _refused(self, n: Node, unit: _Unit, reason: str) -> None:
        if unit.nodes:
            self.refusals.append(Refusal("fusion", n, unit.nodes[-1], reason))

    def _place(self, n: Node, unit: _Unit) -> dict[Node, Node] | None:
        """Give `n` its level and pass in the fusion group; the aliases it reads through, or None where it does not fit."""
        if len(unit.nodes) >= MOST_NODES or len(unit.operands) + len(n.inputs) > MOST_OPERANDS:
            self._reason = f"a group has at most {MOST_NODES} operations and {MOST_OPERANDS} operands"
            return None
        aliases = {i: a for i in n.inputs if (a := self._alias(i, unit)) is not None}
        is_reduction = n.op.name in REDUCTIONS
        placed = self._reduction(n, unit) if is_reduction else self._elementwise(n, unit, aliases)
        if placed is None:
            return None
        if is_reduction and aliases:  # rows of one element: a row's value in another shape looks like an element
            self._reason = "it reduces a row's value in another shape"
            return None
        self._placed = placed
        return aliases

    def _add(self, n: Node, unit: _Unit, aliases: dict[Node, Node]) -> None:
        level, number, split = self._placed
        unit.split = split
        unit.nodes.append(n)
        unit.levels[n], unit.passes[n] = level, number
        unit.aliases |= aliases
        unit.last = max(unit.last, self._position[n])
        while self._blocks[-1] > unit.first:
            self._blocks.pop()
        self._unit[n] = unit
        for i in n.inputs:
            if i not in unit.levels and i not in aliases:
                unit.operands[i] = None
                readers = self._readers.setdefault(i, [])
                if not readers or readers[-1] is not unit:
                    readers.append(unit)

    def _merged(self, a: _Unit, b: _Unit) -> _Unit:
        """One fusion group of two that a node has brought together; `a` as it was where they cannot be one."""
        reason = self._apart(a, b)
        if reason:
            self._refused(a.nodes[-1], b, reason)
            return a
        whole = _Unit(a.shape, first=min(a.first, b.first), last=max(a.last, b.last))
        whole.split = a.split if a.split is not None else b.split
        before = {n: self._unit[n] for n in (*a.nodes, *b.nodes)}
        for n in sorted(before, key=self._position.__getitem__):
            aliases = self._place(n, whole)
            if aliases is None:
                self._unit.update(before)
                whole.closed = "given up"
                self._refused(a.nodes[-1], b, self._reason)
                return a
            self._add(n, whole, aliases)
        a.closed = b.closed = "part of a larger group"
        return whole

    def _apart(self, a: _Unit, b: _Unit) -> str:
        """Why two groups cannot be one, "" where they may."""
        if a.shape != b.shape:
            return f"the one is over {_shown(a.shape)}, the other over {_shown(b.shape)}"
        if not a.is_open or not b.is_open:
            return a.closed or b.closed
        between = self._leads(a, b) or self._leads(b, a)
        return "something between them is computed from the one, and needed in the other" if between else ""

    def _leads(self, start: _Unit, end: _Unit) -> bool:
        """Whether `end` depends on `start` through something outside of both."""
        todo = [u for u in self._read_by(end) if u is not start]
        return self._reaches(todo, start)

    def _read_by(self, unit: _Unit) -> set[_Unit]:
        read = unit.operands if unit.shape is not None else unit.nodes[0].inputs
        return {self._unit[i] for i in read if i in self._unit}

    def _alias(self, i: Node, unit: _Unit) -> Node | None:
        """The row's value that `i`, a reshape or broadcast outside of the fusion group, stands for."""
        base, shapes = i, []
        while base not in unit.levels and base.op.name in ("reshape", "broadcast_to") and base in self._unit:
            shapes.append(base.shape)
            base = base.inputs[0]
        if not shapes or unit.levels.get(base) != "row" or unit.split is None:
            return None
        allowed = {unit.rows, unit.kept_rows, unit.shape}
        whole = [s for s in shapes if s == unit.shape and s != unit.kept_rows]
        return base if all(s in allowed for s in shapes) and len(whole) <= 1 and (not whole or shapes[0] == unit.shape) else None

    def _elementwise(self, n: Node, unit: _Unit, aliases: Mapping[Node, Node]) -> tuple[str, int, int | None] | None:
        inside = [aliases.get(i, i) for i in n.inputs if i in unit.levels or i in aliases]
        if any(unit.levels[i] == "total" for i in inside):
            self._reason = "it reads a total, which is there after the whole loop"
            return None
        number = max((unit.passes[i] for i in inside), default=0)
        if n.shape == unit.shape:
            rows = [i for i in n.inputs if unit.levels.get(aliases.get(i, i)) == "row"]
            if rows and not (unit.may_repeat and all(i.shape in (unit.kept_rows, unit.shape) for i in rows)):
                self._reason = f"it reads a row's value for each element, and rows have more than {LONGEST_ROW} elements or an unknown number"
                return None
            return "element", number, unit.split
        if unit.split is not None and inside and n.shape in (unit.rows, unit.kept_rows):
            if all(unit.levels[i] == "row" for i in inside):
                return "row", number, unit.split
        self._reason = f"it is over {_shown(n.shape)}, the group over {_shown(unit.shape)}"
        return None

    def _reduction(self, n: Node, unit: _Unit) -> tuple[str, int, int | None] | None:
        x, axes = n.inputs[0], n.attrs["axes"]
        level = unit.levels.get(x, "element" if x.shape == unit.shape else None)
        if level is None or level == "total":
            over = f"it reduces {_shown(x.shape)}, the group is over {_shown(unit.shape)}"
            self._reason = over if level is None else "it reduces a total, which is there after the whole loop"
            return None
        number = unit.passes.get(x, 0)
        if level == "row":
            return "total", number, unit.split
        split = axes[0]
        if split > 0 and axes == tuple(range(split, len(x.shape))):
            if unit.split not in (None, split):
                self._reason = f"it reduces rows from axis {split} on, the group has rows from axis {unit.split} on"
                return None
            return "row", number + 1, split
        return "total", number, unit.split

    def _is_acyclic(self, n: Node, unit: _Unit, aliases: Mapping[Node, Node]) -> bool:
        """Whether nothing that `n` reads from outside of the fusion group depends on the fusion group."""
        return not self._reaches([self._unit[i] for i in n.inputs if i in self._unit and i not in unit.levels and i not in aliases], unit)

    def _reaches(self, todo: list[_Unit], unit: _Unit) -> bool:
        """Whether one of `todo` is, or depends on, `unit`: sought from both ends in turn, until one of them has nothing left.

        Only what lies between can connect them, and of a gradient's chain and a mask made long before it one end is short.
        """
        before, after = set(todo), {unit}
        if unit in before:
            return True
        horizon = self._blocks[bisect.bisect_right(self._blocks, unit.first) - 1]
        back = self._walk(todo, before, self._sources, horizon)
        ahead = self._walk([unit], after, self._targets, 0)
        for behind, beyond in zip(back, ahead):  # noqa: B905  (the shorter one decides)
            self.looks += 1
            if behind in after or beyond in before:
                return True
        return False

    @staticmethod
    def _walk(todo: Iterable[_Unit], seen: set[_Unit], edges: Callable[[_Unit], Iterator[_Unit]], horizon: int) -> Iterator[_Unit]:
        """The unit at the end of every edge from `todo` on, not beyond what ends before `horizon`; `seen` are those met."""
        todo = list(todo)
        while todo:
            u = todo.pop()
            for other in edges(u) if u.last >= horizon else ():
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
                yield other

    def _sources(self, u: _Unit) -> Iterator[_Unit]:
        for i in u.operands if u.shape is not None else u.nodes[0].inputs:
            if i in self._unit:
                yield self._unit[i]

    def _targets(self, u: _Unit) -> Iterator[_Unit]:
        for n in u.nodes:
            for reader in self._users.get(n, ()):
                if reader in self._unit:
                    yield self._unit[reader]

    # ---- what comes out --------------------------------------------------------------------------------------------

    def _needed(self, units: Sequence[_Unit]) -> set[Node]:
        """The nodes that must be in memory: read by another unit, through views that somebody reads."""
        needed = set(self._kept)
        ours = self._unit
        for u in units:
            if u.shape is not None:
                needed.update(u.operands)
            elif not u.nodes[0].op.is_view:
                needed.update(u.nodes[0].inputs)
        for n in self._order:
            if any(r not in ours for r in self._users.get(n, ())):
                needed.add(n)
        for n in reversed(self._order):
            if n in needed and n.op.is_view and ours[n].shape is None:
                needed.update(n.inputs)
        return needed

    def _sorted(self, units: Sequence[_Unit]) -> list[_Unit]:
        """A topological order: each unit at the place of its last node, or earlier where a reader asks for it."""
        reads: dict[_Unit, set[_Unit]] = {
            u: self._read_by(u) for u in units
        }
        readers: dict[_Unit, list[_Unit]] = {u: [] for u in units}
        for u, before in reads.items():
            for b in before:
                readers[b].append(u)
        waiting = {u: len(before) for u, before in reads.items()}
        order = [u for u in units if waiting[u] == 0]
        for u in order:
            for r in readers[u]:
                waiting[r] -= 1
                if waiting[r] == 0:
                    order.append(r)
        if len(order) != len(units):
            raise CompileError("fusion made fusion groups that need each other")
        key: dict[_Unit, int] = {}
        for u in reversed(order):
            key[u] = min((u.last, *(key[r] for r in readers[u])))
        waiting = {u: len(before) for u, before in reads.items()}
        ready = [(key[u], u.first, k, u) for k, u in enumerate(units) if waiting[u] == 0]
        heapq.heapify(ready)
        out: list[_Unit] = []
        while ready:
            u = heapq.heappop(ready)[3]
            out.append(u)
            for r in readers[u]:
                waiting[r] -= 1
                if waiting[r] == 0:
                    heapq.heappush(ready, (key[r], r.first, len(units) + len(out) + r.last, r))
        return out

    def _finished(self, u: _Unit, needed: set[Node]) -> FusionGroup:
        assert u.shape is not None
        split = len(u.shape) if u.split is None else u.split
        results = tuple(n for n in u.nodes if n in needed)
        return FusionGroup(tuple(u.nodes), tuple(u.operands), results, u.shape, split, u.levels, u.passes, u.aliases)


def _shown(shape: tuple[Size, ...] | None) -> str:
    return f"[{', '.join(map(str, shape or ()))}]"
