"""Threads: any number of them gives the same bits in every run."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from symkeras.backend.emitted import threads
from symkeras.backend.interface import compile_graph
from symkeras.backend.native.building import executable, toolchain
from symkeras.ops.evaluation import evaluate
from tests.backend.native.shared_work import UNDEFINED, WORK, build
from tests.models.small_workloads import WORKLOADS, data
from tests.models.test_same_training import OPTIMIZERS
from tests.tolerances import assert_alike

pytestmark = pytest.mark.skipif(toolchain.describe().startswith("C compiler: none"), reason=toolchain.describe())

RUNS = 4


@pytest.fixture(autouse=True)
def _at_most_three(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Working memory is made for three threads, however many processors there are, and they share even what is not worth it."""
    monkeypatch.setattr(threads, "count", lambda: 3)
    compile_graph(build("elementwise")[0], "native")
    process = ctypes.CDLL(None)
    process.sk_team_be_eager(1)
    yield
    process.sk_team_be_eager(0)


def use(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executable, "_threads", count)


@pytest.mark.parametrize("name", WORK)
def test_shared_work_gives_the_same_bits_in_every_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graph, arrays = build(name)
    compiled = compile_graph(graph, "native")
    use(1, monkeypatch)
    alone = compiled(*arrays)
    if name not in UNDEFINED:
        for k, (a, e) in enumerate(zip(alone, evaluate(graph, arrays)[0], strict=True)):
            assert_alike(a, e, "graph", "native", f"result {k}")
    for count in (2, 3):
        use(count, monkeypatch)
        first = compiled(*arrays)
        for k, (a, b) in enumerate(zip(first, alone, strict=True)):
            same_bits(a, b, f"result {k} by {count} threads and by one")
        for _ in range(RUNS):
            for k, (a, b) in enumerate(zip(compiled(*arrays), first, strict=True)):
                same_bits(a, b, f"result {k} by {count} threads, again")


@pytest.mark.parametrize("make", WORKLOADS, ids=lambda m: m.__name__)
def test_a_training_step_gives_the_same_bits_with_any_number_of_threads(make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, loss = data(make.__name__, 513 if make.__name__ in ("convnet", "transformer", "resnet") else 4096)
    model = make()
    model.compile(OPTIMIZERS[make.__name__](), loss, backend="native")
    model.train_on_batch(x, y)
    variables = [*model.variables, *model.optimizer.variables]
    start, first = [v.numpy() for v in variables], None
    for count in (1, 2, 3, 2):
        use(count, monkeypatch)
        for v, value in zip(variables, start, strict=True):
            v.set(value)
        model.train_on_batch(x, y)
        found = [v.numpy() for v in variables]
        first = first or found
        for v, a, b in zip(variables, found, first, strict=True):
            same_bits(a, b, v.path)
    assert any((a != b).any() for a, b in zip(start, found, strict=True))


def same_bits(a: np.ndarray, b: np.ndarray, note: str) -> None:
    """Every byte alike."""
    assert (a.shape, a.dtype) == (b.shape, b.dtype) and a.tobytes() == b.tobytes(), f"{note} differs"
