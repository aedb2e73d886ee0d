"""Functions of several steps that threads share: batch tiles, and passes over the rows of tables.

Such a function is told which chunks of samples, or which rows, to do. It declares what it uses of the call once more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from symkeras.backend.native import text
from symkeras.compiler.program import naming
from symkeras.compiler.program.program import AnyStep, BatchTile, Loop, RowPass, Step, Value, flat
from symkeras.graph import dims
from symkeras.graph.dims import Size
from symkeras.graph.node import Node
from symkeras.ops.convolution import sides

if TYPE_CHECKING:
    from symkeras.backend.native.emission import Emitter


class Span:
    """Which of `count` samples or rows a function is told to do: from `begin` to `end`; `slice` numbers them for sums in slices."""

    def __init__(self, count: Size, begin: str, end: str, slice: str = ""):
        self.count = count
        self.begin = begin
        self.end = end
        self.slice = slice

    def first(self, size: Size) -> str:
        """Where they begin among `size` elements."""
        return f"{self._each(size)}*{self.begin}"

    def last(self, size: Size) -> str:
        """Where they end."""
        return f"{self._each(size)}*{self.end}"

    def length(self, size: Size) -> str:
        """How many of `size` elements are theirs."""
        return f"{self._each(size)}*({self.end} - {self.begin})"

    def _each(self, size: Size) -> str:
        return text.factor(dims.floor_divide(size, self.count))


def sample_group(e: Emitter, s: BatchTile) -> None:
    """A function that does some samples, shared by threads; where the samples are few, step after step."""
    samples = text.size(s.samples)
    work = text.size(_work(s.steps))
    e.say(f"if (sk_in_chunks({samples}, {s.least}, {s.most}, {work})) {{")
    e.depth += 1
    function = _samples_function(e, s)
    for one in flat(s.steps):
        if not one.is_ready:
            e.ready(one)
    e.say(f"const int64_t chunk = sk_chunk({samples}, {s.least}, {s.most}), chunks = sk_chunks({samples}, chunk);")
    e.is_in(function, flat(s.steps))
    e.say(f"sk_share(threads, chunks, {work}, {function}, call);{text.comment(_origins(s))}")
    for one in flat(s.steps):
        if one.fused is not None and one.fused.sliced_totals:
            e.finish(one, "chunks")
    e.depth -= 1
    e.say("} else {")
    e.depth += 1
    e.list(s.steps)
    e.depth -= 1
    e.say("}")


def _samples_function(e: Emitter, s: BatchTile) -> str:
    inside = e.apart(s.steps, 2, Span(s.samples, "b", "e", "c"))
    storage = {id(v.buffer.storage): v.buffer.storage for one in flat(s.steps) for v in (*one.inputs, *one.outputs)}
    local = {e.pointers[key]: (storage[key], each) for key, each in s.locals.items() if key in e.pointers}
    samples = text.size(s.samples)
    loop = [
        f"const int64_t chunk = sk_chunk({samples}, {s.least}, {s.most});",
        "for (int64_t c = begin; c < end; c++) {",
        f"    const int64_t b = c*chunk, e = sk_min(b + chunk, {samples});",
        *(
            f"    {text.TYPES[b.type.dtype]} *const {name} = {e.at(b)} + (member*{s.most} - b)*{text.factor(each)};"
            for name, (b, each) in local.items()
        ),
    ]
    return _task(e, "samples", set(local), loop, inside)


def row_pass(e: Emitter, s: RowPass) -> None:
    """A function that does some rows of tables, shared by threads."""
    first, width = e.pointer(s.first), text.factor(s.width)
    tables = [v for v in (*s.touched.inputs, *s.touched.outputs) if v.buffer.kind == "variable" and v.type.size == s.count * s.width]
    e.shifts = {id(v): f" + {width}*(r - k)" for v in tables}
    inside = e.apart([s.touched], 2, Span(s.count, "k", "(k + 1)"))
    e.shifts = {}
    others = e.apart(s.others, 3, Span(s.rows, "r", "(r + 1)"))
    spoilt = [f"const int spoilt{j} = isnan(*({e.pointer(guard)}));" for j, (guard, _) in enumerate(s.guards)]
    others += [line for j, (guard, table) in enumerate(s.guards) for line in _spoiling(e, j, guard, table, width)]
    loop = [
        *spoilt,
        "for (int64_t r = begin; r < end; r++) {",
        f"    const int64_t k = ({first})[r];",
        *(["    if (k < 0) {", *(line[4:] for line in others), "        continue;", "    }"] if others else ["    if (k < 0) continue;"]),
    ]
    function = _task(e, "rows", set(), loop, inside)
    e.is_in(function, [s.touched, *s.others])
    work = s.rows * s.width * 2 * (1 + len(s.others))
    e.say(f"sk_share(threads, {text.size(s.rows)}, {text.size(work)}, {function}, call);{text.comment(naming.origin(s.node))}")


def _spoiling(e: Emitter, j: int, guard: Value, table: Value, width: str) -> list[str]:
    """Lines that make row `r` of a table NaN where its guard, the one of number `j`, is."""
    row = f"for (int64_t c = 0; c < {width}; c++) ({e.pointer(table)})[{width}*r + c] = *({e.pointer(guard)});"
    return [f"            if (spoilt{j})", f"                {row}"]


def _task(e: Emitter, base: str, own: set[str], loop: Sequence[str], inside: Sequence[str]) -> str:
    """Define a function of the call that does the steps `begin` to `end` of a loop, which `loop` opens; its name.

    Args:
        own: the pointers that `loop` declares.
    """
    name = e.unique(base)
    needed = _declarations(e, [*loop, *inside], own)
    symbols = e.symbols_in([*needed, *loop, *inside])
    e.functions[name] = name, "\n".join([
        f"static void {name}(const void *what, int member, int64_t begin, int64_t end) {{",
        "    const sk_call *call = what;",
        *(f"    const int64_t {one} = call->sizes[{k}];" for k, one in enumerate(e.symbols) if one in symbols),
        "    (void)member;",
        *(f"    {line}" for line in (*needed, *loop)),
        *inside,
        "    }",
        "}",
    ])  # fmt: skip
    return name


def _declarations(e: Emitter, lines: Sequence[str], own: set[str]) -> list[str]:
    """The declarations of what lines name, and of what those name."""
    words = set(re.findall(r"\b\w+\b", "\n".join(lines)))
    needed: list[str] = []
    for name, declaration in reversed(e.memory.items()):
        if name in words and name not in own:
            needed.append(declaration)
            words |= set(re.findall(r"\b\w+\b", declaration.partition("=")[2]))
    return needed[::-1]


def _origins(s: BatchTile) -> str:
    return " ".join(filter(None, (naming.origin(_node(s.steps[0])), "to", naming.origin(_node(s.steps[-1])))))


def _node(s: AnyStep) -> Node:
    return s.node if isinstance(s, (Step, Loop)) else next(flat([s])).node


def _work(steps: Sequence[AnyStep]) -> Size:
    """Elements touched, as `sk_share` counts them."""
    work: Size = 0
    for s in steps:
        if isinstance(s, Loop):
            work = work + s.length * _work(s.steps)
        elif isinstance(s, Step):
            work = work + _work_of(s)
    return work


def _work_of(s: Step) -> Size:
    size = s.outputs[0].type.size
    if s.fused is not None:
        return dims.product(s.fused.shape) * len(s.fused.nodes)
    if s.kind == "copy":
        return size
    if s.node.op.name == "matmul":
        return dims.floor_divide(size * s.node.inputs[0].shape[-2 if s.node.attrs["transpose_a"] else -1], 8)
    if s.node.op.name in ("conv", "conv_input_grad"):
        _, w, y = sides(s.node)
        return dims.floor_divide(y.size * dims.product(w.shape[:-1]), 8)
    return size
