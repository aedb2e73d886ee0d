"""The memory plan as people read it: where every value lies, who lies on whose bytes, when and why, and what backward keeps alive."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from symkeras.compiler.program import memory_plan
from symkeras.compiler.program.program import Buffer, Program, Value
from symkeras.graph import dims
from symkeras.graph.node import Node
from symkeras.inspection.cost import place_of
from symkeras.inspection.record import Kernel, Record
from symkeras.inspection.table import Table, shown
from symkeras.inspection.traffic import program_of, sizes_of

_WIDTH = 64
_HEIGHT = 32
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@dataclass(eq=False)
class Block:
    """A piece of the arena.

    Attributes:
        number: `arena(number, ...)` in emitted NumPy, `call->at[number]` in C.
        offset, bytes: where it lies.
        first, last: the numbers of the kernels that write it first and read it last; None where that is before the first or after the last one.
        values: the names of all that lies in it, in the order in which it comes there.
    """

    number: int
    offset: int
    bytes: int
    first: int | None
    last: int | None
    values: list[str]


class Reuse(NamedTuple):
    """Bytes that one value has from another.

    Attributes:
        value: who has them now; former: who had them before, or the whole that `value` is a piece of.
        kernel: the number of the kernel that writes `value`, None where none does.
        kind: "in place", "concatenation", "variable", "loop", or "later".
        why: in a sentence.
        bytes: how many.
    """

    value: str
    former: str
    kernel: int | None
    kind: str
    why: str
    bytes: int


class Memory:
    """The plan of the arena for known sizes; prints as time by address.

    Attributes:
        plan: offsets, and the bytes that it needs.
        blocks: a `Block` for every buffer that is planned.
        reuses: who lies on whose bytes, in the order of running.
        steps: a row per kernel: the bytes that are alive while it runs, and the blocks.
        peak: the row with the most.
    """

    def __init__(self, record: Record, batch: int | None = None, sizes: Mapping[str, int] | None = None):
        program: Program = program_of(record, "plan of memory")
        self._record = record
        self.sizes = sizes_of(record, batch, sizes or {})
        self.plan = memory_plan.plan(program.buffers, self.sizes)
        self._kernels = sorted(record.kernels, key=lambda k: k.step.position)
        self._positions = [k.step.position for k in self._kernels]
        self._writers = {id(v): k for k in record.kernels for v in (*k.step.outputs, *k.step.scratch)}
        values = _values(program)
        self._tenants: dict[int, list[Value]] = {}
        for v in values:
            self._tenants.setdefault(id(v.buffer.storage), []).append(v)
        self._buffers = program.buffers
        self.blocks = [self._block(k, b) for k, b in enumerate(self._buffers)]
        self.steps = Table(["kernel", "name", "bytes", "blocks"], [self._step(k) for k in self._kernels])
        self.peak: dict[str, Any] = max(self.steps, key=lambda r: r["bytes"], default={"kernel": None, "name": "", "bytes": 0, "blocks": []})
        self.reuses = sorted([*self._own_reuses(values), *self._later()], key=lambda r: (-1 if r.kernel is None else r.kernel, r.value))

    # ---- blocks -----------------------------------------------------------------------------------------------------

    def _block(self, number: int, b: Buffer) -> Block:
        names = list(dict.fromkeys(self._name(v) for v in self._tenants.get(id(b), ())))
        return Block(number, self.plan.offsets[number], memory_plan.nbytes(b, self.sizes), self._at(b.first), self._at(b.last), names)

    def _name(self, v: Value) -> str:
        if v.node is not None:
            return self._record.name(v.node)
        writer = self._writers.get(id(v))
        return f"scratch of {writer.name}" if writer is not None else "scratch"

    def _at(self, position: int) -> int | None:
        """The kernel at a position, None outside of all."""
        k = bisect(self._positions, position) - 1
        return self._kernels[k].number if k >= 0 and position <= self._positions[-1] else None

    def _step(self, k: Kernel) -> dict[str, Any]:
        live = [n for n, b in enumerate(self._buffers) if b.first <= k.step.position <= b.last]
        return {"kernel": k.number, "name": k.name, "bytes": sum(self.blocks[n].bytes for n in live), "blocks": live}

    # ---- who lies on whose bytes ------------------------------------------------------------------------------------

    def _own_reuses(self, values: Iterable[Value]) -> Iterable[Reuse]:
        """What was decided before sizes were known."""
        owners = {}
        for v in values:
            owners.setdefault(id(v.buffer), v)
        for v in values:
            writer = self._writers.get(id(v))
            if writer is None:
                continue
            for former in (f for f in writer.step.inputs if f.buffer.merged is v.buffer):
                why = f"{self._name(former)} is read there for the last time, point by point: written in place"
                yield self._reuse(v, self._name(former), "in place", why)
            whole = v.buffer.root.inside
            if whole is not None:
                yield self._piece(v, whole, owners)
            elif v.view is not None and v.view[0] == "slice" and v.base is not None:
                yield self._reuse(v, self._name(v.base), "concatenation", _piece_of(self._name(v.base)))

    def _piece(self, v: Value, whole: Buffer, owners: Mapping[int, Value]) -> Reuse:
        storage = v.buffer.storage
        if storage.kind == "variable" and storage.source is not None:
            name = storage.source.attrs["name"]
            return self._reuse(v, name, "variable", f"nobody reads the old value of {name} afterwards: written straight into it")
        owner = owners.get(id(whole))
        name = self._name(owner) if owner is not None else "what is stacked over time"
        if v.buffer.root.loop is not None:
            return self._reuse(v, name, "loop", f"each step of the loop writes its part of {name}")
        return self._reuse(v, name, "concatenation", _piece_of(name))

    def _reuse(self, v: Value, former: str, kind: str, why: str) -> Reuse:
        writer = self._writers.get(id(v))
        return Reuse(self._name(v), former, writer.number if writer is not None else None, kind, why, int(dims.evaluate(v.type.nbytes, self.sizes)))

    def _later(self) -> Iterable[Reuse]:
        """Blocks that lie where others lay whose last reader is done: for each byte, the one who had it last."""
        for k, b in enumerate(self._buffers):
            mine, left = self.blocks[k], [(self.blocks[k].offset, self.blocks[k].offset + self.blocks[k].bytes)]
            gone = [j for j in range(k) if self._buffers[j].last < b.first and self.blocks[j].values]
            for j in sorted(gone, key=lambda j: -self._buffers[j].last) if mine.values else ():
                other = self.blocks[j]
                shared, left = _taken(left, other.offset, other.offset + other.bytes)
                if shared:
                    reader = "the copying of the inputs" if other.last is None else f"kernel {other.last}"
                    why = f"the last reader of {other.values[-1]} is {reader}: its bytes at {max(mine.offset, other.offset)} are free afterwards"
                    yield Reuse(mine.values[0], other.values[-1], mine.first, "later", why, shared)

    # ---- text -------------------------------------------------------------------------------------------------------

    def of(self, name: str) -> list[Reuse]:
        """What is said of one value, as the one who has bytes or the one who had them."""
        return [r for r in self.reuses if name in (r.value, r.former)]

    def strip(self, width: int = _WIDTH, height: int = _HEIGHT) -> str:
        """Time runs down, a line for one kernel or for the fullest of several; addresses run to the right, a letter for each block."""
        if not self.plan.planned or not len(self.steps):
            return "nothing is planned"
        width = max(1, width)
        each = -(-len(self.steps) // max(1, height))
        rows = [f"{'kernel':>6}  {'0':<{max(1, width - 12)}}{shown('', self.plan.planned) + ' bytes':>12}"]
        for start in range(0, len(self.steps), each):
            step = max(self.steps.rows[start : start + each], key=lambda r: r["bytes"])
            cells = ["."] * width
            for n in step["blocks"]:
                block = self.blocks[n]
                first, last = block.offset * width // self.plan.planned, (block.offset + block.bytes - 1) * width // self.plan.planned
                for c in range(first, min(last, width - 1) + 1 if block.bytes else first):
                    cells[c] = _LETTERS[n % len(_LETTERS)]
            mark = "  <- peak" if step is self.peak else ""
            rows.append(f"{step['kernel']:>6}  {''.join(cells)}  {shown('', step['bytes']):>9} {step['name']}{mark}")
        return "\n".join(rows)

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "sizes": self.sizes, "planned": self.plan.planned, "naive": self.plan.naive, "bound": self.plan.bound,
            "blocks": [vars(b) for b in self.blocks], "reuses": [r._asdict() for r in self.reuses], "steps": self.steps.rows, "peak": self.peak,
        }  # fmt: skip

    def __str__(self) -> str:
        sizes = ", ".join(f"{k}={v}" for k, v in self.sizes.items())
        rows = [f"{self._record.graph.name}{f' ({sizes})' if sizes else ''}: {self.plan}", "", self.strip(), ""]
        rows += [f"kernel {'-' if r.kernel is None else r.kernel}: {r.value}: {r.why} ({shown('', r.bytes)} bytes)" for r in self.reuses]
        return "\n".join(rows)


def _piece_of(whole: str) -> str:
    return f"it is a piece of {whole}, and written where it belongs there"


def _values(program: Program) -> list[Value]:
    """What the steps read and write, with scratch, each once, in order."""
    found: dict[int, Value] = {id(v): v for v in program.inputs}
    for s in program.all_steps():
        found.update((id(v), v) for v in (*s.inputs, *s.outputs, *s.scratch))
    return list(found.values())


def _taken(left: list[tuple[int, int]], start: int, stop: int) -> tuple[int, list[tuple[int, int]]]:
    """How many bytes of the stretches `left` lie between `start` and `stop`, and the stretches without them."""
    after = [(a, b) for x, y in left for a, b in ((x, min(y, start)), (max(x, stop), y)) if a < b]
    return sum(y - x for x, y in left) - sum(y - x for x, y in after), after


_SAVED_COLUMNS = ["name", "op", "layer", "lines", "type", "bytes", "readers"]


def saved(record: Record, batch: int | None = None, sizes: Mapping[str, int] | None = None) -> Table:
    """The values of the forward pass that gradients read from memory, the largest first; inputs and variables are there anyway.

    A value that the gradient's kernel computes itself, and a view of another one, is not among them.
    """
    env = sizes_of(record, batch, sizes or {})
    stored = _stored(record.program)
    rows: dict[Node, dict[str, Any]] = {}
    for n in record.nodes(record.graph):
        if not _is_backward(n):
            continue
        for read in n.inputs:
            node = _viewed(read)
            if node.op.is_leaf or _is_backward(node) or not _is_computed(node) or (stored is not None and node not in stored):
                continue
            lines = list(dict.fromkeys(o.line for o in node.origins if o.line))
            row = rows.setdefault(node, {
                "name": record.name(node), "op": node.op.name, "layer": place_of(node)[0], "lines": lines,
                "type": ", ".join(map(str, node.types)), "bytes": sum(int(dims.evaluate(t.nbytes, env)) for t in node.types), "readers": [],
            })  # fmt: skip
            if record.name(n) not in row["readers"]:
                row["readers"].append(record.name(n))
    return Table(_SAVED_COLUMNS, list(rows.values())).sorted("bytes")


def _stored(program: Program | None) -> set[Node] | None:
    """The nodes whose values a kernel reads that another one wrote."""
    if program is None:
        return None
    written = {id(v.buffer.storage) for s in program.all_steps() for v in s.outputs}
    read = [v for s in program.all_steps() for v in s.inputs if v.node is not None and id(v.buffer.storage) in written]
    return {n for v in read if v.node is not None for n in (v.node, _viewed(v.node))}


def _viewed(node: Node) -> Node:
    """What a node is a view of: itself, if it is none; one of several results is itself."""
    while node.op.is_view and node.op.name != "item" and node.inputs:
        node = node.inputs[0]
    return node


def _is_backward(node: Node) -> bool:
    return bool(node.origins) and all(o.gradient_of for o in node.origins)


def _is_computed(node: Node) -> bool:
    """Whether it depends on an input: what constants and sizes decide is no value of the forward pass."""
    return bool(node.inputs) and bool(node.origins)


