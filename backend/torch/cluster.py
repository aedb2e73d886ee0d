"""The processes of `torch.distributed`, of which each has one device: by NCCL where that is a GPU, by Gloo where it is the processor."""

from __future__ import annotations

import atexit
import datetime
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist

from symkeras.backend.cluster import Cluster
from symkeras.errors import BackendError, DistributionError

T = TypeVar("T")
_LONGEST = 300
"""Seconds for which one process may keep the others waiting; one that is killed is noticed at once, by its connections."""


class TorchCluster(Cluster):
    """See `symkeras.backend.cluster.Cluster`."""

    def __init__(self) -> None:
        self.device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")

    def devices(self, kind: str | None = None) -> list[str]:
        own = "gpu" if self.device.type == "cuda" else self.device.type
        if kind not in (None, own, self.device.type):
            raise BackendError(f"torch distributes over devices of the kind {own!r} here, there are none of the kind {kind!r}")
        return [f"{own}:{k}" for k in range(self.count)]

    def join(self, address: str, count: int, index: int) -> None:
        seconds = int(os.environ.get("SYMKERAS_DISTRIBUTION_JOIN_SECONDS", "300"))
        if self.device.type == "cuda":
            self.device = torch.device(f"cuda:{index % torch.cuda.device_count()}")
            torch.cuda.set_device(self.device)
        host, _, port = address.rpartition(":")
        try:
            wait = datetime.timedelta(seconds=seconds)
            store = dist.TCPStore(host, int(port), count, index == 0, wait)  # type: ignore[reportPrivateImportUsage]
            dist.init_process_group("nccl" if self.device.type == "cuda" else "gloo", store=store, rank=index, world_size=count,
                                    timeout=datetime.timedelta(seconds=_LONGEST))  # fmt: skip
        except (RuntimeError, ValueError) as error:
            raise DistributionError(f"process {index} of {count} did not meet the others at {address} within {seconds} s: {error}") from error
        self.count, self.index = count, index
        atexit.register(self._leave)

    def distribute(self, array: np.ndarray, layout: Any) -> Any:
        raise BackendError("distribute_tensor: torch splits batches alone; jax lays out tensors")

    def all_of(self, array: np.ndarray) -> np.ndarray:
        if self.count == 1:
            return array[None]
        found = self.all_gather(torch.from_numpy(np.ascontiguousarray(array).reshape(-1).view(np.uint8).copy()).to(self.device))
        return torch.stack(found).cpu().numpy().view(array.dtype).reshape((self.count, *array.shape))

    def from_first(self, array: Any) -> np.ndarray:
        array = np.array(array)
        if self.count == 1 or array.size == 0:
            return array
        sent = torch.from_numpy(array.reshape(-1).view(np.uint8)).to(self.device)
        self.watched(lambda: dist.broadcast(sent, 0))
        return sent.cpu().numpy().view(array.dtype).reshape(array.shape)

    def all_gather(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The tensors of all processes, of one shape and dtype."""
        found = [torch.empty_like(x) for _ in range(self.count)]
        self.watched(lambda: dist.all_gather(found, x))
        return found

    def total(self, x: torch.Tensor, op: Any = dist.ReduceOp.SUM) -> torch.Tensor:
        """The sum, or what `op` says, of the tensors of all processes; `x` is written over."""
        self.watched(lambda: dist.all_reduce(x, op))
        return x

    def watched(self, run: Callable[[], T]) -> T:
        if self.count == 1:
            return run()
        try:
            return run()
        except RuntimeError as error:
            who = f"process {1 - self.index}" if self.count == 2 else "another process"
            raise DistributionError(
                f"{who} of {self.count} is gone, and process {self.index} cannot go on without it: start all again, from the last checkpoint"
            ) from error

    def _leave(self) -> None:
        if not hasattr(sys, "last_value"):
            with suppress(RuntimeError):
                dist.barrier()
        with suppress(RuntimeError, AssertionError):
            dist.destroy_process_group()
