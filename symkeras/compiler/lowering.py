"""From an optimised graph to a program: views, steps, loops, and which steps run together.

Decided here: what is only a view, and what a loop writes straight into a stack of its steps' values or into a carry. All other storage is
placed when the steps are known (`placing`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symkeras.compiler.fusion import Clustering, Fused
from symkeras.compiler.kernels import Kernels, overwritable
from symkeras.compiler.placing import Placing
from symkeras.compiler.preparations import prepare
from symkeras.compiler.program import AnyStep, Branch, Buffer, Group, Loop, Program, RowPass, Step, Value, While
from symkeras.compiler.row_updates import RowUpdate, row_updates
from symkeras.compiler.samples import Grouping, samples_of
from symkeras.compiler.schedule import schedule
from symkeras.compiler.views import VIEWS
from symkeras.graph import dims
from symkeras.graph.dims import Size
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, unreshaped
from symkeras.graph.types import TensorType

_IDENTITIES = ("stop_gradient", "boundary")


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


@dataclass
class _Scope:
    """The graph that is being lowered: who reads each node, and what is read from outside of it."""

    users: Mapping[Node, Sequence[Node]]
    kept: set[Node]


class _Lowering:
    def __init__(self, graph: Graph, kernels: Kernels):
        self.graph = graph
        self.kernels = kernels
        self.scope = _Scope({}, set())
        self.values: dict[Node, Value] = {}
        self.all_values: list[Value] = []
        self.steps: list[AnyStep] = []
        self.position = 0
        self.results: dict[Node, list[Value]] = {}
        self.reads: dict[int, list[tuple[int, Step | None]]] = {}  # id(buffer) -> who reads it, and when
        self.variables: list[Value] = []
        self.copies: dict[int, Value] = {}  # id(value) -> its contiguous copy
        self.combined: dict[Node, Size] = {}  # `combine_rows` of a pass over tables -> rows of the tables

    def program(self) -> Program:
        passes = self._row_updates()
        main, tail = schedule(self.graph)
        replaced = {n for one in passes for n in one.replaced}
        inputs = [self._input(n) for n in self.graph.inputs]
        self._lower_all([n for n in main if n not in replaced], self.graph, self.graph.roots)
        tail_start = self.position
        self._lower_all([n for n in tail if n not in replaced], self.graph, self.graph.roots)
        for variable in (v for one in passes for v in one.tables):
            if variable not in self.values:
                self.values[variable] = self._leaf(variable)
            self.values[dict(self.graph.updates)[variable]] = self.values[variable]
        outputs = [self.values[n] for n in self.graph.outputs]
        commits = self._updates()
        for one in passes:
            self._row_pass(one)
        end = self.position
        for v in (*outputs, *(src for src, _ in commits)):
            self._read(v, end, None)
        placing = Placing(self.graph, self.kernels, self.values, self.all_values, self.variables, self.reads)
        placing.place_concatenations(self.steps)
        placing.place_updates(commits, tail_start)
        kept: list[AnyStep] = []
        if self.kernels.keeps() and not self.graph.updates:
            kept, self.steps = prepare(self.steps, self.kernels.ready_input, self.reads, end)
        placing.write_in_place(self.steps, self._local_to_groups())
        placing.settle()
        steps = [*kept, *self._grouped_by_samples(self._grouped())]
        commits = [(s, d) for s, d in commits if s.buffer.storage is not d.buffer]
        return Program(self.graph, inputs, outputs, commits, steps, self.all_values, end)

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

    def _lower_all(self, order: Sequence[Node], graph: Graph, kept: Iterable[Node]) -> None:
        """Lower nodes in order, those that the backend fuses as clusters; `kept` are read by others."""
        before, self.scope = self.scope, _Scope(graph.users, set(kept))
        self._lower_units(order, graph, kept)
        self.scope = before

    def _lower_units(self, order: Sequence[Node], graph: Graph, kept: Iterable[Node]) -> None:
        bound = _bound_nodes(order)
        fusable = {n for n in order if n not in bound and n not in self.values and self.kernels.may_fuse(n)}
        if not fusable:
            for node in order:
                self._lower(node)
            return
        for unit in Clustering(order, fusable.__contains__, graph.users, kept).units():
            if isinstance(unit, Fused):
                self._fused(unit)
            else:
                self._lower(unit)

    def _fused(self, fused: Fused) -> None:
        inputs = [self.values[n] for n in fused.operands]
        outputs = [self._fresh(n.tensor_type, n) for n in fused.results]
        scratch = [self._fresh(t) for t in self.kernels.fused_scratch(fused)]
        self._emit(Step("fused", fused.nodes[-1], inputs, outputs, scratch, fused=fused))
        self.values.update(zip(fused.results, outputs, strict=True))

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
        elif op in _CONTROL and self.kernels.inline_control(node):
            _CONTROL[op](self, node)
        elif node.op.is_view:
            self._view(node)
        elif node in self.combined:
            self._combine(node)
        else:
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

    def _view(self, node: Node) -> None:
        """A view of the input, or of a copy where its elements lie too far apart for the new shape."""
        source = self.values[node.inputs[0]]
        keeps = VIEWS[node.op.name](source, node)
        if keeps is None:
            source, keeps = self._contiguous(source, node.inputs[0]), True
        self.values[node] = self._value(node.tensor_type, source.buffer, node, source, (node.op.name, node.attrs), keeps)

    def _operand(self, node: Node, position: int) -> Value:
        v = self.values[node.inputs[position]]
        if v.is_contiguous or self.kernels.accepts(node, position, v):
            return v
        return self._contiguous(v, node.inputs[position])

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

    def _step(self, node: Node) -> None:
        inputs = [self._operand(node, k) for k in range(len(node.inputs))]
        outputs = [self._in_order_of_readers(node)] if self.kernels.writes_strided(node) else [self._fresh(t, node) for t in node.types]
        scratch = [self._fresh(t) for t in self.kernels.scratch(node)]
        self._emit(Step("kernel", node, inputs, outputs, scratch))
        self.results[node] = outputs
        if not isinstance(node.type, tuple):
            self.values[node] = outputs[0]

    def _in_order_of_readers(self, node: Node) -> Value:
        """A result whose axes lie in the order in which all readers transpose them, so that the transposes cost nothing."""
        readers = self.scope.users.get(node, ())
        axes = {r.attrs["axes"] if r.op.name == "transpose" else None for r in readers}
        order = axes.pop() if len(axes) == 1 else None
        if order is None or order[-1] < len(order) - 2 or node in self.scope.kept:
            return self._fresh(node.tensor_type, node)
        stored = self._fresh(node.tensor_type.with_shape(tuple(node.shape[a] for a in order)), node)
        back = {"axes": tuple(order.index(k) for k in range(len(order)))}
        return self._value(node.tensor_type, stored.buffer, node, stored, ("transpose", back), False)

    def _emit(self, step: Step) -> None:
        step.position = self.position
        self.position += 1
        for v in step.inputs:
            self._read(v, step.position, step)
        for v in (*step.outputs, *step.scratch):
            v.buffer.first = min(v.buffer.first, step.position)
            v.buffer.last = max(v.buffer.last, step.position)
        self.steps.append(step)

    # ---- tables by rows ----------------------------------------------------------------------------------------------

    def _row_updates(self) -> list[RowUpdate]:
        """Updates to make row by row: those of tables whose old values nobody wants at the end."""
        if not self.kernels.row_passes():
            return []
        read = set()
        for n in self.graph.outputs:
            while n.op.is_view:
                n = n.inputs[0]
            read.add(n)
        found = [u for u in row_updates(self.graph, self.kernels.may_fuse) if not read & u.tables.keys()]
        self.combined = {u.combined: next(iter(u.tables)).shape[0] for u in found if u.unique is None}
        return found

    def _combine(self, node: Node) -> None:
        """The sums of rows with equal indices, in the first of them, and which that is."""
        first = TensorType((self.combined[node],), "int32")
        outputs = [self._fresh(node.tensor_type, node), self._fresh(first)]
        self._emit(Step("combine", node, [self._operand(node, 0), self._operand(node, 1)], outputs))
        self.values[node], self.results[node] = outputs[0], outputs

    def _row_pass(self, update: RowUpdate) -> None:
        """Tables are read and written as if they were arrays over the indices: a kernel finds the row."""
        variable = next(iter(update.tables))
        shape = update.touched.shape
        first = self.results[update.combined][1] if update.unique is None else self.results[update.unique][3]
        if update.unique is not None:
            rows = unreshaped(update.combined).inputs[0]
            self.values[update.combined] = self._as_rows(update.combined, rows)
        done = RowPass(update.indices, first, rows=variable.shape[0], count=dims.product(update.indices.shape))
        done.width = dims.floor_divide(dims.product(shape), done.count)
        done.node, done.start = update.touched.nodes[-1], self.position
        outside, self.steps = self.steps, done.steps
        tables = {rows: variable for variable, rows in update.tables.items()}
        inputs = [self._as_rows(n, n.inputs[0]) if n.op.name == "gather" else self.values[n] for n in update.touched.operands]
        outputs = [self._as_rows(n, tables[n]) for n in update.touched.results]
        self._emit(Step("fused", update.touched.nodes[-1], inputs, outputs, fused=update.touched))
        for variable, cluster in update.others.items():
            inputs = [self.values[n] for n in cluster.operands]
            self._emit(Step("fused", cluster.nodes[-1], inputs, [self.values[variable]], fused=cluster))
        self.steps = outside
        self._read(done.first, self.position, None)
        done.end = self.position
        self.position += 1
        self.steps.append(done)
        self._extend_over(done, done.start, [])

    def _as_rows(self, node: Node, table: Node) -> Value:
        return self._value(node.tensor_type, self.values[table].buffer, node)

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

    def _publish(self, node: Node, results: list[Value]) -> None:
        self.results[node] = results
        if not isinstance(node.type, tuple):
            self.values[node] = results[0]

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
        if step is None or out not in step.outputs:
            return False
        allowed = overwritable(step, out, self.kernels)
        return all(k in allowed and v.type == out.type and v.is_contiguous for k, v in enumerate(step.inputs) if v.buffer is home.buffer)

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

    def _extend_over(self, loop: Loop | Branch | While | RowPass, start: int, stacks: Sequence[Value]) -> None:
        """What is read inside a loop and made outside of it lives to the loop's end; stacks live over all of it."""
        for v in stacks:
            v.buffer.first = min(v.buffer.first, start)
            v.buffer.last = max(v.buffer.last, loop.end)
        for b in {id(v.buffer): v.buffer for v in self.all_values}.values():
            if b.first < loop.start and b.last >= loop.start:
                b.last = max(b.last, loop.end)

    def _updates(self) -> list[tuple[Value, Value]]:
        commits = []
        for variable, new in self.graph.updates:
            if variable not in self.values:
                self.values[variable] = self._leaf(variable)
            source = self.values[new]
            if source.buffer.kind == "variable" and len(self.graph.updates) > 1 and source is not self.values[variable]:
                source = self._copied(source, new)
            commits.append((source, self.values[variable]))
        return commits

    # ---- groups ----------------------------------------------------------------------------------------------------

    def _grouped(self) -> list[AnyStep]:
        """Neighbouring elementwise steps over one large shape, put together."""
        out: list[AnyStep] = []
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

    def _grouping(self) -> Grouping | None:
        """What puts steps together by samples."""
        samples = samples_of(self.graph)
        kept = [self.values[n].buffer.storage for n in (*self.graph.roots, *self.graph.inputs)]
        return None if samples is None else Grouping(samples, self.kernels.least_samples, kept)

    def _grouped_by_samples(self, steps: list[AnyStep]) -> list[AnyStep]:
        grouping = self._grouping()
        if grouping is None:
            return steps
        return [grouping.group(s, self.kernels.members) if isinstance(s, list) else s for s in grouping.runs(steps)]

    def _local_to_groups(self) -> set[int]:
        """Storage that groups will have for themselves: small, unless it takes over something larger or is taken over."""
        grouping = self._grouping()
        runs = grouping.runs(self.steps) if grouping is not None else []
        return {key for run in runs if isinstance(run, list) for key in grouping.locals(run)} if grouping is not None else set()

    def _keep_over(self, group: Group) -> None:
        """Stretches run one after the other: what one step read, another stretch may still read."""
        for step in group.steps:
            for v in (*step.inputs, *step.outputs, *step.scratch):
                b = v.buffer.storage
                b.first = min(b.first, group.start) if b.first >= group.start else b.first
                b.last = max(b.last, group.end) if b.last <= group.end else b.last


class _Within:
    """Context in which steps go to the inside of a loop or branch; the values of its graph are known only there."""

    def __init__(self, lowering: _Lowering, body: Graph, steps: list[AnyStep]):
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


def _is_groupable(step: AnyStep, kernels: Kernels) -> bool:
    """Whether a step treats every row of its result alike, from the same row of its inputs or from what has no rows."""
    if not isinstance(step, Step) or step.kind != "kernel" or len(step.outputs) != 1 or not kernels.may_group(step.node):
        return False
    shape = step.outputs[0].type.shape
    return bool(shape) and all(_has_rows(v, shape) or _is_rowless(v, shape) for v in step.inputs)


def _has_rows(v: Value, shape: tuple[Size, ...]) -> bool:
    return v.type.ndim == len(shape) and v.type.shape[0] == shape[0]


def _is_rowless(v: Value, shape: tuple[Size, ...]) -> bool:
    return v.type.ndim < len(shape) or v.type.shape[0] == 1


def _bound_nodes(order: Sequence[Node]) -> set[Node]:
    """The scalars made of constants and sizes alone."""
    bound: set[Node] = set()
    for n in order:
        if (
            n.inputs
            and n.type == TensorType((), n.types[0].dtype)
            and all((i in bound or i.op.name in ("constant", "dim")) and i.shape == () for i in n.inputs)
        ):
            bound.add(n)
    return bound


_CONTROL = {"scan": _Lowering._scan, "cond": _Lowering._cond, "while_loop": _Lowering._while}
