"""Random graphs do the same on every engine as in the reference: `make fuzz BACKENDS=jax` runs as many as there is time for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from symkeras import ops
from symkeras.backend import interface
from symkeras.backend.interface import compile_graph
from symkeras.foreign_dtypes import kind
from symkeras.graph import Graph, dtypes
from symkeras.graph.variable import Variable
from symkeras.ops.evaluation import evaluate
from tests.backend.engines.engines import ENGINES, TRAINING, each
from tests.compiler.test_random_graphs import alike, graphs, values
from tests.fuzz.programs import differences, generate, shrunk
from tests.known_dtypes import KNOWN
from tests.tolerances import assert_alike

FEW = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@FEW
@given(case=graphs(), batch=st.sampled_from([0, 1, 3]), seed=st.integers(0, 99), odd=st.booleans())
@pytest.mark.parametrize("engine", each(ENGINES))
def test_a_random_graph_gives_what_the_reference_gives(engine: str, case: tuple[Graph, list[str]], batch: int, seed: int, odd: bool) -> None:
    graph, _ = case
    arrays = values(graph, batch, seed, odd)
    executable = compile_graph(graph, engine)
    try:
        expected = evaluate(graph, arrays)[0]
    except ValueError:  # a maximum of nothing
        with pytest.raises(ValueError):
            executable(*arrays)
        return
    for k, (found, wanted) in enumerate(zip(executable(*arrays), expected, strict=True)):
        alike(found, wanted, f"output {k} on {engine}:\n{graph}", not odd)


@FEW
@given(seed=st.integers(0, 1 << 20))
@example(seed=5049)
@pytest.mark.parametrize("engine", each(ENGINES))
def test_a_random_program_with_updates_and_gradients_does_what_the_reference_does(engine: str, seed: int) -> None:
    found = next(differences(generate(seed), [(engine, "O2")]), None)
    assert found is None, f"\n{shrunk(found)}"


ODD = {"f": [0.0, -0.0, np.nan, np.inf, -np.inf, 1.5], "i": [0, -1, 1, 100, -128, 127], "u": [0, 1, 2, 200, 255, 7], "b": [0, 1, 1, 0, 1, 0]}
KINDS = sorted(set(KNOWN) - {*dtypes.COMPLEX})


@pytest.mark.parametrize("size", [6, 0])
@pytest.mark.parametrize("engine", each(TRAINING))
def test_updates_of_variables_of_all_dtypes_see_old_values_and_land_together(engine: str, size: int) -> None:
    kinds = [d for d in KINDS if d not in dtypes.FOREIGN or d in interface.get(engine).holds]
    start = {d: np.array(ODD[kind(np.dtype(d))]).astype(d)[:size] for d in kinds}
    pairs = [(Variable(a.copy(), name=f"{d}_a"), Variable(a[::-1].copy(), name=f"{d}_b")) for d, a in start.items()]
    updates: list[Any] = []
    for v, w in pairs:
        a, b = ops.as_tensor(v), ops.as_tensor(w)
        total = ops.logical_xor(a, b) if v.dtype == "bool" else a + b
        updates += [(v.node, b.node), (w.node, total.node)]
    outputs = [ops.flip(ops.as_tensor(v)).node for v, _ in pairs]
    graph = Graph([], outputs, updates)
    executable = compile_graph(graph, engine)
    for _ in range(3):
        expected, news = evaluate(graph, [])
        expected, news = [np.array(a) for a in expected], [np.array(a) for a in news]
        found = executable()
        for a, b in zip([*found, *(v.numpy() for pair in pairs for v in pair)], [*expected, *news], strict=True):
            assert_alike(a, b, "op", engine)
