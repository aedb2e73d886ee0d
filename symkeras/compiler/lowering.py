"""From an optimised graph to a program: views, steps, loops, and whose storage each value uses.

Decided here: what is only a view; where a result is written straight into a larger one (a piece of a concatenation,
one time step of a stack, a variable that is updated); and which results take over the storage of an input that is read
for the last time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from symkeras.compiler.program import Buffer, Group, Loop, Program, Step, Value
from symkeras.graph import dims
from symkeras.graph.dims import Size
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, reachable
from symkeras.graph.types import TensorType

_IDENTITIES = ("stop_gradient", "boundary")


class Kernels(Protocol):
    """What lowering must know of a backend's kernels."""

    def scratch(self, node: Node) -> Sequence[TensorType]:
        """Working storage the kernel of `node` wants."""
        ...

    def contiguous(self, node: Node) -> Sequence[int]:
        """The inputs that must be contiguous."""
        ...

    def in_place(self, node: Node) -> Sequence[int]:
        """The inputs whose storage the result may take over, where the types are equal."""
        ...

    def may_group(self, node: Node) -> bool:
        """Whether the kernel of an elementwise node can run on stretches of rows."""
        ...

    def group_pays(self, steps: Sequence[Step]) -> bool:
        """Whether steps over one shape are worth running stretch by stretch."""
        ...

    def inline_loops(self, node: Node) -> bool:
        """Whether a scan becomes a loop of steps (else it is one kernel)."""
        ...


def lower(graph: Graph, kernels: Kernels) -> Program:
    """The program of a graph whose ops the backend takes."""
    return _Lowering(graph, kernels).program()


@dataclass
class _Carry:
    """Where a carry lives: `home`, and as views of it the values before and after each step, the first and the last."""

    has_history: bool
    home: Value
    before: Value
    after: Value
    first: Value
    last: Value


class _Lowering:
    def __init__(self, graph: Graph, kernels: Kernels):
        self.graph = graph
        self.kernels = kernels
        self.values: dict[Node, Value] = {}
        self.all_values: list[Value] = []
        self.steps: list[Step | Loop] = []
        self.position = 0
        self.results: dict[Node, list[Value]] = {}
        self.reads: dict[int, list[tuple[int, Step | None]]] = {}  # id(buffer) -> who reads it, and when
        self.variables: list[Value] = []

    def program(self) -> Program:
        main, tail = _schedule(self.graph)
        inputs = [self._input(n) for n in self.graph.inputs]
        for node in main:
            self._lower(node)
        tail_start = self.position
        for node in tail:
            self._lower(node)
        outputs = [self.values[n] for n in self.graph.outputs]
        commits = self._updates()
        end = self.position
        for v in (*outputs, *(src for src, _ in commits)):
            self._read(v, end, None)
        self._place_concatenations()
        self._place_updates(commits, tail_start)
        self._write_in_place()
        self._settle()
        steps = self._grouped()
        kept = [(s, d) for s, d in commits if s.buffer.storage is not d.buffer]
        return Program(self.graph, inputs, outputs, kept, steps, self.all_values, end)

    # ---- values ----------------------------------------------------------------------------------------------------

    def _value(self, type: TensorType, buffer: Buffer, node: Node | None = None, base: Value | None = None,
               view: tuple[str, dict[str, Any]] | None = None, is_contiguous: bool = True) -> Value:  # fmt: skip
        v = Value(type, buffer, node, base, view, is_contiguous)
        self.all_values.append(v)
        return v

    def _fresh(self, type: TensorType, node: Node | None = None) -> Value:
        return self._value(type, Buffer(type, first=self.position), node)

    def _input(self, node: Node) -> Value:
        if node not in self.values:
            v = self._fresh(node.tensor_type, node)
            v.buffer.first = -1
            v.buffer.last = 0
            self.values[node] = v
        return self.values[node]

    def _leaf(self, node: Node) -> Value:
        kind = {"variable": "variable", "constant": "constant", "dim": "bound"}[node.op.name]
        v = self._value(node.tensor_type, Buffer(node.tensor_type, kind, node), node)
        if kind == "variable":
            self.variables.append(v)
        return v

    def _read(self, v: Value, position: int, step: Step | None) -> None:
        self.reads.setdefault(id(v.buffer), []).append((position, step))
        v.buffer.last = max(v.buffer.last, position)

    # ---- nodes -----------------------------------------------------------------------------------------------------

    def _lower(self, node: Node) -> None:
        if node in self.values:
            return
        op = node.op.name
        if op in ("variable", "constant", "dim"):
            self.values[node] = self._leaf(node)
        elif op == "placeholder":
            self.values[node] = self._input(node)
        elif op in _IDENTITIES:
            self.values[node] = self.values[node.inputs[0]]
        elif self._is_bound(node):
            self.values[node] = self._value(node.tensor_type, Buffer(node.tensor_type, "bound", node), node)
        elif op == "item":
            self.values[node] = self.results[node.inputs[0]][node.attrs["index"]]
        elif op == "scan" and self.kernels.inline_loops(node):
            self._scan(node)
        elif not node.op.is_view or not self._view(node):
            self._step(node)

    def _is_bound(self, node: Node) -> bool:
        """Scalars made of constants and sizes are computed when sizes are known."""
        return (
            bool(node.inputs)
            and node.type == TensorType((), node.types[0].dtype)
            and all(
                i in self.values
                and i.op.name != "placeholder"
                and self.values[i].view is None
                and self.values[i].buffer.kind in ("bound", "constant")
                and i.shape == ()
                for i in node.inputs
            )
        )

    def _view(self, node: Node) -> bool:
        source = self.values[node.inputs[0]]
        keeps = _VIEWS[node.op.name](source, node)
        if keeps is None:
            return False
        self.values[node] = self._value(node.tensor_type, source.buffer, node, source, (node.op.name, node.attrs), keeps)
        return True

    def _operand(self, node: Node, position: int) -> Value:
        v = self.values[node.inputs[position]]
        if not v.is_contiguous and position in self.kernels.contiguous(node):
            v = self._copied(v, node.inputs[position])
        return v

    def _copied(self, v: Value, node: Node) -> Value:
        copy = self._fresh(v.type, node)
        self._emit(Step("copy", node, [v], [copy]))
        return copy

    def _step(self, node: Node) -> None:
        kind = "copy" if node.op.is_view else "kernel"
        inputs = [self._operand(node, k) for k in range(len(node.inputs))]
        outputs = [self._fresh(t, node) for t in node.types]
        scratch = [self._fresh(t) for t in (self.kernels.scratch(node) if kind == "kernel" else ())]
        self._emit(Step(kind, node, inputs, outputs, scratch))
        self.results[node] = outputs
        if not isinstance(node.type, tuple):
            self.values[node] = outputs[0]

    def _emit(self, step: Step) -> None:
        step.position = self.position
        self.position += 1
        for v in step.inputs:
            self._read(v, step.position, step)
        for v in (*step.outputs, *step.scratch):
            v.buffer.first = min(v.buffer.first, step.position)
            v.buffer.last = max(v.buffer.last, step.position)
        self.steps.append(step)

    # ---- loops -----------------------------------------------------------------------------------------------------

    def _scan(self, node: Node) -> None:
        body: Graph = node.attrs["body"]
        c, s = node.attrs["carries"], node.attrs["sequences"]
        length, reverse = node.attrs["length"], node.attrs["reverse"]
        loop = Loop(node, length, reverse)
        outer = [self.values[i] for i in node.inputs]
        start = self.position
        carries = [self._carry(body, k, c, length, reverse) for k in range(c)]
        for carry, first in zip(carries, outer, strict=False):
            self._emit(Step("copy", node, [first], [carry.first]))
        for k, n in enumerate(body.inputs):
            if k < c:
                self.values[n] = self._element(carries[k].before, loop) if carries[k].has_history else carries[k].home
            else:
                self.values[n] = self._element(outer[k], loop) if k < c + s else outer[k]
        inner = [n for n in reachable((*body.inputs, *body.outputs)) if n not in self.values or n in body.inputs]
        loop.start = self.position
        steps, self.steps = self.steps, loop.steps
        stacks = [self._stack_of(n, body, loop, carries, outer) for n in self._body(loop, body, c, carries)]
        self._close_carries(body, loop, carries)
        for n in inner:
            self.values.pop(n, None)
        self.steps = steps
        loop.end = self.position
        self.position += 1
        self.steps.append(loop)
        self.results[node] = [*(carry.last for carry in carries), *stacks]
        self._extend_over(loop, start, [*(carry.home for carry in carries), *stacks])

    def _carry(self, body: Graph, k: int, c: int, length: Size, reverse: bool) -> _Carry:
        """Storage of a carry: one place, or one per step and one more where the steps' values are asked for."""
        n = body.inputs[k]
        ys = body.outputs[c:]
        t = n.tensor_type
        if n not in ys and body.outputs[k] not in ys:
            home = self._fresh(t, n)
            return _Carry(False, home, home, home, home, home)
        home = self._fresh(t.with_shape((length + 1, *t.shape)), n)
        before, after = self._stretch(home, int(reverse), length), self._stretch(home, int(not reverse), length)
        return _Carry(True, home, before, after, self._part(home, length if reverse else 0), self._part(home, 0 if reverse else length))

    def _body(self, loop: Loop, body: Graph, c: int, carries: list[_Carry]) -> Sequence[Node]:
        """Lower the body; returns its ys."""
        for n in reachable((*body.inputs, *body.outputs)):
            self._lower(n)
        for n, carry in zip(body.outputs, carries, strict=False):
            if carry.has_history:
                self._store(n, carry.after, loop)
        return body.outputs[c:]

    def _stack_of(self, n: Node, body: Graph, loop: Loop, carries: list[_Carry], outer: list[Value]) -> Value:
        """All steps' values of a body node: known already, or a new stack that the steps write."""
        c, s = len(carries), loop.node.attrs["sequences"]
        for k, carry in enumerate(carries):
            if carry.has_history and (n is body.outputs[k] or n is body.inputs[k]):
                return carry.after if n is body.outputs[k] else carry.before
        if n in body.inputs[c : c + s]:
            return outer[body.inputs.index(n)]
        stack = self._fresh(n.tensor_type.with_shape((loop.length, *n.shape)), n)
        self._store(n, stack, loop)
        return stack

    def _store(self, n: Node, stack: Value, loop: Loop) -> None:
        """Make the value of `n` at step t the t-th part of `stack`: by writing it there, or by a copy."""
        v = self.values[n]
        b = v.buffer
        is_input = n in loop.node.attrs["body"].inputs
        if b.kind == "arena" and b.first >= loop.start and v.view is None and b.inside is None and not is_input:
            b.inside, b.loop = stack.buffer, loop
            b.offset = stack.view[1]["start"] if stack.view is not None else 0
        else:
            self._emit(Step("copy", n, [v], [self._element(stack, loop)]))

    def _close_carries(self, body: Graph, loop: Loop, carries: list[_Carry]) -> None:
        """At the end of a step the new carries become the carries: written there at once where that is safe."""
        own = [(self.values[n], carry.home) for n, carry in zip(body.outputs, carries, strict=False) if not carry.has_history]
        pairs = [(v, home) for v, home in own if v is not home]
        homes = {id(home.buffer) for _, home in own}
        moved = [(self._copied(v, home.node) if id(v.buffer) in homes else v, home) for v, home in pairs]  # type: ignore[arg-type]
        for v, home in moved:
            b = v.buffer
            is_own = b.kind == "arena" and b.first >= loop.start and v.view is None and b.inside is None
            if is_own and all(p < b.first or (p == b.first and self._may_overwrite(step, home)) for p, step in self.reads.get(id(home.buffer), ())):
                b.inside, b.offset = home.buffer, 0
            else:
                self._emit(Step("copy", home.node, [v], [home]))  # type: ignore[arg-type]

    def _may_overwrite(self, step: Step | None, home: Value) -> bool:
        """Whether a step that reads `home` may write its result there."""
        if step is None or step.kind != "kernel":
            return False
        allowed = self.kernels.in_place(step.node)
        return all(k in allowed and v.type == step.outputs[0].type and v.is_contiguous for k, v in enumerate(step.inputs) if v.buffer is home.buffer)

    def _stretch(self, stack: Value, start: int, length: Size) -> Value:
        """`length` parts of a stack, from part `start` on."""
        t = stack.type.with_shape((length, *stack.type.shape[1:]))
        return self._value(t, stack.buffer, stack.node, stack, ("stretch", {"start": start, "length": length}))

    def _part(self, stack: Value, index: Size) -> Value:
        return self._value(stack.type.with_shape(stack.type.shape[1:]), stack.buffer, stack.node, stack, ("part", {"index": index}))

    def _element(self, stack: Value, loop: Loop) -> Value:
        return self._value(
            stack.type.with_shape(stack.type.shape[1:]), stack.buffer, stack.node, stack, ("element", {"loop": loop}), stack.is_contiguous
        )

    def _extend_over(self, loop: Loop, start: int, stacks: Sequence[Value]) -> None:
        """What is read inside a loop and made outside of it lives to the loop's end; stacks live over all of it."""
        for v in stacks:
            v.buffer.first = min(v.buffer.first, start)
            v.buffer.last = max(v.buffer.last, loop.end)
        for b in {id(v.buffer): v.buffer for v in self.all_values}.values():
            if b.first < loop.start and b.last >= loop.start:
                b.last = max(b.last, loop.end)

    # ---- storage ---------------------------------------------------------------------------------------------------

    def _place_concatenations(self) -> None:
        for step in list(self.steps):
            if isinstance(step, Step) and step.kind == "kernel" and step.node.op.name == "concatenate" and step.node.attrs["axis"] == 0:
                self._place_pieces(step)

    def _place_pieces(self, step: Step) -> None:
        whole = step.outputs[0]
        row = dims.product(whole.type.shape[1:])
        start: Size = 0
        for k, v in enumerate(list(step.inputs)):
            b = v.buffer
            size = v.type.size
            fits = b.kind == "arena" and b.inside is None and v.is_contiguous and b.type.size == size and b.first >= 0 and b.loop is None
            fits = fits and step.inputs.count(v) == 1 and not any(o.buffer is b for j, o in enumerate(step.inputs) if j != k)
            if fits:
                b.inside, b.offset = whole.buffer, start
                whole.buffer.first = min(whole.buffer.first, b.first)
                whole.buffer.last = max(whole.buffer.last, b.last)
            start = start + v.type.shape[0] * row

    def _updates(self) -> list[tuple[Value, Value]]:
        commits = []
        for variable, new in self.graph.updates:
            if variable not in self.values:
                self.values[variable] = self._leaf(variable)
            source = self.values[new]
            if source.buffer.kind == "variable" and len(self.graph.updates) > 1:
                source = self._copied(source, new)
            commits.append((source, self.values[variable]))
        return commits

    def _place_updates(self, commits: list[tuple[Value, Value]], tail_start: int) -> None:
        """New values are computed straight into their variable where every reader of the old value comes before."""
        outputs = {id(self.values[n].buffer.storage) for n in self.graph.outputs}
        counts: dict[int, int] = {}
        for src, _ in commits:
            counts[id(src.buffer)] = counts.get(id(src.buffer), 0) + 1
        for src, dst in commits:
            b = src.buffer
            fits = (
                b.kind == "arena" and b.inside is None and src.is_contiguous and b.type.size == src.type.size and b.type.dtype == dst.type.dtype
                and b.first >= tail_start and id(b) not in outputs and counts[id(b)] == 1
            )  # fmt: skip
            if fits and self._may_write(dst, b.first):
                b.inside, b.offset = dst.buffer, 0

    def _may_write(self, variable: Value, position: int) -> bool:
        """Whether the storage of a variable can be written by the step at `position`: no other read then or later."""
        for v in self.variables:
            if _overlap(v, variable):
                for p, step in self.reads.get(id(v.buffer), ()):
                    if p > position or (p == position and not self._reads_in_step(step, variable)):
                        return False
        return True

    def _reads_in_step(self, step: Step | None, variable: Value) -> bool:
        if step is None:
            return False
        allowed = self.kernels.in_place(step.node) if step.kind == "kernel" else ()
        return all(
            k in allowed and v.type == step.outputs[0].type
            for k, v in enumerate(step.inputs)
            if v.buffer.kind == "variable" and _overlap(v, variable)
        )

    def _write_in_place(self) -> None:
        outputs = {id(self.values[n].buffer.storage) for n in self.graph.outputs}
        for step in _flat(self.steps):
            if step.kind != "kernel" or len(step.outputs) != 1:
                continue
            out = step.outputs[0]
            for k in self.kernels.in_place(step.node):
                v = step.inputs[k] if k < len(step.inputs) else None
                if v is not None and self._take_over(v, out, step, outputs):
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
        if any(other.buffer.root is a for other in step.inputs if other is not v and not (other.type == v.type and other.is_contiguous)):
            return False
        if b.inside is not None and b.inside.root.kind == "variable" and not self._earlier_write_is_safe(b.inside.root, a.first):
            return False
        if b.inside is not None and b.loop is not None and a.first < b.loop.start:
            return False
        if b.inside is not None and b.loop is None and any(a.first <= p <= step.position for p, _ in self.reads.get(id(b.inside.root), ())):
            return False
        a.merged = b
        b.first = min(a.first, b.first)
        return True

    def _earlier_write_is_safe(self, storage: Buffer, position: int) -> bool:
        variable = next(v for v in self.variables if v.buffer is storage)
        return self._may_write(variable, position)

    def _grouped(self) -> list[Step | Loop | Group]:
        """Neighbouring elementwise steps over one large shape, put together."""
        out: list[Step | Loop | Group] = []
        run: list[Step] = []

        def close() -> None:
            if run and self.kernels.group_pays(run):
                out.append(Group(list(run), run[0].outputs[0].type.shape))
                self._keep_over(out[-1])  # type: ignore[arg-type]
            else:
                out.extend(run)
            run.clear()

        for s in self.steps:
            fits = _is_groupable(s, self.kernels)
            if run and not (fits and s.outputs[0].type.shape == run[0].outputs[0].type.shape):  # type: ignore[union-attr]
                close()
            if fits:
                run.append(s)  # type: ignore[arg-type]
            else:
                out.append(s)
        close()
        return out

    def _keep_over(self, group: Group) -> None:
        """Stretches run one after the other: what one step read, another stretch may still read."""
        for step in group.steps:
            for v in (*step.inputs, *step.outputs, *step.scratch):
                b = v.buffer.storage
                b.first = min(b.first, group.start) if b.first >= group.start else b.first
                b.last = max(b.last, group.end) if b.last <= group.end else b.last

    def _settle(self) -> None:
        """Storage lives as long as everything laid into it."""
        for b in {id(v.buffer): v.buffer for v in self.all_values}.values():
            s = b.storage
            if s is not b:
                s.first = min(s.first, b.first)
                s.last = max(s.last, b.last)


def _is_groupable(step: Step | Loop, kernels: Kernels) -> bool:
    """Whether a step treats every row of its result alike, from the same row of its inputs or from what has no rows."""
    if not isinstance(step, Step) or step.kind != "kernel" or len(step.outputs) != 1 or not kernels.may_group(step.node):
        return False
    shape = step.outputs[0].type.shape
    return bool(shape) and all(_has_rows(v, shape) or _is_rowless(v, shape) for v in step.inputs)


def _has_rows(v: Value, shape: tuple[Size, ...]) -> bool:
    return v.type.ndim == len(shape) and v.type.shape[0] == shape[0]


def _is_rowless(v: Value, shape: tuple[Size, ...]) -> bool:
    return v.type.ndim < len(shape) or v.type.shape[0] == 1


def _flat(steps: Sequence[Step | Loop]) -> list[Step]:
    out: list[Step] = []
    for s in steps:
        out.extend(_flat(s.steps) if isinstance(s, Loop) else [s])
    return out


def _overlap(a: Value, b: Value) -> bool:
    x, y = a.node.attrs["variable"].array, b.node.attrs["variable"].array  # type: ignore[union-attr]
    return x is y or bool(np.may_share_memory(x, y))


def _schedule(graph: Graph) -> tuple[list[Node], list[Node]]:
    """The nodes in order: first what outputs need or what may fail, then the elementwise work of updates alone."""
    needed = {n.uid for n in reachable(graph.outputs)}
    tail: set[Node] = set()
    for n in reversed(graph.nodes):
        if n.uid in needed or n.op.is_leaf or isinstance(n.type, tuple) or not (n.op.is_elementwise or n.op.name == "set_rows"):
            continue
        users = graph.users[n]
        if all(u in tail for u in users):
            tail.add(n)
    writers = {new for _, new in graph.updates}
    order = [n for n in graph.nodes if n in tail]
    return _late(graph, tail), _late_writers(order, writers, tail)


def _late(graph: Graph, tail: set[Node]) -> list[Node]:
    """All other nodes in order, elementwise ones as late as that keeps nothing alive for longer.

    Such a node waits until right before its first reader if all it reads is needed then anyway: a mask for the backward
    pass is made there, beside the line that uses it.
    """
    kept = set(graph.outputs)
    key: dict[Node, tuple[int, int]] = {n: (k, 0) for k, n in enumerate(graph.nodes)}
    end = (len(key), 0)
    for n in reversed(graph.nodes):
        readers = graph.users[n]
        if not (n.op.is_elementwise or n.op.is_view) or not readers or n in tail or n in kept:
            continue
        first = min(end if r in tail else key[r] for r in readers)
        if all(_is_needed_at(i, n, first, graph, key, tail, kept) for i in n.inputs):
            key[n] = (first[0], first[1] - 1)
    return sorted((n for n in graph.nodes if n not in tail), key=lambda n: key[n])


def _is_needed_at(
    i: Node, n: Node, moment: tuple[int, int], graph: Graph, key: dict[Node, tuple[int, int]], tail: set[Node], kept: set[Node]
) -> bool:
    """Whether `i` is alive at `moment` whenever `n` reads it."""
    return (i.op.is_leaf and i.op.name != "placeholder") or i in kept or any(r is not n and (r in tail or key[r] >= moment) for r in graph.users[i])


def _late_writers(order: list[Node], writers: set[Node], tail: set[Node]) -> list[Node]:
    """A topological order in which scalars come first, and what gives variables their new values as late as it can.

    Among the rest, work over one shape stays together: the large elementwise lines of an update can run as one group.
    """
    waiting = {n: sum(1 for i in set(n.inputs) if i in tail) for n in order}
    readers: dict[Node, list[Node]] = {}
    for n in order:
        for i in set(n.inputs):
            if i in tail:
                readers.setdefault(i, []).append(n)
    ready: list[dict[Any, deque[Node]]] = [{} for _ in range(4)]  # by urgency, then by shape

    def enqueue(n: Node) -> None:
        is_scalar, is_writer = n.shape == (), n in writers
        queues = ready[(0 if is_scalar else 1) if not is_writer else (3 if is_scalar else 2)]
        queues.setdefault(n.shape, deque()).append(n)

    for n in order:
        if waiting[n] == 0:
            enqueue(n)
    out: list[Node] = []
    while any(ready):
        queues = next(q for q in ready if q)
        shape = out[-1].shape if out and out[-1].shape in queues else next(iter(queues))
        n = queues[shape].popleft()
        if not queues[shape]:
            del queues[shape]
        out.append(n)
        for r in readers.get(n, ()):
            waiting[r] -= 1
            if waiting[r] == 0:
                enqueue(r)
    return out


# ---- which view ops are views, and whether the result is contiguous (None: elements must be copied) --------------------


def _drops_ones(shape: Sequence[Size]) -> tuple[Size, ...]:
    return tuple(d for d in shape if d != 1)


def _reshape_view(source: Value, node: Node) -> bool | None:
    if source.is_contiguous:
        return True
    return False if _drops_ones(source.type.shape) == _drops_ones(node.shape) else None


def _transpose_view(source: Value, node: Node) -> bool | None:
    moved = [a for a in node.attrs["axes"] if source.type.shape[a] != 1]
    return source.is_contiguous and moved == sorted(moved)


def _slice_view(source: Value, node: Node) -> bool | None:
    if not source.is_contiguous:
        return False
    starts, stops, strides = (node.attrs[k] for k in ("starts", "stops", "strides"))
    cut = [k for k, d in enumerate(source.type.shape) if not (starts[k] == 0 and stops[k] == d and strides[k] == 1)]
    if not cut:
        return True
    return cut[-1] == cut[0] and strides[cut[0]] == 1 and all(d == 1 for d in source.type.shape[: cut[0]])


_VIEWS: dict[str, Any] = {
    "reshape": _reshape_view,
    "transpose": _transpose_view,
    "slice": _slice_view,
    "broadcast_to": lambda source, node: source.is_contiguous and _drops_ones(source.type.shape) == _drops_ones(node.shape),
    "flip": lambda source, node: False,
}
