"""Random graphs over a symbolic batch: every backend at every level gives what the interpreter gives without rewriting."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.backend.interface import compile_graph
from symkeras.compiler.pipeline import Pipeline
from symkeras.graph import Dim, Graph, Tensor, dtypes, symbol
from symkeras.ops.evaluation import evaluate
from tests.compiler.passes.check_pass import everything, nothing, structure

from ..tolerances import assert_alike

BATCH = symbol("batch")

UNARY = [ops.tanh, ops.sin, ops.negative, ops.absolute, ops.sigmoid, ops.relu, ops.softplus, ops.square, ops.stop_gradient, ops.rint, ops.sign,
         lambda x: ops.exp(ops.minimum(x, 3.0)), lambda x: ops.log(ops.exp(ops.minimum(x, 3.0)) + 1.0), lambda x: ops.sqrt(ops.absolute(x)),
         lambda x: x * 1.0, lambda x: x + 0.0, lambda x: x / 4.0, lambda x: ops.negative(-x), lambda x: 1.0 - ops.sigmoid(x),
         lambda x: x**2, lambda x: x / (ops.absolute(x) + 0.5), lambda x: ops.clip(x, -1.5, 1.5) ** 2,
         lambda x: ops.square(ops.clip(x, -2.0, 2.0)) ** 0.5,
         lambda x: x**0.5, lambda x: x**3, lambda x: ops.log(1 - ops.sigmoid(ops.clip(x, -5.0, 5.0))), lambda x: ops.sqrt(x * x)]  # fmt: skip
BINARY = [ops.add, ops.subtract, ops.multiply, ops.maximum, ops.minimum, lambda x, y: ops.where(x > y, x, y), lambda x, y: x + ops.negative(y),
          lambda x, y: x / (ops.square(y) + 1.0), lambda x, y: ops.where(ops.logical_not(x < 0.5), y, x)]  # fmt: skip
REDUCTIONS = [ops.sum, ops.max, ops.min, ops.mean]


def _bounded(x: Tensor) -> Tensor:
    """A value that cannot overflow: graphs are long."""
    return ops.minimum(ops.maximum(x, -50.0), 50.0)


def _exponentials(x: Tensor, axis: int) -> Tensor:
    """A softmax and a logarithm of a sum by hand."""
    e = ops.exp(ops.clip(x, -9.0, 9.0))
    total = ops.sum(e, axis, True)
    return e / total + ops.log(total)


def _fits(a: Tensor, b: Tensor) -> bool:
    n = min(a.ndim, b.ndim)
    pairs = zip(a.dims[a.ndim - n :], b.dims[b.ndim - n :], strict=True)
    return a.dtype == b.dtype and all(p == q or 1 in (p, q) for p, q in pairs)


_TYPES = ["batch, 3", "batch, batch", "batch, 4", "batch", "3, 4", "4, 3", "1, 3", "", "batch, 2, 3"]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Graph, list[str]]:
    """A graph over inputs that hold a symbolic batch, static matrices and constants; outputs and, often, gradients."""
    dtype = draw(st.sampled_from(["float32", "float64"]))
    short = dtypes.SHORT[dtype]
    types = draw(st.lists(st.sampled_from(_TYPES), min_size=1, max_size=4))
    inputs = [ops.placeholder(f"{short}[{t}]", name=f"in{k}") for k, t in enumerate(types)]
    pool: list[Tensor] = list(inputs)
    pool.append(ops.as_tensor(np.asarray(draw(st.sampled_from([0.0, 1.0, -1.0, 0.5, 2.0])), dtype)))
    pool.append(ops.as_tensor(np.linspace(-1, 1, 3).astype(dtype)))

    def pick(condition: Any = lambda t: True) -> Tensor | None:
        fitting = [t for t in pool if condition(t)]
        return draw(st.sampled_from(fitting)) if fitting else None

    def step() -> Tensor | None:
        kind = draw(
            st.sampled_from(
                [
                    "unary",
                    "binary",
                    "binary",
                    "reduce",
                    "reshape",
                    "transpose",
                    "matmul",
                    "concatenate",
                    "slice",
                    "softmax",
                    "broadcast",
                    "pad",
                    "flip",
                    "cumsum",
                    "outer",
                ]
            )
        )
        x = pick(lambda t: t.ndim > 0) if kind not in ("unary", "binary") else pick()
        if x is None:
            return None
        axis = draw(st.integers(0, max(x.ndim - 1, 0)))
        if kind == "unary":
            return draw(st.sampled_from(UNARY))(x)
        if kind == "binary":
            y = pick(lambda t: _fits(x, t))
            return None if y is None else draw(st.sampled_from(BINARY))(x, y)
        if kind == "reduce":
            return draw(st.sampled_from(REDUCTIONS))(x, axis=draw(st.sampled_from([None, axis])), keepdims=draw(st.booleans()))
        if kind == "outer":
            v = pick(lambda t: t.ndim == 1 and t.dtype == x.dtype)
            return None if v is None or x.ndim != 1 else draw(st.sampled_from(BINARY))(ops.expand_dims(x, 1), ops.expand_dims(v, 0))
        if kind == "reshape":
            return ops.reshape(x, draw(st.sampled_from([(-1,), (-1, 1), (1, -1), (*x.dims, 1), x.dims])))
        if kind == "transpose":
            return ops.transpose(x, draw(st.permutations(range(x.ndim))))
        if kind == "matmul":
            y = pick(
                lambda t: t.ndim > 0 and x.dims[-1] == t.dims[-2 if t.ndim > 1 else -1] and (min(t.ndim, x.ndim) <= 2 or t.dims[:-2] == x.dims[:-2])
            )
            return None if y is None else ops.matmul(x, y)
        if kind == "concatenate":
            y = pick(lambda t: t.ndim == x.ndim and all(k == axis or a == b for k, (a, b) in enumerate(zip(x.dims, t.dims, strict=True))))
            return None if y is None else ops.concatenate([x, y, x][: draw(st.integers(1, 3))], axis)
        if kind == "slice":
            size = x.dims[axis]
            cut = slice(draw(st.sampled_from([None, 1, -3])), draw(st.sampled_from([None, -1, 4])), draw(st.sampled_from([None, 2])))
            wide = isinstance(size, Dim) or (size >= 3)
            return x[(slice(None),) * axis + (cut,)] if wide else x[(slice(None),) * axis + (slice(None, None, -1),)]
        if kind == "softmax":
            by_hand = lambda t, axis: ops.log(ops.softmax(t, axis=axis) + 0.0)  # noqa: E731
            return draw(st.sampled_from([ops.softmax, ops.log_softmax, by_hand, _exponentials]))(x, axis=axis)
        if kind == "broadcast":
            return ops.broadcast_to(x, (2, *x.dims))
        if kind == "pad":
            return ops.pad(x, [(int(k == axis), 2 * int(k == axis)) for k in range(x.ndim)], constant_values=0.5)
        return ops.flip(x, axis) if kind == "flip" else ops.cumsum(x, axis)

    for _ in range(draw(st.integers(1, 14))):
        new = step()
        if new is not None and new.ndim <= 4:
            pool.append(_bounded(new) if draw(st.integers(0, 2)) == 0 else new)
    outputs = draw(st.lists(st.sampled_from(pool[len(inputs) :]), min_size=1, max_size=3))
    if draw(st.booleans()):
        loss = sum((ops.mean(ops.tanh(t)) for t in outputs[1:]), ops.mean(ops.tanh(outputs[0])))
        outputs += [g for g in gradients(loss, inputs) if g is not None]
    return Graph([t.node for t in inputs], [t.node for t in outputs]), types


def values(graph: Graph, batch: int, seed: int, odd: bool) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    found = []
    for n in graph.inputs:
        a = rng.uniform(-2, 2, [d if isinstance(d, int) else d.evaluate({"batch": batch}) for d in n.shape]).astype(n.dtype)
        if odd:
            a = np.where(rng.random(a.shape) < 0.15, rng.choice(np.array([np.nan, np.inf, -np.inf, 0.0, -0.0], n.dtype), a.shape), a).astype(n.dtype)
        found.append(a)
    return found


def alike(found: Any, expected: Any, what: str, finite: bool) -> None:
    if finite or expected.dtype.kind != "f":
        assert_alike(found, expected, "graph", note=what)
        return
    assert found.shape == expected.shape and found.dtype == expected.dtype, what
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected), what)


CALM = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@CALM
@given(case=graphs(), batch=st.sampled_from([0, 1, 2, 3, 5]), seed=st.integers(0, 99), odd=st.booleans())
@pytest.mark.parametrize("level", ["O0", "O1", "O2"])
def test_backend_gives_what_the_interpreter_gives(backend: str, level: str, case: tuple[Graph, list[str]], batch: int, seed: int, odd: bool) -> None:
    graph, _ = case
    executable = compile_graph(graph, backend=backend, level=level)
    for size in (batch, batch + 1):
        arrays = values(graph, size, seed, odd)
        try:
            expected = evaluate(graph, arrays)[0]
        except ValueError:  # a maximum of nothing
            with pytest.raises(ValueError):
                executable(*arrays)
            continue
        for k, (found, wanted) in enumerate(zip(executable(*arrays), expected, strict=True)):
            alike(found, wanted, f"output {k} at {level} on {backend}:\n{graph}", not odd)


@CALM
@given(case=graphs(), seed=st.integers(0, 99), odd=st.booleans())
@pytest.mark.parametrize("takes", [everything, nothing])
def test_passes_keep_the_values_and_a_second_run_changes_nothing(takes: Any, case: tuple[Graph, list[str]], seed: int, odd: bool) -> None:
    graph, _ = case
    arrays = values(graph, 4, seed, odd)
    expected = evaluate(graph, arrays)[0]
    for level in ("O1", "O2"):
        after, _ = Pipeline.level(level).run(graph, takes)
        for k, (found, wanted) in enumerate(zip(evaluate(after, arrays)[0], expected, strict=True)):
            alike(np.asarray(found), np.asarray(wanted), f"output {k} at {level}:\n{graph}\nbecame\n{after}", not odd)
        if takes is everything:  # a decomposition, log1p(exp(-|x|)), is a pattern to the passes that ran before it was made
            again, _ = Pipeline.level(level).run(after, takes)
            assert structure(again) == structure(after), f"{after}\nbecame\n{again}"


@CALM
@given(case=graphs())
def test_text_of_a_random_graph_parses_back(case: tuple[Graph, list[str]]) -> None:
    graph, _ = case
    assert structure(Graph.parse(graph.to_text())) == structure(graph)


@CALM
@given(case=graphs(), seed=st.integers(0, 99))
def test_a_type_is_the_type_of_the_value_for_every_batch(case: tuple[Graph, list[str]], seed: int) -> None:
    graph, _ = case
    for batch in (1, 2, 5):
        for n, v in zip(graph.outputs, evaluate(graph, values(graph, batch, seed, False))[0], strict=True):
            assert v.dtype == n.dtype and v.shape == tuple(d if isinstance(d, int) else d.evaluate({"batch": batch}) for d in n.shape)
