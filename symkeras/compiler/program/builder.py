"""The steps and values of a program while it is made: storage as it comes up, who reads it and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symkeras.compiler.program.kernels import Kernels
from symkeras.compiler.program.program import AnyStep, Branch, Buffer, Loop, RowPass, Step, Value, While
from symkeras.compiler.program.refusals import Refusal
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType


class Builder:
    """A list of steps that grows, and what is known of values.

    Attributes:
        values: the value of each node that has been lowered; `results`, those of nodes with several.
        all_values: every value made.
        steps: of the program, or of the loop or branch that is being lowered.
        position: that of the next step.
        reads: id(buffer) -> who reads it, and when.
    """

    def __init__(self, kernels: Kernels):
        self.kernels = kernels
        self.values: dict[Node, Value] = {}
        self.results: dict[Node, list[Value]] = {}
        self.all_values: list[Value] = []
        self.variables: list[Value] = []
        self.steps: list[AnyStep] = []
        self.position = 0
        self.reads: dict[int, list[tuple[int, Step | None]]] = {}
        self.refusals: list[Refusal] = []
        self.copies: dict[int, Value] = {}  # id(value) -> its contiguous copy

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

    def _emit(self, step: Step) -> None:
        step.position = self.position
        self.position += 1
        for v in step.inputs:
            self._read(v, step.position, step)
        for v in (*step.outputs, *step.scratch):
            v.buffer.first = min(v.buffer.first, step.position)
            v.buffer.last = max(v.buffer.last, step.position)
        self.steps.append(step)

    def _contiguous(self, v: Value, node: Node) -> Value:
        """A copy whose elements lie one after the other, made once."""
        if v.buffer.kind == "variable":
            return self._copied(v, node)
        if id(v) not in self.copies:
            self.copies[id(v)] = self._copied(v, node)
        return self.copies[id(v)]

    def _copied(self, v: Value, node: Node) -> Value:
        copy = self._fresh(v.type, node)
        self._emit(Step("copy", node, [v], [copy]))
        return copy

    def _publish(self, node: Node, results: list[Value]) -> None:
        self.results[node] = results
        if not isinstance(node.type, tuple):
            self.values[node] = results[0]

    def _extend_over(self, loop: Loop | Branch | While | RowPass, start: int, stacks: Sequence[Value]) -> None:
        """What is read inside a loop and made outside of it lives to the loop's end; stacks live over all of it."""
        for v in stacks:
            v.buffer.first = min(v.buffer.first, start)
            v.buffer.last = max(v.buffer.last, loop.end)
        for b in {id(v.buffer): v.buffer for v in self.all_values}.values():
            if b.first < loop.start and b.last >= loop.start:
                b.last = max(b.last, loop.end)
