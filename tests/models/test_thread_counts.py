"""Equal seeds give equal bits, whatever the number of threads: what is summed in parts is cut by sizes alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import ops, tree
from symkeras.autodiff import gradients
from symkeras.backend.emitted import threads
from symkeras.backend.interface import compile_graph
from symkeras.backend.numpy import kernels, team
from symkeras.graph import Graph
from tests.models.small_workloads import WORKLOADS, data
from tests.models.test_same_training import OPTIMIZERS

COUNTS = (1, 2, 3)


@pytest.fixture
def many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy's kernels cut even small work into parts."""
    monkeypatch.setattr(team, "WORTH", 200.0)
    monkeypatch.setattr("symkeras.backend.numpy.kernels.groups.WORTH", 100)
    monkeypatch.setattr("symkeras.backend.numpy.kernels.groups.STRETCH", 500)
    monkeypatch.setattr("symkeras.backend.numpy.kernels.convolution.TILE_BYTES", 1 << 14)
    monkeypatch.setattr("symkeras.backend.numpy.kernels.pooling.TILE_BYTES", 1 << 11)


def by_counts(run: Callable[[], list[np.ndarray]], monkeypatch: pytest.MonkeyPatch) -> Iterator[list[np.ndarray]]:
    """What `run` gives with each number of threads."""
    for count in COUNTS:
        monkeypatch.setattr(threads, "count", lambda count=count: count)
        monkeypatch.setattr(team, "TEAM", team.Team())
        yield run()


def same_bits(results: Iterator[list[np.ndarray]], what: str) -> None:
    first = next(results)
    for count, found in zip(COUNTS[1:], results, strict=True):
        for k, (a, b) in enumerate(zip(found, first, strict=True)):
            assert a.tobytes() == b.tobytes(), f"{what}: result {k} differs between one and {count} threads"


@pytest.mark.parametrize("make", WORKLOADS, ids=lambda m: m.__name__)
def test_a_workload_trains_to_the_same_bits(make: Callable[[], Any], many_parts: None, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, loss = data(make.__name__, 37)

    def run() -> list[np.ndarray]:
        symkeras.utils.set_random_seed(1)
        model = make()
        model.compile(OPTIMIZERS[make.__name__](), loss, backend="numpy")
        for _ in range(2):
            model.train_on_batch(x, y)
        return [*(v.numpy() for v in model.variables), *tree.flatten(model.predict(x, verbose=0))]

    same_bits(by_counts(run, monkeypatch), make.__name__)


def test_large_products_and_sums_have_the_same_bits_with_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """At their real sizes: every kernel that is shared on NumPy."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(s).astype("float32") for s in ((700, 300), (300, 500), (64, 16, 16, 8), (3, 3, 8, 16), (40, 60, 70))]
    a, b, image, kernel, stack = (ops.placeholder(f"f32[{', '.join(map(str, x.shape))}]") for x in arrays)
    y, product, pooled = ops.conv(image, kernel, padding="same"), ops.matmul(a, b), ops.max_pool(image, 3, 2)
    results = [
        product, ops.matmul(ops.transpose(b), ops.transpose(a)), ops.sum(product * 2, axis=0), ops.sum(ops.tanh(product), axis=1), y,
        *gradients(ops.sum(ops.square(y)), [image, kernel]), pooled, *gradients(ops.sum(ops.square(pooled)), [image]),
        ops.matmul(stack, ops.transpose(stack, (0, 2, 1))), ops.max(stack, axis=2),
    ]  # fmt: skip
    graph = Graph([t.node for t in (a, b, image, kernel, stack)], [t.node for t in results])
    same_bits(by_counts(lambda: compile_graph(graph, "numpy")(*arrays), monkeypatch), "a kernel")


def test_work_is_cut_by_its_size_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for count in (1, 2, 3, 8):
        monkeypatch.setattr(threads, "count", lambda count=count: count)
        assert [team.parts(1000, cost) for cost in (1e6, 15e6, 16e6, 63e6, 64e6, 3e8, 2e9)] == [1, 1, 2, 2, 4, 8, 16]
        assert team.parts(3, 1e12) == 3 and team.parts(0, 1e12) == 1
        assert [len(kernels.cuts((n, 1024), 4)) for n in (2, 64, 100, 1000, 10000)] == [1, 2, 2, 16, 160]
