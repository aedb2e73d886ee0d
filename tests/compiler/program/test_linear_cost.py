"""Twice the graph costs twice the work: counted in calls and visits, so that no clock decides."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.backend.native.emission import emit as emit_c
from symkeras.backend.native.kernels.table import NativeKernels
from symkeras.backend.numpy.emission import emit as emit_numpy
from symkeras.backend.numpy.kernels.table import NumpyKernels
from symkeras.compiler.program import memory_plan, naming
from symkeras.compiler.program.batch_tiling import _read_in_order, _Together
from symkeras.compiler.program.fusion import Fusion
from symkeras.compiler.program.lowering import lower
from symkeras.compiler.program.program import Program, Step
from symkeras.graph import Graph
from symkeras.ops.op import OPS, apply


def chain(n: int) -> Graph:
    x = y = ops.placeholder("f32[n, 8]")
    for k in range(n):
        y = ops.tanh(y) * 1.5 + x if k % 3 else ops.matmul(y, np.full((8, 8), k, "float32"))
    return Graph([x.node], [y.node])


def slices(n: int) -> Graph:
    x = ops.placeholder(f"f32[n, {2 * n}]")
    return Graph([x.node], [ops.concatenate([ops.tanh(x[:, 2 * k : 2 * k + 2]) * float(k) for k in range(n)], 1).node])


def pads(n: int) -> Graph:
    x, y = ops.placeholder("f32[n, 4]"), ops.zeros((1,))
    for k in range(n):
        y = y + apply(OPS["pad"], [ops.tanh(x * float(k))], {"padding": ((0, 0, 0), (k % 7, 7 - k % 7, 0)), "value": 0.0})
    return Graph([x.node], [y.node])


def readers_of_one(n: int) -> Graph:
    x = y = ops.placeholder("f32[n, 4]")
    for k in range(n):
        y = y + ops.sum(ops.exp(x * float(k)), axis=1, keepdims=True)
    return Graph([x.node], [y.node])


def deep_gradient(n: int) -> Graph:
    x, ws = ops.placeholder("f32[n, 8]"), [ops.placeholder("f32[8, 8]", name=f"w{k}") for k in range(n)]
    y = x
    for w in ws:
        y = ops.tanh(ops.matmul(y, w))
    return Graph([x.node, *(w.node for w in ws)], [g.node for g in gradients(ops.sum(y), ws)])


KINDS = {chain: 60, slices: 60, pads: 60, readers_of_one: 120, deep_gradient: 30}
"""And how many there are in the smaller of two graphs, beyond what makes small ones special."""
BACKENDS: dict[str, tuple[Any, Any]] = {"numpy": (NumpyKernels, emit_numpy), "native": (NativeKernels, emit_c)}


def compile_to_text(graph: Graph, name: str) -> Program:
    kernels, emit = BACKENDS[name]
    program = lower(graph, kernels())
    emit(program)
    memory_plan.plan(program.buffers, dict.fromkeys(program.symbols, 7))
    return program


def calls_of(work: Callable[[], Any]) -> int:
    """How many functions are called, those of C and every step of a generator among them."""
    count = 0

    def see(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("make", KINDS, ids=lambda m: m.__name__)
def test_twice_the_graph_takes_twice_the_calls(make: Callable[[int], Graph], name: str) -> None:
    small, large = make(KINDS[make]), make(2 * KINDS[make])
    compile_to_text(make(9), name)  # what is imported and remembered once
    few, many = calls_of(lambda: compile_to_text(small, name)), calls_of(lambda: compile_to_text(large, name))
    assert many < 2.3 * few, f"{few} calls, then {many}"


@pytest.mark.parametrize("make", KINDS, ids=lambda m: m.__name__)
def test_a_step_is_looked_at_once_for_a_batch_tile(make: Callable[[int], Graph], monkeypatch: pytest.MonkeyPatch) -> None:
    for n in (30, 90):
        monkeypatch.setattr(_Together, "looks", 0)
        steps = list(compile_to_text(make(n), "native").all_steps())
        operands = sum(len(s.inputs) + len(s.outputs) for s in steps)
        assert _Together.looks <= 4 * operands, "by itself and in its run, when storage is placed and when steps are grouped"


@pytest.mark.parametrize("make", KINDS, ids=lambda m: m.__name__)
def test_names_are_not_tried_one_by_one(make: Callable[[int], Graph], monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[naming.Taken] = []
    init = naming.Taken.__init__

    def remember(self: naming.Taken, names: Any = ()) -> None:
        init(self, names)
        made.append(self)

    monkeypatch.setattr(naming.Taken, "__init__", remember)
    for name in BACKENDS:
        compile_to_text(make(80), name)
    assert len(made) >= 2 and all(t.tried <= len(t) for t in made)


def test_names_are_those_that_trying_one_by_one_gives() -> None:
    taken, plain = naming.Taken({"a", "a_3"}), {"a", "a_3"}
    for base in ["a", "a", "a_2", "d", "a", "a_2", "d", "d_2", "d", "a_2_2", "a_2"]:
        name, k = base, 1
        while name in plain:
            k += 1
            name = f"{base}_{k}"
        plain.add(name)
        assert naming.unique(base, taken) == name


@pytest.mark.parametrize("make", KINDS, ids=lambda m: m.__name__)
def test_dependencies_of_fusion_groups_are_sought_from_the_short_end(make: Callable[[int], Graph], monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Fusion] = []
    units = Fusion.units

    def remember(self: Fusion) -> Any:
        made.append(self)
        return units(self)

    monkeypatch.setattr(Fusion, "units", remember)
    graph = make(100)
    compile_to_text(graph, "native")
    assert sum(f.looks for f in made) <= 6 * len(graph.nodes)


def test_gaps_give_the_tightest_place() -> None:
    """As going through all of them does."""
    rng = np.random.default_rng(0)
    gaps, held = memory_plan._Gaps(), []
    for _ in range(2000):
        if held and rng.random() < 0.5:
            gaps.release(*held.pop(rng.integers(len(held))))
        else:
            size = int(rng.integers(1, 9)) * 64
            fitting = [(length, start) for start, length in gaps.lengths.items() if length >= size]
            at = gaps.take(size)
            assert not fitting or at == min(fitting)[1]
            held.append((at, size))
    assert sorted((length, start) for start, length in gaps.lengths.items()) == gaps.by_length


def test_products_down_columns_move_as_far_as_they_may() -> None:
    """As moving them step by step does."""
    x = ops.placeholder("f32[n, 8]")
    graph = Graph([x.node], [g.node for g in _many_products(x)])
    steps = [s for s in lower(graph, NativeKernels()).all_steps() if isinstance(s, Step)]
    assert any(s.node.op.name == "matmul" and s.node.attrs["transpose_a"] for s in steps)
    expected = _moved_one_by_one(steps)
    assert [id(s) for s in _read_in_order(steps)] == [id(s) for s in expected] != [id(s) for s in steps]


def _many_products(x: Any) -> list[Any]:
    out, y = [], x
    for k in range(12):
        z = ops.sort(ops.tanh(y) * float(k + 1))
        down = apply(OPS["matmul"], [z, y], {"transpose_a": True, "transpose_b": False})
        y = ops.matmul(z, down) if k % 4 == 1 else ops.matmul(z, np.full((8, 8), k, "float32"))
        out += [down] if k % 3 else [down, ops.sum(y, axis=0)]
    return [*out, y]


def _moved_one_by_one(run: list[Step]) -> list[Step]:
    def is_down(s: Step) -> bool:
        return s.node.op.name == "matmul" and s.kind == "kernel" and s.node.attrs["transpose_a"]

    def depend(a: Step, b: Step) -> bool:
        reads = [{id(v.buffer.storage) for v in s.inputs} for s in (a, b)]
        writes = [{id(v.buffer.storage) for v in (*s.outputs, *s.scratch)} for s in (a, b)]
        return bool(writes[0] & (reads[1] | writes[1]) or writes[1] & reads[0])

    steps = list(run)
    for s in reversed(run):
        if is_down(s):
            at = steps.index(s)
            while at + 1 < len(steps) and not is_down(steps[at + 1]) and not depend(s, steps[at + 1]):
                steps[at], steps[at + 1] = steps[at + 1], s
                at += 1
    return steps
