"""The step of a process among several that share the rows of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from symkeras.backend.engine.shared import is_batch
from symkeras.backend.engine.walk import NO_EXTENTS, Walk
from symkeras.backend.torch.cluster import TorchCluster
from symkeras.backend.torch.executable import Device, TorchStep
from symkeras.backend.torch.splitting import SplitFunctions, shares
from symkeras.errors import BackendError


class Replica(Device):
    """Where values live: on the device of this process, as on those of the others.

    Raises:
        BackendError: the mesh is not one device for each process.
    """

    def __init__(self, distribution: Any, cluster: TorchCluster):
        names = distribution.device_mesh.devices.ravel().tolist()
        if names != cluster.devices():
            raise BackendError(
                f"torch distributes over one device for each process, here {', '.join(cluster.devices())}; the mesh names {', '.join(names[:8])}: "
                "call symkeras.distribution.initialize() in as many processes first"
            )
        super().__init__(str(cluster.device))
        self.distribution = distribution
        self.cluster = cluster
        self.functions = SplitFunctions(cluster)


def replica_of(distribution: Any, cluster: Any) -> Replica:
    """The place of a distribution: one for all functions."""
    if "torch" not in distribution.places:
        distribution.places["torch"] = Replica(distribution, cluster)
    return distribution.places["torch"]


class SplitStep(TorchStep):
    """See `TorchStep`; on a `Replica`."""

    device: Replica

    def __init__(self, walk: Walk, device: Replica):
        super().__init__(walk, device)
        self._counts = shares(walk.env.get("batch", 0), device.cluster.count)
        begin = sum(self._counts[: device.cluster.index])
        self._rows = slice(begin, begin + self._counts[device.cluster.index])

    def __call__(self, inputs: Sequence[np.ndarray], variables: Sequence[Any]) -> tuple[list[Any], list[Any], np.ndarray]:
        with torch.no_grad():
            return self._shared(inputs, variables)

    def _shared(self, inputs: Sequence[np.ndarray], variables: Sequence[Any]) -> tuple[list[Any], list[Any], np.ndarray]:
        graph, cluster = self.walk.graph, self.device.cluster
        own = [self.device.send(a[self._rows] if is_batch(n) else a) for a, n in zip(inputs, graph.inputs, strict=True)]
        results, extents = self._run(own, variables)
        found = NO_EXTENTS
        if extents:
            low, high = (e.contiguous() for e in torch.stack(extents).unbind(1))
            found = torch.stack([cluster.total(low, dist.ReduceOp.MIN), cluster.total(high, dist.ReduceOp.MAX)], 1).cpu().numpy()
            if self.walk.error(found) is not None:
                return [], [], found
        count = len(graph.outputs)
        outputs = [self.device.functions.all_rows(r, self._counts) if is_batch(n) else r for r, n in zip(results, graph.outputs, strict=False)]
        return outputs[:count], results[count:], found
