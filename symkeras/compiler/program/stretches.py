"""Elementwise steps over one large shape that run together, a stretch of rows at a time, so that what they share stays in the cache.

Stretches run one after the other or at the same time. Of storage that one of the steps writes, each step may therefore touch the rows
of the stretch at hand only: where a step reads other ones (through a flip, a transpose, a broadcast row), a new group begins.
"""

from __future__ import annotations

from collections.abc import Sequence

from symkeras.compiler.program.index_maps import IndexMap, are_disjoint, go_by_the_same_rows, index_map
from symkeras.compiler.program.kernels import Kernels
from symkeras.compiler.program.program import AnyStep, Group, Step, Value, first_node
from symkeras.compiler.program.refusals import Refusal
from symkeras.graph.dims import Size

_OTHER_WORK = "its kernel does not go row by row, or not through all that it reads"


def in_stretches(steps: Sequence[AnyStep], kernels: Kernels, refusals: list[Refusal]) -> list[AnyStep]:
    """The steps in order, neighbours that can run stretch by stretch put together where that pays; `refusals` gets why a run of them ended."""
    out: list[AnyStep] = []
    run = _Run()
    for s in steps:
        fits = isinstance(s, Step) and _is_groupable(s, kernels)
        reason = (run.refuses(s) if fits else _OTHER_WORK) if run.steps else ""  # type: ignore[arg-type]
        if reason:
            refusals.append(Refusal("tiling", first_node(s), run.steps[-1].node, reason))
            out += run.close(kernels)
            run = _Run()
        if fits:
            run.add(s)  # type: ignore[arg-type]
        else:
            out.append(s)
    return out + run.close(kernels)


class _Run:
    """Steps that follow each other and can run together, and what they touch, by storage."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.shape: tuple[Size, ...] = ()
        self._read: dict[int, dict[IndexMap, None]] = {}
        self._written: dict[int, dict[IndexMap, None]] = {}

    def refuses(self, step: Step) -> str:
        """Why `step` cannot run with the others, "" where it touches, of what they write, the same rows only, and they of what it writes."""
        if step.outputs[0].type.shape != self.shape:
            return "it is over another shape"
        writes = [index_map(v) for v in _writes(step)]
        reads = [index_map(v) for v in step.inputs]
        is_apart = all(
            are_disjoint(m, other) or go_by_the_same_rows(m, other)
            for touched, against in ((writes, (self._read, self._written)), (reads, (self._written,)))
            for m in touched
            for known in against
            for other in known.get(m.memory, ())
        )
        return "" if is_apart else "of what one of them writes, another touches other rows"

    def add(self, step: Step) -> None:
        self.steps.append(step)
        self.shape = step.outputs[0].type.shape
        for values, known in ((step.inputs, self._read), (_writes(step), self._written)):
            for v in values:
                m = index_map(v)
                known.setdefault(m.memory, {})[m] = None

    def close(self, kernels: Kernels) -> list[AnyStep]:
        """A group of the steps, or the steps where a group does not pay."""
        if not self.steps or not kernels.group_pays(self.steps):
            return list(self.steps)
        group = Group(self.steps, self.shape)
        _keep_over(group)
        return [group]


def _writes(step: Step) -> list[Value]:
    return [*step.outputs, *step.scratch]


def _keep_over(group: Group) -> None:
    """What one step read, another stretch may still read."""
    for step in group.steps:
        for v in (*step.inputs, *step.outputs, *step.scratch):
            b = v.buffer.storage
            b.first = min(b.first, group.start) if b.first >= group.start else b.first
            b.last = max(b.last, group.end) if b.last <= group.end else b.last


def _is_groupable(step: Step, kernels: Kernels) -> bool:
    """Whether a step treats every row of its result alike: from the same row of what has rows, and from what has none; a result in
    the place of an operand is written point by point."""
    if step.kind != "kernel" or len(step.outputs) != 1 or not kernels.may_group(step.node):
        return False
    shape = step.outputs[0].type.shape
    return bool(shape) and all(_has_rows(v, shape) or _is_rowless(v, shape) for v in step.inputs)


def _has_rows(v: Value, shape: tuple[Size, ...]) -> bool:
    return v.type.ndim == len(shape) and v.type.shape[0] == shape[0]


def _is_rowless(v: Value, shape: tuple[Size, ...]) -> bool:
    return v.type.ndim < len(shape) or v.type.shape[0] == 1
