"""From a program to one C file: a function per fusion group, and `symkeras_run`, which calls one kernel per line.

Kernels of equal text are one function. Buffers are pointers into the arena, named after layers and operations; comments
lead back to the layer and the user's line. Feature sizes are numbers in the text, symbolic ones are read from the call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from symkeras.backend.native import text
from symkeras.backend.native.loops import tasks
from symkeras.backend.native.loops.accesses import operands_of
from symkeras.backend.native.loops.copying import copy_text, target_strides
from symkeras.backend.native.loops.expressions import expression
from symkeras.backend.native.loops.fusion_group import fused_text
from symkeras.backend.native.loops.totals import finish_text
from symkeras.backend.native.size_faults import size_faults
from symkeras.backend.native.text import FunctionText
from symkeras.compiler.program import naming
from symkeras.compiler.program.addressing import dense, place
from symkeras.compiler.program.program import (
    AnyStep,
    BatchTile,
    Branch,
    Buffer,
    Loop,
    Preparation,
    Program,
    RowPass,
    Step,
    Value,
    While,
    inner_steps,
)
from symkeras.graph import dims
from symkeras.graph.dims import Size
from symkeras.graph.escaping import c_comment
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node

ENTRY = "symkeras_run"
ROWS = "symkeras_run_rows"
_ROWS = [
    f"int {ROWS}(sk_call *call, const sk_feed *feeds, int64_t inputs, const int64_t *order, int64_t begin, int64_t batch, int64_t steps);",
    f"int {ROWS}(sk_call *call, const sk_feed *feeds, int64_t inputs, const int64_t *order, int64_t begin, int64_t batch, int64_t steps) {{",
    f"    return sk_run_rows({ENTRY}, call, feeds, inputs, order, begin, batch, steps);",
    "}",
]
LONGEST_TABLE = 64
"""Elements of a constant that is written into the text; longer ones are passed."""


@dataclass
class Emission:
    """The text and what it refers to by number.

    Attributes:
        source: the C file.
        variables, constants: what `call->variables[k]` and `call->constants[k]` stand for.
        lines: line number -> the step emitted there.
        steps: the kernels, by the number a fault carries.
        sized: nodes in branches that some sizes leave without meaning, by the number that such a fault carries.
        functions: (first line, last line, steps) of each function that kernels call, or that several steps are in.
    """

    source: str
    variables: list[Node] = field(default_factory=list)
    constants: list[Node] = field(default_factory=list)
    lines: dict[int, Step] = field(default_factory=dict)
    steps: dict[int, Step] = field(default_factory=dict)
    sized: list[Node] = field(default_factory=list)
    functions: list[tuple[int, int, list[Step]]] = field(default_factory=list)

    def spans(self) -> Iterator[tuple[int, int, Step]]:
        """(first line, last line, step) for every piece of text that a step has, alone or with others."""
        for number, step in self.lines.items():
            yield number, number, step
        for first, last, steps in self.functions:
            for step in steps:
                yield first, last, step


def emit(program: Program, poison: bool = False, denormals: str = "flush") -> Emission:
    """The C of `program`; with `poison`, buffers are filled with ones' bits (NaN) as soon as they are dead."""
    return Emitter(program, poison, denormals).emission()


class Emitter:
    """Collects the parts of one file; kernels (`kernels.table`) use its methods to write their calls."""

    def __init__(self, program: Program, poison: bool = False, denormals: str = "flush"):
        self.program = program
        self.poison = poison
        self.denormals = denormals
        self.places = {id(b): k for k, b in enumerate(program.buffers)}
        self.symbols = [text.symbol(s) for s in program.symbols]
        self.values = naming.ValueNames(program.graph.names, {*text.RESERVED, *self.symbols})
        self.pointers: dict[int, str] = {}
        self.numbers: dict[Node, str] = {}
        self.includes: dict[str, None] = dict.fromkeys(f"symkeras/{name}.h" for name in ("team", "call", "denormals", "arithmetic"))
        self.definitions: dict[str, None] = {}
        self.functions: dict[str, tuple[str, str]] = {}  # what identifies a kernel -> its name and text
        self.memory: dict[str, str] = {}  # name -> its declaration, in order
        self.span: tasks.Span | None = None  # in a function that is told which samples, or which row, to do
        self.shifts: dict[int, str] = {}  # id(value) -> what its pointer is moved by
        self.body: list[tuple[str, Step | None]] = []
        self.variables: list[Node] = []
        self.constants: list[Node] = []
        self.tables: list[str] = []
        self.loops: dict[int, str] = {}
        self.steps: dict[int, Step] = {}
        self.sized: list[Node] = []
        self.callers: dict[str, dict[int, Step]] = {}  # name of a function -> the steps that are in it, by position
        self.depth = 1

    # ---- the file --------------------------------------------------------------------------------------------------

    def emission(self) -> Emission:
        deaths: dict[int, list[Buffer]] = {}
        if self.poison:
            for b in self.program.buffers:
                deaths.setdefault(b.last, []).append(b)
        self.deaths = deaths
        self.list(self.program.steps)
        for k, v in enumerate(self.program.outputs):
            self._into(f"call->outputs[{k}]", v)
        for source, target in self.program.commits:
            self.copy(source, target)
        return self._file()

    def _file(self) -> Emission:
        head = [f"/* {c_comment(self.program.graph.name)}: generated by symkeras; one line per kernel. */"]
        head += [f'#include "{name}"' for name in self.includes]
        head += ["", *self.definitions] if self.definitions else []
        head += ["", *self.tables] if self.tables else []
        functions, count = [], sum(part.count("\n") + 1 for part in head)
        for name, source in self.functions.values():
            head += ["", source]
            steps, length = self.callers.get(name), source.count("\n") + 1
            if steps:
                functions.append((count + 2, count + 1 + length, list(steps.values())))
            count += 1 + length
        head += ["", f"int {ENTRY}(sk_call *call);", f"SK_PLAIN int {ENTRY}(sk_call *call) {{"]
        head.append(f"    SK_DENORMALS({int(self.denormals == 'flush')});")
        for k, s in enumerate(self.symbols):
            head.append(f"    const int64_t {s} = call->sizes[{k}];")
        head += ["    const int threads = (int)call->threads;", *(f"    {m}" for m in self.memory.values())]
        head += [f"    (void){s};" for s in (*self.symbols, "threads")] + [""]
        lines: dict[int, Step] = {}
        count = sum(part.count("\n") + 1 for part in head)
        for number, (line, step) in enumerate(self.body, count + 1):
            head.append(line)
            if step is not None:
                lines[number] = step
        head += ["    return 0;", "}", "", *_ROWS]
        return Emission("\n".join(head) + "\n", self.variables, self.constants, lines, self.steps, self.sized, functions)

    def include(self, header: str) -> None:
        """Use a header of symkeras."""
        self.includes[f"symkeras/{header}"] = None

    def define(self, line: str) -> None:
        """Instantiate a kernel of a header, once per file."""
        self.definitions[line] = None

    def say(self, line: str, step: Step | None = None) -> None:
        """A line of the function, commented with where `step` comes from."""
        comment = text.comment(self._remark(line, step)) if step is not None else ""
        self.body.append((f"{'    ' * self.depth}{line}{comment}", step))

    # ---- names -----------------------------------------------------------------------------------------------------

    def _remark(self, line: str, step: Step) -> str:
        """The values that a line gives and does not name, as they lie where others lay; layers and lines."""
        names = [self.program.graph.names.get(v.node, "") for v in step.outputs if v.node is not None]
        unnamed = [n for n in names if n and not re.search(rf"\b{n}\b", line)]
        return ": ".join(filter(None, (", ".join(unnamed[:3]), naming.origins_of(step))))

    def unique(self, base: str) -> str:
        """A name that nothing else in the text has."""
        return self.values.unique(base)

    def _named(self, v: Value) -> str:
        return self.values.of(v)

    def pointer(self, v: Value) -> str:
        """A pointer to the first element of a value."""
        p = place(v)
        name = self._storage(p.storage, v) + self.shifts.get(id(v), "")
        terms = [text.size(p.offset)] if p.offset != 0 else []
        terms += [self.loops[id(loop)] if s == 1 else f"{text.factor(s)}*{self.loops[id(loop)]}" for loop, s in p.steps]
        return f"{name} + {' + '.join(terms)}".replace("+ -", "- ") if terms else name

    def strides(self, v: Value) -> tuple[Size, ...]:
        """The strides of a value, in elements."""
        return place(v).strides

    def _storage(self, b: Buffer, v: Value) -> str:
        if id(b) not in self.pointers:
            first = Value(b.type, b, b.source or v.node)
            name = self.pointers[id(b)] = self._named(first)
            ctype = text.TYPES[b.type.dtype]
            if b.kind == "arena":
                self.memory[name] = f"{ctype} *const {name} = {self.at(b)};"
            elif b.kind == "variable":
                assert b.source is not None
                self.variables.append(b.source)
                self.memory[name] = f"{ctype} *const {name} = call->variables[{len(self.variables) - 1}];"
            elif b.kind == "constant":
                self._constant(b, name)
            else:
                self.pointers[id(b)] = f"&{self._number(b.source)}"
        return self.pointers[id(b)]

    def at(self, b: Buffer) -> str:
        return f"({text.TYPES[b.type.dtype]} *)(call->arena + call->at[{self.places[id(b)]}])"

    def _constant(self, b: Buffer, name: str) -> None:
        assert b.source is not None
        array, ctype = np.asarray(b.source.attrs["value"].array), text.TYPES[b.type.dtype]
        if 0 < array.size <= LONGEST_TABLE:
            items = ", ".join(text.literal(x, b.type.dtype) for x in array.flat)
            self.tables.append(f"static const {ctype} {name}[{array.size}] = {{{items}}};")
        else:
            self.constants.append(b.source)
            self.memory[name] = f"const {ctype} *const {name} = call->constants[{len(self.constants) - 1}];"

    def _number(self, node: Node | None) -> str:
        """The name of a scalar that depends on sizes and constants alone."""
        assert node is not None
        todo = [node]
        while todo:
            n = todo[-1]
            waiting = [i for i in n.inputs if i not in self.numbers and i.op.name != "constant"]
            if waiting or n in self.numbers:
                todo = todo + waiting if waiting else todo[:-1]
                continue
            value = text.size(n.attrs["size"]) if n.op.name == "dim" else self._scalar(n)
            name = self._named(Value(n.tensor_type, Buffer(n.tensor_type, "bound", n), n))
            self.memory[name] = f"const {text.TYPES[n.dtype]} {name} = ({text.TYPES[n.dtype]})({value});"
            self.numbers[n] = name
        return self.numbers[node]

    def _scalar(self, n: Node) -> str:
        inputs = [text.literal(i.attrs["value"].array, i.dtype) if i.op.name == "constant" else self.numbers[i] for i in n.inputs]
        return expression(n, inputs) if n.op.is_elementwise else inputs[0]

    # ---- steps -----------------------------------------------------------------------------------------------------

    def list(self, steps: Sequence[AnyStep]) -> None:
        for s in steps:
            self._step(s)

    def _step(self, s: AnyStep) -> None:
        if isinstance(s, Step):
            self.steps[s.position] = s
            self._kernel(s)
            self._bury(s.position)
            return
        if isinstance(s, Loop):
            self._loop(s)
        elif isinstance(s, Branch):
            self._branch(s)
        elif isinstance(s, While):
            self._while(s)
        elif isinstance(s, BatchTile):
            tasks.sample_group(self, s)
        elif isinstance(s, RowPass):
            tasks.row_pass(self, s)
        elif isinstance(s, Preparation):
            self._preparation(s)
            return
        else:
            self.list(inner_steps(s))
            return
        for position in range(s.start, s.end + 1):
            self._bury(position)

    def _kernel(self, s: Step) -> None:
        from symkeras.backend.native.kernels.table import KERNELS, check_exponents, combine_first

        if s.kind == "copy":
            self.copy(s.inputs[0], s.outputs[0], s)
        elif s.kind == "combine":
            combine_first(self, s)
        elif s.kind == "check":
            check_exponents(self, s)
        elif s.fused is not None:
            self._fused(s)
        else:
            KERNELS[s.node.op.name](self, s)

    def ready(self, s: Step) -> None:
        """What a kernel needs once before it is called for some samples at a time, or with what is kept."""
        from symkeras.backend.native.kernels.table import READY

        if s.kind == "kernel" and s.node.op.name in READY:
            READY[s.node.op.name](self, s)

    def _preparation(self, s: Preparation) -> None:
        """What an earlier call may have left in the arena; some kernels write sizes down beside what they make of weights."""
        from symkeras.backend.native.kernels.table import READY_FOR_SIZES

        ready = [one for one in self.program.all_steps() if one.is_ready]
        sized = [one for one in ready if one.node.op.name in READY_FOR_SIZES]
        self._if("call->kept < SK_KEPT_VALUES", lambda: (self.list(s.steps), [self.ready(one) for one in ready if one not in sized]))
        self._if("call->kept < SK_KEPT_ALL", lambda: [self.ready(one) for one in sized])
        self._bury(-1)

    def _if(self, condition: str, inside: Callable[[], object]) -> None:
        """Lines under a condition, if there are any."""
        outside, self.body = self.body, []
        self.depth += 1
        inside()
        self.depth -= 1
        lines, self.body = self.body, outside
        if lines:
            self.say(f"if ({condition}) {{  /* depends on variables alone */")
            self.body += lines
            self.say("}")

    def _loop(self, s: Loop) -> None:
        t = self.loops[id(s)] = self.unique("t")
        n = text.size(s.length)
        head = f"for (int64_t {t} = {n} - 1; {t} >= 0; {t}--)" if s.reverse else f"for (int64_t {t} = 0; {t} < {n}; {t}++)"
        self._block(head, s.steps, s.node)

    def _branch(self, s: Branch) -> None:
        self._block(f"if (*({self.pointer(s.predicate)}))", s.then, s.node, s.node.attrs["then"])
        faults = list(size_faults(s.node.attrs["otherwise"]))
        if s.otherwise or faults:
            self.body[-1] = (self.body[-1][0] + " else {", None)
            self.depth += 1
            self._refuse_sizes(s.node.attrs["otherwise"])
            self.list(s.otherwise)
            self.depth -= 1
            self.say("}")

    def _refuse_sizes(self, graph: Graph) -> None:
        """End the call where sizes leave an op of a branch that is taken without meaning."""
        for n, condition in size_faults(graph):
            self.say(f"if ({condition}) return sk_refuse(call, {len(self.sized)});")
            self.sized.append(n)

    def _while(self, s: While) -> None:
        assert s.predicate is not None
        self.say(f"for (;;) {{{text.comment(naming.origin(s.node))}")
        self.depth += 1
        self._refuse_sizes(s.node.attrs["predicate"])
        self.list(s.condition)
        self.say(f"if (!*({self.pointer(s.predicate)})) break;")
        self._refuse_sizes(s.node.attrs["body"])
        self.list(s.steps)
        self.depth -= 1
        self.say("}")

    def apart(self, steps: Sequence[AnyStep], depth: int, span: tasks.Span) -> list[str]:
        """The lines of steps in a function of its own."""
        outside, self.body, self.depth, self.span = (self.body, self.depth), [], depth, span
        self.list(steps)
        lines = [line for line, _ in self.body]
        self.span, (self.body, self.depth) = None, outside
        return lines

    def is_in(self, name: str, steps: Iterable[Step]) -> None:
        """Note that steps are computed in a function."""
        self.callers.setdefault(name, {}).update((s.position, s) for s in steps)

    def _block(self, head: str, steps: Sequence[AnyStep], node: Node, branch: Graph | None = None) -> None:
        self.say(f"{head} {{{text.comment(naming.origin(node))}")
        self.depth += 1
        if branch is not None:
            self._refuse_sizes(branch)
        self.list(steps)
        self.depth -= 1
        self.say("}")

    def _bury(self, position: int) -> None:
        for b in self.deaths.get(position, ()) if self.poison and self.depth == 1 else ():
            if id(b) in self.pointers:
                self.say(f"memset({self.pointers[id(b)]}, 0xff, (size_t)({text.size(b.type.nbytes)}));")

    # ---- fusion groups and copies ---------------------------------------------------------------------------------------

    def _fused(self, s: Step) -> None:
        assert s.fused is not None
        operands = operands_of(s)
        given = [(o, v) for o, v in zip(operands, s.inputs, strict=True) if o.literal is None]
        arguments = [self._number(v.buffer.storage.source) if o.by_value else self.pointer(v) for o, v in given]
        function = fused_text(s.fused, operands, [self.strides(v) for v in s.outputs])
        arguments += [self.pointer(v) for n, v in zip(s.fused.results, s.outputs, strict=True) if n not in function.sliced]
        words = list(dict.fromkeys(n.op.name for n in s.fused.nodes))
        name = "loop_" + "_".join(words[:4]) + ("_and_more" if len(words) > 4 else "")
        self.call(function, name, arguments, s, [self.pointer(v) for v in s.scratch])
        if function.sliced and self.span is None:
            self.finish(s, self._slices(function))

    def finish(self, s: Step, slices: str) -> None:
        """Join the parts that slices of a fusion group have of its totals."""
        assert s.fused is not None
        sliced = s.fused.sliced_totals
        results = [s.outputs[s.fused.results.index(n)] for n in sliced]
        function = FunctionText(*finish_text(sliced, [self.strides(v) for v in results]))
        arguments = [*(self.pointer(v) for v in s.scratch), *map(self.pointer, results), slices]
        self.call(function, "total_" + "_".join(dict.fromkeys(n.op.name for n in sliced)), arguments, s)

    def call(self, function: FunctionText, name: str, arguments: Sequence[str], step: Step | None, parts: Sequence[str] = ()) -> None:
        """Call a function, written once for all calls with the same text, by several threads where it is large enough.

        Args:
            parts: room for the parts of totals, where the function does one slice.
        """
        symbols = self.symbols_in(function.lines)
        parameters = [*function.parameters, *(f"int64_t {s}" for s in symbols)]
        kind = "alone" if function.length is None else "sliced" if function.sliced else "shared"
        key = "\n".join([kind, *parameters, *function.lines])
        if key not in self.functions:
            own = self.unique(naming.identifier(name))
            self.functions[key] = own, _DEFINITIONS[kind](own, parameters, function.lines)
        own, given = self.functions[key][0], ", ".join([*arguments, *parts, *symbols])
        if step is not None:
            self.is_in(own, [step])
        if function.length is None:
            self.say(f"{own}({given});", step)
            return
        count, work = text.size(function.length), text.size(function.work)
        if self.span is not None:
            bounds = f"{self.span.first(function.length)}, {self.span.last(function.length)}"
            first = f"{own}_slice(&({own}_given){{0, 0, {given}}}, {self.span.slice}" if parts else f"{own}(&({own}_given){{{given}}}, member"
            self.say(f"{first}, {bounds});", step)
        elif parts:
            slices = self._slices(function)
            self.say(f"sk_share(threads, {slices}, {work}, {own}, &({own}_given){{{count}, {slices}, {given}}});", step)
        else:
            self.say(f"sk_share(threads, {count}, {work}, {own}, &({own}_given){{{given}}});", step)

    @staticmethod
    def _slices(function: FunctionText) -> str:
        return f"sk_slices({text.size(function.length or 1)}, {text.size(function.work)})"

    def symbols_in(self, lines: Sequence[str]) -> list[str]:
        words = set(re.findall(r"\b\w+\b", "\n".join(lines)))
        return [s for s in self.symbols if s in words]

    def zero_from(self, v: Value, row: str) -> None:
        """Clear the rows of a value from one on."""
        width, ctype = text.factor(dims.product(v.type.shape[1:])), text.TYPES[v.type.dtype]
        self.say(f"memset({self.pointer(v)} + {row}*{width}, 0, (size_t)(({text.size(v.type.shape[0])} - {row})*{width}) * sizeof({ctype}));")

    def copy(self, source: Value, target: Value, step: Step | None = None) -> None:
        """Copy elements; a target of another shape is contiguous."""
        to = target_strides(source, target)
        self.move(source.type.shape, source.type.dtype, self.pointer(source), self.strides(source), self.pointer(target), to, step)

    def _into(self, pointer: str, v: Value) -> None:
        self.move(v.type.shape, v.type.dtype, self.pointer(v), self.strides(v), pointer, dense(v.type.shape), None)

    def move(self, shape: Sequence[Size], dtype: str, source: str, strides: Sequence[Size], target: str, to: Sequence[Size],
             step: Step | None) -> None:  # fmt: skip
        """Copy elements between two arrays that are walked through by strides."""
        function = copy_text(shape, dtype, strides, to)
        if function is None and self.span is not None:
            first, count = self.span.first(dims.product(shape)), self.span.length(dims.product(shape))
            self.say(f"memcpy({target} + {first}, {source} + {first}, (size_t)({count}) * sizeof({text.TYPES[dtype]}));", step)
        elif function is None:
            self.say(f"memcpy({target}, {source}, (size_t)({text.size(dims.product(shape))}) * sizeof({text.TYPES[dtype]}));", step)
        else:
            self.call(function, f"copy_{text.SUFFIXES[dtype]}", [source, target], step)


def _alone(name: str, parameters: Sequence[str], lines: Sequence[str]) -> str:
    """A function of these parameters."""
    return "\n".join([f"static void {name}({', '.join(parameters) or 'void'}) {{", *lines, "}"])


def _shared(name: str, parameters: Sequence[str], lines: Sequence[str]) -> str:
    """A function that does the steps from `begin` to `end` of work that threads share."""
    return "\n".join([
        f"typedef struct {{ {' '.join(f'{p};' for p in parameters)} }} {name}_given;",
        f"static void {name}(const void *what, int member, int64_t begin, int64_t end) {{",
        f"    const {name}_given *given = what;",
        *_unpacked(parameters),
        "    (void)member;",
        *lines,
        "}",
    ])  # fmt: skip


def _sliced(name: str, parameters: Sequence[str], lines: Sequence[str]) -> str:
    """A function that does one slice, from `begin` to `end`, and one that does slices of `count` steps."""
    return "\n".join([
        f"typedef struct {{ int64_t count, slices; {' '.join(f'{p};' for p in parameters)} }} {name}_given;",
        f"static void {name}_slice(const {name}_given *given, int64_t slice, int64_t begin, int64_t end) {{",
        *_unpacked(parameters),
        *lines,
        "}",
        f"static void {name}(const void *what, int member, int64_t begin, int64_t end) {{",
        f"    const {name}_given *given = what;",
        "    (void)member;",
        "    for (int64_t slice = begin; slice < end; slice++)",
        f"        {name}_slice(given, slice, given->count*slice/given->slices, given->count*(slice + 1)/given->slices);",
        "}",
    ])  # fmt: skip


def _unpacked(parameters: Sequence[str]) -> list[str]:
    names = [re.findall(r"\w+", p)[-1] for p in parameters]
    return [f"    {p} = given->{n};" for p, n in zip(parameters, names, strict=True)]


_DEFINITIONS = {"alone": _alone, "shared": _shared, "sliced": _sliced}

__all__ = ["ENTRY", "ROWS", "Emission", "Emitter", "emit"]
