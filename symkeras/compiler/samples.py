"""Groups of steps that treat every sample of a batch alike and apart: they run together, a few samples at a time.

What one step writes for a sample the next one reads while it is still in the cache, a thread keeps its samples through all
of the steps, and a value that only the group reads needs room for a few samples instead of for all: the scores of an
attention, batch x heads x time x time, are never laid out as a whole.

A step belongs where its kernel can be told which samples to do, and where of what the group writes it reads nothing but the same
samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from symkeras.compiler.addressing import place
from symkeras.compiler.program import AnyStep, Buffer, SampleGroup, Step, Value
from symkeras.graph import dims
from symkeras.graph.dims import Dim, Size
from symkeras.graph.dtypes import itemsize
from symkeras.graph.graph import Graph
from symkeras.graph.types import TensorType

CACHE_BYTES = 192 * 1024
"""What the values of the samples at hand may take: a good part of a core's own cache."""


def counted(size: Size, samples: Dim) -> Size | None:
    """How many of `size` there are for each sample, None where sizes do not divide.

    >>> from symkeras.graph.dims import symbol
    >>> counted(symbol("batch") * 200, symbol("batch")), counted(7, symbol("batch"))
    (200, None)
    """
    each = dims.floor_divide(size, samples)
    return each if each * samples == size else None


def samples_of(graph: Graph) -> Dim | None:
    """The size that counts the members of a batch: the first one of the first input that has a symbolic one."""
    for n in graph.inputs:
        if n.shape and isinstance(n.shape[0], Dim):
            names = sorted(n.shape[0].symbols())
            return n.shape[0] if len(names) == 1 and n.shape[0] == dims.symbol(names[0]) else None
    return None


@dataclass(frozen=True)
class Window:
    """Where a value's samples lie: in `storage`, `size` elements for each."""

    storage: Buffer
    size: Size


def window(v: Value, samples: Dim) -> Window | None:
    """The window of a value, None where its samples do not lie apart, one after the other."""
    p = place(v)
    each = counted(p.storage.type.size, samples)
    axes = [(d, s) for d, s in zip(v.type.shape, p.strides, strict=True) if d != 1]
    if each is None or p.steps or not axes:
        return None
    (count, stride), *inner = axes
    rows = counted(count, samples)
    while rows is None and inner and stride == inner[0][0] * inner[0][1]:  # axes that count samples together
        count, stride = count * inner[0][0], inner[0][1]
        inner.pop(0)
        rows = counted(count, samples)
    if rows is None or stride * rows != each:
        return None
    last = p.offset + (rows - 1) * stride
    for d, s in inner:
        last = last + (d - 1) * s
    room = each - last
    inside = isinstance(room, int) and room > 0 and isinstance(p.offset, int) and p.offset >= 0
    return Window(p.storage, each) if inside and all(_is_positive(s) for _, s in axes) else None


def _is_positive(stride: Size) -> bool:
    return stride >= 0 if isinstance(stride, int) else all(c > 0 for _, c in stride.terms)


class Grouping:
    """Puts neighbouring steps of a list together.

    Args:
        samples: the size that counts them.
        takes: whether the kernel of a step can be told which samples to do; else the step stays alone.
        kept: storage that is read from outside of the program.
    """

    def __init__(self, samples: Dim, takes: Callable[[Step, Dim], bool], kept: Iterable[Buffer]):
        self._samples = samples
        self._takes = takes
        self._kept = {id(b) for b in kept}
        self._windows: dict[int, Window | None] = {}

    def runs(self, steps: Sequence[AnyStep]) -> list[AnyStep | list[Step]]:
        """The steps in order, those that run by samples in lists."""
        out: list[AnyStep | list[Step]] = []
        run: list[Step] = []
        for s in (*steps, None):
            fits = isinstance(s, Step) and not s.scratch and self._takes(s, self._samples)
            if run and not (fits and isinstance(s, Step) and self._fit([*run, s])):
                out += [run] if self._pays(run) else run
                run = []
            if fits and isinstance(s, Step):
                run.append(s)
            elif s is not None:
                out.append(s)
        return out

    def locals(self, run: Sequence[Step]) -> dict[int, Window]:
        """The storage that only the steps of a run use, by id."""
        found: dict[int, Window] = {}
        for s in run:
            for v in s.outputs:
                w, b = self._window(v), v.buffer.storage
                is_own = b.kind == "arena" and b.inside is None and b.loop is None and id(b) not in self._kept
                if w is not None and is_own and run[0].position <= b.first and b.last <= run[-1].position:
                    found[id(b)] = w
        return found

    def group(self, run: list[Step], members: int) -> SampleGroup:
        """A group of the steps of a run, for so many threads."""
        own = self.locals(run)
        written = {id(w.storage): w for s in run for v in s.outputs if (w := self._window(v)) is not None}
        group = SampleGroup(_read_in_order(run), self._samples, _chunk(list(written.values())), members)
        for key, w in own.items():
            group.locals[key] = w.size
            w.storage.type = TensorType((w.size * group.room,), w.storage.type.dtype)
        start, end = run[0].position, run[-1].position
        for b in (v.buffer.storage for s in run for v in (*s.inputs, *s.outputs)):  # another sample may be at another step
            b.first = start if b.first >= start else b.first
            b.last = end if start <= b.last <= end else b.last
        return group

    def _window(self, v: Value) -> Window | None:
        if id(v) not in self._windows:
            self._windows[id(v)] = window(v, self._samples)
        return self._windows[id(v)]

    def _fit(self, steps: Sequence[Step]) -> bool:
        """Whether nothing that one of the steps writes is read or written again by another one beyond the same samples."""
        users: dict[int, list[tuple[Step, Window | None]]] = {id(v.buffer.storage): [] for s in steps for v in s.outputs}
        for s in steps:
            for v in (*s.inputs, *s.outputs):
                if id(v.buffer.storage) in users:
                    users[id(v.buffer.storage)].append((s, self._window(v)))
        for found in users.values():
            sizes = {w.size if w is not None else None for _, w in found}
            if len({id(s) for s, _ in found}) > 1 and (len(sizes) > 1 or None in sizes):
                return False
        return True

    def _pays(self, run: Sequence[Step]) -> bool:
        """Whether one step reads what another one writes."""
        written = {id(v.buffer.storage) for s in run for v in s.outputs}
        return len(run) > 1 and any(id(v.buffer.storage) in written for s in run for v in s.inputs)


def _chunk(written: Sequence[Window]) -> int:
    """So many samples that what is written for them stays in the cache."""
    sizes = [w.size * itemsize(w.storage.type.dtype) if isinstance(w.size, int) else CACHE_BYTES for w in written]
    return max(1, CACHE_BYTES // max(1, sum(sizes)))


def _read_in_order(run: Sequence[Step]) -> list[Step]:
    """The steps, products that read a matrix down its columns after others that read it along its rows: then it is in the cache."""
    steps = list(run)
    for s in reversed(run):
        if s.node.op.name == "matmul" and s.kind == "kernel" and s.node.attrs["transpose_a"]:
            at = steps.index(s)
            while at + 1 < len(steps) and not _depend(s, steps[at + 1]) and not steps[at + 1].node.attrs.get("transpose_a"):
                steps[at], steps[at + 1] = steps[at + 1], s
                at += 1
    return steps


def _depend(a: Step, b: Step) -> bool:
    """Whether one of two steps writes what the other one uses."""
    reads = [{id(v.buffer.storage) for v in s.inputs} for s in (a, b)]
    writes = [{id(v.buffer.storage) for v in s.outputs} for s in (a, b)]
    return bool(writes[0] & (reads[1] | writes[1]) or writes[1] & reads[0])
