"""A graph compiled for an engine that several processes run together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symkeras.backend.engine.executable import Step, WalkExecutable
from symkeras.backend.engine.walk import Walk
from symkeras.graph import dims
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node

if TYPE_CHECKING:
    from symkeras.backend.engine.backend import EngineBackend

_ALL_DATA = ". Every process is given all data; DataParallel(auto_shard_dataset=False) takes rows of their own"


class SharedExecutable(WalkExecutable):
    """See `WalkExecutable`; its place reaches over the devices of a distribution.

    Args:
        distribution: over which devices, and how data come.
    """

    def __init__(self, graph: Graph, backend: EngineBackend, distribution: Any, **options: Any):
        super().__init__(graph, backend, distribution=distribution, **options)
        self._cluster = backend.cluster
        self._is_shared = self._cluster.count > 1
        self._gathers_rows = not distribution.auto_shard_dataset and self._is_shared

    def _run(self, given: Sequence[np.ndarray]) -> list[np.ndarray]:
        if not self._gathers_rows:
            if self._is_shared and self._steps.get(tuple(a.shape for a in given)) is None:
                self._cluster.agree(digest_of_arrays(given), "batch of data", _ALL_DATA)
            return super()._run(given)
        by_rows = [is_batch(n) for n in self.source_graph.inputs]
        rows, own = self._cluster.rows_of_all([a for a, is_split in zip(given, by_rows, strict=True) if is_split])
        rest = iter(rows)
        found = super()._run([next(rest) if is_split else a for a, is_split in zip(given, by_rows, strict=True)])
        return [o[own] if is_batch(n) else o for o, n in zip(found, self.graph.outputs, strict=True)]

    def _compiled(self, walk: Walk) -> Step:
        if self._is_shared:
            self._cluster.agree(digest_of(walk), "model, batch size or value of a weight")
        return super()._compiled(walk)


def is_batch(node: Node) -> bool:
    """Whether the first axis of a value is the batch."""
    return node.ndim > 0 and node.shape[0] == dims.symbol("batch")


def digest_of(walk: Walk) -> bytes:
    """What processes that run a step together must have the same of: its operations, sizes, and the values of its variables."""
    found = hashlib.sha256(str(sorted(walk.env.items())).encode())
    for n in walk.graph.nodes:
        found.update(f"{n.op.name} {n.types}\n".encode())
    for n in walk.variables:
        found.update(np.ascontiguousarray(n.attrs["variable"].array).data)
    return found.digest()


def digest_of_arrays(arrays: Sequence[np.ndarray]) -> bytes:
    """Of a batch that every process is given."""
    found = hashlib.sha256()
    for a in arrays:
        found.update(f"{a.dtype} {a.shape}\n".encode())
        found.update(np.ascontiguousarray(a).data)
    return found.digest()
