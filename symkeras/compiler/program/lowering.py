"""From an optimised graph to a program: views, steps, and which steps run together; loops and branches in `control_flow`.

Decided here is what is only a view. Storage is placed when the steps are known (`buffer_assignment`), but for what a loop writes into its stacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from symkeras.compiler.program.batch_tiling import Grouping, samples_of
from symkeras.compiler.program.buffer_assignment import Placing
from symkeras.compiler.program.control_flow import ControlFlow, is_control
from symkeras.compiler.program.fusion import Fusion, FusionGroup
from symkeras.compiler.program.index_maps import IndexMap, are_disjoint, are_equal, index_map
from symkeras.compiler.program.kernels import Kernels
from symkeras.compiler.program.preparations import prepare
from symkeras.compiler.program.program import AnyStep, Buffer, Program, RowPass, Step, Value
from symkeras.compiler.program.row_updates import RowUpdate, row_updates
from symkeras.compiler.program.schedule import schedule
from symkeras.compiler.program.stretches import in_stretches
from symkeras.compiler.program.views import VIEWS
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
class _Scope:
    """The graph that is being lowered: who reads each node, and what is read from outside of it."""

    users: Mapping[Node, Sequence[Node]]
    kept: set[Node]


class _Lowering(ControlFlow):
    def __init__(self, graph: Graph, kernels: Kernels):
        super().__init__(kernels)
        self.graph = graph
        self.scope = _Scope({}, set())
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
        placing = Placing(self.graph, self.kernels, self.values, self.all_values, self.variables, self.reads, tail_start)
        placing.place_concatenations(self.steps)
        placing.place_updates(commits)
        kept: list[AnyStep] = []
        if self.kernels.keeps() and not self.graph.updates:
            kept, self.steps = prepare(self.steps, self.kernels, self._fresh, self.reads, end)
        placing.write_in_place(self.steps, self._local_to_groups())
        placing.settle()
        self.refusals += placing.refusals
        steps = [*kept, *self._grouped_by_samples(in_stretches(self.steps, self.kernels, self.refusals))]
        commits = [(s, d) for s, d in commits if not are_equal(index_map(s), index_map(d))]
        return Program(self.graph, inputs, outputs, commits, steps, self.all_values, end, self.refusals)

    # ---- nodes ------------------------------------------------------------------------------------------------------

    def _lower_all(self, order: Sequence[Node], graph: Graph, kept: Iterable[Node]) -> None:
        """Lower nodes in order, those that the backend fuses as fusion groups; `kept` are read by others."""
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
        fusion = Fusion(order, fusable.__contains__, graph.users, kept)
        for unit in fusion.units():
            if isinstance(unit, FusionGroup):
                self._fused(unit)
            else:
                self._lower(unit)
        self.refusals += fusion.refusals

    def _fused(self, fused: FusionGroup) -> None:
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
        elif is_control(node) and self.kernels.inline_control(node):
            self._control(node)
        elif node.op.is_view:
            self._view(node)
        elif node in self.combined:
            self._combine(node)
        elif self.kernels.checks(node):
            self._checked(node)
        else:
            self._step(node)

    def _is_bound(self, node: Node) -> bool:
        """Scalars made of constants and sizes are computed when sizes are known."""
        return (
            bool(node.inputs)
            and node.type == TensorType((), node.types[0].dtype)
            and not node.op.may_raise(node)
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

    def _step(self, node: Node) -> None:
        inputs = [self._operand(node, k) for k in range(len(node.inputs))]
        outputs = [self._in_order_of_readers(node)] if self.kernels.writes_strided(node) else [self._fresh(t, node) for t in node.types]
        scratch = [self._fresh(t) for t in self.kernels.scratch(node)]
        self._emit(Step("kernel", node, inputs, outputs, scratch))
        self.results[node] = outputs
        if not isinstance(node.type, tuple):
            self.values[node] = outputs[0]

    def _checked(self, node: Node) -> None:
        """An elementwise node behind a look at its exponents, which are there when it begins."""
        looked = self._fresh(TensorType((), "bool"))
        self._emit(Step("check", node, [self._operand(node, 1)], [looked]))
        (unit,) = Fusion([node], lambda n: True, {}, [node]).units()
        assert isinstance(unit, FusionGroup)
        self._fused(unit)

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

    # ---- tables by rows ---------------------------------------------------------------------------------------------

    def _row_updates(self) -> list[RowUpdate]:
        """Updates to make row by row: those of tables whose old values nobody wants at the end, where there are indices at all."""
        if not self.kernels.row_passes():
            return []
        read = set()
        for n in self.graph.outputs:
            while n.op.is_view:
                n = n.inputs[0]
            read.add(n)
        found = [u for u in row_updates(self.graph, self.kernels.may_fuse) if not read & u.tables.keys() and 0 not in u.indices.shape]
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
        first = self.results[update.combined][1] if update.unique is None else self.results[update.unique][3]
        if update.unique is not None:
            rows = unreshaped(update.combined).inputs[0]
            self.values[update.combined] = self._as_rows(update.combined, rows)
        done = RowPass(update.indices, first, rows=variable.shape[0], count=dims.product(update.indices.shape))
        done.width = dims.product(variable.shape[1:])
        done.node, done.start = update.touched.nodes[-1], self.position
        outside, self.steps = self.steps, done.steps
        tables = {rows: variable for variable, rows in update.tables.items()}
        inputs = [self._as_rows(n, n.inputs[0]) if n.op.name == "gather" else self.values[n] for n in update.touched.operands]
        outputs = [self._as_rows(n, tables[n]) for n in update.touched.results]
        self._emit(Step("fused", update.touched.nodes[-1], inputs, outputs, fused=update.touched))
        for variable, group in update.others.items():
            inputs = [self.values[n] for n in group.operands]
            self._emit(Step("fused", group.nodes[-1], inputs, [self.values[variable]], fused=group))
        self.steps = outside
        done.guards = [(self.values[guard], self.values[variable]) for variable, guard in update.guards.items()]
        for v in (done.first, *(guard for guard, _ in done.guards)):
            self._read(v, self.position, None)
        done.end = self.position
        self.position += 1
        self.steps.append(done)
        self._extend_over(done, done.start, [])

    def _as_rows(self, node: Node, table: Node) -> Value:
        return self._value(node.tensor_type, self.values[table].buffer, node)

    def _updates(self) -> list[tuple[Value, Value]]:
        """(new value, variable's value); what lies in a variable that is written is copied before anything is."""
        for variable, _ in self.graph.updates:
            if variable not in self.values:
                self.values[variable] = self._leaf(variable)
        written: dict[int, list[IndexMap]] = {}
        for variable, _ in self.graph.updates:
            m = index_map(self.values[variable])
            written.setdefault(m.memory, []).append(m)
        commits = []
        for variable, new in self.graph.updates:
            source = self.values[new]
            if source.buffer.kind == "variable" and source is not self.values[variable]:
                read = index_map(source)
                if not all(are_disjoint(read, m) for m in written.get(read.memory, ())):
                    source = self._copied(source, new)
            commits.append((source, self.values[variable]))
        return commits

    # ---- groups -----------------------------------------------------------------------------------------------------

    def _grouping(self) -> Grouping | None:
        """What puts steps together by samples."""
        samples = samples_of(self.graph)
        kept = [self.values[n].buffer.storage for n in (*self.graph.roots, *self.graph.inputs)]
        return None if samples is None else Grouping(samples, self.kernels.least_samples, kept)

    def _grouped_by_samples(self, steps: list[AnyStep]) -> list[AnyStep]:
        grouping = self._grouping()
        if grouping is None:
            return steps
        runs = grouping.runs(steps)
        self.refusals += grouping.refusals
        return [grouping.group(s, self.kernels.members) if isinstance(s, list) else s for s in runs]

    def _local_to_groups(self) -> set[int]:
        """Storage that groups will have for themselves: small, unless it takes over something larger or is taken over."""
        grouping = self._grouping()
        runs = grouping.runs(self.steps) if grouping is not None else []
        return {key for run in runs if isinstance(run, list) for key in grouping.locals(run)} if grouping is not None else set()


def _bound_nodes(order: Sequence[Node]) -> set[Node]:
    """The scalars made of constants and sizes alone."""
    bound: set[Node] = set()
    for n in order:
        if (
            n.inputs
            and n.type == TensorType((), n.types[0].dtype)
            and not n.op.may_raise(n)
            and all((i in bound or i.op.name in ("constant", "dim")) and i.shape == () for i in n.inputs)
        ):
            bound.add(n)
    return bound
