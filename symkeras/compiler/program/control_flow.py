"""Lowering of scans, branches and while loops to steps with steps inside.

A loop writes straight into a stack of its steps' values, or into the place of a carry, where that is safe.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from symkeras.compiler.program.buffer_assignment import reads_pointwise
from symkeras.compiler.program.builder import Builder
from symkeras.compiler.program.program import AnyStep, Branch, Loop, Step, Value, While
from symkeras.graph.dims import Size
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node


@dataclass
class _Carry:
    """Where a carry lives: `home`, and as views of it the values before and after each step, the first and the last."""

    has_history: bool
    home: Value
    before: Value
    after: Value
    first: Value
    last: Value


class ControlFlow(Builder):
    """Steps, some of them with others inside."""

    def _lower_all(self, order: Sequence[Node], graph: Graph, kept: Iterable[Node]) -> None:
        """Lower nodes in order, those that the backend fuses as fusion groups; `kept` are read by others."""
        raise NotImplementedError

    def _control(self, node: Node) -> None:
        """The steps of a scan, a branch or a while loop."""
        _CONTROL[node.op.name](self, node)

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
        loop.start = self.position
        with _Within(self, body, loop.steps):
            stacks = [self._stack_of(n, body, loop, carries, outer) for n in self._body(loop, body, c, carries)]
            self._close_carries(body, loop, carries)
        loop.end = self.position
        self.position += 1
        self.steps.append(loop)
        self.results[node] = [*(carry.last for carry in carries), *stacks]
        self._extend_over(loop, start, [*(carry.home for carry in carries), *stacks])

    def _cond(self, node: Node) -> None:
        predicate, *outer = (self.values[i] for i in node.inputs)
        branch = Branch(node, predicate)
        start = self.position
        results = [self._fresh(t, node) for t in node.types]
        branch.start = self.position
        self._read(predicate, self.position, None)
        self.position += 1
        for body, steps in ((node.attrs["then"], branch.then), (node.attrs["otherwise"], branch.otherwise)):
            with _Within(self, body, steps):
                self.values.update(zip(body.inputs, outer, strict=True))
                self._lower_all(body.nodes, body, body.outputs)
                self._deliver([(self.values[n], to) for n, to in zip(body.outputs, results, strict=True)], node)
        branch.end = self.position
        self.position += 1
        self.steps.append(branch)
        self._publish(node, results)
        self._extend_over(branch, start, results)

    def _while(self, node: Node) -> None:
        count = node.attrs["state"]
        outer = [self.values[i] for i in node.inputs]
        loop = While(node)
        start = self.position
        homes = [self._fresh(t, node) for t in node.types]
        self._deliver(list(zip(outer, homes, strict=False)), node)
        loop.start = self.position
        operands = [*homes, *outer[count:]]
        predicate, body = node.attrs["predicate"], node.attrs["body"]
        with _Within(self, predicate, loop.condition):
            self.values.update(zip(predicate.inputs, operands, strict=True))
            self._lower_all(predicate.nodes, predicate, predicate.outputs)
            loop.predicate = self.values[predicate.outputs[0]]
            self._read(loop.predicate, self.position, None)
            self.position += 1
        with _Within(self, body, loop.steps):
            self.values.update(zip(body.inputs, operands, strict=True))
            self._lower_all(body.nodes, body, body.outputs)
            places = {id(home.buffer) for home in homes}
            new = [self.values[n] for n in body.outputs]
            moved = [self._copied(v, node) if id(v.buffer) in places and v is not home else v for v, home in zip(new, homes, strict=True)]
            self._deliver([(v, home) for v, home in zip(moved, homes, strict=True) if v is not home], node)
        loop.end = self.position
        self.position += 1
        self.steps.append(loop)
        self._publish(node, homes)
        self._extend_over(loop, start, homes)

    def _deliver(self, pairs: Sequence[tuple[Value, Value]], node: Node) -> None:
        for v, to in pairs:
            self._emit(Step("copy", node, [v], [to]))

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
        self._lower_all(body.nodes, body, body.outputs)
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
            reads = self.reads.get(id(home.buffer), ())
            if is_own and all(p < b.first or (p == b.first and self._may_overwrite(step, home, v)) for p, step in reads):
                b.inside, b.offset = home.buffer, 0
            else:
                self._emit(Step("copy", home.node, [v], [home]))  # type: ignore[arg-type]

    def _may_overwrite(self, step: Step | None, home: Value, out: Value) -> bool:
        """Whether a step that reads `home` may write its result `out` there."""
        return step is not None and out in step.outputs and reads_pointwise(step, out, home, self.kernels)

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


class _Within:
    """Context in which steps go to the inside of a loop or branch; the values of its graph are known only there."""

    def __init__(self, lowering: ControlFlow, body: Graph, steps: list[AnyStep]):
        self._lowering = lowering
        self._inner = [n for n in body.nodes if n not in lowering.values or n in body.inputs]
        self._steps = steps

    def __enter__(self) -> None:
        self._outside, self._lowering.steps = self._lowering.steps, self._steps
        self._copies = dict(self._lowering.copies)

    def __exit__(self, *_: object) -> None:
        for n in self._inner:
            self._lowering.values.pop(n, None)
        self._lowering.steps = self._outside
        self._lowering.copies = self._copies


_CONTROL = {"scan": ControlFlow._scan, "cond": ControlFlow._cond, "while_loop": ControlFlow._while}


def is_control(node: Node) -> bool:
    """Whether a node is a scan, a branch or a while loop."""
    return node.op.name in _CONTROL
