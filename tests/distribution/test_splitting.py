"""What a process of PyTorch does for an operation: three of them, played by threads, together give what one gives."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'symkeras[torch]'")

from symkeras import ops  # noqa: E402
from symkeras.backend.engine.walk import Walk  # noqa: E402
from symkeras.backend.interface import compile_graph  # noqa: E402
from symkeras.backend.torch.cluster import TorchCluster  # noqa: E402
from symkeras.backend.torch.splitting import SplitFunctions, shares  # noqa: E402
from symkeras.graph import Graph, dims  # noqa: E402
from tests.patience import SECONDS  # noqa: E402

COUNT = 3


class Played(TorchCluster):
    """One of the threads; what they gather goes through a shared list."""

    shelf: list[Any] = [None] * COUNT
    meet = threading.Barrier(COUNT, timeout=SECONDS)

    def __init__(self, index: int):
        super().__init__()
        self.count, self.index = COUNT, index
        self.told = 0

    def all_gather(self, x: Any) -> list[Any]:
        self.told += 1
        self.meet.wait()
        self.shelf[self.index] = x.clone()
        self.meet.wait()
        found = list(self.shelf)
        self.meet.wait()
        return found

    def total(self, x: Any, op: Any = None) -> Any:
        return sum(self.all_gather(x))


CASES: dict[str, tuple[Callable[..., Any], int]] = {
    # name: (function of x (B, 4), y (B, 4, 3), w (4, 3), how many times the processes speak to each other)
    "pointwise": (lambda x, y, w: x * 2.0 + x, 0),
    "rows times weights": (lambda x, y, w: ops.matmul(x, w), 0),
    "a product for each row": (lambda x, y, w: ops.matmul(ops.transpose(y, (0, 2, 1)), y), 0),
    "mean over features": (lambda x, y, w: ops.mean(y, axis=(1, 2)), 0),
    "flattened": (lambda x, y, w: ops.reshape(y, (-1, 12)), 0),
    "softmax": (lambda x, y, w: ops.softmax(y, axis=1), 0),
    "the mean of the batch": (lambda x, y, w: ops.mean(x), 1),
    "the gradient of a weight": (lambda x, y, w: ops.matmul(ops.transpose(x), ops.matmul(x, w)), 1),
    "the largest of the batch": (lambda x, y, w: ops.max(x, axis=0), 1),
    "in order along the batch": (lambda x, y, w: ops.sort(x, axis=0), 1),
    "all rows with all rows": (lambda x, y, w: ops.matmul(x, ops.transpose(x)), 2),
    "their sum over rows": (lambda x, y, w: ops.sum(ops.matmul(x, ops.transpose(x)), axis=0), 3),
    "the two largest of all rows, and where": (lambda x, y, w: ops.top_k(x[:, 0], 2)[0], 1),
    "turned round": (lambda x, y, w: ops.transpose(x), 1),
    "weights for all rows of an inner axis": (lambda x, y, w: ops.matmul(y[:, :3, :], ops.broadcast_to(w[:3], (1, 3, 3))), 1),
    "rows without the first": (lambda x, y, w: x[1:], 1),
    "behind each other": (lambda x, y, w: ops.concatenate([x, x], axis=0), 2),
    "side by side": (lambda x, y, w: ops.concatenate([x, x], axis=1), 0),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("rows", [7, 2])
def test_what_processes_compute_together_is_what_one_computes(name: str, rows: int) -> None:
    rng = np.random.default_rng(0)
    batch = dims.symbol("batch")
    given = [rng.standard_normal(s).astype("float32") for s in ((rows, 4), (rows, 4, 3), (4, 3))]
    x, y, w = (ops.placeholder(f"f32[{s}]", name=n) for s, n in (("batch, 4", "x"), ("batch, 4, 3", "y"), ("4, 3", "w")))
    graph = Graph([x.node, y.node, w.node], [CASES[name][0](x, y, w).node])
    reference = compile_graph(graph, "interpreter")
    (expected,) = reference(*given)
    legal = compile_graph(graph, "torch").graph
    counts, told = shares(rows, COUNT), [0] * COUNT
    found: list[Any] = [None] * COUNT
    failed: list[BaseException] = []

    def play(k: int) -> None:
        try:
            cluster = Played(k)
            functions = SplitFunctions(cluster)
            begin = sum(counts[:k])
            own = [torch.tensor(a[begin : begin + counts[k]] if a.shape[0] == rows else a) for a in given]
            walk = Walk(legal, functions, {"batch": rows})
            ((value,), _) = walk(own)
            told[k] = cluster.told
            found[k] = functions.all_rows(value, counts) if legal.outputs[0].shape[:1] == (batch,) else value
        except BaseException as error:
            failed.append(error)
            Played.meet.abort()

    threads = [threading.Thread(target=play, args=(k,)) for k in range(COUNT)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(30)
    assert not failed, failed
    for value in found:
        np.testing.assert_allclose(value.numpy(), expected, rtol=2e-5, atol=1e-6)
    assert told[0] <= CASES[name][1], "no more is gathered than has to be"
