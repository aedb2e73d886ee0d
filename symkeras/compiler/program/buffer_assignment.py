"""Whose storage each value uses, once all steps are known.

Decided here: where a result is written straight into a larger one (a piece of a concatenation, a variable that is updated), and
which results take over the storage of an input that is read for the last time. Who may share storage follows from the maps of all
reads (`index_maps`): a result lies in the place of an operand only where every read of that storage in the same step is through an equal map.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from symkeras.compiler.program.addressing import has_place
from symkeras.compiler.program.index_maps import IndexMap, are_disjoint, are_equal, index_map, memory_of
from symkeras.compiler.program.kernels import Kernels, overwritable
from symkeras.compiler.program.program import AnyStep, Buffer, Step, Value, flat, inner_steps
from symkeras.compiler.program.refusals import Refusal
from symkeras.graph import dims
from symkeras.graph.dims import Size
from symkeras.graph.graph import Graph
from symkeras.graph.naming import named_after
from symkeras.graph.node import Node

_TOGETHER = "they lie in one place already"
_LARGER = "it lies in something larger"
_VIEW = "it is a view, or its elements do not lie one after the other"
_KINDS = {"variable": "it is a variable, which keeps its value", "constant": "it is a constant", "bound": "it is a number that sizes decide"}
"""Why storage that is no part of the arena is not shared."""


class Placing:
    """Decides for one program.

    Args:
        values: what each node stands for; `all_values` has views and copies as well, `variables` those of variables.
        reads: by the id of a buffer, who reads it and when; no step for reads after the last one.
        tail_start: the position from which on nothing can fail: no earlier step writes a variable.
    """

    def __init__(self, graph: Graph, kernels: Kernels, values: Mapping[Node, Value], all_values: Sequence[Value], variables: Sequence[Value],
                 reads: dict[int, list[tuple[int, Step | None]]], tail_start: int):  # fmt: skip
        self.graph = graph
        self.kernels = kernels
        self.values = values
        self.all_values = all_values
        self.reads = reads
        self.tail_start = tail_start
        self.variables: dict[int, list[tuple[Value, IndexMap]]] = {}  # by memory
        for v in variables:
            m = index_map(v)
            self.variables.setdefault(m.memory, []).append((v, m))
        self._by_buffer: dict[int, list[Value]] = {}
        self._refused: dict[tuple[Node, Node | None], str] = {}

    @property
    def refusals(self) -> list[Refusal]:
        """What has a place of its own, and why; `other` is the operand, whole or variable in whose place it might have been."""
        return [Refusal("in-place", node, other, reason) for (node, other), reason in self._refused.items()]

    def _refuse(self, v: Value, other: Value | None, reason: str) -> None:
        if v.node is not None:
            self._refused.setdefault((v.node, other.node if other is not None else None), reason)

    def place_concatenations(self, steps: Sequence[AnyStep]) -> None:
        """Pieces are written where they belong in the whole."""
        for step in steps:
            if isinstance(step, Step) and step.kind == "kernel" and step.node.op.name == "concatenate" and step.node.attrs["axis"] == 0:
                self._place_pieces(step)
        self._place_columns(steps)

    def _place_columns(self, steps: Sequence[AnyStep]) -> None:
        """Pieces of rows are written where they belong, by kernels that can."""
        producers = {id(v): s for s in steps if isinstance(s, Step) for v in s.outputs}
        for step in steps:
            if not isinstance(step, Step):
                self._place_columns(inner_steps(step))
            elif step.kind == "kernel" and step.node.op.name == "concatenate" and step.node.attrs["axis"] > 0:
                start: Size = 0
                uses = Counter(map(id, step.inputs))
                for v in step.inputs:
                    stop = start + v.type.shape[step.node.attrs["axis"]]
                    reason = self._not_a_free_piece(v, producers.get(id(v)), step, uses[id(v)])
                    reason = reason or self._become_piece(v, step, start, stop)
                    if reason:
                        self._refuse(v, step.outputs[0], reason)
                    start = stop

    def _not_a_free_piece(self, v: Value, producer: Step | None, step: Step, uses: int) -> str:
        """Why a value cannot be a piece of rows, "" where it may."""
        reason = _no_piece(v, uses) or (_VIEW if v.view is not None else "") or ("no kernel here computes it" if producer is None else "")
        if reason:
            return reason
        steps = [producer, *(r for _, r in self.reads.get(id(v.buffer), ()) if r is not step)]
        if None in steps:
            return "it is an output or a new value of a variable"
        unable = next((r for r in steps if r is not None and not self.kernels.writes_pieces(r)), None)
        return f"{unable.node.op.name} does not work on pieces of rows" if unable is not None else ""

    def _become_piece(self, v: Value, step: Step, start: Size, stop: Size) -> str:
        """Let a value be a piece; why it cannot, "" where it is."""
        whole, axis = step.outputs[0], step.node.attrs["axis"]
        sizes = [(0, d) if k != axis else (start, stop) for k, d in enumerate(whole.type.shape)]
        bounds = {"starts": tuple(a for a, _ in sizes), "stops": tuple(b for _, b in sizes), "strides": (1,) * len(sizes)}
        own, shared = v.buffer, whole.buffer
        others = [(other, other.is_contiguous) for other in self._in_buffer(own)]
        for other, _ in others:
            other.buffer, other.is_contiguous = shared, False
        v.base, v.view = whole, ("slice", bounds)
        if not all(has_place(other) for other, _ in others):  # a view that needs the piece contiguous
            for other, was_contiguous in others:
                other.buffer, other.is_contiguous = own, was_contiguous
            v.base = v.view = None
            return "a view of it needs its elements one after the other"
        shared.first, shared.last = min(shared.first, own.first), max(shared.last, own.last)
        self._in_buffer(shared).extend(self._by_buffer.pop(id(own)))
        self.reads.setdefault(id(shared), []).extend(self.reads.pop(id(own), []))
        return ""

    def _in_buffer(self, buffer: Buffer) -> list[Value]:
        """The values that lie in a buffer; found once for all buffers, then kept true by `_become_piece`."""
        if not self._by_buffer:
            for v in self.all_values:
                self._by_buffer.setdefault(id(v.buffer), []).append(v)
        return self._by_buffer.setdefault(id(buffer), [])

    def _place_pieces(self, step: Step) -> None:
        whole = step.outputs[0]
        row = dims.product(whole.type.shape[1:])
        start: Size = 0
        uses = Counter(id(v.buffer) for v in step.inputs)
        for v in step.inputs:
            b = v.buffer
            reason = _no_piece(v, uses[id(b)]) or ("" if v.is_contiguous else _VIEW) or ("it is an input" if b.first < 0 else "")
            if reason:
                self._refuse(v, whole, reason)
            else:
                b.inside, b.offset = whole.buffer, start
                whole.buffer.first = min(whole.buffer.first, b.first)
                whole.buffer.last = max(whole.buffer.last, b.last)
            start = start + v.type.shape[0] * row

    def place_updates(self, commits: list[tuple[Value, Value]]) -> None:
        """New values are computed straight into their variable where every reader of the old value comes before."""
        outputs = {id(self.values[n].buffer.storage) for n in self.graph.outputs}
        counts: dict[int, int] = {}
        for src, _ in commits:
            counts[id(src.buffer)] = counts.get(id(src.buffer), 0) + 1
        for src, dst in commits:
            reason = self._not_in_variable(src, dst, counts[id(src.buffer)], id(src.buffer) in outputs)
            if not reason:
                src.buffer.inside, src.buffer.offset = dst.buffer, 0
            elif src.buffer is not dst.buffer:
                self._refuse(src, dst, reason)

    def _not_in_variable(self, src: Value, dst: Value, uses: int, is_output: bool) -> str:
        """Why a new value is not computed in its variable, "" where it may be."""
        b = src.buffer
        if b.kind != "arena":
            return _KINDS[b.kind]
        if b.inside is not None:
            return _LARGER
        if not src.is_contiguous or b.type.size != src.type.size:
            return _VIEW
        if b.type.dtype != dst.type.dtype:
            return f"it is computed as {b.type.dtype}, the variable has {dst.type.dtype}"
        if is_output:
            return "it is an output as well"
        if uses != 1:
            return "several variables get it"
        if b.first < self.tail_start:
            return "it is computed before something that may fail, which must leave the variable as it was"
        return "" if self._may_write(dst, b.first, b) else "the old value is read later, or otherwise than point by point"

    def _may_write(self, variable: Value, position: int, result: Buffer) -> bool:
        """Whether the step at `position` can write `result` into the storage of a variable: nothing fails, and nobody reads it, then or later."""
        if position < self.tail_start:
            return False
        written = index_map(variable)
        for v, m in self.variables[written.memory]:
            if are_disjoint(m, written):
                continue
            for p, step in self.reads.get(id(v.buffer), ()):
                if p > position or (p == position and not self._reads_in_step(step, variable, result)):
                    return False
        return True

    def _reads_in_step(self, step: Step | None, variable: Value, result: Buffer) -> bool:
        """Whether a step reads a variable only where it may write `result` at once."""
        out = next((o for o in step.outputs if o.buffer.root is result), None) if step is not None else None
        return step is not None and out is not None and reads_pointwise(step, out, variable, self.kernels)

    def write_in_place(self, steps: Sequence[AnyStep], own: set[int]) -> None:
        """Results take over the storage of an input that is read for the last time; `own` are the buffers that groups have for themselves."""
        at = {step.position: step for step in flat(steps)}
        for step in flat(steps):
            if step.kind == "kernel" and len(step.outputs) != 1:
                continue
            for out in step.outputs:
                self._write_in_place(out, step, own, at)

    def _write_in_place(self, out: Value, step: Step, own: set[int], at: Mapping[int, Step]) -> None:
        """Let a result take over the storage of an input, or note why of none."""
        refused: dict[int, tuple[Value, str]] = {}
        for k in overwritable(step, out, self.kernels):
            v = step.inputs[k] if k < len(step.inputs) else None
            if v is None:
                continue
            if (id(v.buffer.storage) in own) != (id(out.buffer.storage) in own):
                reason = "only one of them is kept for a few samples at a time"
            else:
                reason = self._apart(v, out, step, at)
            if not reason:
                a, b = v.buffer.root, out.buffer.root
                a.merged = b
                b.first = min(a.first, b.first)
                return
            refused[id(v)] = v, reason
        place = out.buffer.root
        if place.kind != "arena" or place.inside is not None or any(reason is _TOGETHER for _, reason in refused.values()):
            return
        alike = [(v, reason) for v, reason in refused.values() if v.type == out.type]
        for v, reason in alike:
            self._refuse(out, v, reason)
        if not alike and step.fused is not None:
            self._refuse(out, None, "its group reads nothing of its type that it may write over")
        elif not alike:
            own_kernel = f"the kernel of {step.node.op.name} writes over nothing that it reads"
            self._refuse(out, None, "it reads nothing of its type" if refused else own_kernel)

    def _apart(self, v: Value, out: Value, step: Step, at: Mapping[int, Step]) -> str:
        """Why a result does not take over the storage of an input, "" where it may."""
        a, b = v.buffer.root, out.buffer.root
        if a is b:
            return _TOGETHER
        if a.kind != "arena" or b.kind != "arena":
            return _KINDS[(a if a.kind != "arena" else b).kind]
        if v.type != out.type or a.type.dtype != b.type.dtype:
            return "it is of another type"
        if not v.is_contiguous or a.type.size != b.type.size:
            return _VIEW
        if a.inside is not None:
            return _LARGER
        if v.loop is not None or a.loop is not None:
            return "each step of a loop has one of its own"
        if a.last != step.position:
            return self._read_later(a, at.get(a.last))
        if b.first != step.position:
            return "the place of the result is in use before"
        if any(o.buffer.storage is a for o in step.outputs):
            return "another result of the kernel lies there"
        if not reads_pointwise(step, out, v, self.kernels):
            return "the kernel reads more of it than the element it writes"
        if b.inside is not None and not self._may_write_earlier(b, a, step):
            return "what the result is written into is read meanwhile"
        return ""

    def _read_later(self, a: Buffer, last: Step | None) -> str:
        if last is None or not any(v.buffer.root is a for v in last.inputs):
            return "it is needed later: by a loop, as an output or as a new value"
        return f"%{self.graph.names.get(last.node) or named_after(last.node)} reads it later"

    def _may_write_earlier(self, b: Buffer, a: Buffer, step: Step) -> bool:
        """Whether the larger storage `b` lies in can be written as early as `a` is."""
        assert b.inside is not None
        storage, outermost = b.inside.root, b.storage
        if outermost.kind == "variable":
            return self._may_write(next(v for v, _ in self.variables[memory_of(outermost)] if v.buffer is outermost), a.first, a)
        if b.loop is not None:
            return a.first >= b.loop.start
        return not any(a.first <= p <= step.position for p, _ in self.reads.get(id(storage), ()))

    def settle(self) -> None:
        """Storage lives as long as everything laid into it."""
        for b in {id(v.buffer): v.buffer for v in self.all_values}.values():
            s = b.storage
            if s is not b:
                s.first = min(s.first, b.first)
                s.last = max(s.last, b.last)


def reads_pointwise(step: Step, out: Value, target: Value, kernels: Kernels) -> bool:
    """Whether all that a step reads of the memory of `target`, it reads where it writes `out` when that lies there: point by point."""
    written = index_map(target)
    allowed = overwritable(step, out, kernels)
    return all(
        are_disjoint(read, written) or (k in allowed and v.type == out.type and are_equal(read, written))
        for k, v in enumerate(step.inputs) if (read := index_map(v)).memory == written.memory
    )  # fmt: skip


def _no_piece(v: Value, uses: int) -> str:
    """Why a value is no piece of a concatenation, "" where it may be."""
    b = v.buffer
    if b.kind != "arena":
        return _KINDS[b.kind]
    if b.inside is not None or b.type.size != v.type.size:
        return _LARGER
    if b.loop is not None:
        return "each step of a loop has one of its own"
    return "it is there more than once" if uses != 1 else ""
