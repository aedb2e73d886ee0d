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
from symkeras.graph import dims
from symkeras.graph.dims import Size
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node


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
                    if id(v) in producers and uses[id(v)] == 1 and self._is_free_piece(v, producers[id(v)], step):
                        self._become_piece(v, step, start, stop)
                    start = stop

    def _is_free_piece(self, v: Value, producer: Step, step: Step) -> bool:
        b = v.buffer
        readers = [r for _, r in self.reads.get(id(b), ())]
        is_own = b.kind == "arena" and b.inside is None and v.view is None and b.type.size == v.type.size and b.loop is None
        steps = [producer, *(r for r in readers if r is not step)]
        return is_own and all(r is not None and self.kernels.writes_pieces(r) for r in steps)

    def _become_piece(self, v: Value, step: Step, start: Size, stop: Size) -> None:
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
            return
        shared.first, shared.last = min(shared.first, own.first), max(shared.last, own.last)
        self._in_buffer(shared).extend(self._by_buffer.pop(id(own)))
        self.reads.setdefault(id(shared), []).extend(self.reads.pop(id(own), []))

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
            size = v.type.size
            fits = b.kind == "arena" and b.inside is None and v.is_contiguous and b.type.size == size and b.first >= 0 and b.loop is None
            if fits and uses[id(b)] == 1:
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
            b = src.buffer
            fits = (
                b.kind == "arena" and b.inside is None and src.is_contiguous and b.type.size == src.type.size and b.type.dtype == dst.type.dtype
                and id(b) not in outputs and counts[id(b)] == 1
            )  # fmt: skip
            if fits and self._may_write(dst, b.first, b):
                b.inside, b.offset = dst.buffer, 0

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
        outputs = {id(self.values[n].buffer.storage) for n in self.graph.outputs}
        for step in flat(steps):
            if step.kind == "kernel" and len(step.outputs) != 1:
                continue
            for out in step.outputs:
                for k in overwritable(step, out, self.kernels):
                    v = step.inputs[k] if k < len(step.inputs) else None
                    if v is None or (id(v.buffer.storage) in own) != (id(out.buffer.storage) in own):
                        continue
                    if self._take_over(v, out, step, outputs):
                        break

    def _take_over(self, v: Value, out: Value, step: Step, outputs: set[int]) -> bool:
        a, b = v.buffer.root, out.buffer.root
        if (
            a is b
            or a.kind != "arena"
            or b.kind != "arena"
            or v.type != out.type
            or not v.is_contiguous
            or a.type.size != b.type.size
            or a.type.dtype != b.type.dtype
        ):
            return False
        if a.inside is not None or a.last != step.position or b.first != step.position or v.loop is not None or a.loop is not None:
            return False
        if any(o.buffer.storage is a for o in step.outputs) or not reads_pointwise(step, out, v, self.kernels):
            return False
        if b.inside is not None and not self._may_write_earlier(b, a, step):
            return False
        a.merged = b
        b.first = min(a.first, b.first)
        return True

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
