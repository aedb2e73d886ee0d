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

from symkeras.compiler.program.addressing import place
from symkeras.compiler.program.program import AnyStep, BatchTile, Buffer, Loop, Step, Value, first_node
from symkeras.compiler.program.refusals import Refusal
from symkeras.graph import dims
from symkeras.graph.dims import Dim, Size
from symkeras.graph.dtypes import itemsize
from symkeras.graph.graph import Graph
from symkeras.graph.types import TensorType

CACHE_BYTES = 192 * 1024
"""What the values of the samples at hand may take: a good part of a core's own cache."""
WHOLE_BYTES = 128 * 1024
"""What a group may read that all samples share, and that is fetched again for every few samples."""
LEAST_BYTES = 256
"""What the steps of a group should hand on for each sample: less is hardly worth a chunk of its own."""
MOST_SLICES = 16
"""How many parts of a sum there are where no group makes them."""
_NO_MORE = "there are no more steps"
_TOO_LITTLE = f"their steps hand on less than {LEAST_BYTES} bytes for each sample"


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
    """Where the samples of a value lie: in `storage`, `size` elements for each, one sample after the other; so once, or again and again
    (the steps of a loop)."""

    storage: Buffer
    size: Size
    is_whole: bool


def window(v: Value, samples: Dim) -> Window | None:
    """The window of a value, None where its samples do not lie apart, one after the other."""
    p = place(v)
    total = counted(p.storage.type.size, samples)
    axes = [(d, s) for d, s in zip(v.type.shape, p.strides, strict=True) if d != 1]
    if total is None or not axes or not all(_is_positive(s) for _, s in axes):
        return None
    (count, stride), *inner = axes
    rows = counted(count, samples)
    while rows is None and inner and stride == inner[0][0] * inner[0][1]:  # axes that count samples together
        count, stride = count * inner[0][0], inner[0][1]
        inner.pop(0)
        rows = counted(count, samples)
    if rows is None:
        return None
    each = stride * rows
    start = _start_within(p.offset, each, samples)
    if start is None or not all(_is_multiple(step, each * samples) for _, step in p.steps):
        return None
    last: Size = start + (rows - 1) * stride
    for d, s in inner:
        last = last + (d - 1) * s
    room = each - last
    return Window(p.storage, each, total == each and not p.steps) if isinstance(room, int) and room > 0 else None


def _start_within(offset: Size, each: Size, samples: Dim) -> int | None:
    """Where a sample begins within its part, for an offset that is so much after whole rounds of all samples."""
    terms = offset.terms if isinstance(offset, Dim) else (((), offset),)
    rest = sum(c for m, c in terms if not m)
    return rest if rest >= 0 and _is_multiple(offset - rest, each * samples) else None


def _is_multiple(a: Size, b: Size) -> bool:
    return a == 0 or dims.floor_divide(a, b) * b == a


def _is_positive(stride: Size) -> bool:
    return stride >= 0 if isinstance(stride, int) else all(c > 0 for _, c in stride.terms)


def steps_of(s: AnyStep) -> list[Step] | None:
    """A kernel, or those of a loop; None for what can be no part of a group."""
    if isinstance(s, Step):
        return [s]
    if not isinstance(s, Loop):
        return None
    inner = [steps_of(one) for one in s.steps]
    return None if any(one is None for one in inner) else [k for one in inner if one is not None for k in one]


class Grouping:
    """Puts neighbouring steps of a list together.

    Args:
        samples: the size that counts them.
        least: the fewest samples that a call of a step's kernel is worth, 0 where it cannot be told which samples to do.
        kept: storage that is read from outside of the program.

    Attributes:
        refusals: why the runs that `runs` found last end where they do.
    """

    def __init__(self, samples: Dim, least: Callable[[Step, Dim], int], kept: Iterable[Buffer]):
        self._samples = samples
        self._least = least
        self._kept = {id(b) for b in kept}
        self._windows: dict[int, Window | None] = {}
        self.refusals: list[Refusal] = []

    def runs(self, steps: Sequence[AnyStep]) -> list[AnyStep | list[AnyStep]]:
        """The steps in order, those that run by samples in lists."""
        out: list[AnyStep | list[AnyStep]] = []
        run: list[AnyStep] = []
        together = _Together(self)
        self.refusals = []
        for s in (*steps, None):
            alone = _Together(self)
            apart = self._not_by_samples(s) or alone.refuses(s) if s is not None else _NO_MORE
            if run and (reason := apart or together.refuses(s)):  # type: ignore[arg-type]
                pays = self._pays(run)
                self._note(run, s, reason, pays)
                out += [run] if pays else run
                run = []
            if not apart:
                together = together if run else alone
                run.append(s)  # type: ignore[arg-type]
            elif s is not None:
                out.append(s)
        return out

    def _note(self, run: Sequence[AnyStep], s: AnyStep | None, reason: str, pays: bool) -> None:
        if s is not None:
            self.refusals.append(Refusal("tiling", first_node(s), first_node(run[-1]), reason))
        if not pays and len(run) > 1:
            self.refusals.append(Refusal("tiling", first_node(run[-1]), first_node(run[0]), _TOO_LITTLE))

    def locals(self, run: Sequence[AnyStep]) -> dict[int, Window]:
        """The storage that only the steps of a run use, by id."""
        found: dict[int, Window] = {}
        start, end = _span(run)
        for s in _kernels(run):
            for v in s.outputs:
                w, b = self.window(v), v.buffer.storage
                is_own = b.kind == "arena" and b.inside is None and b.loop is None and id(b) not in self._kept
                if w is not None and w.is_whole and is_own and start <= b.first and b.last <= end:
                    found[id(b)] = w
        in_part = {id(v.buffer.storage) for s in _kernels(run) for v in s.inputs if not self._is_whole(v)}
        return {key: w for key, w in found.items() if key not in in_part}

    def group(self, run: list[AnyStep], members: int) -> BatchTile:
        """A group of the steps of a run, for so many threads."""
        own, kernels = self.locals(run), _kernels(run)
        least, most = self._chunk(kernels)
        group = BatchTile(_read_in_order(run), self._samples, least, max(least, most), members)
        for key, w in own.items():
            group.locals[key] = w.size
            w.storage.type = TensorType((w.size * group.most * members,), w.storage.type.dtype)
        chunks = dims.ceil_divide(self._samples, group.least) + MOST_SLICES
        for s in kernels:
            for n, v in zip(s.fused.sliced_totals if s.fused is not None else (), s.scratch, strict=False):
                v.buffer.storage.type = TensorType((n.tensor_type.size * chunks,), v.type.dtype)
        start, end = _span(run)
        for b in (v.buffer.storage for s in kernels for v in (*s.inputs, *s.outputs, *s.scratch)):  # another sample may be at another step
            b.first = start if b.first >= start else b.first
            b.last = end if start <= b.last <= end else b.last
        return group

    def _not_by_samples(self, s: AnyStep) -> str:
        """Why a step is no part of any group, "" where it may be."""
        kernels = steps_of(s)
        if kernels is None:
            return "branches, while loops and passes over the rows of tables are no part of a group"
        if isinstance(s, Loop) and (dims.symbols_of(s.length) & self._samples.symbols() or any(one.scratch for one in kernels)):
            return "a loop whose steps count samples, or whose kernels want working storage, is no part of a group"
        unable = next((one for one in kernels if self.least(one) <= 0), None)
        return f"its kernel ({unable.node.op.name}) cannot be told which samples to do" if unable is not None else ""

    def least(self, s: Step) -> int:
        """The fewest samples that a call of a step's kernel is worth."""
        return self._least(s, self._samples)

    def window(self, v: Value) -> Window | None:
        if id(v) not in self._windows:
            self._windows[id(v)] = window(v, self._samples)
        return self._windows[id(v)]

    def _is_whole(self, v: Value) -> bool:
        w = self.window(v)
        return w is not None and w.is_whole

    def _chunk(self, kernels: Sequence[Step]) -> tuple[int, int]:
        """The fewest samples that suit every kernel, and as many as keep in the cache what is written for them (one at least)."""
        written = {id(w.storage): w for s in kernels for v in s.outputs if (w := self.window(v)) is not None}
        return max(self.least(s) for s in kernels), _most(sum(map(_bytes, written.values())))

    def _pays(self, run: Sequence[AnyStep]) -> bool:
        """Whether one step reads a fair amount of what another one writes; or a loop, of many small steps, can be shared as a whole."""
        kernels = _kernels(run)
        if any(isinstance(s, Loop) for s in run):
            return True
        written = {id(w.storage): w for s in kernels for v in s.outputs if (w := self.window(v)) is not None}
        read = {id(v.buffer.storage) for s in kernels for v in s.inputs} & written.keys()
        return len(run) > 1 and sum(_bytes(written[key]) for key in read) >= LEAST_BYTES


@dataclass
class _Storage:
    """How the steps of a run use some storage.

    Attributes:
        sizes: of the windows in it, None where samples do not lie apart.
        user: a step that uses it; `is_shared` says whether there are more, or one more than once.
        whole: bytes of what all samples share in it.
    """

    sizes: set[Size | None]
    user: Step
    is_shared: bool
    is_written: bool = False
    whole: int = 0


class _Together:
    """The steps of a run, and whether one more may run with them: each step is looked at once."""

    looks = 0  # how many operands were looked at by all runs: tests see that it grows as the steps do

    def __init__(self, grouping: Grouping):
        self._grouping = grouping
        self._storages: dict[int, _Storage] = {}
        self._written: dict[int, int] = {}  # bytes of a sample
        self._written_bytes = self._whole_bytes = self._least = self._count = 0

    def refuses(self, s: AnyStep) -> str:
        """Take one more step in, "" where nothing that a step writes is read or written again by another one beyond the same samples,
        and some number of samples suits all steps; if not, why: this run is at its end."""
        kernels, in_loop = _kernels([s]), isinstance(s, Loop)
        self._count += 1
        touched: dict[int, _Storage] = {}
        for k in kernels:
            self._least = max(self._least, self._grouping.least(k))
            for v, is_written in (*((v, False) for v in k.inputs), *((v, True) for v in k.outputs)):
                touched[id(v.buffer.storage)] = self._use(v, k, is_written, in_loop)
        if any(t.is_written and t.is_shared and (len(t.sizes) > 1 or None in t.sizes) for t in touched.values()):
            return "what one of them writes, another reads or writes beyond the same samples"
        if self._count == 1:
            return ""
        if self._whole_bytes > WHOLE_BYTES:
            return f"they would read {self._whole_bytes} bytes that all samples share again for every few samples; the most is {WHOLE_BYTES}"
        if self._least > _most(self._written_bytes):
            return f"a kernel wants {self._least} samples at a time, and of what they write {_most(self._written_bytes)} keep in the cache"
        return ""

    def _use(self, v: Value, step: Step, is_written: bool, in_loop: bool) -> _Storage:
        _Together.looks += 1
        key, w = id(v.buffer.storage), self._grouping.window(v)
        known = self._storages.get(key)
        if known is None:
            known = self._storages[key] = _Storage(set(), step, in_loop)
        known.is_shared = known.is_shared or in_loop or known.user is not step
        known.sizes.add(w.size if w is not None else None)
        known.is_written = known.is_written or is_written
        before = known.whole
        if known.is_written:
            known.whole = 0
        elif isinstance(v.type.size, int):
            known.whole = v.type.size * itemsize(v.type.dtype)
        self._whole_bytes += known.whole - before
        if is_written and w is not None:
            self._written_bytes += _bytes(w) - self._written.get(key, 0)
            self._written[key] = _bytes(w)
        return known


def _most(written: int) -> int:
    """As many samples as keep in the cache what is written for them (one at least)."""
    return max(1, CACHE_BYTES // max(1, written))


def _kernels(run: Sequence[AnyStep]) -> list[Step]:
    return [k for s in run for k in steps_of(s) or ()]


def _span(run: Sequence[AnyStep]) -> tuple[int, int]:
    """The positions from the first to the last step."""
    first, last = run[0], run[-1]
    return (first.position if isinstance(first, Step) else first.start), (last.position if isinstance(last, Step) else last.end)


def _bytes(w: Window) -> int:
    """What a sample takes; much where that is not known."""
    return w.size * itemsize(w.storage.type.dtype) if isinstance(w.size, int) else CACHE_BYTES


def _read_in_order(run: Sequence[AnyStep]) -> list[AnyStep]:
    """The steps, products that read a matrix down its columns after others that read it along its rows: then it is in the cache.

    Such a product moves on until a step depends on it, or another such product comes. Going backwards, the next step that uses some
    storage, and the next that writes it, say where that is.
    """
    end = len(run)
    used: dict[int, int] = {}
    written: dict[int, int] = {}
    before: list[list[AnyStep]] = [[] for _ in range(end + 1)]
    slot = end
    for k in range(end - 1, -1, -1):
        s = run[k]
        reads, writes = _storages(s)
        if _is_down_columns(s):
            slot = min(slot, *(used.get(key, end) for key in writes), *(written.get(key, end) for key in reads))
            before[slot].append(s)
            continue
        used |= dict.fromkeys((*reads, *writes), k)
        written |= dict.fromkeys(writes, k)
    out: list[AnyStep] = []
    for k in range(end + 1):
        out += reversed(before[k])
        if k < end and not _is_down_columns(run[k]):
            out.append(run[k])
    return out


def _is_down_columns(s: AnyStep) -> bool:
    return isinstance(s, Step) and s.node.op.name == "matmul" and s.kind == "kernel" and s.node.attrs["transpose_a"]


def _storages(s: AnyStep) -> tuple[set[int], set[int]]:
    """What a step reads, and what it writes or computes in."""
    kernels = steps_of(s) or ()
    reads = {id(v.buffer.storage) for k in kernels for v in k.inputs}
    return reads, {id(v.buffer.storage) for k in kernels for v in (*k.outputs, *k.scratch)}
